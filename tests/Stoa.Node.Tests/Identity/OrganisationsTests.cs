using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Identity;

/// <summary>Organisations from their founding to their end, through the client.</summary>
public sealed class OrganisationsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Organisation_IsFoundedShownRenamedAndDeleted()
    {
        using var ada = await PersonAsync("ada");

        var made = await ada.CreateOrganisationAsync(new CreateOrganisationRequest("ada-labs", "Ada's Labs"), Stop);

        (made.Handle, made.Name, made.Role).ShouldBe(("ada-labs", "Ada's Labs", "admin"));
        (await AllAsync(ada.ListOrganisationsAsync(Stop))).ShouldBe([made]);
        (await ada.UpdateOrganisationAsync("ada-labs", new UpdateOrganisationRequest("Labs"), Stop)).Name.ShouldBe("Labs");
        (await ada.GetOrganisationAsync("ada-labs", Stop)).ShouldBe(made with { Name = "Labs" });
        using var acting = For(ada, "ada-labs");
        (await acting.GetMeAsync(Stop)).ShouldBe(new UserResponse(made.Id, "ada-labs", "", "member", made.CreatedAt, Actor: "ada"));
        (await acting.GetWalletAsync(Stop)).Available.ShouldBe("0.000000000");
        await ada.DeleteOrganisationAsync("ada-labs", cancellationToken: Stop);
        await RefusedAsync("organisationUnknown", () => ada.GetOrganisationAsync("ada-labs", Stop));
        await RefusedAsync("forbidden", () => acting.GetWalletAsync(Stop));
        await RefusedAsync("handleTaken", () => ada.CreateOrganisationAsync(new CreateOrganisationRequest("ada-labs", "Again"), Stop));
    }

    [Theory]
    [InlineData("A", "Name", "organisationInvalid")]
    [InlineData("admin", "Name", "organisationInvalid")]
    [InlineData("good-handle", " ", "organisationInvalid")]
    [InlineData("stoa-x", "bad\u0007bell", "organisationInvalid")]
    public async Task Organisation_ThatBreaksTheRules_IsRefused(string handle, string name, string code)
    {
        using var founder = await PersonAsync("f-" + Guid.NewGuid().ToString("N")[..8]);

        await RefusedAsync(code, () => founder.CreateOrganisationAsync(new CreateOrganisationRequest(handle, name), Stop));
    }

    [Fact]
    public async Task Handle_IsOneNamespaceOfPeopleAndOrganisations()
    {
        using var bea = await PersonAsync("bea");
        await PersonAsync("taken-by-a-person");

        await RefusedAsync("handleTaken", () => bea.CreateOrganisationAsync(new CreateOrganisationRequest("taken-by-a-person", "x"), Stop));
        await bea.CreateOrganisationAsync(new CreateOrganisationRequest("taken-by-bea", "x"), Stop);
        await RefusedAsync("handleTaken", () => bea.RegisterAsync(new RegisterRequest("taken-by-bea", "t@example.org", "correct horse battery"), Stop));
        await RefusedAsync("credentialsWrong", () => bea.LoginAsync(new LoginRequest("taken-by-bea", ""), Stop));
    }

    [Fact]
    public async Task Invitation_ByHandle_IsForThatPersonAlone_AndUsedUp()
    {
        using var boss = await PersonAsync("boss1");
        using var grace = await PersonAsync("grace1");
        using var mallory = await PersonAsync("mallory1");
        await boss.CreateOrganisationAsync(new CreateOrganisationRequest("inviting", "x"), Stop);

        var invitation = await boss.InviteAsync("inviting", new InviteRequest("developer", "grace1"), Stop);

        (invitation.Handle, invitation.Role, invitation.Code, invitation.Mailed).ShouldBe(("grace1", "developer", null, null));
        await RefusedAsync("invitationUnknown", () => mallory.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop));
        await RefusedAsync("organisationUnknown", () => AllAsync(grace.ListMembersAsync("inviting", Stop)));
        (await AllAsync(grace.ListInvitationsAsync(Stop))).Single().Id.ShouldBe(invitation.Id);
        (await grace.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop)).Role.ShouldBe("developer");
        (await AllAsync(grace.ListMembersAsync("inviting", Stop))).Select(member => (member.Handle, member.Role)).ShouldBe([("boss1", "admin"), ("grace1", "developer")], ignoreOrder: true);
        await RefusedAsync("invitationUnknown", () => grace.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop));
        await RefusedAsync("alreadyMember", () => boss.InviteAsync("inviting", new InviteRequest("viewer", "grace1"), Stop));
        await RefusedAsync("invitationInvalid", () => boss.InviteAsync("inviting", new InviteRequest("viewer", "nobody-there"), Stop));
        await RefusedAsync("invitationInvalid", () => boss.InviteAsync("inviting", new InviteRequest("viewer"), Stop));
        await RefusedAsync("invitationInvalid", () => boss.InviteAsync("inviting", new InviteRequest("owner", "mallory1"), Stop));
    }

    [Fact]
    public async Task Invitation_ByEmail_NeedsTheCodeAndTheAddress()
    {
        using var boss = await PersonAsync("boss2");
        await boss.CreateOrganisationAsync(new CreateOrganisationRequest("mailing", "x"), Stop);

        var invitation = await boss.InviteAsync("mailing", new InviteRequest("viewer", Email: "Late@Example.org"), Stop);

        (invitation.Email, invitation.Mailed).ShouldBe(("late@example.org", false), "this node sends no e-mail");
        using var thief = await PersonAsync("thief");
        await RefusedAsync("invitationUnknown", () => thief.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(invitation.Code), Stop));
        // Registering with the address proves nothing: addresses are not checked.
        using var late = await PersonAsync("late");
        (await AllAsync(late.ListInvitationsAsync(Stop))).ShouldBeEmpty();
        foreach (var wrong in new[] { null, "", "join_wrong", invitation.Id })
            await RefusedAsync("invitationUnknown", () => late.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(wrong), Stop));
        (await late.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(invitation.Code), Stop)).Handle.ShouldBe("mailing");
    }

    [Fact]
    public async Task Invitation_DeclinedWithdrawnReplacedOrExpired_IsGone()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock });
        using var boss = await PersonAsync("boss", node);
        using var grace = await PersonAsync("grace", node);
        await boss.CreateOrganisationAsync(new CreateOrganisationRequest("org", "x"), Stop);
        var first = await boss.InviteAsync("org", new InviteRequest("viewer", "grace"), Stop);
        var second = await boss.InviteAsync("org", new InviteRequest("admin", "grace"), Stop);

        await RefusedAsync("invitationUnknown", () => grace.AcceptInvitationAsync(first.Id, new AcceptInvitationRequest(), Stop));
        await grace.DeclineInvitationAsync(second.Id, Stop);
        await RefusedAsync("invitationUnknown", () => grace.AcceptInvitationAsync(second.Id, new AcceptInvitationRequest(), Stop));
        var third = await boss.InviteAsync("org", new InviteRequest("viewer", "grace"), Stop);
        await boss.WithdrawInvitationAsync("org", third.Id, Stop);
        await RefusedAsync("invitationUnknown", () => grace.DeclineInvitationAsync(third.Id, Stop));
        var fourth = await boss.InviteAsync("org", new InviteRequest("viewer", "grace"), Stop);
        (await AllAsync(boss.ListInvitationsOfAsync("org", Stop))).Single().Id.ShouldBe(fourth.Id);

        // Sessions end before invitations do: grace goes on with a key.
        var key = await grace.CreateApiKeyAsync(new CreateApiKeyRequest("k"), Stop);
        clock.Advance(TimeSpan.FromDays(7));
        using var later = new StoaClient(grace.Options with { ApiKey = key.Secret });

        await RefusedAsync("invitationUnknown", () => later.AcceptInvitationAsync(fourth.Id, new AcceptInvitationRequest(), Stop));
        (await AllAsync(later.ListInvitationsAsync(Stop))).ShouldBeEmpty();
    }

    [Fact]
    public async Task LastAdmin_StaysUntilThereIsAnother()
    {
        using var boss = await PersonAsync("boss3");
        using var next = await JoinAsync(boss, "next3", "last-admin", "developer", found: true);

        await RefusedAsync("lastAdmin", () => boss.LeaveOrganisationAsync("last-admin", Stop));
        await RefusedAsync("lastAdmin", () => boss.SetMemberAsync("last-admin", "boss3", new SetMemberRequest("viewer"), Stop));
        await RefusedAsync("lastAdmin", () => boss.RemoveMemberAsync("last-admin", "boss3", Stop));
        await boss.SetMemberAsync("last-admin", "next3", new SetMemberRequest("admin"), Stop);
        await boss.LeaveOrganisationAsync("last-admin", Stop);
        await RefusedAsync("lastAdmin", () => next.LeaveOrganisationAsync("last-admin", Stop));
        await RefusedAsync("memberUnknown", () => next.RemoveMemberAsync("last-admin", "boss3", Stop));
    }

    [Fact]
    public async Task LastTwoAdmins_WhoLeaveAtOnce_DoNotBothGo()
    {
        using var boss = await PersonAsync("boss9");
        using var next = await JoinAsync(boss, "next9", "two-admins", "admin", found: true);

        var left = await Task.WhenAll(new[] { boss, next }.Select(async client =>
        {
            try
            {
                await client.LeaveOrganisationAsync("two-admins", Stop);
                return true;
            }
            catch (StoaException refusal) when (refusal.Problem.Code == "lastAdmin")
            {
                return false;
            }
        }));

        left.Count(gone => gone).ShouldBe(1);
    }

    [Fact]
    public async Task Role_ThatIsTakenAway_IsRefusedAtOnce_ForSessionsAndKeys()
    {
        using var boss = await PersonAsync("boss4");
        using var devi = await JoinAsync(boss, "devi4", "at-once", "developer", found: true);
        using var acting = For(devi, "at-once");
        var made = await acting.CreateApiKeyAsync(new CreateApiKeyRequest("deploy", Scopes: ["tasks:read", "tasks:submit"]), Stop);
        using var key = new StoaClient(acting.Options with { ApiKey = made.Secret, Organisation = null });
        var request = new SubmitTaskRequest("nobody/nothing", new TaskInputBody(Text: "x"));
        await RefusedAsync("agentUnknown", () => acting.SubmitAsync(request, cancellationToken: Stop));
        await RefusedAsync("agentUnknown", () => key.SubmitAsync(request, cancellationToken: Stop));

        await boss.SetMemberAsync("at-once", "devi4", new SetMemberRequest("viewer"), Stop);

        await RefusedAsync("forbidden", () => acting.SubmitAsync(request, cancellationToken: Stop));
        await RefusedAsync("forbidden", () => key.SubmitAsync(request, cancellationToken: Stop));
        (await AllAsync(key.ListTasksAsync(cancellationToken: Stop))).ShouldBeEmpty();
        await boss.RemoveMemberAsync("at-once", "devi4", Stop);
        await RefusedAsync("forbidden", () => acting.GetWalletAsync(Stop));
        await RefusedAsync("unauthenticated", () => AllAsync(key.ListTasksAsync(cancellationToken: Stop)));
        using var bossActing = For(boss, "at-once");
        (await AllAsync(bossActing.ListApiKeysAsync(Stop))).Single().Id.ShouldBe(made.Id, "the key is there to be seen, and opens nothing");
    }

    [Fact]
    public async Task Keys_OfAnOrganisation_AreTheirMakersAndTheAdministrators()
    {
        using var boss = await PersonAsync("boss5");
        using var devi = await JoinAsync(boss, "devi5", "key-ring", "developer", found: true);
        using var bossActing = For(boss, "key-ring");
        using var deviActing = For(devi, "key-ring");
        var ofBoss = await bossActing.CreateApiKeyAsync(new CreateApiKeyRequest("of boss"), Stop);
        var ofDevi = await deviActing.CreateApiKeyAsync(new CreateApiKeyRequest("of devi"), Stop);

        (await AllAsync(deviActing.ListApiKeysAsync(Stop))).Select(key => key.Id).ShouldBe([ofDevi.Id]);
        (await AllAsync(bossActing.ListApiKeysAsync(Stop))).Select(key => key.Id).ShouldBe([ofDevi.Id, ofBoss.Id]);
        (await AllAsync(devi.ListApiKeysAsync(Stop))).ShouldBeEmpty("his own account has none");
        await RefusedAsync("apiKeyUnknown", () => deviActing.RevokeApiKeyAsync(ofBoss.Id, Stop));
        await RefusedAsync("apiKeyInvalid", () => deviActing.CreateApiKeyAsync(new CreateApiKeyRequest("more", Scopes: ["members:manage"]), Stop));
        await bossActing.RevokeApiKeyAsync(ofDevi.Id, Stop);
    }

    [Fact]
    public async Task WhatBelongsToIt_IsSeenAndRunByItsMembersByRole_AndByNobodyElse()
    {
        using var boss = await PersonAsync("boss6");
        using var devi = await JoinAsync(boss, "devi6", "shared", "developer", found: true);
        using var vera = await JoinAsync(boss, "vera6", "shared", "viewer", found: false);
        using var stranger = await PersonAsync("stranger6");
        using var deviActing = For(devi, "shared");
        using var veraActing = For(vera, "shared");
        // An organisation keeps nothing for nothing: its program is paid for.
        using (var admin = new StoaClient(boss.Options with { ApiKey = shared.Node.AdminKey }))
            await admin.DepositAsync(new DepositRequest("shared", "1"), Stop);
        var agent = await TestNode.PublishAsync(deviActing, "echo", GuestPrograms.Echo, price: new AgentPriceBody("0", "0", "0"));

        var task = await deviActing.SubmitTextAsync(agent, "hello", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);

        (agent, task.State).ShouldBe(("shared/echo@1.0.0", "succeeded"));
        (await veraActing.GetTaskAsync(task.Id, Stop)).ShouldBeEquivalentTo(task);
        await RefusedAsync("forbidden", () => veraActing.SubmitTextAsync(agent, "hello", cancellationToken: Stop));
        await RefusedAsync("taskUnknown", () => devi.GetTaskAsync(task.Id, Stop));
        await RefusedAsync("taskUnknown", () => stranger.GetTaskAsync(task.Id, Stop));
        await RefusedAsync("organisationInUse", () => boss.DeleteOrganisationAsync("shared", cancellationToken: Stop));
    }

    [Fact]
    public async Task WhatIsLeftInTheWallet_IsGivenUpByWhoMaySpendIt_AndByNobodyElse()
    {
        using var boss = await PersonAsync("boss7");
        await boss.CreateOrganisationAsync(new CreateOrganisationRequest("rich", "Rich"), Stop);
        using (var admin = new StoaClient(boss.Options with { ApiKey = shared.Node.AdminKey }))
            await admin.DepositAsync(new DepositRequest("rich", "5"), Stop);
        using var bossActing = For(boss, "rich");
        var key = await bossActing.CreateApiKeyAsync(new CreateApiKeyRequest("janitor", Scopes: ["organisation:manage"]), Stop);
        using var janitor = new StoaClient(boss.Options with { ApiKey = key.Secret });

        var refused = await Should.ThrowAsync<StoaException>(() => boss.DeleteOrganisationAsync("rich", cancellationToken: Stop));
        refused.Problem.Errors!.ShouldHaveSingleItem().Reason.ShouldContain("5.000000000 USD in the wallet");
        await RefusedAsync("forbidden", () => janitor.DeleteOrganisationAsync("rich", forfeit: true, Stop));
        await boss.DeleteOrganisationAsync("rich", forfeit: true, Stop);

        await RefusedAsync("organisationUnknown", () => boss.GetOrganisationAsync("rich", Stop));
    }

    private static async Task RefusedAsync(string code, Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Problem.Code.ShouldBe(code);

    private static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T> list)
    {
        var all = new List<T>();
        await foreach (var item in list)
            all.Add(item);
        return all;
    }

    private static StoaClient For(StoaClient person, string organisation) => new(person.Options with { Organisation = organisation });

    private async Task<StoaClient> PersonAsync(string handle, RunningNode? node = null)
    {
        node ??= shared.Node;
        using var anyone = new StoaClient(new StoaClientOptions { Address = node.Started.Address, MaxAttempts = 1 });
        await anyone.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", "correct horse battery"), Stop);
        return new StoaClient(anyone.Options with { ApiKey = (await anyone.LoginAsync(new LoginRequest(handle, "correct horse battery"), Stop)).Token });
    }

    private async Task<StoaClient> JoinAsync(StoaClient boss, string handle, string organisation, string role, bool found)
    {
        if (found)
            await boss.CreateOrganisationAsync(new CreateOrganisationRequest(organisation, organisation), Stop);
        var member = await PersonAsync(handle);
        var invitation = await boss.InviteAsync(organisation, new InviteRequest(role, handle), Stop);
        await member.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop);
        return member;
    }
}
