using Stoa.Wasm;

namespace Stoa.Bench.Wasm;

/// <summary>Programs in Stoa, metered and not, and in V8: in turns, so that whatever else the machine does hits all alike.</summary>
internal sealed class ProgramRace(V8Process? v8, BenchmarkRun run)
{
    private const int WarmUps = 3;
    private const int Rounds = 5;

    private static readonly ExecutionLimits s_limits = new() { Fuel = 1L << 60, Timeout = TimeSpan.FromMinutes(2) };

    private readonly Engine _metered = new();
    private readonly Engine _unmetered = new(new EngineOptions { IsMetered = false });

    /// <summary>Runs the wanted programs and adds their figures.</summary>
    /// <exception cref="BenchmarkException">The checksums of a program differ.</exception>
    public async Task AddFiguresAsync(Figures figures, CancellationToken cancellationToken)
    {
        var results = new List<ProgramTimes>();
        foreach (var program in WasmProgram.All.Where(program => run.Wants(program.Name)))
        {
            run.Tell($"{program.Name}: {CodeLayout.Count} layouts, {Rounds} rounds each");
            results.Add(await RaceAsync(program, cancellationToken));
        }

        if (results.Count == 0)
            return;
        // Over some of the programs the means would be other figures under the same names.
        bool isComplete = results.Count == WasmProgram.All.Count;
        void Add(string name, Func<ProgramTimes, double> figure) =>
            figures.AddGroup(name, results.Select(times => (times.Program, figure(times))));
        if (v8 is not null)
        {
            if (isComplete)
                figures.Add("time_vs_v8_geomean", Figures.GeometricMean(results.Select(times => times.VersusV8)));
            Add("time_vs_v8", times => times.VersusV8);
        }

        if (isComplete)
            figures.Add("metering_overhead_percent", 100 * (Figures.GeometricMean(results.Select(times => times.VersusUnmetered)) - 1));
        Add("metering_percent", times => 100 * (times.VersusUnmetered - 1));
        Add("stoa_ms", times => times.Mean(layout => layout.StoaMs));
        Add("stoa_unmetered_ms", times => times.Mean(layout => layout.UnmeteredMs));
        if (v8 is not null)
            Add("v8_ms", times => times.Mean(layout => layout.V8Ms));
    }

    private async Task<ProgramTimes> RaceAsync(WasmProgram program, CancellationToken cancellationToken)
    {
        var wasm = await File.ReadAllBytesAsync(program.Path, cancellationToken);
        var layouts = new List<LayoutTimes>();
        var sums = new HashSet<long>();
        for (var layout = 0; layout < CodeLayout.Count; layout++)
            layouts.Add(await RaceAsync(CodeLayout.Shift(wasm, layout), program.Size, sums, cancellationToken));
        return sums.Count == 1
            ? new ProgramTimes(program.Name, layouts)
            : throw new BenchmarkException($"{program.Name} gave different checksums: {string.Join(", ", sums)}.");
    }

    private async Task<LayoutTimes> RaceAsync(byte[] wasm, int size, HashSet<long> sums, CancellationToken cancellationToken)
    {
        using var metered = _metered.Compile(wasm).Instantiate(new Imports(), s_limits, CancellationToken.None);
        using var unmetered = _unmetered.Compile(wasm).Instantiate(new Imports(), null, CancellationToken.None);
        var times = new LayoutTimes();
        List<Func<Task>> turns = [() => Run(metered, times.StoaMs), () => Run(unmetered, times.UnmeteredMs)];
        if (v8 is not null)
        {
            await v8.LoadAsync(wasm, cancellationToken);
            turns.Add(async () =>
            {
                var (sum, cpuMs) = await v8.RunAsync(size, cancellationToken);
                sums.Add(sum);
                times.V8Ms.Add(cpuMs);
            });
        }

        for (var round = 0; round < WarmUps + Rounds; round++)
        {
            if (round == WarmUps)
                times.Clear();
            foreach (var turn in turns)
                await turn();
            turns.Reverse();
            cancellationToken.ThrowIfCancellationRequested();
        }

        return times;

        Task Run(Instance instance, List<double> samplesMs)
        {
            var start = ThreadTime.NowMs;
            var sum = instance.Invoke("run", [size], CancellationToken.None)[0].ToInt64();
            samplesMs.Add(ThreadTime.NowMs - start);
            sums.Add(sum);
            return Task.CompletedTask;
        }
    }

    /// <summary>Times of one program, for each layout of its code.</summary>
    private sealed record ProgramTimes(string Program, IReadOnlyList<LayoutTimes> Layouts)
    {
        public double VersusV8 => Ratio(layout => layout.V8Ms);

        public double VersusUnmetered => Ratio(layout => layout.UnmeteredMs);

        public double Mean(Func<LayoutTimes, List<double>> ms) => Figures.GeometricMean(Layouts.Select(layout => Figures.Median(ms(layout))));

        private double Ratio(Func<LayoutTimes, List<double>> other) => Figures.GeometricMean(
            Layouts.Select(layout => Figures.Median(layout.StoaMs.Zip(other(layout), (stoa, beside) => stoa / beside))));
    }

    /// <summary>Processor times of one program in one layout: the same index is the same round.</summary>
    private sealed record LayoutTimes
    {
        public List<double> StoaMs { get; } = [];

        public List<double> UnmeteredMs { get; } = [];

        public List<double> V8Ms { get; } = [];

        public void Clear()
        {
            StoaMs.Clear();
            UnmeteredMs.Clear();
            V8Ms.Clear();
        }
    }
}
