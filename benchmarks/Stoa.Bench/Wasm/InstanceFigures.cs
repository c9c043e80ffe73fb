using System.Diagnostics;
using System.Globalization;
using Stoa.Wasm;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Tests;
using static Stoa.Wasm.Tests.ModuleBuilder;

namespace Stoa.Bench.Wasm;

/// <summary>What an instance costs of a module that is compiled already, and what it costs to go in and out of one.</summary>
internal sealed class InstanceFigures(BenchmarkRun run)
{
    private const int WarmUps = 5;
    private const int Repetitions = 20_000;
    private const int LiveInstances = 10_000;
    private const int Restorations = 2_000;
    private const int TouchedPages = 16;
    private const int CallsAtOnce = 1_000;
    private const int HostCalls = 1_000_000;

    private readonly ExecutionLimits _limits = new() { Fuel = 1L << 60, Timeout = TimeSpan.FromMinutes(2) };

    // One page of memory with some data, a table, globals: as small programs have them.
    private readonly Module _module = new Engine().Compile(new ModuleBuilder()
        .Import("host", "count", [ValueKind.I32], [ValueKind.I32])
        .Memory(1)
        .Table(4, 1, 2)
        .Global(ValueKind.I32, isMutable: true, null, ConstI32(65_536))
        .Data(1024, [.. Enumerable.Range(0, 1024).Select(i => (byte)i)])
        .Function("load", [ValueKind.I32], [ValueKind.I32], [], Ins(Opcode.LocalGet, 0), Access(Opcode.I32Load))
        .Function("trap", [], [], [], Op(Opcode.Unreachable))
        .Function(
            "callHost", [ValueKind.I32], [], [],
            Plain(
                Opcode.Loop,
                Ins(Opcode.LocalGet, 0), Ins(Opcode.Call, 0), Ins(Opcode.LocalTee, 0), Ins(Opcode.BrIf, 0)))
        .Build());

    private readonly Imports _imports = new Imports().AddFunction("host", "count", (int left) => left - 1);

    public void AddLife(Figures figures)
    {
        run.Tell($"{Repetitions:N0} instances, one after the other");
        Settle(() => Live(_ => { }));
        var instantiateUs = new List<double>();
        var firstCallUs = new List<double>();
        var disposeUs = new List<double>();
        for (var i = 0; i < Repetitions; i++)
        {
            Live(times =>
            {
                instantiateUs.Add(times.InstantiateUs);
                firstCallUs.Add(times.FirstCallUs);
                disposeUs.Add(times.DisposeUs);
            });
        }

        figures.AddPercentiles("instantiate_us", instantiateUs, 50, 99);
        figures.AddPercentiles("instance_first_call_us", firstCallUs, 50);
        figures.AddPercentiles("instance_dispose_us", disposeUs, 50);
    }

    /// <summary>What an instance takes that has run once; pages that nobody touched do not count.</summary>
    public void AddLiveBytes(Figures figures)
    {
        run.Tell($"{LiveInstances:N0} live instances");
        var instances = new List<Instance>(LiveInstances);
        try
        {
            Settle(() => Instantiate().Dispose());
            long before = ProcessBytes();
            for (var i = 0; i < LiveInstances; i++)
            {
                instances.Add(Instantiate());
                Check(instances[i]);
            }

            figures.Add("live_instance_bytes", (double)(ProcessBytes() - before) / LiveInstances);
        }
        finally
        {
            instances.ForEach(instance => instance.Dispose());
        }
    }

    /// <summary>Beginning where another instance is: with 1 MB of memory of which no page is zero.</summary>
    public void AddSnapshot(Figures figures)
    {
        run.Tell($"{Restorations:N0} instances of a snapshot, one after the other");
        using var original = new Engine().Compile(new ModuleBuilder().Memory(TouchedPages).Build()).Instantiate(new Imports());
        var memory = original.Memory!;
        for (uint at = 0; at < memory.SizeBytes; at += sizeof(int))
            memory.WriteInt32(at, (int)at + 1);
        double takeUs = PerCallNs(1, () => original.TakeSnapshot()) / 1000;
        var snapshot = original.TakeSnapshot();
        var restoreUs = new List<double>();
        var endUs = new List<double>();
        for (var i = -WarmUps; i < Restorations; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var restored = snapshot.Instantiate(new Imports(), _limits);
            var made = Stopwatch.GetTimestamp();
            int last = restored.Memory!.ReadInt32((uint)memory.SizeBytes - sizeof(int));
            var read = Stopwatch.GetTimestamp();
            restored.Dispose();
            var end = Stopwatch.GetTimestamp();
            if (last != memory.SizeBytes - sizeof(int) + 1)
                throw new BenchmarkException("A restored instance does not have its memory.");
            if (i < 0)
                continue;
            restoreUs.Add(Microseconds(start, made));
            endUs.Add(Microseconds(read, end));
        }

        figures.Add("snapshot_take_us", takeUs);
        figures.AddPercentiles("snapshot_restore_us", restoreUs, 50, 99);
        figures.AddPercentiles("snapshot_dispose_us", endUs, 50);
    }

