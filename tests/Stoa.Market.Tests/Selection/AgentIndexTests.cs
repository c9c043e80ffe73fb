using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

public sealed class AgentIndexTests
{
    private static readonly SelectionWeights s_onlyQuality = new(1, 0, 0, 0);
    private static readonly SelectionWeights s_onlyPrice = new(0, 1, 0, 0);
    private static readonly SelectionWeights s_onlySpeed = new(0, 0, 1, 0);
    private static readonly SelectionWeights s_onlyAvailability = new(0, 0, 0, 1);

    private readonly Market _market = new();

    [Fact]
    public void Choose_ByOneWeight_TakesTheBestInThat()
    {
        _market.Publish("ann/reliable", "0.05");
        _market.Publish("ben/cheap", "0.01");
        _market.Publish("cleo/fast", "0.05");
        _market.Publish("dora/ready", "0.05");
        _market.Serve("ann/reliable", 40, "0.05", durationMs: 500);
        _market.Serve("ben/cheap", 40, durationMs: 500, faults: 10);
        _market.Serve("cleo/fast", 40, "0.05", durationMs: 20, faults: 10);
        _market.Serve("dora/ready", 40, "0.05", durationMs: 500, faults: 10);
        foreach (var agent in new[] { "ann/reliable", "ben/cheap", "cleo/fast" })
            _market.End(agent, _market.Customer(), Verdict.Unavailable, count: 3);

        ChosenBy(s_onlyQuality).ShouldBe("ann/reliable");
        ChosenBy(s_onlyPrice).ShouldBe("ben/cheap");
        ChosenBy(s_onlySpeed).ShouldBe("cleo/fast");
        ChosenBy(s_onlyAvailability).ShouldBe("dora/ready");
    }

    [Theory]
    [InlineData(0, "ann/tiered")]
    [InlineData(1, "ann/tiered")]
    [InlineData(2, "ben/flat")]
    [InlineData(3, "ben/flat")]
    public void Choose_AmongTiers_ReckonsWithThePriority(int priority, string chosen)
    {
        Publish("ann/tiered", "0.01", new PriceFactors(500, 2_000, 4_000, Demand: null));
        Publish("ben/flat", "0.015", PriceFactors.None);

        var choice = _market.Choose(weights: s_onlyPrice, priority: priority);

        choice.Chosen!.Agent.Name.ShouldBe(chosen);
        var tiered = choice.Candidates.Single(candidate => candidate.Agent.Name == "ann/tiered");
        tiered.PriceAtLimits.ShouldBe(tiered.Factor.Apply(Money.Parse("0.01")));
        ((double)tiered.ExpectedPrice.Nanodollars).ShouldBe(tiered.PriceAtLimits.Nanodollars, 2);
    }

