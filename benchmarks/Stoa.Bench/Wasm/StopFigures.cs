using System.Diagnostics;
using Stoa.Wasm;

namespace Stoa.Bench.Wasm;

/// <summary>How long guests go on that should have stopped: by their deadline, and by the caller's token.</summary>
internal sealed class StopFigures(BenchmarkRun run)
{
    private const int Repetitions = 20;
    private const int ShortestMs = 5;
    private const int LargeFunctionBytes = 1_000_000;

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

        run.Tell("the machine's own lateness");
        var machine = MachineLateness(2 * samples.Count * Repetitions);
        double[] all = [.. samples.SelectMany(guest => guest.ByDeadline.Concat(guest.ByToken))];
        figures.Add("stop_latency_ms_max", all.Max());
        figures.AddPercentiles("stop_latency_ms", all, 50, 99);
        figures.AddPercentiles("machine_lateness_ms", machine, 50, 99);
        figures.Add("machine_lateness_ms_max", machine.Max());
        run.Tell($"stopping while a function of {LargeFunctionBytes} bytes is compiled");
        var large = LargeModule.CreateOneFunction(LargeFunctionBytes, seed: 3);
        figures.Add("stop_latency_ms_compiling", Enumerable.Range(0, 3).Max(_ => WhileCompiling(large)));
        figures.AddGroup("deadline_ms_p50", samples.Select(guest => (guest.Guest, Figures.Median(guest.ByDeadline))));
        figures.AddGroup("deadline_ms_max", samples.Select(guest => (guest.Guest, guest.ByDeadline.Max())));
        figures.AddGroup("token_ms_p50", samples.Select(guest => (guest.Guest, Figures.Median(guest.ByToken))));
        figures.AddGroup("token_ms_max", samples.Select(guest => (guest.Guest, guest.ByToken.Max())));
    }

    /// <summary>The same without a guest: how late a busy thread sees a flag that another one sets when its time has come.</summary>
    private static double[] MachineLateness(int count)
    {
        using var begin = new AutoResetEvent(false);
        using var never = new AutoResetEvent(false);
        var seen = 0;
        var latenessMs = new double[count];
        // One thread for all, as the engine has one for deadlines: the system lets a new thread wait longer.
        var waiter = new Thread(() =>
        {
            for (var i = 0; i < count; i++)
            {
                begin.WaitOne();
                never.WaitOne((int)Math.Ceiling(Timeout(i).TotalMilliseconds));
                Volatile.Write(ref seen, i + 1);
            }
        });
        waiter.Start();
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            begin.Set();
            while (Volatile.Read(ref seen) <= i)
            {
            }

            latenessMs[i] = Clock.Since(start) - Timeout(i).TotalMilliseconds;
        }

        waiter.Join();
        return latenessMs;
    }

    /// <summary>A function that is called for the first time is compiled first; the compiler cannot be stopped, so the guest must not wait for it.</summary>
    private static double WhileCompiling(byte[] wasm)
    {
        var timeout = TimeSpan.FromMilliseconds(ShortestMs);
        using var instance = new Engine().Compile(wasm).Instantiate(new Imports(), new ExecutionLimits { Timeout = timeout });
        var start = Stopwatch.GetTimestamp();
        try
        {
            instance.Invoke("run", 1, 2, 3);
        }
        catch (TrapException)
        {
            // The deadline; or, where the machine compiles faster than that, the function's frame is too large for the stack.
        }

        return Clock.Since(start) - timeout.TotalMilliseconds;
    }

    /// <summary>The moments differ, so that they do not always find the guest at the same place.</summary>
    private static TimeSpan Timeout(int repetition) => TimeSpan.FromMilliseconds(ShortestMs + (repetition % Repetitions * 0.37));

    private static double ByDeadline(EndlessGuest guest, Module module, int repetition)
    {
        var timeout = Timeout(repetition);
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
            Thread.Sleep(Timeout(repetition));
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
