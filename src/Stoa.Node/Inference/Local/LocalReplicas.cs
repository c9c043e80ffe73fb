using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Local;

/// <summary>How a model that this node runs itself is doing.</summary>
public enum LocalModelState
{
    /// <summary>Its listing and its file are looked at, and the file is loaded.</summary>
    Loading,

    /// <summary>It takes requests.</summary>
    Running,

    /// <summary>Its process has ended by itself, and is started again soon.</summary>
    Restarting,

    /// <summary>It cannot be served until something is changed; that is looked at again and again.</summary>
    Refused,
}

/// <summary>A model that this node runs itself.</summary>
/// <param name="Id">Of its replica; another one after each start of the node.</param>
/// <param name="Options">What the operator says of it.</param>
/// <param name="State">How it is doing.</param>
/// <param name="Reason">Why it does not run, and what to do; null when it does.</param>
/// <param name="Replica">As requests find it; null before it has run for the first time.</param>
/// <param name="Starts">How often its process was started, or it was loaded.</param>
/// <param name="ProcessId">Of the process; null when there is none.</param>
/// <param name="AddedAt">UTC.</param>
public sealed record LocalModelStatus(
    Id<Replica> Id, LocalModelOptions Options, LocalModelState State, string? Reason, Replica? Replica, int Starts, int? ProcessId, DateTimeOffset AddedAt);

/// <summary>The models that this node runs itself, in its memory only: other nodes of the cell do not reach them.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
public sealed class LocalReplicas
{
    private readonly Lock _lock = new();
    private readonly List<LocalModelStatus> _all = [];
    private long _number;

    /// <summary>All of them, in the order of the options.</summary>
    public IReadOnlyList<LocalModelStatus> All
    {
        get
        {
            lock (_lock)
                return [.. _all];
        }
    }

    /// <summary>How often it has changed which requests find.</summary>
    public long Number => Interlocked.Read(ref _number);

    /// <summary>Those that have run: one that is started again keeps its place, and gets no requests meanwhile.</summary>
    public IReadOnlyList<Replica> Replicas => [.. All.Select(one => one.Replica).OfType<Replica>()];

    /// <summary>One of them; null when there is none of that id.</summary>
    public LocalModelStatus? Find(Id<Replica> id) => All.FirstOrDefault(one => one.Id == id);

    /// <summary>Adds one, or says how it is doing now.</summary>
    public void Set(LocalModelStatus status)
    {
        ArgumentNullException.ThrowIfNull(status);
        lock (_lock)
        {
            var at = _all.FindIndex(one => one.Id == status.Id);
            if ((at < 0 ? null : _all[at].Replica) != status.Replica)
                Interlocked.Increment(ref _number);
            if (at < 0)
                _all.Add(status);
            else
                _all[at] = status;
        }
    }
}
