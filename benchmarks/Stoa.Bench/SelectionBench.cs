using System.Diagnostics;
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
    private const string Common = "text.any";

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var random = new Random(7);
        var now = TimeProvider.System.GetUtcNow();
        using var index = new AgentIndex(new SelectionPolicy(), now);
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
        const int updates = 10_000;
        for (var number = 0; number < updates; number++)
            index.Set(Stats(1 + (number * 4), random, now) with { Revision = 2 });
        figures.Add("update_us", Clock.Since(begin) * 1e3 / updates);

        tell("choosing by one of 200 capabilities, then by one that all have");
        figures.AddPercentiles("select_100k_ms", Choose(index, random, now, _ => $"work.kind{random.Next(Capabilities)}"), 50, 99);
        figures.AddPercentiles("select_100k_all_candidates_ms", Choose(index, random, now, _ => Common), 50, 99);
        cancellationToken.ThrowIfCancellationRequested();
        tell("two threads at once");
        var threads = await Task.WhenAll(Enumerable.Range(0, 2).Select(number => Task.Run(
            () => Choose(index, new Random(number), now, turn => $"work.kind{turn % Capabilities}"), cancellationToken)));
        figures.AddPercentiles("select_100k_two_threads_ms", threads.SelectMany(times => times), 99);
        figures.Notes.Add($"{Agents:N0} agents, 3 of {Capabilities} capabilities each ({Agents * 3 / Capabilities:N0} candidates) and one that all have");
        return figures;
    }

    /// <summary>Milliseconds of each choice, after a warm-up.</summary>
    private static List<double> Choose(AgentIndex index, Random random, DateTimeOffset now, Func<int, string> capability)
    {
        var timesMs = new List<double>(Choices);
        for (var turn = -500; turn < Choices; turn++)
        {
            var query = Query(capability(turn + 500), random);
            var start = Stopwatch.GetTimestamp();
            var choice = index.Choose(query, now, random);
            if (turn >= 0)
                timesMs.Add(Clock.Since(start));
            if (choice.Chosen is null)
                throw new BenchmarkException("No agent was found for a task that many can do.");
        }

        return timesMs;
    }

    private static SelectionQuery Query(string capability, Random random) => new(
        new Requirement([capability], Money.Parse("5"), 60_000, MinReputation: 0.2, SelectionWeights.Default, Explores: true),
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
        [Common, .. Enumerable.Range(0, 3).Select(_ => $"work.kind{random.Next(Capabilities)}").Distinct()],
        new AgentPrice(new Money(random.Next(1_000_000)), new Money(random.Next(1_000_000)), new Money(random.Next(10_000_000)), new Money(random.Next(100_000))),
        new AgentLimits(random.NextInt64(1_000_000_000, 100_000_000_000), 16 << random.Next(21, 26), 30_000, 1 << 20, 1 << 12),
        new AgentPort("text/plain", null),
        []);

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
}
