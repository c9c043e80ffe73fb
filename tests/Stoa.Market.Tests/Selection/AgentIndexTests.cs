using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

public sealed class AgentIndexTests
{
    private static readonly SelectionWeights OnlyQuality = new(1, 0, 0, 0);
    private static readonly SelectionWeights OnlyPrice = new(0, 1, 0, 0);
    private static readonly SelectionWeights OnlySpeed = new(0, 0, 1, 0);
    private static readonly SelectionWeights OnlyAvailability = new(0, 0, 0, 1);

    private readonly Market market = new();

    [Fact]
    public void Choose_ByOneWeight_TakesTheBestInThat()
    {
        market.Publish("ann/reliable", "0.05");
        market.Publish("ben/cheap", "0.01");
        market.Publish("cleo/fast", "0.05");
        market.Publish("dora/ready", "0.05");
        market.Serve("ann/reliable", 40, "0.05", durationMs: 500);
        market.Serve("ben/cheap", 40, durationMs: 500, faults: 10);
        market.Serve("cleo/fast", 40, "0.05", durationMs: 20, faults: 10);
        market.Serve("dora/ready", 40, "0.05", durationMs: 500, faults: 10);
        foreach (var agent in new[] { "ann/reliable", "ben/cheap", "cleo/fast" })
            market.End(agent, market.Customer(), Verdict.Unavailable, count: 3);

        ChosenBy(OnlyQuality).ShouldBe("ann/reliable");
        ChosenBy(OnlyPrice).ShouldBe("ben/cheap");
        ChosenBy(OnlySpeed).ShouldBe("cleo/fast");
        ChosenBy(OnlyAvailability).ShouldBe("dora/ready");
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

        var choice = market.Choose(weights: OnlyPrice, priority: priority);

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

        ChosenBy(OnlyPrice).ShouldBe("ann/busy");
        market.Index.SetOpen("ann/busy", busy.Id, 5);
        ChosenBy(OnlyPrice).ShouldBe("ben/flat");
        market.Index.InDemand.ShouldBe([("ann/busy", busy.Id)]);
        var choice = market.Choose(weights: OnlyPrice, budget: "0.0199");
        choice.UnfitCounts.ShouldBe(new Dictionary<Unfit, int> { [Unfit.Budget] = 1 }, "at its factor of two it is beyond the budget");
        market.Index.SetOpen("ann/busy", busy.Id, 0);
        ChosenBy(OnlyPrice).ShouldBe("ann/busy");
        market.Index.InDemand.ShouldBeEmpty();
    }

    [Fact]
    public void AddOpen_CountsUntilTheNextCountOfAll()
    {
        var busy = Publish("ann/busy", "0.01", PriceFactors.None with { Demand = new DemandFactor(2_000, 0, 4) });
        for (var i = 0; i < 6; i++)
            market.Index.AddOpen("ann/busy", busy.Id, 1);
        market.Index.AddOpen("ann/busy", TaskSamples.Ids.Next<AgentVersion>(), 1);
        market.Index.AddOpen("nobody/nothing", busy.Id, 1);

        market.Choose().Chosen!.Factor.ShouldBe(new PriceFactor(1_000, 2_000));
        market.Index.SetOpen("ann/busy", busy.Id, 1);
        market.Choose().Chosen!.Factor.ShouldBe(new PriceFactor(1_000, 1_250));
        market.Publish("ann/busy");
        market.Choose().Chosen!.Factor.ShouldBe(PriceFactor.One, "another version has tasks of its own");
    }

    [Fact]
    public void Choice_SaysThePartsOfEachScore()
    {
        market.Publish("ann/dear", "0.03");
        market.Publish("ben/cheap", "0.01");
        market.Serve("ann/dear", 10, "0.03");
        market.Serve("ben/cheap", 10);

        var choice = market.Choose(weights: new SelectionWeights(0.1, 0.7, 0.1, 0.1));

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
        foreach (var (shop, factor) in new[] { (market, "0.0"), (other, "0.") })
        {
            shop.Publish("ann/one", factor + "1");
            shop.Publish("ben/two", factor + "2");
            shop.Publish("cleo/three", factor + "3");
        }

        var scores = market.Choose().Candidates.Select(candidate => Math.Round(candidate.Score, 5));
        other.Choose().Candidates.Select(candidate => Math.Round(candidate.Score, 5)).ShouldBe(scores);
    }

