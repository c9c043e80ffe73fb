using System.Diagnostics;
using Stoa.Bench.Wasm;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Choosing one of 100,000 registered agents that have prices, limits and statistics of all kinds.</summary>
internal static class SelectionBench
{
    private const int Agents = 100_000;
    private const int Capabilities = 200;
    private const int Choices = 4_000;
    private const int UpdatesPerSecond = 5_000;
    private const string Common = "text.any";
    private const string Second = "text.some";

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var random = new Random(7);
        var now = TimeProvider.System.GetUtcNow();
        var index = new AgentIndex(new SelectionPolicy(), now);
        tell($"{Agents:N0} agents");
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        var begin = Stopwatch.GetTimestamp();
        for (var number = 0; number < Agents; number++)
            index.Put(Agent(number, random));
        figures.Add("build_ms", Clock.Since(begin));
        for (var number = 0; number < Agents; number++)
        {
            if (number % 4 != 0)
                index.Set(Stats(number, random, now));
        }

        figures.Add("index_mb", (GC.GetTotalMemory(forceFullCollection: true) - memory) / 1e6);
        begin = Stopwatch.GetTimestamp();
        const int rounds = 10_000;
        for (var number = 0; number < rounds; number++)
            index.Set(Stats(1 + (number * 4), random, now) with { Revision = 2 });
        figures.Add("update_us", Clock.Since(begin) * 1e3 / rounds);

        tell("choosing by one of 200 capabilities, then by one that all have");
        Times.Of(index, random, now, kind).AddTo(figures, "select_100k", 50, 99);
        // By then nobody is suspended any more.
        var later = now.AddMinutes(10);
        Times.Of(index, random, later, all, Agents).AddTo(figures, "select_100k_all_fit", 50, 99);
        Times.Of(index, random, later, _ => [Common, Second], Agents).AddTo(figures, "select_100k_all_fit_two_capabilities", 99);
        cancellationToken.ThrowIfCancellationRequested();
        tell($"two threads at once, then one beside {UpdatesPerSecond:N0} updates a second");
        var threads = await Task.WhenAll(Enumerable.Range(0, 2).Select(number => Task.Run(
            () => Times.Of(index, new Random(number), now, kind), cancellationToken)));
        threads.Aggregate((one, other) => one.With(other)).AddTo(figures, "select_100k_two_threads", 99);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var updates = Task.Run(() => Update(index, now, stop.Token), CancellationToken.None);
        Times.Of(index, random, later, all).AddTo(figures, "select_100k_all_fit_updated", 99);
        await stop.CancelAsync();
        await updates;
        figures.Notes.Add($"{Agents:N0} agents, 3 of {Capabilities} capabilities each ({Agents * 3 / Capabilities:N0} candidates) and two that all have");
        figures.Notes.Add("cpu is the time of the processor alone, which others on the machine do not lengthen");
        return figures;

