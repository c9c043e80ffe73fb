using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What every keeper of the list of nodes does.</summary>
public abstract class NodeStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly LeaseHolder A = new("a", "1");
    private static readonly LeaseHolder B = new("b", "1");

    private SqlNodeStore Nodes => new(Database);

    [Fact]
    public async Task Beat_CountsOnlyItsOwnNumberUp()
    {
        (await BeatAsync(A)).ShouldBe([new NodeBeat(A, 1)]);
        (await BeatAsync(B)).ShouldBe([new NodeBeat(A, 1), new NodeBeat(B, 1)]);
        (await BeatAsync(A)).ShouldBe([new NodeBeat(A, 2), new NodeBeat(B, 1)]);
    }

    [Fact]
    public async Task Beat_OfALaterStart_StrikesTheEarlierOnesOff()
    {
        await BeatAsync(A);
        await BeatAsync(new LeaseHolder("ab", "1"));
        var later = new LeaseHolder("a", "2");
        (await BeatAsync(later)).ShouldBe([new NodeBeat(later, 1), new NodeBeat(new LeaseHolder("ab", "1"), 1)]);
    }

    [Fact]
    public async Task StrikeOff_OnceAndOnlyWhoStoodStill()
    {
        await BeatAsync(A);
        await BeatAsync(B);
        await BeatAsync(B);
        (await Nodes.StrikeOffAsync(new NodeBeat(B, 1), Stop)).ShouldBeFalse();
        (await Nodes.StrikeOffAsync(new NodeBeat(B, 2), Stop)).ShouldBeTrue();
        (await Nodes.StrikeOffAsync(new NodeBeat(B, 2), Stop)).ShouldBeFalse();
        (await BeatAsync(A)).ShouldBe([new NodeBeat(A, 2)]);
        (await BeatAsync(B)).ShouldContain(new NodeBeat(B, 1));
    }

    private Task<IReadOnlyList<NodeBeat>> BeatAsync(LeaseHolder self) => Nodes.BeatAsync(self, TimeProvider.System.GetUtcNow(), Stop);
}

public sealed class SqliteNodeStoreTests() : NodeStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresNodeStoreTests(PostgresCluster cluster) : NodeStoreConformance(new PostgresSource(cluster));
