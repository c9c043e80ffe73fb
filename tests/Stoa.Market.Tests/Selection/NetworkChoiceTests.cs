using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

public sealed class NetworkChoiceTests
{
    private static readonly SelectionPolicy s_policy = new() { ExplorationShare = 0 };
    private readonly Market _market = new();

    [Fact]
    public void Agent_OfTheNetwork_IsChosenWhenNobodyHereFits()
    {
        var choice = NetworkChoice.Join(NetworkChoice.Nobody(Query(), Market.Start), [Offer("dear", "0.02"), Offer("cheap", "0.01")], Query(), s_policy);

        choice.Chosen!.Agent.Listing.Name.ShouldBe("cheap");
        (choice.Chosen.Supplier, choice.Chosen.ExpectedPrice, choice.CandidateCount).ShouldBe(("node of cheap", Money.Parse("0.01"), 2));
        choice.Candidates.Select(candidate => candidate.Standing).ShouldBe([Standing.Chosen, Standing.LowerScore]);
    }

    [Theory]
    // Alike in all else: the cheaper, the nearer, the one that lies and fails less.
    [InlineData("0.01", 0.01, 5, 0, 0, "0.02", 0.01, 5, 0, 0)]
    [InlineData("0.01", 0.01, 5, 0, 0, "0.01", 2, 5, 0, 0)]
    [InlineData("0.01", 0.01, 5, 0, 0, "0.01", 0.01, 5, 3, 0)]
    [InlineData("0.01", 0.01, 5, 0, 0, "0.01", 0.01, 5, 0, 20)]
    [InlineData("0.01", 0.01, 5, 0, 0, "0.008", 0.01, 5, 0, 20)]
    public void Better_OfTwoOfTheNetwork_IsChosen(string price, double seconds, double done, double failed, double lies, string otherPrice, double otherSeconds, double otherDone, double otherFailed, double otherLies)
    {
        var better = Offer("better", price, seconds, done, failed, lies);
        var worse = Offer("worse", otherPrice, otherSeconds, otherDone, otherFailed, otherLies);

        NetworkChoice.Join(NetworkChoice.Nobody(Query(), Market.Start), [worse, better], Query(), s_policy).Chosen!.Agent.Listing.Name.ShouldBe("better");
    }

    [Theory]
    [InlineData("0.001", true)]
    [InlineData("0.1", false)]
    public void Agent_OfTheNetwork_IsComparedWithThoseHere(string price, bool isTaken)
    {
        _market.Publish("stoa/one");
        _market.Publish("stoa/two");
        var local = _market.Index.Choose(Query(), Market.Start, new Random(1));

        var choice = NetworkChoice.Join(local, [Offer("far", price)], Query(), s_policy);

        (choice.Chosen!.Supplier is not null).ShouldBe(isTaken);
        choice.Candidates.Count(candidate => candidate.Standing is Standing.Chosen).ShouldBe(1);
        choice.CandidateCount.ShouldBe(3);
        choice.Candidates.Select(candidate => candidate.Score).ShouldBeInOrder(SortDirection.Descending);
        // What was said of those here does not change by who stands beside them.
        choice.Typical.ShouldBe(local.Typical);
    }

