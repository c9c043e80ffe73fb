using System.Diagnostics;
using Stoa.Wasm;

namespace Stoa.Bench.Wasm;

/// <summary>How long guests go on that should have stopped: by their deadline, and by the caller's token.</summary>
internal sealed class StopFigures(BenchmarkRun run)
{
    private const int Repetitions = 20;
    private const int ShortestMs = 5;

    private readonly Engine _engine = new();

    public void AddFigures(Figures figures, CancellationToken cancellationToken)
    {
        var samples = new List<(string Guest, double[] ByDeadline, double[] ByToken)>();
        foreach (var guest in EndlessGuest.All)
        {
            run.Tell($"stopping {guest.Name}: {Repetitions} times by deadline and by token");
            var module = _engine.Compile(guest.Module);
            ByDeadline(guest, module, 0);
            double[] byDeadline = [.. Enumerable.Range(0, Repetitions).Select(i => ByDeadline(guest, module, i))];
            double[] byToken = [.. Enumerable.Range(0, Repetitions).Select(i => ByToken(guest, module, i))];
            cancellationToken.ThrowIfCancellationRequested();
            samples.Add((guest.Name, byDeadline, byToken));
        }

        double[] all = [.. samples.SelectMany(guest => guest.ByDeadline.Concat(guest.ByToken))];
        figures.Add("stop_latency_ms_max", all.Max());
        figures.AddPercentiles("stop_latency_ms", all, 50, 99);
        figures.AddGroup("deadline_ms_p50", samples.Select(guest => (guest.Guest, Figures.Median(guest.ByDeadline))));
        figures.AddGroup("deadline_ms_max", samples.Select(guest => (guest.Guest, guest.ByDeadline.Max())));
        figures.AddGroup("token_ms_p50", samples.Select(guest => (guest.Guest, Figures.Median(guest.ByToken))));
        figures.AddGroup("token_ms_max", samples.Select(guest => (guest.Guest, guest.ByToken.Max())));
    }

    private static double ByDeadline(EndlessGuest guest, Module module, int repetition)
    {
        // The moments differ, so that they do not always find the guest at the same place.
        var timeout = TimeSpan.FromMilliseconds(ShortestMs + (repetition * 0.37));
        using var instance = module.Instantiate(guest.Imports, new ExecutionLimits { Fuel = 1L << 60, Timeout = timeout });
        var start = Stopwatch.GetTimestamp();
        RunUntilStopped(instance, TrapCode.DeadlineExceeded, CancellationToken.None);
        return Clock.Since(start) - timeout.TotalMilliseconds;
    }

    private static double ByToken(EndlessGuest guest, Module module, int repetition)
    {
        using var instance = module.Instantiate(guest.Imports, new ExecutionLimits { Fuel = 1L << 60, Timeout = TimeSpan.FromMinutes(1) });
        using var cancellation = new CancellationTokenSource();
        using var running = new ManualResetEventSlim();
        long cancelled = 0;
        var canceller = new Thread(() =>
        {
            running.Wait();
            Thread.Sleep(TimeSpan.FromMilliseconds(ShortestMs + (repetition * 0.37)));
            cancelled = Stopwatch.GetTimestamp();
            cancellation.Cancel();
        });
        canceller.Start();
        running.Set();
        RunUntilStopped(instance, TrapCode.Cancelled, cancellation.Token);
        var stopped = Stopwatch.GetTimestamp();
        canceller.Join();
        return Stopwatch.GetElapsedTime(cancelled, stopped).TotalMilliseconds;
    }

    private static void RunUntilStopped(Instance instance, TrapCode reason, CancellationToken cancellationToken)
    {
        try
        {
            instance.Invoke("run", [], cancellationToken);
        }
        catch (TrapException trap) when (trap.Code == reason)
        {
            return;
        }

        throw new BenchmarkException($"A guest without end ended, and not for the reason {reason}.");
    }
}
