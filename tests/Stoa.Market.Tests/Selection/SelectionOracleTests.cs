using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>The index beside the plain way, on markets of every kind.</summary>
public sealed class SelectionOracleTests
{
    private const int MedianSamples = 255;
    private static readonly string[] AllCapabilities = ["text.upper", "text.lower", "text.title", "text.rare"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Choose_OnARandomMarket_FindsWhatThePlainWayFinds(int seed)
    {
        var random = new Random(seed);
        var market = new RandomMarket(random);
        for (var round = 0; round < 6; round++)
        {
            market.Change();
            var query = market.Query();
            var choice = market.Index.Choose(query, market.Now, new Random(seed));

            var (unfit, candidates) = new PlainSelection(market.Agents, query, market.Now).Look();

            choice.CandidateCount.ShouldBe(candidates.Count);
            choice.UnfitCounts.OrderBy(entry => entry.Key).ShouldBe(unfit.OrderBy(entry => entry.Key));
            ShouldBeMedians(choice.Typical, candidates);
            var byName = candidates.ToDictionary(candidate => candidate.Agent.Name);
            var weights = query.Requirement.Weights;
            foreach (var found in choice.Candidates)
            {
                var plain = byName[found.Agent.Name];
                found.Agent.ShouldBe(plain.Agent);
                found.Reputation.ShouldBe(1 - plain.Failure, 1e-9);
                found.ExpectedSeconds.ShouldBe(plain.Seconds, 1e-9 * (1 + plain.Seconds));
                found.Score.ShouldBe(plain.Score(choice.Typical, weights), 1e-9);
                found.Factor.ShouldBe(plain.Factor);
                found.PriceAtLimits.ShouldBe(plain.Agent.PriceAtLimits(query.InputBytes, query.Caps, plain.Factor)!.Value);
            }

            // Of those that single precision cannot tell apart either may be listed.
            choice.Candidates.Select(candidate => candidate.Agent.Name).Distinct().Count().ShouldBe(Math.Min(16, candidates.Count));
            var best = candidates.Select(candidate => candidate.Score(choice.Typical, weights)).OrderDescending().Take(16).ToList();
            foreach (var (found, plain) in choice.Candidates.Zip(best))
                found.Score.ShouldBe(plain, 1e-5);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(255)]
    [InlineData(256)]
    public void Median_OfAnyNumbers_IsTheMiddleOneOfAllSorted(int count)
    {
        var random = new Random(count);
        foreach (var kinds in new[] { 1, 2, 10, int.MaxValue })
        {
            float[] values = [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(kinds))];
            var sorted = values.Order().ToList();

            Median.Of(values).ShouldBe(sorted[count / 2]);
            Median.Of([.. sorted]).ShouldBe(sorted[count / 2]);
        }
    }

    private static void ShouldBeMedians(TypicalCandidate typical, List<PlainCandidate> candidates)
    {
        ShouldBeMedian(typical.Price, [.. candidates.Select(candidate => candidate.Price).Order()]);
        ShouldBeMedian(typical.Failure, [.. candidates.Select(candidate => candidate.Failure).Order()]);
        ShouldBeMedian(typical.Seconds, [.. candidates.Select(candidate => candidate.Seconds).Order()]);
        ShouldBeMedian(typical.Unavailability, [.. candidates.Select(candidate => candidate.Unavailability).Order()]);
    }

    private static void ShouldBeMedian(double value, List<double> sorted)
    {
        // A sample's median is near the middle; of few, which are the sample, it is the middle.
        var (low, high) = sorted.Count <= MedianSamples ? (0.5, 0.5) : (0.35, 0.65);
        var (least, most) = sorted.Count == 0 ? (0, 0) : (sorted[(int)(sorted.Count * low)], sorted[(int)(sorted.Count * high)]);
        value.ShouldBeInRange(least - (1e-5 * least) - 1e-12, most + (1e-5 * most) + 1e-12);
    }

    /// <summary>Agents that come, change and are replaced, in an index and beside it.</summary>
    private sealed class RandomMarket
    {
        private readonly Random random;
        private readonly int size;
        private readonly bool isProven;
        private readonly bool hasFactors;
        private readonly Dictionary<string, PlainAgent> agents = [];
        private long revision;

        public RandomMarket(Random random)
        {
            this.random = random;
            size = new[] { 3, 40, 300, 3_000 }[random.Next(4)];
            isProven = random.Next(4) > 0;
            hasFactors = random.Next(2) == 0;
        }

        public AgentIndex Index { get; } = new(new SelectionPolicy { ExplorationShare = 0 }, Market.Start);

        public DateTimeOffset Now { get; private set; } = Market.Start;

        public IReadOnlyCollection<PlainAgent> Agents => agents.Values;

        public void Change()
        {
            Now += TimeSpan.FromHours(random.Next(500));
            for (var i = 0; i < size; i++)
            {
                // Some come late, some are another version with other capabilities.
                var name = $"publisher{random.Next(20)}/agent-{random.Next(size)}";
                var agent = Agent(name);
                agents[name] = new PlainAgent(agent, agents.GetValueOrDefault(name)?.Stats, Open: 0);
                Index.Put(agent);
                if (hasFactors && random.Next(3) == 0)
                {
                    agents[name] = agents[name] with { Open = random.Next(20) };
                    Index.SetOpen(name, agent.Id, agents[name].Open);
                }

                if (isProven && random.Next(3) > 0)
                {
                    var stats = Stats(name);
                    agents[name] = agents[name] with { Stats = stats };
                    Index.Set(stats);
                }
            }
        }

        public SelectionQuery Query()
        {
            var inputBytes = random.Next(3) == 0 ? 0 : random.NextInt64(10_000_000);
            var caps = random.Next(3) == 0
                ? new LimitCaps(random.NextInt64(1, 20_000_000_000), random.Next(2) == 0 ? null : 128 << 20, random.Next(2) == 0 ? null : 10_000)
                : new LimitCaps();
            // What one of them costs to the nanodollar, or a nanodollar less.
            var priority = random.Next(4);
            var one = agents.Values.ElementAt(random.Next(agents.Count));
            var price = one.Agent.PriceAtLimits(inputBytes, caps, one.Agent.Factors.At(priority, one.Open))!.Value;
            Money? budget = random.Next(3) == 0 ? null : new Money(price.Nanodollars - random.Next(2));
            var excluded = agents.Keys.Where(_ => random.Next(size) < 2).Append("nobody/known").ToList();
            return new SelectionQuery(
                new Requirement(
                    [.. AllCapabilities.OrderBy(_ => random.Next()).Take(1 + random.Next(2))],
                    budget,
                    null,
                    random.Next(2) * random.NextDouble() * 0.5,
                    SelectionWeights.From(random.NextDouble(), random.Next(2), random.NextDouble(), random.NextDouble())!,
                    Explores: true),
                inputBytes,
                budget,
                random.Next(2) == 0 ? null : TimeSpan.FromSeconds(random.NextDouble() * 20),
                MaxMemoryBytes: (64 << 20) << random.Next(4),
                caps,
                excluded,
                _ => true)
            {
                Priority = priority,
            };
        }

        private IndexedAgent Agent(string name)
        {
            var isFree = random.Next(10) == 0;
            return new IndexedAgent(
                TaskSamples.Ids.Next<AgentVersion>(),
                ListingName.Parse($"{name}@1.0.0"),
                TaskSamples.Ids.Next<User>(),
                [.. AllCapabilities.Where(capability => random.Next(capability == "text.rare" ? 20 : 2) == 0), "text.any"],
                isFree
                    ? new AgentPrice(Money.Zero, Money.Zero, Money.Zero)
                    : new AgentPrice(Price(1_000_000), Price(100_000), Price(10_000_000), Price(1_000_000)),
                TaskSamples.Limits with { Fuel = random.NextInt64(1, 50_000_000_000), MemoryBytes = (32 << 20) << random.Next(5), TimeoutMs = 1 + random.Next(60_000) },
                new AgentPort("text/plain", null),
                [])
            {
                Factors = hasFactors && random.Next(2) == 0
                    ? new PriceFactors(
                        random.Next(500, 1_001), random.Next(1_000, 3_000), random.Next(1_000, 10_001), random.Next(2) == 0 ? null : new DemandFactor(random.Next(1_000, 10_001), random.Next(900), 10))
                    : PriceFactors.None,
            };
        }

        // Few prices, so that many agents cost exactly the same.
        private Money Price(int most) => new(random.Next(3) == 0 ? 0 : random.Next(2) == 0 ? most : random.Next(most));

        private AgentStats Stats(string name)
        {
            var unit = Decay.WeightAt(Now) * Math.Pow(10, random.Next(-3, 3));
            var (successes, seconds) = (random.NextDouble() * 20, random.NextDouble() * 10);
            return new AgentStats
            {
                Agent = name,
                Successes = successes * unit,
                Paid = random.Next(2) * successes * unit * random.NextDouble(),
                Faults = random.Next(2) * random.NextDouble() * unit,
                Had = successes * unit,
                NotHad = random.NextDouble() * unit,
                Runs = successes * unit,
                Seconds = successes * seconds * unit,
                SecondsSquared = successes * seconds * seconds * (1 + random.NextDouble()) * unit,
                Gigafuel = successes * random.NextDouble() * 10 * unit,
                GigabyteSeconds = successes * random.NextDouble() * unit,
                SuspendedUntil = random.Next(10) == 0 ? Now.AddHours(random.Next(-100, 100)).AddMinutes(30) : null,
                Revision = ++revision,
            };
        }
    }
}
