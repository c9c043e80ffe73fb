using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;
using Stoa.Node.SingleSignOn;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>What every store of providers, identities and sign-ins does.</summary>
public abstract class SignOnStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));

    private static readonly SystemAccounts s_accounts = new(default, default, default, default, default);

    private Id<User> _acme;

    private IdSource Ids { get; } = new(TimeProvider.System, new Random(1));

    private SqlIdentityProviderStore Providers => new(Database, s_cell);

    private SqlSignOnStore Store => new(Database, s_cell, Ids, new Random(2));

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var boss = await PersonAsync("boss", "hash");
        _acme = (await new SqlOrganisationStore(Database, s_accounts, Ids, s_cell).CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), boss, Stop)).Value.Organisation.Id;
        (await Providers.PutAsync(Provider("https://login.example.org"), "the secret", Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Provider_IsKeptSealed_AndFoundByIdAndHandle()
    {
        var (provider, secret) = (await Providers.FindAsync("acme", Stop))!.Value;

        secret.ShouldBe("the secret");
        (await Providers.FindAsync(_acme, Stop))!.Value.Secret.ShouldBe("the secret");
        (provider.Issuer, provider.Domains.Single(), provider.Roles["makers"], provider.Scopes.Single(), provider.RoleClaim, provider.TrustsEmail, provider.ChangedAt)
            .ShouldBe(("https://login.example.org", "example.org", OrganisationRole.Developer, "groups", "groups", true, s_now));
        var stored = await Database.ReadAsync(session => session.QuerySingleAsync<byte[]>("SELECT sealed_secret FROM identity_providers"), Stop);
        Encoding.Latin1.GetString(stored).ShouldNotContain("the secret");
        (await Providers.FindAsync("boss", Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Secret_IsKeptForTheSameClient_AndNoOther()
    {
        (await Providers.PutAsync(Provider("https://login.example.org") with { Domains = ["example.com"] }, null, Stop)).ShouldBeTrue();
        (await Providers.PutAsync(Provider("https://evil.example.org"), null, Stop)).ShouldBeFalse();
        (await Providers.PutAsync(Provider("https://login.example.org") with { ClientId = "other" }, null, Stop)).ShouldBeFalse();

        var (provider, secret) = (await Providers.FindAsync(_acme, Stop))!.Value;
        (provider.Domains.Single(), secret).ShouldBe(("example.com", "the secret"));
        (await Providers.DeleteAsync(_acme, Stop)).ShouldBeTrue();
        (await Providers.DeleteAsync(_acme, Stop)).ShouldBeFalse();
        (await Providers.PutAsync(Provider("https://login.example.org"), null, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task State_IsTakenOnce_AndForgottenWhenItIsOver()
    {
        var grant = Grant("state", "grace");
        (await Store.AddAsync(grant, Hash("code"), Stop)).ShouldBeTrue();
        (await Store.AddAsync(grant, Hash("another code"), Stop)).ShouldBeFalse();
        (await Store.IsUsedAsync(grant.StateHash, Stop)).ShouldBeTrue();

        (await Store.FindAsync(Hash("code"), s_now, Stop)).ShouldBe(grant);
        (await Store.FindAsync(Hash("code"), grant.CodeEndsAt, Stop)).ShouldBeNull();
        (await Store.FindAsync(Hash("another code"), s_now, Stop)).ShouldBeNull();
        (await Store.ForgetAsync(grant.ForgetAt, Stop)).ShouldBe(0);
        (await Store.ForgetAsync(grant.ForgetAt.AddSeconds(1), Stop)).ShouldBe(1);
        (await Store.IsUsedAsync(grant.StateHash, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task Grant_ThatIsRedeemedManyTimesAtOnce_MakesOneAccount()
    {
        var grant = Grant("state", "grace");
        await Store.AddAsync(grant, Hash("code"), Stop);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Store.RedeemAsync(grant, null, makesAccounts: true, s_now, Stop)));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(1);
        outcomes.Where(outcome => outcome.Refusal is not null).ShouldAllBe(outcome => outcome.Refusal!.Code == SingleSignOnRefusal.SignOnCodeWrong);
        (await new SqlOrganisationStore(Database, s_accounts, Ids, s_cell).FindMembershipAsync("acme", outcomes.Single(outcome => outcome.Refusal is null).Value.User.Id, Stop))!.Role.ShouldBe(OrganisationRole.Developer);
    }

    [Fact]
    public async Task FirstSignIns_OfOnePersonAtOnce_EndInOneAccount()
    {
        var grants = Enumerable.Range(0, 6).Select(index => Grant($"state {index}", "grace")).ToList();
        foreach (var (grant, index) in grants.Select((grant, index) => (grant, index)))
            await Store.AddAsync(grant, Hash($"code {index}"), Stop);

        var outcomes = await Task.WhenAll(grants.Select(grant => Store.RedeemAsync(grant, null, makesAccounts: true, s_now, Stop)));

        outcomes.Select(outcome => outcome.Value.User.Id).Distinct().Count().ShouldBe(1);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM users WHERE handle LIKE 'grace%'"), Stop)).ShouldBe(1);
    }

    [Fact]
    public async Task Refusal_LeavesNothingBehind()
    {
        await PersonAsync("grace", "hash");
        var grant = Grant("state", "grace");
        await Store.AddAsync(grant, Hash("code"), Stop);

        (await Store.RedeemAsync(grant, null, makesAccounts: true, s_now, Stop)).Refusal!.Code.ShouldBe(SingleSignOnRefusal.IdentityUnlinked);

        (await Store.FindUserAsync(grant.Identity, Stop)).ShouldBeNull();
        (await Store.FindAsync(Hash("code"), s_now, Stop)).ShouldBe(grant);
    }

    [Fact]
    public async Task Organisation_ThatIsFull_TakesNobody()
    {
        await Database.WriteAsync(
            async session =>
            {
                for (var index = 1; index < OrganisationRules.MembersMax; index++)
                {
                    await session.ExecuteAsync(
                        """
                        INSERT INTO invitations (id, organisation_id, email, role, inviter_id, created_at, expires_at)
                        SELECT @id, @organisation, @id, 'Viewer', id, 0, @expiresAt FROM users WHERE handle = 'boss'
                        """,
                        new { id = Ids.Next<OrganisationInvitation>(), organisation = _acme, expiresAt = s_now.AddDays(1) });
                }

                return 0;
            },
            Stop);
        var grant = Grant("state", "grace");
        await Store.AddAsync(grant, Hash("code"), Stop);

        (await Store.RedeemAsync(grant, null, makesAccounts: true, s_now, Stop)).Refusal!.Code.ShouldBe(SingleSignOnRefusal.MembersTooMany);
        (await new SqlUserStore(Database, Ids, s_cell).FindByHandleAsync("grace", Stop)).ShouldBeNull();
        (await Store.RedeemAsync(grant, null, makesAccounts: true, s_now.AddMinutes(4), Stop)).Refusal!.Code.ShouldBe(SingleSignOnRefusal.MembersTooMany);
    }

    [Fact]
    public async Task Identities_AreListedAndUnlinked_ButNotTheLastWayIn()
    {
        var owner = await PersonAsync("ada", "hash");
        foreach (var name in new[] { "one", "two" })
        {
            var grant = Grant(name, name);
            await Store.AddAsync(grant, Hash(name), Stop);
            (await Store.RedeemAsync(grant, owner, makesAccounts: false, s_now, Stop)).Value.User.Id.ShouldBe(owner);
        }

        var identities = await Store.ListAsync(owner, Stop);
        identities.Select(identity => identity.Subject).ShouldBe(["one", "two"]);
        (await Store.UnlinkAsync(identities[0].Id, _acme, Stop)).ShouldBe(SingleSignOnRefusal.IdentityUnknown);
        (await Store.UnlinkAsync(identities[0].Id, owner, Stop)).ShouldBeNull();
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE users SET password_hash = NULL"), Stop);
        (await Store.UnlinkAsync(identities[1].Id, owner, Stop)).ShouldBe(SingleSignOnRefusal.IdentityLast);
        (await Store.ListAsync(owner, Stop)).Count.ShouldBe(1);
    }

    private IdentityProvider Provider(string issuer) => new(
        _acme, issuer, "stoa", ["example.org"], true, "groups", new Dictionary<string, OrganisationRole> { ["makers"] = OrganisationRole.Developer }, ["groups"], s_now);

    private SignOnGrant Grant(string state, string name) => new(
        Hash(state), _acme, "stoa", "challenge", new ProvenIdentity("https://login.example.org", name, $"{name}@example.org", name, OrganisationRole.Developer),
        s_now.AddMinutes(5), s_now.AddMinutes(15));

    private async Task<Id<User>> PersonAsync(string handle, string? hash)
    {
        var user = new User(Ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, s_now);
        return (await new SqlUserStore(Database, Ids, s_cell).AddAsync(new StoredUser(user, hash), Stop)).Value.Id;
    }

    private static ContentHash Hash(string text) => ContentHash.Of(Encoding.UTF8.GetBytes(text));
}

public sealed class SqliteSignOnStoreTests() : SignOnStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresSignOnStoreTests(PostgresCluster cluster) : SignOnStoreConformance(new PostgresSource(cluster));
