using System.Diagnostics;
using Stoa.Wasm.Fuzz.Generation;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>Runs generated modules in the engine, both ways of checking bounds, and beside them in the reference interpreter and in V8.</summary>
internal sealed class ExecuteFuzzer : IDisposable
{
    public const string Mode = "execute";

    /// <summary>Calls of each export. Compiling a module costs as much as a thousand calls.</summary>
    private const int Tuples = 500;

    /// <summary>Calls of an export that traps at all of them: it traps at the others too, mostly at the same place.</summary>
    private const int TuplesToProbe = 25;

    private readonly V8Process? _v8 = V8Process.Start();

    public bool HasV8 => _v8 is not null;

    public FuzzReport Run(FuzzBounds bounds, ulong seed, LastSeed lastSeed)
    {
        var report = new FuzzReport(Mode) { FirstSeed = seed };
        var clock = Stopwatch.StartNew();
        // Guests get a stack that is larger than what the deepest of them needs with the largest of frames.
        var thread = new Thread(
            () =>
            {
                for (; !bounds.AreReached(clock.Elapsed, report); seed++)
                {
                    lastSeed.Write(Mode, seed);
                    RunSeed(seed, report);
                }
            },
            512 << 20);
        thread.Start();
        thread.Join();
        report.Elapsed = clock.Elapsed;
        return report;
    }

    public void Dispose() => _v8?.Dispose();

    private void RunSeed(ulong seed, FuzzReport report)
    {
        report.Inputs++;
        var module = ModuleGenerator.Generate(seed);
        // Each module has engines of its own, so nothing is kept that a replay would not have.
        var options = new EngineOptions { CachedModules = 0 };
        var comparison = new ModuleComparison(new Engine(options), new Engine(options with { BoundsChecks = BoundsChecks.Explicit }), _v8);
        try
        {
            var calls = comparison.WithoutTraps(module, module.Calls(Tuples), TuplesToProbe);
            var result = comparison.Run(module, calls);
            report.Executions += result.Executions;
            report.Traps += result.Traps;
            report.Units += result.Units;
            report.ExecutionsInV8 += result.HasRunInV8 ? result.Executions : 0;
            if (result.Difference is null)
                return;
            // Once more with a look at the state after every call, which tells where it began.
            var difference = comparison.Run(module, calls, checksEveryCall: true).Difference ?? result.Difference;
            var (small, last) = new Shrinking(comparison).Shrink(module, calls, difference);
            report.Findings.Add(new Finding(seed, Mode, $"{difference.Description}\nMade smaller: {last.Description}", module.ToBytes(), small.ToBytes()));
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            report.Findings.Add(new Finding(seed, Mode, failure.ToString(), module.ToBytes()));
        }
    }
}