    [Fact]
    public void Choose_AmongAgentsInDemand_ReckonsWithWhatIsOpen()
    {
        var busy = Publish("ann/busy", "0.01", PriceFactors.None with { Demand = new DemandFactor(3_000, 0, 10) });
        Publish("ben/flat", "0.015", PriceFactors.None);

        ChosenBy(s_onlyPrice).ShouldBe("ann/busy");
        _market.Index.SetOpen("ann/busy", busy.Id, 5);
        ChosenBy(s_onlyPrice).ShouldBe("ben/flat");
        _market.Index.InDemand.ShouldBe([("ann/busy", busy.Id)]);
        var choice = _market.Choose(weights: s_onlyPrice, budget: "0.0199");
        choice.UnfitCounts.ShouldBe(new Dictionary<Unfit, int> { [Unfit.Budget] = 1 }, "at its factor of two it is beyond the budget");
        _market.Index.SetOpen("ann/busy", busy.Id, 0);
        ChosenBy(s_onlyPrice).ShouldBe("ann/busy");
        _market.Index.InDemand.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0, "ben/flat", "0.020000000")]
    [InlineData(99, "ben/flat", "0.020000000")]
    [InlineData(100, "ann/loyal", "0.010000000")]
    public void Choose_ReckonsWithWhatTheConsumerHasHadDone(long paid, string chosen, string price)
    {
        Publish("ann/loyal", "0.02", PriceFactors.None with { Volume = new VolumeFactor([new VolumeTier(100, 500)]) });
        Publish("ben/flat", "0.015", PriceFactors.None);
        Publish("cleo/dear", "0.05", PriceFactors.None);

        var choice = _market.Choose(weights: s_onlyPrice, paid: new Dictionary<string, long> { ["ann/loyal"] = paid, ["ben/flat"] = 1_000 });

        choice.Chosen!.Agent.Name.ShouldBe(chosen);
        var loyal = choice.Candidates.Single(candidate => candidate.Agent.Name == "ann/loyal");
        (loyal.PriceAtLimits, loyal.Factor).ShouldBe((Money.Parse(price), new PriceFactor(1_000, 1_000, paid < 100 ? 1_000 : 500)));
        ((double)loyal.ExpectedPrice.Nanodollars).ShouldBe(loyal.PriceAtLimits.Nanodollars, 2);
    }

    [Fact]
    public void Choose_WithABudget_HoldsThePriceBeforeVolumeAgainstIt()
    {
        Publish("ann/loyal", "0.02", PriceFactors.None with { Volume = new VolumeFactor([new VolumeTier(100, 500)]) });
        var paid = new Dictionary<string, long> { ["ann/loyal"] = 100 };

        _market.Choose(budget: "0.02", paid: paid).Chosen!.PriceAtLimits.ShouldBe(Money.Parse("0.01"));
        _market.Choose(budget: "0.019999999", paid: paid).UnfitCounts.ShouldBe(new Dictionary<Unfit, int> { [Unfit.Budget] = 1 });
    }

    [Fact]
    public void HasVolume_FollowsTheNewestVersionsOfThoseWhoHaveAllOfTheCapabilities()
    {
        var volume = PriceFactors.None with { Volume = new VolumeFactor([new VolumeTier(1, 500)]) };
        HasVolume("text.upper").ShouldBeFalse();

        var both = _market.Publish("ann/both", capabilities: ["text.upper", "text.lower", "text.upper"]) with { Factors = volume };
        _market.Index.Put(both);
        _market.Index.Put(both);
        Publish("ben/flat", "0.01", PriceFactors.None);
        (HasVolume("text.upper"), HasVolume("text.lower"), HasVolume("text.upper", "text.lower"), HasVolume("text.upper", "text.other")).ShouldBe((true, true, true, false));

        Publish("cleo/upper", "0.01", volume);
        _market.Index.Put(both with { Id = TaskSamples.Ids.Next<AgentVersion>(), Capabilities = ["text.lower"] });
        (HasVolume("text.upper"), HasVolume("text.lower")).ShouldBe((true, true));
        _market.Index.Withdraw(_market.PublisherOf("cleo/upper"));
        _market.Index.Withdraw(_market.PublisherOf("cleo/upper"));
        (HasVolume("text.upper"), HasVolume("text.lower")).ShouldBe((false, true));
        _market.Index.Put(both with { Factors = PriceFactors.None });
        HasVolume("text.lower").ShouldBeFalse();
        Publish("cleo/upper", "0.01", volume);
        HasVolume("text.upper").ShouldBeTrue("who was withdrawn is back");
        _market.Index.Withdraw("cleo/upper");
        _market.Index.Withdraw("cleo/upper");
        _market.Index.Withdraw("nobody/at-all");
        HasVolume("text.upper").ShouldBeFalse();

        bool HasVolume(params string[] capabilities) => _market.Index.HasVolume(new Requirement(capabilities, null, null, 0, SelectionWeights.Default, Explores: false));
    }

    [Fact]
    public void AddOpen_CountsUntilTheNextCountOfAll()
    {
        var busy = Publish("ann/busy", "0.01", PriceFactors.None with { Demand = new DemandFactor(2_000, 0, 4) });
        for (var i = 0; i < 6; i++)
            _market.Index.AddOpen("ann/busy", busy.Id, 1);
        _market.Index.AddOpen("ann/busy", TaskSamples.Ids.Next<AgentVersion>(), 1);
        _market.Index.AddOpen("nobody/nothing", busy.Id, 1);

        _market.Choose().Chosen!.Factor.ShouldBe(new PriceFactor(1_000, 2_000));
        _market.Index.SetOpen("ann/busy", busy.Id, 1);
        _market.Choose().Chosen!.Factor.ShouldBe(new PriceFactor(1_000, 1_250));
        _market.Publish("ann/busy");
        _market.Choose().Chosen!.Factor.ShouldBe(PriceFactor.One, "another version has tasks of its own");
    }

    [Fact]
    public void Choice_SaysThePartsOfEachScore()
    {
        _market.Publish("ann/dear", "0.03");
        _market.Publish("ben/cheap", "0.01");
        _market.Serve("ann/dear", 10, "0.03");
        _market.Serve("ben/cheap", 10);

        var choice = _market.Choose(weights: new SelectionWeights(0.1, 0.7, 0.1, 0.1));

        choice.CandidateCount.ShouldBe(2);
        choice.Candidates.Select(candidate => (candidate.Agent.Name, candidate.Standing))
            .ShouldBe([("ben/cheap", Standing.Chosen), ("ann/dear", Standing.LowerScore)]);
        foreach (var candidate in choice.Candidates)
        {
            candidate.Score.ShouldBe(
                (0.1 * candidate.Quality) + (0.7 * candidate.Price) + (0.1 * candidate.Speed) + (0.1 * candidate.Availability), 1e-9);
            candidate.Price.ShouldBe(choice.Typical.Price / (choice.Typical.Price + ((double)candidate.ExpectedPrice.Nanodollars / 1e9)), 1e-4);
        }

        choice.Chosen!.PriceAtLimits.ToString().ShouldBe("0.010000000");
    }

    [Fact]
    public void Parts_ComparedWithOthers_DoNotDependOnTheUnit()
    {
        // The same market, ten times as dear: the scores stay what they were.
        var other = new Market();
        foreach (var (shop, factor) in new[] { (_market, "0.0"), (other, "0.") })
        {
            shop.Publish("ann/one", factor + "1");
            shop.Publish("ben/two", factor + "2");
            shop.Publish("cleo/three", factor + "3");
        }

        var scores = _market.Choose().Candidates.Select(candidate => Math.Round(candidate.Score, 5));
        other.Choose().Candidates.Select(candidate => Math.Round(candidate.Score, 5)).ShouldBe(scores);
    }

    [Fact]
    public void Unfit_AreCountedByTheFirstReason()
    {
        _market.Publish("ann/fits");
        _market.Publish("ben/dear", "9");
        _market.Publish("cleo/large", limits: TaskSamples.Limits with { MemoryBytes = 8L << 30 });
        _market.Publish("dora/slow");
        _market.Publish("emil/bad");
        _market.Publish("fay/suspended");
        _market.Publish("gus/tried");
        _market.Publish("hal/picky", "0.001");
        _market.Serve("dora/slow", 10, durationMs: 50_000);
        _market.Serve("ann/fits", 20);
        _market.Serve("emil/bad", 20, faults: 2);
        for (var i = 0; i < 20; i++)
        {
            _market.Serve("emil/bad", 1);
            _market.End("emil/bad", _market.Customer(), Verdict.Fault, count: 2);
        }

        for (var i = 0; i < 3; i++)
            _market.End("fay/suspended", _market.Customer(), Verdict.Fault);

        var choice = _market.Choose(
            budget: "1", timeLeft: TimeSpan.FromSeconds(40), minReputation: 0.6, excluded: ["gus/tried"],
            takes: agent => agent.Name != "hal/picky", maxMemoryBytes: 1 << 30);

        choice.UnfitCounts.OrderBy(entry => entry.Key).Select(entry => (entry.Key, entry.Value)).ShouldBe(
            [(Unfit.Tried, 1), (Unfit.Suspended, 1), (Unfit.Memory, 1), (Unfit.Budget, 1), (Unfit.Deadline, 1), (Unfit.Reputation, 1), (Unfit.Input, 1)]);
        choice.Candidates.ShouldHaveSingleItem().Agent.Name.ShouldBe("ann/fits");
        choice.CandidateCount.ShouldBe(1);
    }

    [Fact]
    public void Choose_WithABudgetToTheNanodollar_IsExact()
    {
        _market.Publish("ann/one", "1234.000000001");

        _market.Choose(budget: "1234.000000001").Chosen.ShouldNotBeNull();
        _market.Choose(budget: "1234").UnfitCounts[Unfit.Budget].ShouldBe(1);
    }

    [Fact]
    public void Choose_OfAnUnknownCapability_FindsNobody()
    {
        _market.Publish("ann/one");

        var choice = _market.Choose(capabilities: ["text.lower"]);

        (choice.Chosen, choice.CandidateCount).ShouldBe((null, 0));
    }

    [Fact]
    public void Choose_OfSeveralCapabilities_NeedsThemAll()
    {
        _market.Publish("ann/both", capabilities: ["text.upper", "text.lower"]);
        _market.Publish("ben/one", "0.000001", capabilities: ["text.upper"]);
        _market.Publish("cleo/other", "0.000001", capabilities: ["text.lower"]);

        _market.Choose(capabilities: ["text.upper", "text.lower"]).Candidates.ShouldHaveSingleItem().Agent.Name.ShouldBe("ann/both");
    }

    [Fact]
    public void Put_OfANewerVersion_TakesThePlaceOfTheOlderAndKeepsItsStatistics()
    {
        _market.Publish("ann/one", "0.01", ["text.upper", "text.lower"]);
        _market.Publish("ben/two", "0.02");
        _market.Serve("ann/one", 30);
        var before = _market.ReputationOf("ann/one");

        _market.Publish("ann/one", "0.01", ["text.upper"]);

        _market.ReputationOf("ann/one").ShouldBe(before);
        _market.Choose(capabilities: ["text.lower"]).Chosen.ShouldBeNull();
        _market.Choose().CandidateCount.ShouldBe(2);
        _market.Index.Count.ShouldBe(2);
    }

    [Fact]
    public void Set_OfOlderStatistics_ChangesNothing()
    {
        _market.Publish("ann/one");
        _market.Publish("ben/two");
        var old = _market.End("ann/one", _market.Customer());
        _market.Serve("ann/one", 30);
        var reputation = _market.ReputationOf("ann/one");

        _market.Index.Set(old);

        _market.ReputationOf("ann/one").ShouldBe(reputation);
    }

    [Fact]
    public void Set_BeforeTheAgentIsKnown_IsRemembered()
    {
        var late = new Market();
        late.Publish("ben/two");
        late.Index.Set(new AgentStats { Agent = "ann/one", Faults = 50 * Decay.WeightAt(Market.Start), Revision = 1 });

        late.Publish("ann/one");

        late.ReputationOf("ann/one").ShouldBeLessThan(0.3);
    }

    [Fact]
    public void Choose_AmongManyEqualOnes_SpreadsTheWorkByLoad()
    {
        for (var i = 0; i < 40; i++)
            _market.Publish($"pub{i}/equal");
        var random = new Random(5);
        var loads = new Dictionary<string, int>();

        for (var i = 0; i < 1_000; i++)
        {
            var chosen = _market.Choose(random).Chosen!.Agent.Name;
            _market.Index.AddLoad(chosen, 1);
            loads[chosen] = loads.GetValueOrDefault(chosen) + 1;
        }

        // 25 each would be even; one choice alone, at random, leaves some with twice that.
        loads.Count.ShouldBe(40);
        loads.Values.Max().ShouldBeLessThan(40);
    }

    [Fact]
    public void Choose_OfTwoEqualOnes_TakesTheOneWithLessToDo()
    {
        _market.Publish("ann/busy");
        _market.Publish("ben/idle");
        _market.Index.AddLoad("ann/busy", 5);

        for (var seed = 0; seed < 20; seed++)
        {
            var choice = _market.Choose(new Random(seed));
            choice.Chosen!.Agent.Name.ShouldBe("ben/idle");
            choice.Candidates.Single(candidate => candidate.Agent.Name == "ann/busy").ShouldSatisfyAllConditions(
                candidate => candidate.Standing.ShouldBe(Standing.Load), candidate => candidate.Load.ShouldBe(5));
        }
    }

    [Fact]
    public void Choose_OfTwoEqualOnes_KnowsWhatTheyHaveToDoElsewhere()
    {
        _market.Publish("ann/busy");
        _market.Publish("ben/idle");
        _market.Index.AddLoad("ann/busy", 1);
        _market.Index.SetLoadElsewhere(new Dictionary<string, int> { ["ann/busy"] = 4, ["nobody/known"] = 9 });

        Loads().ShouldBe([("ann/busy", 5), ("ben/idle", 0)]);
        _market.Index.SetLoadElsewhere(new Dictionary<string, int> { ["ben/idle"] = 2 });
        Loads().ShouldBe([("ann/busy", 1), ("ben/idle", 2)]);

        IEnumerable<(string, int)> Loads() =>
            _market.Choose().Candidates.OrderBy(candidate => candidate.Agent.Name).Select(candidate => (candidate.Agent.Name, candidate.Load));
    }

    [Fact]
    public void Choose_WithTheSameSeed_IsTheSame()
    {
        for (var i = 0; i < 100; i++)
            _market.Publish($"pub{i}/agent", $"0.0{1 + (i % 3)}");

        string Names(int seed) => string.Join(' ', _market.Choose(new Random(seed)).Candidates.Select(candidate => $"{candidate.Agent.Name}:{candidate.Standing}"));

        Names(3).ShouldBe(Names(3));
        Enumerable.Range(0, 10).Select(Names).Distinct().Count().ShouldBeGreaterThan(1);
    }

    [Fact]
    public void Newcomer_AmongProvenOnes_GetsAShareAndRisesWhenItIsBetter()
    {
        var index = new AgentIndex(new SelectionPolicy(), Market.Start);
        var shop = new Market();
        for (var i = 0; i < 30; i++)
        {
            var proven = shop.Publish($"old{i}/proven");
            shop.Serve("old" + i + "/proven", 60, faults: 6);
            index.Put(proven);
            index.Set(shop.Index.StatsOf(proven.Name)!);
        }

        var newcomer = shop.Publish("young/newcomer");
        index.Put(newcomer);
        var random = new Random(11);
        var given = new List<bool>();
        var query = new SelectionQuery(
            new Requirement(["text.upper"], null, null, 0, SelectionWeights.Default, Explores: true), 1_000, null, null, 1L << 40, new LimitCaps(), [], _ => true);
        for (var i = 0; i < 2_000; i++)
        {
            var chosen = index.Choose(query, Market.Start, random).Chosen!.Agent.Name;
            given.Add(chosen == newcomer.Name);
            index.Set(shop.End(chosen, shop.Customer(), random.NextDouble() < (chosen == newcomer.Name ? 0.01 : 0.1) ? Verdict.Fault : Verdict.Good));
        }

        given.Take(200).Count(isNewcomer => isNewcomer).ShouldBeGreaterThan(0);
        // It fails a tenth as often as the others; one of thirty-one, it would have 3 % by chance.
        given.Skip(1_000).Count(isNewcomer => isNewcomer).ShouldBeGreaterThan(300);
    }

    [Fact]
    public void Choose_WithoutExploring_NeverDoes()
    {
        var index = new AgentIndex(new SelectionPolicy { ExplorationShare = 1 }, Market.Start);
        index.Put(_market.Publish("ann/one"));
        index.Put(_market.Publish("ben/two"));

        Choice With(bool explores) => index.Choose(
            new SelectionQuery(
                new Requirement(["text.upper"], null, null, 0, SelectionWeights.Default, explores), 1, null, null, 1L << 40, new LimitCaps(), [], _ => true),
            Market.Start,
            new Random(1));

        With(explores: true).IsExploring.ShouldBeTrue();
        With(explores: false).IsExploring.ShouldBeFalse();
    }

    [Fact]
    public void ExpectedPrice_FollowsWhatRunsUsed()
    {
        // Both hold 50 Gfuel at their limits, but one burns a tenth of what the other does.
        _market.Publish("ann/thrifty", "0", perGigafuel: "0.001");
        _market.Publish("ben/wasteful", "0", perGigafuel: "0.001");
        for (var i = 0; i < 20; i++)
        {
            _market.End("ann/thrifty", _market.Customer(), fuel: 1_000_000_000);
            _market.End("ben/wasteful", _market.Customer(), fuel: 10_000_000_000);
        }

        var choice = _market.Choose(weights: s_onlyPrice);

        choice.Chosen!.Agent.Name.ShouldBe("ann/thrifty");
        choice.Chosen.PriceAtLimits.ShouldBe(Money.Parse("0.05"));
        choice.Chosen.ExpectedPrice.ShouldBeInRange(Money.Parse("0.001"), Money.Parse("0.002"));
    }

    private IndexedAgent Publish(string name, string price, PriceFactors factors)
    {
        var agent = _market.Publish(name, price) with { Factors = factors };
        _market.Index.Put(agent);
        return agent;
    }

    private string ChosenBy(SelectionWeights weights) => _market.Choose(weights: weights).Candidates[0].Agent.Name;
}