        IReadOnlyList<string> kind(int turn) => [$"work.kind{(turn * 31) % Capabilities}"];
        IReadOnlyList<string> all(int turn) => [Common];
    }

    /// <summary>Changes the statistics of one agent after another, so many times a second.</summary>
    private static void Update(AgentIndex index, DateTimeOffset now, CancellationToken stop)
    {
        var random = new Random(3);
        var begin = Stopwatch.GetTimestamp();
        for (var done = 0L; !stop.IsCancellationRequested; Thread.Sleep(1))
        {
            for (; done < Clock.Since(begin) / 1e3 * UpdatesPerSecond; done++)
                index.Set(Stats((int)(done % Agents), random, now) with { Revision = 3 + (done / Agents) });
        }
    }

    private static SelectionQuery Query(IReadOnlyList<string> capabilities, Random random) => new(
        new Requirement(capabilities, Money.Parse("5"), 60_000, MinReputation: 0.2, SelectionWeights.Default, Explores: true),
        random.Next(1, 1_000_000),
        Money.Parse("5"),
        TimeSpan.FromSeconds(60),
        MaxMemoryBytes: 1L << 30,
        new LimitCaps(),
        [],
        _ => true);

    private static IndexedAgent Agent(int number, Random random) => new(
        new Id<AgentVersion>(new Guid(number, 0, 0, new byte[8])),
        ListingName.Parse($"publisher{number % 5_000}/agent-{number}@1.0.0"),
        new Id<User>(new Guid(number % 5_000, 1, 0, new byte[8])),
        [Common, Second, .. Enumerable.Range(0, 3).Select(_ => $"work.kind{random.Next(Capabilities)}").Distinct()],
        new AgentPrice(new Money(random.Next(1_000_000)), new Money(random.Next(1_000_000)), new Money(random.Next(10_000_000)), new Money(random.Next(100_000))),
        new AgentLimits(random.NextInt64(1_000_000_000, 100_000_000_000), 16 << random.Next(21, 26), 30_000, 1 << 20, 1 << 12),
        new AgentPort("text/plain", null),
        [])
    {
        // One in five asks more of those who are in a hurry, or when it is in demand.
        Factors = number % 5 == 0 ? new PriceFactors(800, 1_500, 3_000, new DemandFactor(2_000, 500, 100)) : PriceFactors.None,
    };

    private static AgentStats Stats(int number, Random random, DateTimeOffset now)
    {
        var unit = Decay.WeightAt(now);
        var (successes, faults, seconds) = (random.NextDouble() * 50, random.NextDouble() * 3, random.NextDouble());
        return new AgentStats
        {
            Agent = $"publisher{number % 5_000}/agent-{number}",
            Successes = successes * unit,
            Paid = successes * unit * 0.001,
            Faults = faults * unit,
            Had = (successes + faults) * unit,
            NotHad = random.NextDouble() * unit,
            Runs = successes * unit,
            Seconds = successes * seconds * unit,
            SecondsSquared = successes * seconds * seconds * 1.2 * unit,
            Gigafuel = successes * random.NextDouble() * unit,
            GigabyteSeconds = successes * seconds * 0.1 * unit,
            SuspendedUntil = random.Next(50) == 0 ? now.AddMinutes(5) : null,
            Revision = 1,
        };
    }

    /// <summary>How long choices took.</summary>
    /// <param name="WallMs">In milliseconds.</param>
    /// <param name="CpuMs">Of the processor.</param>
    private sealed record Times(IReadOnlyList<double> WallMs, IReadOnlyList<double> CpuMs)
    {
        /// <summary>Chooses many times, after a warm-up.</summary>
        /// <param name="index">Among these.</param>
        /// <param name="random">Chance.</param>
        /// <param name="now">When.</param>
        /// <param name="capabilities">What is asked for at each turn.</param>
        /// <param name="candidates">How many must fit; 0 for at least one.</param>
        public static Times Of(AgentIndex index, Random random, DateTimeOffset now, Func<int, IReadOnlyList<string>> capabilities, int candidates = 0)
        {
            var (wallMs, cpuMs) = (new List<double>(Choices), new List<double>(Choices));
            for (var turn = -500; turn < Choices; turn++)
            {
                var query = Query(capabilities(turn + 500), random);
                var (cpu, start) = (ThreadTime.NowMs, Stopwatch.GetTimestamp());
                var choice = index.Choose(query, now, random);
                var wall = Clock.Since(start);
                if (turn >= 0)
                {
                    wallMs.Add(wall);
                    cpuMs.Add(ThreadTime.NowMs - cpu);
                }

                if (choice.Chosen is null || (candidates > 0 && choice.CandidateCount != candidates))
                    throw new BenchmarkException($"{choice.CandidateCount} agents were found for a task that {candidates} can do.");
            }

            return new Times(wallMs, cpuMs);
        }

        public Times With(Times other) => new([.. WallMs, .. other.WallMs], [.. CpuMs, .. other.CpuMs]);

        public void AddTo(Figures figures, string name, params int[] percentiles)
        {
            figures.AddPercentiles($"{name}_ms", WallMs, percentiles);
            figures.AddPercentiles($"{name}_cpu_ms", CpuMs, percentiles);
        }
    }
}