    [Fact]
    public void Unfit_AreCountedByTheFirstReason()
    {
        market.Publish("ann/fits");
        market.Publish("ben/dear", "9");
        market.Publish("cleo/large", limits: TaskSamples.Limits with { MemoryBytes = 8L << 30 });
        market.Publish("dora/slow");
        market.Publish("emil/bad");
        market.Publish("fay/suspended");
        market.Publish("gus/tried");
        market.Publish("hal/picky", "0.001");
        market.Serve("dora/slow", 10, durationMs: 50_000);
        market.Serve("ann/fits", 20);
        market.Serve("emil/bad", 20, faults: 2);
        for (var i = 0; i < 20; i++)
        {
            market.Serve("emil/bad", 1);
            market.End("emil/bad", market.Customer(), Verdict.Fault, count: 2);
        }

        for (var i = 0; i < 3; i++)
            market.End("fay/suspended", market.Customer(), Verdict.Fault);

        var choice = market.Choose(
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
        market.Publish("ann/one", "1234.000000001");

        market.Choose(budget: "1234.000000001").Chosen.ShouldNotBeNull();
        market.Choose(budget: "1234").UnfitCounts[Unfit.Budget].ShouldBe(1);
    }

    [Fact]
    public void Choose_OfAnUnknownCapability_FindsNobody()
    {
        market.Publish("ann/one");

        var choice = market.Choose(capabilities: ["text.lower"]);

        (choice.Chosen, choice.CandidateCount).ShouldBe((null, 0));
    }

    [Fact]
    public void Choose_OfSeveralCapabilities_NeedsThemAll()
    {
        market.Publish("ann/both", capabilities: ["text.upper", "text.lower"]);
        market.Publish("ben/one", "0.000001", capabilities: ["text.upper"]);
        market.Publish("cleo/other", "0.000001", capabilities: ["text.lower"]);

        market.Choose(capabilities: ["text.upper", "text.lower"]).Candidates.ShouldHaveSingleItem().Agent.Name.ShouldBe("ann/both");
    }

    [Fact]
    public void Put_OfANewerVersion_TakesThePlaceOfTheOlderAndKeepsItsStatistics()
    {
        market.Publish("ann/one", "0.01", ["text.upper", "text.lower"]);
        market.Publish("ben/two", "0.02");
        market.Serve("ann/one", 30);
        var before = market.ReputationOf("ann/one");

        market.Publish("ann/one", "0.01", ["text.upper"]);

        market.ReputationOf("ann/one").ShouldBe(before);
        market.Choose(capabilities: ["text.lower"]).Chosen.ShouldBeNull();
        market.Choose().CandidateCount.ShouldBe(2);
        market.Index.Count.ShouldBe(2);
    }

    [Fact]
    public void Set_OfOlderStatistics_ChangesNothing()
    {
        market.Publish("ann/one");
        market.Publish("ben/two");
        var old = market.End("ann/one", market.Customer());
        market.Serve("ann/one", 30);
        var reputation = market.ReputationOf("ann/one");

        market.Index.Set(old);

        market.ReputationOf("ann/one").ShouldBe(reputation);
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
            market.Publish($"pub{i}/equal");
        var random = new Random(5);
        var loads = new Dictionary<string, int>();

        for (var i = 0; i < 1_000; i++)
        {
            var chosen = market.Choose(random).Chosen!.Agent.Name;
            market.Index.AddLoad(chosen, 1);
            loads[chosen] = loads.GetValueOrDefault(chosen) + 1;
        }

        // 25 each would be even; one choice alone, at random, leaves some with twice that.
        loads.Count.ShouldBe(40);
        loads.Values.Max().ShouldBeLessThan(40);
    }

    [Fact]
    public void Choose_OfTwoEqualOnes_TakesTheOneWithLessToDo()
    {
        market.Publish("ann/busy");
        market.Publish("ben/idle");
        market.Index.AddLoad("ann/busy", 5);

        for (var seed = 0; seed < 20; seed++)
        {
            var choice = market.Choose(new Random(seed));
            choice.Chosen!.Agent.Name.ShouldBe("ben/idle");
            choice.Candidates.Single(candidate => candidate.Agent.Name == "ann/busy").ShouldSatisfyAllConditions(
                candidate => candidate.Standing.ShouldBe(Standing.Load), candidate => candidate.Load.ShouldBe(5));
        }
    }

    [Fact]
    public void Choose_OfTwoEqualOnes_KnowsWhatTheyHaveToDoElsewhere()
    {
        market.Publish("ann/busy");
        market.Publish("ben/idle");
        market.Index.AddLoad("ann/busy", 1);
        market.Index.SetLoadElsewhere(new Dictionary<string, int> { ["ann/busy"] = 4, ["nobody/known"] = 9 });

        Loads().ShouldBe([("ann/busy", 5), ("ben/idle", 0)]);
        market.Index.SetLoadElsewhere(new Dictionary<string, int> { ["ben/idle"] = 2 });
        Loads().ShouldBe([("ann/busy", 1), ("ben/idle", 2)]);

        IEnumerable<(string, int)> Loads() =>
            market.Choose().Candidates.OrderBy(candidate => candidate.Agent.Name).Select(candidate => (candidate.Agent.Name, candidate.Load));
    }

    [Fact]
    public void Choose_WithTheSameSeed_IsTheSame()
    {
        for (var i = 0; i < 100; i++)
            market.Publish($"pub{i}/agent", $"0.0{1 + (i % 3)}");

        string Names(int seed) => string.Join(' ', market.Choose(new Random(seed)).Candidates.Select(candidate => $"{candidate.Agent.Name}:{candidate.Standing}"));

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
        index.Put(market.Publish("ann/one"));
        index.Put(market.Publish("ben/two"));

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
        market.Publish("ann/thrifty", "0", perGigafuel: "0.001");
        market.Publish("ben/wasteful", "0", perGigafuel: "0.001");
        for (var i = 0; i < 20; i++)
        {
            market.End("ann/thrifty", market.Customer(), fuel: 1_000_000_000);
            market.End("ben/wasteful", market.Customer(), fuel: 10_000_000_000);
        }

        var choice = market.Choose(weights: OnlyPrice);

        choice.Chosen!.Agent.Name.ShouldBe("ann/thrifty");
        choice.Chosen.PriceAtLimits.ShouldBe(Money.Parse("0.05"));
        choice.Chosen.ExpectedPrice.ShouldBeInRange(Money.Parse("0.001"), Money.Parse("0.002"));
    }

    private IndexedAgent Publish(string name, string price, PriceFactors factors)
    {
        var agent = market.Publish(name, price) with { Factors = factors };
        market.Index.Put(agent);
        return agent;
    }

    private string ChosenBy(SelectionWeights weights) => market.Choose(weights: weights).Candidates[0].Agent.Name;
}
