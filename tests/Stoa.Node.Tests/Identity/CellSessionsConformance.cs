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
    private Id<User> _ada;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _ada = (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(
            new StoredUser(new User(_ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, _clock.GetUtcNow()), "hash"), Stop)).Value.Id;
    }

    [Fact]
    public async Task Token_OfOneNode_IsTakenByAnother()
    {
        var (here, there) = (NewNode(), NewNode());
        var opened = await here.OpenAsync(_ada, "test", Stop);

        (await there.ReadTokenAsync(opened.AccessToken, Stop)).ShouldBe(new AccessToken(_ada, opened.Session.Id, opened.AccessEndsAt));
        var refreshed = await there.RefreshAsync(opened.RefreshToken.Text, Stop);
        (await here.ReadAsync(refreshed.Value.AccessToken)).ShouldBe(_ada);
    }

    [Fact]
    public async Task EndedSession_IsRefusedHereAtOnce_AndThereWithinTheSecondsOfItsAnswer()
    {
        var (here, there) = (NewNode(), NewNode());
        var token = (await here.OpenAsync(_ada, "test", Stop)).AccessToken;
        (await there.ReadAsync(token)).ShouldBe(_ada);

        await here.EndAllAsync(_ada, Stop);

        (await here.ReadAsync(token)).ShouldBeNull();
        (await there.ReadAsync(token)).ShouldBe(_ada, "its answer has not aged yet");
        _clock.Advance(TimeSpan.FromSeconds(15));
        (await there.ReadAsync(token)).ShouldBeNull();
        (await here.ReadAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task Token_OutlivesTheRotationOfItsKey_ByItsOwnTime()
    {
        var (here, there) = (NewNode(), NewNode());
        await here.OpenAsync(_ada, "test", Stop);
        _clock.Advance(TimeSpan.FromDays(1) - TimeSpan.FromMinutes(5));
        // The next key is made by this, and takes over in a few minutes.
        var before = (await here.OpenAsync(_ada, "test", Stop)).AccessToken;
        _clock.Advance(TimeSpan.FromMinutes(30));
        var after = (await here.OpenAsync(_ada, "test", Stop)).AccessToken;

        Kid(after).ShouldNotBe(Kid(before));
        (await there.ReadAsync(before)).ShouldBe(_ada);
        (await there.ReadAsync(after)).ShouldBe(_ada);
        _clock.Advance(TimeSpan.FromMinutes(30));
        (await there.ReadAsync(before)).ShouldBeNull();
        (await there.ReadAsync(after)).ShouldBe(_ada);
    }

    private Sessions NewNode() => new(
        new SqlSessionStore(Database, s_cell, new SessionLimits(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30))),
        new SigningKeys(Database, s_cell, s_options, _clock), s_options, _ids, new SecureRandom(), _clock);

    private static string Kid(string token) => new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(token).Kid;
}

public sealed class SqliteCellSessionsTests() : CellSessionsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresCellSessionsTests(PostgresCluster cluster) : CellSessionsConformance(new PostgresSource(cluster));