    public void AddCalls(Figures figures)
    {
        run.Tell("calls into and out of a guest, traps");
        using var instance = Instantiate();
        using var withoutDeadline = _module.Instantiate(_imports, _limits with { Timeout = null });
        figures.Add("call_ns", PerCallNs(CallsAtOnce, Call(withoutDeadline)));
        figures.Add("call_with_deadline_ns", PerCallNs(CallsAtOnce, Call(instance)));
        var callHost = instance.GetFunction("callHost")!;
        figures.Add("host_call_ns", PerCallNs(1, () => callHost.Invoke(HostCalls)) / HostCalls);
        var trap = instance.GetFunction("trap")!;
        figures.Add("trap_us", PerCallNs(CallsAtOnce / 10, () => Trap(trap)) / 1000);
    }

    /// <summary>One life: made, called once, disposed.</summary>
    private void Live(Action<(double InstantiateUs, double FirstCallUs, double DisposeUs)> take)
    {
        var start = Stopwatch.GetTimestamp();
        var instance = Instantiate();
        var made = Stopwatch.GetTimestamp();
        Check(instance);
        var called = Stopwatch.GetTimestamp();
        instance.Dispose();
        var end = Stopwatch.GetTimestamp();
        take((Microseconds(start, made), Microseconds(made, called), Microseconds(called, end)));
    }

    private static double Microseconds(long start, long end) => Stopwatch.GetElapsedTime(start, end).TotalMicroseconds;

    private Instance Instantiate() => _module.Instantiate(_imports, _limits);

    private static void Check(Instance instance)
    {
        if (instance.Invoke("load", 1024)[0].ToInt32() != 0x03020100)
            throw new BenchmarkException("An instance does not have its data.");
    }

    private static Action Call(Instance instance)
    {
        var load = instance.GetFunction("load")!;
        return () => load.Invoke(1024);
    }

    private static void Trap(Function trap)
    {
        try
        {
            trap.Invoke();
        }
        catch (TrapException exception) when (exception.Code == TrapCode.Unreachable)
        {
            return;
        }

        throw new BenchmarkException("'unreachable' did not trap.");
    }

    private static double PerCallNs(int calls, Action call)
    {
        const int Batches = 60;
        Settle(call);
        var samplesNs = new List<double>();
        for (var batch = 0; batch < Batches; batch++)
        {
            var start = ThreadTime.NowMs;
            for (var i = 0; i < calls; i++)
                call();
            samplesNs.Add(1e6 * (ThreadTime.NowMs - start) / calls);
        }

        return Figures.Median(samplesNs);
    }

    /// <summary>Works and rests by turns, until the runtime has recompiled in the background what it found to be called often.</summary>
    private static void Settle(Action action)
    {
        for (var i = 0; i < WarmUps; i++)
        {
            var start = Stopwatch.GetTimestamp();
            while (Clock.Since(start) < 100)
                action();
            Thread.Sleep(200);
        }
    }

    /// <summary>Bytes in use: objects that live, what is resident outside of the collector's heap, and the kernel's page tables for it.</summary>
    private static long ProcessBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        // The collector keeps more than it needs, and that differs from time to time.
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 - GC.GetGCMemoryInfo().TotalCommittedBytes + GC.GetTotalMemory(forceFullCollection: true) + PageTableBytes();
    }

    private static long PageTableBytes()
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("VmPTE:", StringComparison.Ordinal));
        var number = line?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1];
        return number is null ? 0 : long.Parse(number, CultureInfo.InvariantCulture) << 10;
    }
}
