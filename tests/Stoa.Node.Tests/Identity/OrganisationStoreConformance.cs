using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Mail;
using Stoa.Node.Plans;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>What every store of organisations and invitations does.</summary>
public abstract class OrganisationStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    private SystemAccounts _accounts = null!;

    private IdSource Ids { get; } = new(TimeProvider.System, new Random(1));

    private SqlOrganisationStore Organisations => new(Database, _accounts, Ids, TestCell.Key);

    private SqlInvitationStore Invitations => new(Database);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _accounts = await SystemAccounts.OpenAsync(new SqlLedgerStore(Database), Ids, TimeProvider.System, Stop);
    }

    [Fact]
    public async Task Create_OpensAWallet_AndAgainAnswersTheSame()
    {
        var ada = await PersonAsync("ada");
        var acme = new Organisation(Ids.Next<User>(), "acme", "Acme", s_now);

        var made = await Organisations.CreateAsync(acme, ada, Stop);
        var again = await Organisations.CreateAsync(acme, ada, Stop);

        made.Value.ShouldBe(new JoinedOrganisation(acme, OrganisationRole.Admin, s_now));
        again.Value.ShouldBe(made.Value);
        (await new SqlLedgerStore(Database).FindAccountAsync(acme.Id.ToString(), AccountKind.Wallet, Stop)).ShouldNotBeNull();
        (await new SqlUserStore(Database, Ids, TestCell.Key).GetAsync(acme.Id, Stop))!.Kind.ShouldBe(UserKind.Organisation);
        (await Organisations.FindMembershipAsync("acme", ada, Stop)).ShouldBe(made.Value);
        (await Organisations.CreateAsync(acme with { Id = Ids.Next<User>() }, ada, Stop)).Refusal!.Code.ShouldBe(OrganisationRefusal.HandleTaken);
    }

    [Fact]
    public async Task ModelLimits_AreKept_AndTakenBack()
    {
        var ada = await PersonAsync("ada");
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), ada, Stop)).Value.Organisation;
        acme.ModelLimits.ShouldBe(ModelLimits.None);

        await Organisations.LimitAsync(acme.Id, new ModelLimits(600, 1_000_000_000), Stop);
        (await Organisations.FindMembershipAsync("acme", ada, Stop))!.Organisation.ModelLimits.ShouldBe(new ModelLimits(600, 1_000_000_000));
        (await Organisations.ListAsync(ada, new PageRequest(5), Stop)).Items[0].Organisation.ModelLimits.ShouldBe(new ModelLimits(600, 1_000_000_000));
        await Organisations.LimitAsync(acme.Id, ModelLimits.None, Stop);
        (await Organisations.FindMembershipAsync(acme.Id, ada, Stop))!.Organisation.ShouldBe(acme);
    }

    [Fact]
    public async Task Memberships_AndMembers_AreListedInPages()
    {
        var ada = await PersonAsync("ada");
        foreach (var handle in new[] { "one", "two", "three" })
            await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), handle, handle, s_now), ada, Stop);

        var first = await Organisations.ListAsync(ada, new PageRequest(2), Stop);
        var second = await Organisations.ListAsync(ada, new PageRequest(2, first.NextCursor), Stop);

        first.Items.Concat(second.Items).Select(membership => membership.Organisation.Handle).ShouldBe(["one", "two", "three"]);
        second.NextCursor.ShouldBeNull();
        var members = await Organisations.ListMembersAsync(first.Items[0].Organisation.Id, new PageRequest(5), Stop);
        members.Items.ShouldBe([new Member(ada, "ada", OrganisationRole.Admin, s_now)]);
    }

    [Fact]
    public async Task Administrators_WhoAllGoAtOnce_LeaveOne()
    {
        var founder = await PersonAsync("p0");
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), founder, Stop)).Value.Organisation.Id;
        for (var index = 1; index < 6; index++)
            await JoinAsync(acme, founder, $"p{index}", OrganisationRole.Admin);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(index => index % 2 == 0
            ? Organisations.RemoveAsync(acme, $"p{index}", Stop)
            : Organisations.SetRoleAsync(acme, $"p{index}", OrganisationRole.Viewer, Stop)));

        outcomes.Count(outcome => outcome.Refusal?.Code is OrganisationRefusal.LastAdmin).ShouldBe(1);
        (await Organisations.ListMembersAsync(acme, new PageRequest(10), Stop)).Items.Count(member => member.Role is OrganisationRole.Admin).ShouldBe(1);
    }

    [Fact]
    public async Task Administrator_WhoIsToBeErased_IsRemovedByTheOneWhoStays_AndNotTheOtherWayRound()
    {
        var stays = await PersonAsync("stays");
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), stays, Stop)).Value.Organisation.Id;
        await JoinAsync(acme, stays, "goes", OrganisationRole.Admin);
        var goes = (await new SqlUserStore(Database, Ids, TestCell.Key).FindByHandleAsync("goes", Stop))!.Id;
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "INSERT INTO erasures (user_id, forfeits, requested_at, due_at, step, place) VALUES (@goes, @forfeits, @at, @at, 0, '')", new { goes, forfeits = false, at = s_now }),
            Stop);

        (await Organisations.RemoveAsync(acme, "stays", Stop)).Refusal?.Code.ShouldBe(OrganisationRefusal.LastAdmin);
        (await Organisations.SetRoleAsync(acme, "goes", OrganisationRole.Viewer, Stop)).Value.Role.ShouldBe(OrganisationRole.Viewer);
        (await Organisations.RemoveAsync(acme, "goes", Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Invitation_AcceptedManyTimesAtOnce_MakesOneMember()
    {
        var founder = await PersonAsync("ada");
        var grace = await PersonAsync("grace");
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), founder, Stop)).Value.Organisation.Id;
        var invitation = await InviteAsync(acme, founder, "grace", OrganisationRole.Viewer);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Invitations.AcceptAsync(invitation, grace, null, s_now, Stop)));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(1);
        outcomes.Where(outcome => outcome.Refusal is not null).ShouldAllBe(outcome => outcome.Refusal!.Code == OrganisationRefusal.InvitationUnknown);
        (await Organisations.FindMembershipAsync(acme, grace, Stop))!.Role.ShouldBe(OrganisationRole.Viewer);
    }

    [Fact]
    public async Task Delete_RefusesWhatIsInUse_AndLeavesNobodyIn()
    {
        var founder = await PersonAsync("ada");
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), founder, Stop)).Value.Organisation.Id;
        await Database.WriteAsync(
            session => session.ExecuteAsync("UPDATE user_usage SET open_tasks = 2, content_bytes = 77 WHERE user_id = @acme", new { acme }), Stop);

        (await Organisations.DeleteAsync(acme, false, s_now, Stop))!.Errors.Single().Reason.ShouldBe("2 tasks that wait or run.");
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE user_usage SET open_tasks = 0"), Stop);
        await new SqlPlanStore(Database, Ids).PutAsync("free", "", new PlanTerms(Money.Zero, Money.Zero, null, null), s_now, Stop);
        var plans = new SqlSubscriptionStore(
            Database, _accounts, new Node.Mail.LetterBox(new Mailer(new MailOptions()), Ids), new PlansOptions(), Ids);
        (await plans.PutAsync(acme, "free", null, null, s_now, Stop)).Refusal.ShouldBeNull();
        (await Organisations.DeleteAsync(acme, false, s_now, Stop))!.Errors.Single().Reason.ShouldBe("1 plan that would be renewed: cancel it (stoa plan cancel).");
        (await plans.CancelAsync(acme, true, s_now, Stop)).Refusal.ShouldBeNull();
        (await Organisations.DeleteAsync(acme, false, s_now, Stop)).ShouldBeNull();

        (await Organisations.FindMembershipAsync(acme, founder, Stop)).ShouldBeNull();
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT content_bytes FROM user_usage WHERE user_id = @acme", new { acme }), Stop)).ShouldBe(0, "nobody pays for it");
        (await Database.ReadAsync(session => session.QuerySingleAsync<DateTimeOffset?>("SELECT sweep_at FROM organisations WHERE id = @acme", new { acme }), Stop)).ShouldBe(s_now);
        (await new SqlUserStore(Database, Ids, TestCell.Key).FindByHandleAsync("acme", Stop)).ShouldNotBeNull("the handle stays taken, and the books its");
    }

    [Fact]
    public async Task Delete_WithMoneyLeft_SaysHowMuch_AndGivesItUpWhenTold()
    {
        var ledger = new SqlLedgerStore(Database);
        var acme = (await Organisations.CreateAsync(new Organisation(Ids.Next<User>(), "acme", "Acme", s_now), await PersonAsync("ada"), Stop)).Value.Organisation.Id;
        var wallet = (await ledger.FindAccountAsync(acme.ToString(), AccountKind.Wallet, Stop))!.Id;
        var hold = new Transfer(Ids.Next<Transfer>(), TransferKind.Pending, wallet, _accounts.Clearing, Money.Parse("2"), null, TransferPurpose.TaskHold, "test", s_now);
        (await ledger.ApplyAsync(
            [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, _accounts.World, wallet, Money.Parse("7.5"), null, TransferPurpose.Deposit, "test", s_now), hold], Stop)).Refusal.ShouldBeNull();
        var grant = new CreditGrant(Ids.Next<CreditGrant>(), acme, CreditSource.Plan, "test", Money.Parse("3"), Money.Parse("3"), null, s_now);
        await Database.WriteAsync(session => SqlCredit.GiveAsync(session, grant, _accounts.Sponsor, s_now), Stop);

        (await Organisations.DeleteAsync(acme, true, s_now, Stop))!.Errors.ShouldHaveSingleItem().Reason.ShouldStartWith("Money that is held");
        (await ledger.ApplyAsync([hold with { Id = Ids.Next<Transfer>(), Kind = TransferKind.VoidPending, Amount = Money.Zero, PendingId = hold.Id, Purpose = TransferPurpose.TaskRelease }], Stop)).Refusal.ShouldBeNull();
        var refused = (await Organisations.DeleteAsync(acme, false, s_now, Stop))!.Errors;
        refused.Select(error => error.Pointer).ShouldBe(["/forfeit", "/forfeit"]);
        string.Join(' ', refused.Select(error => error.Reason)).ShouldContain("7.500000000 USD in the wallet");
        string.Join(' ', refused.Select(error => error.Reason)).ShouldContain("3.000000000 USD of credit");
        (await Organisations.DeleteAsync(acme, true, s_now, Stop)).ShouldBeNull();

        (await ledger.GetAccountAsync(wallet, Stop))!.Posted.ShouldBe(Money.Zero);
        (await ledger.GetAccountAsync(Account.CreditOf(acme), Stop))!.Posted.ShouldBe(Money.Zero);
        (await ledger.GetAccountAsync(_accounts.Platform, Stop))!.Posted.ShouldBe(Money.Parse("7.5"));
        (await ledger.GetAccountAsync(_accounts.Sponsor, Stop))!.Posted.ShouldBe(Money.Zero);
        (await ledger.ListTransfersAsync(wallet, new PageRequest(), Stop)).Items[0].Purpose.ShouldBe(TransferPurpose.Forfeit);
    }

    private async Task<Id<User>> PersonAsync(string handle)
    {
        var user = new User(Ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, s_now);
        return (await new SqlUserStore(Database, Ids, TestCell.Key).AddAsync(new StoredUser(user, null), Stop)).Value.Id;
    }

    private async Task<Id<OrganisationInvitation>> InviteAsync(Id<User> organisation, Id<User> inviter, string handle, OrganisationRole role)
    {
        var invitation = new OrganisationInvitation(Ids.Next<OrganisationInvitation>(), organisation, "acme", handle, null, role, "ada", s_now, s_now.AddDays(7));
        return (await Invitations.AddAsync(invitation, inviter, null, Stop)).Value.Id;
    }

    private async Task JoinAsync(Id<User> organisation, Id<User> inviter, string handle, OrganisationRole role)
    {
        var person = await PersonAsync(handle);
        (await Invitations.AcceptAsync(await InviteAsync(organisation, inviter, handle, role), person, null, s_now, Stop)).Refusal.ShouldBeNull();
    }
}

public sealed class SqliteOrganisationStoreTests() : OrganisationStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresOrganisationStoreTests(PostgresCluster cluster) : OrganisationStoreConformance(new PostgresSource(cluster));
