using Stoa.Market.Calls;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;

namespace Stoa.Market.Tasks;

/// <summary>What can be seen of an attempt while it runs: what it has used, what it says, its log. May be read from any thread.</summary>
public sealed class AttemptProgress
{
    private readonly Lock gate = new();
    private Instance? instance;
    private WasiContext? context;
    private long start;

    /// <summary>What it writes to stderr.</summary>
    public LiveLog Log { get; } = new();

    /// <summary>How far it says that it is.</summary>
    public ProgressBoard Board { get; } = new();

    /// <summary>The counts now; null before the program has started and after it has ended.</summary>
    public AttemptCounts? Read(TimeProvider time)
    {
        // The lock keeps the instance, whose memory is not the runtime's, from being freed while it is read.
        lock (gate)
        {
            return instance is null || context is null
                ? null
                : new AttemptCounts(
                    context.Stdin.BytesRead,
                    context.Stdout.BytesWritten,
                    instance.FuelConsumed,
                    (long)time.GetElapsedTime(start).TotalMilliseconds);
        }
    }

    internal void Attach(Instance running, WasiContext world, long startTimestamp)
    {
        lock (gate)
            (instance, context, start) = (running, world, startTimestamp);
    }

    internal void Detach()
    {
        lock (gate)
            (instance, context) = (null, null);
    }
}

/// <summary>Counts of a running program.</summary>
public sealed record AttemptCounts(long InputBytesRead, long OutputBytesWritten, long Fuel, long ElapsedMs);
