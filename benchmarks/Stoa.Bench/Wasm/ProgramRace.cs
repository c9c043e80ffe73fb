using Stoa.Wasm;

namespace Stoa.Bench.Wasm;

/// <summary>Programs in Stoa, metered and not, and in V8: in turns, so that whatever else the machine does hits all alike.</summary>
internal sealed class ProgramRace(V8Process? v8, BenchmarkRun run)
{
    private const int WarmUps = 4;
    private const int Rounds = 11;

    private readonly Engine _metered = new();
    private readonly Engine _unmetered = new(new EngineOptions { IsMetered = false });

    /// <summary>Runs the wanted programs and adds their figures.</summary>
    /// <exception cref="BenchmarkException">The checksums of a program differ.</exception>
    public async Task AddFiguresAsync(Figures figures, CancellationToken cancellationToken)
    {
        var results = new List<ProgramTimes>();
        foreach (var program in WasmProgram.All.Where(program => run.Wants(program.Name)))
        {
            run.Tell($"{program.Name}: {Rounds} rounds");
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
        Add("stoa_ms", times => Figures.Median(times.StoaMs));
        Add("stoa_unmetered_ms", times => Figures.Median(times.UnmeteredMs));
        if (v8 is not null)
            Add("v8_ms", times => Figures.Median(times.V8Ms));
    }

    private async Task<ProgramTimes> RaceAsync(WasmProgram program, CancellationToken cancellationToken)
    {
        var wasm = await File.ReadAllBytesAsync(program.Path, cancellationToken);
        var limits = new ExecutionLimits { Fuel = 1L << 60, Timeout = TimeSpan.FromMinutes(2) };
        using var metered = _metered.Compile(wasm).Instantiate(new Imports(), limits, CancellationToken.None);
        using var unmetered = _unmetered.Compile(wasm).Instantiate(new Imports(), null, CancellationToken.None);
        var times = new ProgramTimes(program.Name);
        var sums = new HashSet<long>();
        List<Func<Task>> turns = [() => Run(metered, times.StoaMs), () => Run(unmetered, times.UnmeteredMs)];
        if (v8 is not null)
        {
            await v8.LoadAsync(program.Path, cancellationToken);
            turns.Add(async () =>
            {
                var (sum, cpuMs) = await v8.RunAsync(program.Path, program.Size, cancellationToken);
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

        return sums.Count == 1 ? times : throw new BenchmarkException($"{program.Name} gave different checksums: {string.Join(", ", sums)}.");

        Task Run(Instance instance, List<double> samplesMs)
        {
            var start = ThreadTime.NowMs;
            var sum = instance.Invoke("run", [program.Size], CancellationToken.None)[0].ToInt64();
            samplesMs.Add(ThreadTime.NowMs - start);
            sums.Add(sum);
            return Task.CompletedTask;
        }
    }

    /// <summary>Processor times of one program: the same index is the same round.</summary>
    private sealed record ProgramTimes(string Program)
    {
        public List<double> StoaMs { get; } = [];

        public List<double> UnmeteredMs { get; } = [];

        public List<double> V8Ms { get; } = [];

        public double VersusV8 => Figures.Median(StoaMs.Zip(V8Ms, (stoa, v8) => stoa / v8));

        public double VersusUnmetered => Figures.Median(StoaMs.Zip(UnmeteredMs, (metered, unmetered) => metered / unmetered));

        public void Clear()
        {
            StoaMs.Clear();
            UnmeteredMs.Clear();
            V8Ms.Clear();
        }
    }
}