    [Theory]
    [InlineData("0.019", "near")]
    [InlineData("0.025", "far")]
    public void Agent_InAPreferredRegion_IsChosenUnlessOthersAreMuchBetter(string price, string chosen)
    {
        var query = Query() with { Preference = new RegionPreference(["eu-central"], CellShare: 0) };

        var choice = NetworkChoice.Join(
            NetworkChoice.Nobody(query, Market.Start), [Offer("far", "0.01") with { Region = "us-east" }, Offer("near", price) with { Region = "eu-central" }], query, s_policy);

        choice.Chosen!.Agent.Listing.Name.ShouldBe(chosen);
        choice.RegionWeight.ShouldBe(RegionPreference.Weight);
        choice.Candidates.ToDictionary(candidate => candidate.Agent.Listing.Name, candidate => candidate.Region).ShouldBe(
            new Dictionary<string, double?> { ["near"] = 1, ["far"] = 0 }, ignoreOrder: true);
        ChoiceJson.Write(choice).ShouldContain("\"regionWeight\":0.05");
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Agent_OfTheCell_StandsWhereItsNodesDo(double cellShare, bool isTaken)
    {
        _market.Publish("stoa/one");
        var query = Query() with { Preference = new RegionPreference(["eu-central"], cellShare) };
        var plain = _market.Index.Choose(Query(), Market.Start, new Random(1));
        var local = _market.Index.Choose(query, Market.Start, new Random(1));
        // As good in all else.
        var offer = Offer("near", plain.Chosen!.ExpectedPrice.ToString(), 0, 0) with { Region = "eu-central" };

        var choice = NetworkChoice.Join(local, [offer], query, s_policy);

        local.Chosen!.Score.ShouldBe((plain.Chosen.Score * 0.95) + (0.05 * cellShare), 1e-9);
        (choice.Chosen!.Supplier is not null).ShouldBe(isTaken);
        NetworkChoice.Join(plain, [offer], Query(), s_policy).RegionWeight.ShouldBeNull();
    }

    [Fact]
    public void Task_ThatIsGivenToLearn_IsNotTakenAway()
    {
        _market.Publish("stoa/one");
        var local = _market.Index.Choose(Query(), Market.Start, new Random(1)) with { IsExploring = true };

        NetworkChoice.Join(local, [Offer("far", "0.000001")], Query(), s_policy).Chosen!.Supplier.ShouldBeNull();
    }

    [Theory]
    [InlineData("tried", Unfit.Tried)]
    [InlineData("memory", Unfit.Memory)]
    [InlineData("budget", Unfit.Budget)]
    [InlineData("deadline", Unfit.Deadline)]
    [InlineData("reputation", Unfit.Reputation)]
    [InlineData("input", Unfit.Input)]
    public void Agent_ThatDoesNotFit_IsCountedByTheReason(string reason, Unfit expected)
    {
        var offer = Offer("far", "0.01", lies: reason == "reputation" ? 20 : 0);
        var query = Query() with
        {
            Excluded = reason == "tried" ? [offer.Agent.Name] : [],
            MaxMemoryBytes = reason == "memory" ? 1 : 1L << 40,
            Budget = reason == "budget" ? Money.Parse("0.009") : null,
            TimeLeft = reason == "deadline" ? TimeSpan.FromMilliseconds(1) : null,
            Requirement = Query().Requirement with { MinReputation = 0.4 },
            Takes = _ => reason != "input",
        };

        var choice = NetworkChoice.Join(NetworkChoice.Nobody(query, Market.Start), [offer], query, s_policy);

        choice.Chosen.ShouldBeNull();
        choice.UnfitCounts.ShouldBe(new Dictionary<Unfit, int> { [expected] = 1 });
    }

    [Fact]
    public void Scope_ChangesARequirementOnlyWhenItIsNotTheUsualOne()
    {
        var usual = Query().Requirement;

        usual.Canonical().ShouldEndWith("False");
        (usual with { Scope = SelectionScope.Network }).Canonical().ShouldBe(usual.Canonical() + ";Network");
        (usual with { Scope = SelectionScope.Cell }).Canonical().ShouldBe(usual.Canonical() + ";Cell");
    }

    private static SelectionQuery Query() => new(
        new Requirement(["text.upper"], null, null, 0, SelectionWeights.Default, Explores: false), 1_000, null, null, 1L << 40, new LimitCaps(), [], _ => true);

    private static NetworkCandidate Offer(string name, string price, double seconds = 0.01, double done = 0, double failed = 0, double lies = 0) => new(
        new IndexedAgent(
            TaskSamples.Ids.Next<AgentVersion>(), ListingName.Parse($"elsewhere/{name}@1.0.0"), default(Id<User>), ["text.upper"], new AgentPrice(Money.Parse(price), Money.Zero, Money.Zero), TaskSamples.Limits,
            new AgentPort("text/plain", null), []),
        $"node of {name}",
        Money.Parse(price),
        Money.Parse(price),
        seconds,
        done,
        failed,
        lies);
}
