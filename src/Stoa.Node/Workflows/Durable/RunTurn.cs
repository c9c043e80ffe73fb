using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>What is gathered of a run for one commit.</summary>
/// <param name="now">The moment of all of it, UTC, to the millisecond.</param>
internal sealed class RunTurn(DateTimeOffset now)
{
    public DateTimeOffset Now => now;

    /// <summary>What has happened, in order.</summary>
    public List<(RunLogEntry Entry, string Json)> Happened { get; } = [];

    /// <summary>How long all of that is.</summary>
    public long HappenedBytes { get; private set; }

    /// <summary>What is under way no more.</summary>
    public HashSet<StepKey> Closed { get; } = [];

    /// <summary>What is from now on.</summary>
    public OrderedDictionary<StepKey, OpenedStep> Opened { get; } = [];

    /// <summary>Signals that have come to something, or to nothing.</summary>
    public List<long> Taken { get; } = [];

    /// <summary>Signals that wait.</summary>
    public List<long> Read { get; } = [];

    /// <summary>Questions to people.</summary>
    public List<RunCommand.Ask> Asked { get; } = [];

    /// <summary>What all that is opened may cost.</summary>
    public Money Amount { get; private set; }

    /// <summary>How many tasks and requests are opened.</summary>
    public int OpenedWork { get; private set; }

    /// <summary>When somebody asked to stop the run.</summary>
    public DateTimeOffset? CancelRequestedAt { get; set; }

    public bool IsEmpty => Happened.Count == 0 && Closed.Count == 0 && Opened.Count == 0 && Taken.Count == 0 && Read.Count == 0;

    public void Add(RunLogEntry entry)
    {
        var json = entry.ToJson();
        Happened.Add((entry, json));
        HappenedBytes += json.Length;
    }

    public void Open(OpenedStep opened)
    {
        Opened.Add(opened.Step.Key, opened);
        Amount += opened.Step.Amount;
        OpenedWork += opened.Step.IsWork ? 1 : 0;
    }

    /// <summary>Takes back what was to be opened.</summary>
    public bool TakeBack(StepKey key)
    {
        if (!Opened.Remove(key, out var opened))
            return false;
        Amount -= opened.Step.Amount;
        OpenedWork -= opened.Step.IsWork ? 1 : 0;
        return true;
    }
}
