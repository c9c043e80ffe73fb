using Stoa.Market.Calls;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;

namespace Stoa.Market.Tasks;

/// <summary>What can be seen of an attempt while it runs: what it has used, what it says, its log. May be read from any thread.</summary>
public sealed class AttemptProgress
{
    private readonly Lock _gate = new();
    private Instance? _instance;
    private WasiContext? _context;
    private long _start;
    private AttemptCounts? _relayed;

    /// <summary>What it writes to stderr.</summary>
    public LiveLog Log { get; } = new();

    /// <summary>How far it says that it is.</summary>
    public ProgressBoard Board { get; } = new();

    /// <summary>How a run at another operator's node stands: <c>queued</c> or <c>running</c>; null of one of this node, and before that has told.</summary>
    public string? Elsewhere { get; private set; }

    /// <summary>Takes what another operator's node tells of its run.</summary>
    /// <param name="state"><c>queued</c> or <c>running</c>.</param>
    /// <param name="counts">By that node's sandbox.</param>
    public void Relay(string state, AttemptCounts counts)
    {
        lock (_gate)
            (Elsewhere, _relayed) = (state, counts);
    }

    /// <summary>The counts now; null before the program has started and after it has ended.</summary>
    public AttemptCounts? Read(TimeProvider time)
    {
        if (Elsewhere is not null)
        {
            lock (_gate)
                return _relayed;
        }

        // The lock keeps the instance, whose memory is not the runtime's, from being freed while it is read.
        lock (_gate)
        {
            return _instance is null || _context is null
                ? null
                : new AttemptCounts(
                    _context.Stdin.BytesRead,
                    _context.Stdout.BytesWritten,
                    _instance.FuelConsumed,
                    (long)time.GetElapsedTime(_start).TotalMilliseconds);
        }
    }

    internal void Attach(Instance running, WasiContext world, long startTimestamp)
    {
        lock (_gate)
            (_instance, _context, _start) = (running, world, startTimestamp);
    }

    internal void Detach()
    {
        lock (_gate)
            (_instance, _context) = (null, null);
    }
}

/// <summary>Counts of a running program.</summary>
public sealed record AttemptCounts(long InputBytesRead, long OutputBytesWritten, long Fuel, long ElapsedMs);
