using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Supply;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>Listings of other cells that were transferred, on every database.</summary>
public abstract class MovesConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);

    private readonly List<PrivateKey> _keys = [.. Enumerable.Range(0, 12).Select(_ => PrivateKey.Generate())];

    private SqlStatementStore Store => new(Database, AdmissionPolicy.Default with { StrangerWorkBits = 0 });

    [Fact]
    public async Task Task_OfAListingThatMoved_GetsTheNewOne_UnlessItNamesAVersion()
    {
        await ListAsync(3);
        await SayAsync((0, To: 1, From: null), (1, To: 2, From: 0), (2, To: null, From: 1));

        (await FindAsync(0)).ShouldBe(2);
        (await FindAsync(1)).ShouldBe(2);
        (await FindAsync(0, "1.0.0")).ShouldBe(0);
    }

    [Fact]
    public async Task Move_InACircle_EndsSomewhere()
    {
        await ListAsync(2);
        await SayAsync((0, To: 1, From: 1), (1, To: 0, From: 0));

        (await FindAsync(0)).ShouldBeNull("what goes on as the other is nowhere");
        (await FindAsync(1)).ShouldBeNull();
    }

    [Fact]
    public async Task Moves_OneAfterAnother_AreFollowedSoFarAsIsReasonable()
    {
        await ListAsync(_keys.Count);
        await SayAsync([.. Enumerable.Range(0, _keys.Count).Select(number => (number, number + 1 < _keys.Count ? number + 1 : (int?)null, number > 0 ? number - 1 : (int?)null))]);

        (await FindAsync(3)).ShouldBe(11);
        (await FindAsync(0)).ShouldBeNull("eight transfers are followed, and what is found there goes on itself");
    }

    private KeyedListing Of(int number) => new(_keys[number].PublicKey.PeerId, "resize", null);

    private async Task ListAsync(int count) => await AddAsync([.. Enumerable.Range(0, count).Select(number => Sign(number, StatementStoreConformance.Listing("1.0.0")))]);

    private Task SayAsync(params (int Number, int? To, int? From)[] said) => AddAsync(
        [.. said.Select(one => Sign(one.Number, new TransferStatement("resize", one.To is { } to ? Of(to) : null, one.From is { } from ? Of(from) : null)))]);

    private Statement Sign(int number, StatementContent content) =>
        Statement.Sign(_keys[number], new Hlc(s_now.ToUnixTimeMilliseconds(), 0), content).Value;

    private async Task AddAsync(params Statement[] statements) => (await Store.AddAsync(statements, s_now, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);

    private async Task<int?> FindAsync(int number, string? version = null)
    {
        var agents = new SqlForeignAgents(Database, new IdSource(TimeProvider.System, new Random(1)), TimeProvider.System);
        var found = await agents.FindAsync(new ListingName(_keys[number].PublicKey.PeerId.ToString(), "resize", version is null ? null : SemanticVersion.Parse(version)), Stop);
        return found is null ? null : _keys.FindIndex(key => key.PublicKey.PeerId.ToString() == found.Listing.Publisher);
    }
}

public sealed class SqliteMovesTests() : MovesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresMovesTests(PostgresCluster cluster) : MovesConformance(new PostgresSource(cluster));
