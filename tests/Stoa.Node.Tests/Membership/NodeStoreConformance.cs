using Stoa.Market.Membership;
using Stoa.Node.Membership;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Membership;

/// <summary>What every keeper of the list of nodes does.</summary>
public abstract class NodeStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly LeaseHolder s_a = new("a", "1");
    private static readonly LeaseHolder s_b = new("b", "1");
    private static readonly DateTimeOffset s_start = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    /// <summary>A report of a node that has nothing to tell.</summary>
    public static readonly NodeReport Silent = new("1.0.0", null, new NodeCapacity(1, 1 << 30), new NodeLoad(0, 0, 0, 0, new Dictionary<string, int>()));

    private SqlNodeStore Nodes => new(Database);

    [Fact]
    public async Task Beat_CountsOnlyItsOwnNumberUp()
    {
        (await BeatAsync(s_a)).ShouldBe([new NodeBeat(s_a, 1)]);
        (await BeatAsync(s_b)).ShouldBe([new NodeBeat(s_a, 1), new NodeBeat(s_b, 1)]);
        (await BeatAsync(s_a)).ShouldBe([new NodeBeat(s_a, 2), new NodeBeat(s_b, 1)]);
    }

    [Fact]
    public async Task Beat_OfALaterStart_StrikesTheEarlierOnesOff()
    {
        await BeatAsync(s_a);
        await BeatAsync(new LeaseHolder("ab", "1"));
        var later = new LeaseHolder("a", "2");
        (await BeatAsync(later)).ShouldBe([new NodeBeat(later, 1), new NodeBeat(new LeaseHolder("ab", "1"), 1)]);
    }

    [Fact]
    public async Task StrikeOff_OnceAndOnlyWhoStoodStill()
    {
        await BeatAsync(s_a);
        await BeatAsync(s_b);
        await BeatAsync(s_b);
        (await Nodes.StrikeOffAsync(new NodeBeat(s_b, 1), Stop)).ShouldBeFalse();
        (await Nodes.StrikeOffAsync(new NodeBeat(s_b, 2), Stop)).ShouldBeTrue();
        (await Nodes.StrikeOffAsync(new NodeBeat(s_b, 2), Stop)).ShouldBeFalse();
        (await BeatAsync(s_a)).ShouldBe([new NodeBeat(s_a, 2)]);
        (await BeatAsync(s_b)).ShouldContain(new NodeBeat(s_b, 1));
    }

    [Fact]
    public async Task Beat_TellsOthersWhatItSaidLast()
    {
        var said = new NodeReport(
            "1.2.3", "eu-central", new NodeCapacity(4, 8L << 30), new NodeLoad(2, 128 << 20, 3, 7, new Dictionary<string, int> { ["ann/one"] = 1, ["ben/\"two\""] = 1 }));
        await Nodes.BeatAsync(s_a, said with { Region = null }, s_start, Stop);
        await Nodes.BeatAsync(s_a, said, s_start.AddSeconds(1), Stop);

        var listed = await Nodes.BeatAsync(s_b, Silent, s_start.AddSeconds(5), Stop);

        var a = listed.Single(node => node.Beat.Holder == s_a);
        (a.StartedAt, a.SeenAt).ShouldBe((s_start, s_start.AddSeconds(1)));
        a.Report.ShouldNotBeNull().ShouldBe(said with { Load = a.Report!.Load });
        a.Report.Load.ShouldBe(said.Load with { Running = a.Report.Load.Running });
        a.Report.Load.Running.OrderBy(running => running.Key).ShouldBe(said.Load.Running.OrderBy(running => running.Key));
    }

    [Fact]
    public async Task Beat_BesideANodeOfAnOlderVersion_ListsItWithoutAReport()
    {
        await Database.WriteAsync(
            session => session.ExecuteAsync("INSERT INTO nodes (holder, beat, started_at) VALUES ('old/1', 3, @Start)", new { Start = s_start }), Stop);

        var old = (await Nodes.BeatAsync(s_b, Silent, s_start.AddSeconds(5), Stop)).Single(node => node.Beat.Holder.Node == "old");

        old.ShouldBe(new ListedNode(new NodeBeat(new LeaseHolder("old", "1"), 3), s_start, s_start, null));
    }

    private async Task<IReadOnlyList<NodeBeat>> BeatAsync(LeaseHolder self) =>
        [.. (await Nodes.BeatAsync(self, Silent, s_start, Stop)).Select(node => node.Beat)];
}

public sealed class SqliteNodeStoreTests() : NodeStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresNodeStoreTests(PostgresCluster cluster) : NodeStoreConformance(new PostgresSource(cluster));
