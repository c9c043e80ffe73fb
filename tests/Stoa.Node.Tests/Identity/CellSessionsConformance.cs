using System.Security.Cryptography;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>Sessions of a cell, whose nodes share its database and nothing else.</summary>
public abstract class CellSessionsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
    private static readonly IdentityOptions s_options = new() { SigningKeyDays = 1, CredentialCacheSeconds = 15, AccessTokenMinutes = 60 };

    private readonly SettableTime _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private protected Id<User> Ada { get; private set; }

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Ada = (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(
            new StoredUser(new User(_ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, _clock.GetUtcNow()), "hash"), Stop)).Value.Id;
    }

    [Fact]
    public async Task Token_OfOneNode_IsTakenByAnother()
    {
        var (here, there) = (NewNode(), NewNode());
        var opened = await here.OpenAsync(Ada, "test", Stop);

        (await there.ReadTokenAsync(opened.AccessToken, Stop)).ShouldBe(new AccessToken(Ada, opened.Session.Id, opened.AccessEndsAt));
        var refreshed = await there.RefreshAsync(opened.RefreshToken.Text, Stop);
        (await here.ReadAsync(refreshed.Value.AccessToken)).ShouldBe(Ada);
    }

    [Fact]
    public async Task EndedSession_IsRefusedHereAtOnce_AndThereWithinTheSecondsOfItsAnswer()
    {
        var (here, there) = (NewNode(), NewNode());
        var token = (await here.OpenAsync(Ada, "test", Stop)).AccessToken;
        (await there.ReadAsync(token)).ShouldBe(Ada);

        await here.EndAllAsync(Ada, Stop);

        (await here.ReadAsync(token)).ShouldBeNull();
        (await there.ReadAsync(token)).ShouldBe(Ada, "its answer has not aged yet");
        _clock.Advance(TimeSpan.FromSeconds(15));
        (await there.ReadAsync(token)).ShouldBeNull();
        (await here.ReadAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task Token_OutlivesTheRotationOfItsKey_ByItsOwnTime()
    {
        var (here, there) = (NewNode(), NewNode());
        await here.OpenAsync(Ada, "test", Stop);
        _clock.Advance(TimeSpan.FromDays(1) - TimeSpan.FromMinutes(5));
        // The next key is made by this, and takes over in a few minutes.
        var before = (await here.OpenAsync(Ada, "test", Stop)).AccessToken;
        _clock.Advance(TimeSpan.FromMinutes(30));
        var after = (await here.OpenAsync(Ada, "test", Stop)).AccessToken;

        Kid(after).ShouldNotBe(Kid(before));
        (await there.ReadAsync(before)).ShouldBe(Ada);
        (await there.ReadAsync(after)).ShouldBe(Ada);
        _clock.Advance(TimeSpan.FromMinutes(30));
        (await there.ReadAsync(before)).ShouldBeNull();
        (await there.ReadAsync(after)).ShouldBe(Ada);
    }

    private protected Sessions NewNode(TimeProvider? clock = null) => new(
        new SqlSessionStore(Database, s_cell, new SessionLimits(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30))),
        new SigningKeys(Database, s_cell, s_options, clock ?? _clock), s_options, _ids, new SecureRandom(), clock ?? _clock);

    private protected SettableTime Ahead(TimeSpan by) => new(_clock.GetUtcNow() + by);

    private static string Kid(string token) => new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(token).Kid;
}

public sealed class SqliteCellSessionsTests() : CellSessionsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresCellSessionsTests(PostgresCluster cluster) : CellSessionsConformance(new PostgresSource(cluster))
{
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task LostAnswer_IsGivenAgainByANodeWhoseClockIsAnHourApart(int hoursAhead)
    {
        var (here, there) = (NewNode(), NewNode(Ahead(TimeSpan.FromHours(hoursAhead))));
        var opened = await here.OpenAsync(Ada, "test", Stop);
        var lost = (await here.RefreshAsync(opened.RefreshToken.Text, Stop)).Value;

        var again = (await there.RefreshAsync(opened.RefreshToken.Text, Stop)).Value;
        again.RefreshToken.Text.ShouldBe(lost.RefreshToken.Text);
        var next = (await there.RefreshAsync(again.RefreshToken.Text, Stop)).Value;
        (await here.RefreshAsync(again.RefreshToken.Text, Stop)).Value.RefreshToken.Text.ShouldBe(next.RefreshToken.Text);
    }

    [Fact]
    public async Task UsedToken_IsReuse_OnceTheGraceIsOverByTheClockOfTheDatabase()
    {
        var node = NewNode();
        var opened = await node.OpenAsync(Ada, "test", Stop);
        await node.RefreshAsync(opened.RefreshToken.Text, Stop);
        await Database.WriteAsync(sql => sql.ExecuteAsync("UPDATE sessions SET rotated_at = rotated_at - 31000"), Stop);

        (await node.RefreshAsync(opened.RefreshToken.Text, Stop)).Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenReused);
    }
}
