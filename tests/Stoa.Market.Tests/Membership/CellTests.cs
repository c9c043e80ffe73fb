using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Market.Tests.Membership;

public sealed class CellTests
{
    private static readonly LeaseHolder s_self = new("self", "1");
    private static readonly NodeCapacity s_capacity = new(4, 1 << 30);

    [Fact]
    public void RunningElsewhere_SumsWhatTheOthersRun_AndNotWhatThisNodeSaid()
    {
        var cell = new Cell(s_self, "eu-central", TaskSamples.Now);

        cell.Learn([Node("self", ("ann/one", 5)), Node("b", ("ann/one", 2), ("ben/two", 1)), Node("c", ("ann/one", 1)), Node("old") with { Report = null }]);

        cell.Others.Select(node => node.Beat.Holder.Node).ShouldBe(["b", "c", "old"]);
        cell.RunningElsewhere().OrderBy(running => running.Key).ShouldBe([KeyValuePair.Create("ann/one", 3), KeyValuePair.Create("ben/two", 1)]);
    }

    [Fact]
    public void Count_OfMoreAgentsThanAreNamed_NamesTheBusiest()
    {
        var busy = ListingName.Parse("ann/busy@2.0.0");
        var agents = Enumerable.Range(0, NodeLoad.MaxAgents + 50).Select(number => ListingName.Parse($"ann/agent-{number}@1.0.0"));

        var counted = NodeLoad.Count([.. agents, busy, busy with { Version = SemanticVersion.Parse("1.0.0") }]);

        counted.Count.ShouldBe(NodeLoad.MaxAgents);
        counted["ann/busy"].ShouldBe(2);
    }

    [Fact]
    public void Regions_AreThoseOfAllNodesThatSayWhereTheyStand()
    {
        var cell = new Cell(s_self, "eu-central", TaskSamples.Now);
        cell.Learn([Node("b", "us-east"), Node("c", "us-east"), Node("d", region: null), Node("old") with { Report = null }]);

        cell.Regions.ShouldBe(["eu-central", "us-east"]);
        cell.ShareIn(["nowhere"]).ShouldBe(0);
        cell.ShareIn(["us-east"]).ShouldBe(0.4);
        cell.ShareIn(["eu-central", "us-east"]).ShouldBe(0.6);
        new Cell(s_self, null, TaskSamples.Now).Regions.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("eu-central", "", true)]
    [InlineData("eu-central", "eu-central", true)]
    [InlineData("eu-central", "ap-south eu-central", true)]
    [InlineData("eu-central", "us-east", false)]
    [InlineData(null, "", true)]
    [InlineData(null, "us-east", false)]
    public void MayRun_IsTrueWhereTheNodeStands(string? region, string regions, bool mayRun) =>
        new Cell(s_self, region, TaskSamples.Now).MayRun(regions.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ShouldBe(mayRun);

    /// <summary>A node that stands somewhere and runs nothing.</summary>
    public static ListedNode Node(string name, string? region) =>
        Node(name) with { Report = new NodeReport("1.0.0", region, s_capacity, new NodeLoad(0, 0, 0, 0, new Dictionary<string, int>())) };

    private static ListedNode Node(string name, params (string Agent, int Count)[] running) => new(
        new NodeBeat(new LeaseHolder(name, "1"), 1),
        TaskSamples.Now,
        TaskSamples.Now,
        new NodeReport("1.0.0", null, s_capacity, new NodeLoad(running.Length, 0, running.Length, 0, running.ToDictionary(entry => entry.Agent, entry => entry.Count))));
}
