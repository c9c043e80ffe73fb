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

    /// <summary>What it writes to stderr.</summary>
    public LiveLog Log { get; } = new();

    /// <summary>How far it says that it is.</summary>
    public ProgressBoard Board { get; } = new();

    /// <summary>The counts now; null before the program has started and after it has ended.</summary>
    public AttemptCounts? Read(TimeProvider time)
    {
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
