using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>What every store of users does.</summary>
public abstract class UserStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    private IdSource Ids { get; } = new(TimeProvider.System, new Random(1));

    private SqlUserStore Users => new(Database, Ids, TestCell.Key);

    [Fact]
    public async Task Add_OpensAnEmptyWallet()
    {
        var ada = (await AddAsync("ada")).Value;

        (await Users.GetAsync(ada.Id, Stop)).ShouldBe(ada);
        (await Users.FindByHandleAsync("ada", Stop)).ShouldBe(ada);
        var wallet = await new SqlLedgerStore(Database).FindAccountAsync(ada.Id.ToString(), AccountKind.Wallet, Stop);
        wallet!.Posted.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Add_WithTheSameId_AnswersTheStoredUser()
    {
        var ada = (await AddAsync("ada")).Value;

        var again = await Users.AddAsync(new StoredUser(ada with { Handle = "other", Email = "other@example.org" }, null), Stop);

        again.Value.ShouldBe(ada);
    }

    [Fact]
    public async Task Add_WithATakenHandleOrEmail_IsRefusedAndOpensNoWallet()
    {
        await AddAsync("ada");
        var accounts = await CountAccountsAsync();

        (await AddAsync("ada", "new@example.org")).Refusal!.Code.ShouldBe(IdentityRefusal.HandleTaken);
        (await AddAsync("new", "ada@example.org")).Refusal!.Code.ShouldBe(IdentityRefusal.EmailTaken);

        (await CountAccountsAsync()).ShouldBe(accounts);
    }

    [Fact]
    public async Task Add_OfOneHandleByManyAtOnce_LetsOneThrough()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(index => AddAsync("ada", $"{index}@example.org")));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(1);
        outcomes.Where(outcome => outcome.Refusal is not null).ShouldAllBe(outcome => outcome.Refusal!.Code == IdentityRefusal.HandleTaken);
    }

    [Theory]
    [InlineData("ada", true)]
    [InlineData("ada@example.org", true)]
    [InlineData("bob", false)]
    public async Task FindByLogin_TakesHandleAndEmail(string login, bool found)
    {
        await AddAsync("ada");

        var stored = await Users.FindByLoginAsync(login, Stop);

        stored?.PasswordHash.ShouldBe(found ? "hash" : null);
        (stored is not null).ShouldBe(found);
    }

    [Fact]
    public async Task Key_IsFoundByItsSecret_AlsoWhenRevoked()
    {
        var ada = (await AddAsync("ada")).Value;
        var key = await PutKeyAsync(ada, "a");

        (await Users.FindKeyAsync(key.SecretHash, Stop)).ShouldBe(key);
        var revoked = await Users.RevokeKeyAsync(key.Id, ada.Id, null, s_now.AddSeconds(1), Stop);

        revoked.ShouldBe(key with { RevokedAt = s_now.AddSeconds(1) });
        (await Users.FindKeyAsync(key.SecretHash, Stop)).ShouldBe(revoked);
        (await Users.RevokeKeyAsync(key.Id, ada.Id, null, s_now, Stop)).ShouldBeNull();
        (await Users.FindKeyAsync(ContentHash.Of("other"u8), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Key_OfAnotherUser_IsNotRevoked()
    {
        var ada = (await AddAsync("ada")).Value;
        var bob = (await AddAsync("bob")).Value;
        var key = await PutKeyAsync(ada, "a");

        (await Users.RevokeKeyAsync(key.Id, bob.Id, null, s_now, Stop)).ShouldBeNull();
        (await Users.FindKeyAsync(key.SecretHash, Stop)).ShouldBe(key);
    }

    [Fact]
    public async Task Key_KeepsItsBounds_AndIsItsMakersInAList()
    {
        var ada = (await AddAsync("ada")).Value;
        var bob = (await AddAsync("bob")).Value;
        var own = await PutKeyAsync(ada, "own");
        var bounded = new ApiKey(Ids.Next<ApiKey>(), ada.Id, "bounded", "stoa_bound", ContentHash.Of("bounded"u8), s_now, s_now.AddDays(1), null)
        {
            MakerId = bob.Id,
            Scopes = PermissionSet.Of(Permission.TasksRead, Permission.TasksSubmit),
            CallsPerMinute = 60,
            SpendPerDay = new Money(5),
            TokensPerMinute = 1_000_000_000,
        };
        (await Users.PutKeyAsync(bounded, 10, Stop)).Value.ShouldBe(bounded);

        (await Users.FindKeyAsync(bounded.SecretHash, Stop)).ShouldBe(bounded);
        (await Users.ListKeysAsync(ada.Id, bob.Id, new PageRequest(5), Stop)).Items.ShouldBe([bounded]);
        (await Users.ListKeysAsync(ada.Id, ada.Id, new PageRequest(5), Stop)).Items.ShouldBe([own]);
        (await Users.RevokeKeyAsync(bounded.Id, ada.Id, ada.Id, s_now, Stop)).ShouldBeNull();
        (await Users.RevokeKeyAsync(bounded.Id, ada.Id, bob.Id, s_now, Stop)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Use_IsNoted_AndNeverAnEarlierOne()
    {
        var ada = (await AddAsync("ada")).Value;
        var key = await PutKeyAsync(ada, "a");

        await Users.NoteKeyUsesAsync([(key.Id, s_now.AddMinutes(2))], Stop);
        await Users.NoteKeyUsesAsync([(key.Id, s_now.AddMinutes(1))], Stop);

        (await Users.FindKeyAsync(key.SecretHash, Stop))!.LastUsedAt.ShouldBe(s_now.AddMinutes(2));
    }

    [Fact]
    public async Task Keys_AreListedInPages_NewestFirst_WithoutRevokedOnes()
    {
        var ada = (await AddAsync("ada")).Value;
        var keys = new List<ApiKey>();
        for (var index = 0; index < 5; index++)
            keys.Add(await PutKeyAsync(ada, $"k{index}"));
        await Users.RevokeKeyAsync(keys[2].Id, ada.Id, null, s_now, Stop);

        var first = await Users.ListKeysAsync(ada.Id, null, new PageRequest(2), Stop);
        var second = await Users.ListKeysAsync(ada.Id, null, new PageRequest(2, first.NextCursor), Stop);

        first.Items.ShouldBe([keys[4], keys[3]]);
        second.Items.ShouldBe([keys[1], keys[0]]);
        second.NextCursor.ShouldBeNull();
    }

    [Fact]
    public async Task Key_BeyondTheMost_IsRefused_AndExpiredOnesDoNotCount()
    {
        var ada = (await AddAsync("ada")).Value;
        await PutKeyAsync(ada, "a");
        await PutKeyAsync(ada, "b", expiresAt: s_now.AddSeconds(-1));

        (await Users.PutKeyAsync(NewKey(ada, "c"), 2, Stop)).Refusal.ShouldBeNull();
        (await Users.PutKeyAsync(NewKey(ada, "d"), 2, Stop)).Refusal!.Code.ShouldBe(IdentityRefusal.ApiKeysTooMany);
    }

    [Fact]
    public async Task Key_WithTheSameId_GetsTheNewSecret()
    {
        var ada = (await AddAsync("ada")).Value;
        var key = await PutKeyAsync(ada, "a");
        var renewed = key with { SecretHash = ContentHash.Of("renewed"u8), Prefix = "stoa_zzzzzz" };

        (await Users.PutKeyAsync(renewed, 1, Stop)).Refusal.ShouldBeNull();

        (await Users.FindKeyAsync(key.SecretHash, Stop)).ShouldBeNull();
        (await Users.FindKeyAsync(renewed.SecretHash, Stop)).ShouldBe(renewed);
    }

    private Task<Outcome<User, IdentityRefusal>> AddAsync(string handle, string? email = null) => Users.AddAsync(
        new StoredUser(new User(Ids.Next<User>(), handle, email ?? $"{handle}@example.org", UserRole.Member, s_now), "hash"), Stop);

    private async Task<ApiKey> PutKeyAsync(User user, string name, DateTimeOffset? expiresAt = null) =>
        (await Users.PutKeyAsync(NewKey(user, name) with { ExpiresAt = expiresAt }, 100, Stop)).Value;

    private ApiKey NewKey(User user, string name) =>
        new(Ids.Next<ApiKey>(), user.Id, name, "stoa_abcdef", ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(name)), s_now, null, null);

    private Task<long> CountAccountsAsync() =>
        Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM accounts"), Stop);
}

public sealed class SqliteUserStoreTests() : UserStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresUserStoreTests(PostgresCluster cluster) : UserStoreConformance(new PostgresSource(cluster));
