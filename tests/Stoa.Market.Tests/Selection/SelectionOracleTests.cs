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
    private static readonly string[] s_allCapabilities = ["text.upper", "text.lower", "text.title", "text.rare"];

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
        private readonly Random _random;
        private readonly int _size;
        private readonly bool _isProven;
        private readonly bool _hasFactors;
        private readonly Dictionary<string, PlainAgent> _agents = [];
        private long _revision;

        public RandomMarket(Random random)
        {
            _random = random;
            _size = new[] { 3, 40, 300, 3_000 }[random.Next(4)];
            _isProven = random.Next(4) > 0;
            _hasFactors = random.Next(2) == 0;
        }

        public AgentIndex Index { get; } = new(new SelectionPolicy { ExplorationShare = 0 }, Market.Start);

        public DateTimeOffset Now { get; private set; } = Market.Start;

        public IReadOnlyCollection<PlainAgent> Agents => _agents.Values;

        public void Change()
        {
            Now += TimeSpan.FromHours(_random.Next(500));
            for (var i = 0; i < _size; i++)
            {
                // Some come late, some are another version with other capabilities.
                var name = $"publisher{_random.Next(20)}/agent-{_random.Next(_size)}";
                var agent = Agent(name);
                _agents[name] = new PlainAgent(agent, _agents.GetValueOrDefault(name)?.Stats, Open: 0);
                Index.Put(agent);
                if (_hasFactors && _random.Next(3) == 0)
                {
                    _agents[name] = _agents[name] with { Open = _random.Next(20) };
                    Index.SetOpen(name, agent.Id, _agents[name].Open);
                }

                if (_isProven && _random.Next(3) > 0)
                {
                    var stats = Stats(name);
                    _agents[name] = _agents[name] with { Stats = stats };
                    Index.Set(stats);
                }
            }
        }

        public SelectionQuery Query()
        {
            var inputBytes = _random.Next(3) == 0 ? 0 : _random.NextInt64(10_000_000);
            var caps = _random.Next(3) == 0
                ? new LimitCaps(_random.NextInt64(1, 20_000_000_000), _random.Next(2) == 0 ? null : 128 << 20, _random.Next(2) == 0 ? null : 10_000)
                : new LimitCaps();
            // What one of them costs to the nanodollar, or a nanodollar less.
            var priority = _random.Next(4);
            var one = _agents.Values.ElementAt(_random.Next(_agents.Count));
            var price = one.Agent.PriceAtLimits(inputBytes, caps, one.Agent.Factors.At(priority, one.Open))!.Value;
            Money? budget = _random.Next(3) == 0 ? null : new Money(price.Nanodollars - _random.Next(2));
            var excluded = _agents.Keys.Where(_ => _random.Next(_size) < 2).Append("nobody/known").ToList();
            return new SelectionQuery(
                new Requirement(
                    [.. s_allCapabilities.OrderBy(_ => _random.Next()).Take(1 + _random.Next(2))],
                    budget,
                    null,
                    _random.Next(2) * _random.NextDouble() * 0.5,
                    SelectionWeights.From(_random.NextDouble(), _random.Next(2), _random.NextDouble(), _random.NextDouble())!,
                    Explores: true),
                inputBytes,
                budget,
                _random.Next(2) == 0 ? null : TimeSpan.FromSeconds(_random.NextDouble() * 20),
                MaxMemoryBytes: (64 << 20) << _random.Next(4),
                caps,
                excluded,
                _ => true)
            {
                Priority = priority,
            };
        }

        private IndexedAgent Agent(string name)
        {
            var isFree = _random.Next(10) == 0;
            return new IndexedAgent(
                TaskSamples.Ids.Next<AgentVersion>(),
                ListingName.Parse($"{name}@1.0.0"),
                TaskSamples.Ids.Next<User>(),
                [.. s_allCapabilities.Where(capability => _random.Next(capability == "text.rare" ? 20 : 2) == 0), "text.any"],
                isFree
                    ? new AgentPrice(Money.Zero, Money.Zero, Money.Zero)
                    : new AgentPrice(Price(1_000_000), Price(100_000), Price(10_000_000), Price(1_000_000)),
                TaskSamples.Limits with { Fuel = _random.NextInt64(1, 50_000_000_000), MemoryBytes = (32 << 20) << _random.Next(5), TimeoutMs = 1 + _random.Next(60_000) },
                new AgentPort("text/plain", null),
                [])
            {
                Factors = _hasFactors && _random.Next(2) == 0
                    ? new PriceFactors(
                        _random.Next(500, 1_001), _random.Next(1_000, 3_000), _random.Next(1_000, 10_001), _random.Next(2) == 0 ? null : new DemandFactor(_random.Next(1_000, 10_001), _random.Next(900), 10))
                    : PriceFactors.None,
            };
        }

        // Few prices, so that many agents cost exactly the same.
        private Money Price(int most) => new(_random.Next(3) == 0 ? 0 : _random.Next(2) == 0 ? most : _random.Next(most));

        private AgentStats Stats(string name)
        {
            var unit = Decay.WeightAt(Now) * Math.Pow(10, _random.Next(-3, 3));
            var (successes, seconds) = (_random.NextDouble() * 20, _random.NextDouble() * 10);
            return new AgentStats
            {
                Agent = name,
                Successes = successes * unit,
                Paid = _random.Next(2) * successes * unit * _random.NextDouble(),
                Faults = _random.Next(2) * _random.NextDouble() * unit,
                Had = successes * unit,
                NotHad = _random.NextDouble() * unit,
                Runs = successes * unit,
                Seconds = successes * seconds * unit,
                SecondsSquared = successes * seconds * seconds * (1 + _random.NextDouble()) * unit,
                Gigafuel = successes * _random.NextDouble() * 10 * unit,
                GigabyteSeconds = successes * _random.NextDouble() * unit,
                SuspendedUntil = _random.Next(10) == 0 ? Now.AddHours(_random.Next(-100, 100)).AddMinutes(30) : null,
                Revision = ++_revision,
            };
        }
    }
}
