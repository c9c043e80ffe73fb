using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Builds;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Schedules;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

/// <summary>A publisher who withdraws agents on a whole node, and all those who would have them.</summary>
[Trait("speed", "slow")]
public sealed class WithdrawalsEndpointsTests : IAsyncLifetime
{
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);
    private TestNode _node = null!;
    private StoaClient _ada = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private StoaClient Consumer => _node.Client;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Tasks:Workers", "2", "--Schedules:PollMs", "30000", "--Disputes:PollMs", "50");
        _ada = await _node.JoinAsync("ada");
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Version_ThatIsWithdrawn_IsRefusedWithWhenWhyAndWhatInstead()
    {
        await PublishAsync("1.0.0");
        await PublishAsync("1.1.0");

        var offer = await _ada.WithdrawAgentAsync(Agent("@1.1.0"), "Rows are lost.", Stop);

        (offer.Agent, string.Join(' ', offer.Versions), offer.Newest).ShouldBe(("ada/tool", "1.1.0", "1.0.0"));
        var refused = await Should.ThrowAsync<StoaException>(() => SubmitAsync("ada/tool@1.1.0"));
        (refused.Code, refused.Problem.Status).ShouldBe(("agentWithdrawn", 410));
        refused.Problem.Detail!.ShouldContain("saying \"Rows are lost.\". Take ada/tool@1.0.0, the newest version that is offered.");
        (await RefusedAsync(() => Consumer.QuoteAsync(new SubmitTaskRequest("ada/tool@1.1.0", new TaskInputBody(Text: "x")), Stop))).ShouldBe("agentWithdrawn");
        (await RefusedAsync(() => Consumer.SubmitBatchAsync(new SubmitBatchRequest([new SubmitTaskRequest("ada/tool@1.1.0", new TaskInputBody(Text: "x"))]), cancellationToken: Stop))).ShouldBe("batchInvalid");
        (await SubmitAsync("ada/tool")).Agent.ShouldBe("ada/tool@1.0.0");
        (await SubmitAsync(null)).Agent.ShouldBe("ada/tool@1.0.0", "what is only named goes to what is left");
        (await Consumer.ListAgentVersionsAsync(Agent(), Stop).Select(version => version.Version).ToListAsync(Stop)).ShouldBe(["1.0.0"]);
        (await Consumer.ListAgentVersionsAsync(Agent(), withWithdrawn: true, Stop).Select(version => $"{version.Version} {version.Withdrawal?.Reason}").ToListAsync(Stop))
            .ShouldBe(["1.1.0 Rows are lost.", "1.0.0 "]);
        (await Consumer.GetAgentAsync(Agent("@1.1.0"), Stop)).Withdrawal!.Reason.ShouldBe("Rows are lost.");

        offer = await _ada.ReinstateAgentAsync(Agent("@1.1.0"), Stop);

        (string.Join(' ', offer.Versions), offer.Newest).ShouldBe(("1.1.0", "1.1.0"));
        (await SubmitAsync("ada/tool")).Agent.ShouldBe("ada/tool@1.1.0");
        (await Consumer.GetAgentAsync(Agent("@1.1.0"), Stop)).Withdrawal.ShouldBeNull();
        (await Consumer.WatchEventsAsync("0", Stop).FirstAsync(happened => happened.Type == "stoa.agent.withdrawn", Stop)).Data.GetProperty("listing").GetString().ShouldBe("ada/tool@1.1.0");
        (await Consumer.WatchEventsAsync("0", Stop).FirstAsync(happened => happened.Type == "stoa.agent.reinstated", Stop)).Data.GetProperty("listing").GetString().ShouldBe("ada/tool@1.1.0");
        var acts = await _ada.ListAuditAsync(cancellationToken: Stop).Select(entry => entry.Act).ToListAsync(Stop);
        acts.ShouldContain("withdrawAgentVersion");
        acts.ShouldContain("reinstateAgentVersion");
    }

    [Fact]
    public async Task Agent_ThatIsWithdrawn_IsFoundByNothing_UntilItIsReinstatedOrPublishedAnew()
    {
        await PublishAsync("1.0.0");
        await PublishAsync("1.1.0");
        var template = await Consumer.CreateTemplateAsync(new CreateTemplateRequest("tool", new SubmitTaskRequest("ada/tool", new TaskInputBody(Text: "x")), []), cancellationToken: Stop);
        var schedule = await Consumer.CreateScheduleAsync(
            new CreateScheduleRequest("* * * * *", new SubmitTaskRequest("ada/tool@1.0.0", new TaskInputBody(Text: "x")), Missed: "runOnce"), cancellationToken: Stop);

        (await _ada.WithdrawAgentAsync(Agent(), cancellationToken: Stop)).Newest.ShouldBeNull();

        (await Consumer.ListAgentsAsync(new AgentQuery { Publisher = "ada" }, Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await Should.ThrowAsync<StoaException>(() => Consumer.GetAgentAsync(Agent(), Stop))).Problem.Detail!.ShouldContain("was withdrawn by its publisher");
        (await RefusedAsync(() => SubmitAsync("ada/tool"))).ShouldBe("agentWithdrawn");
        (await RefusedAsync(() => SubmitAsync(null))).ShouldBe("noCandidate");
        (await RefusedAsync(() => SubmitAsync(null, new AuctionTermsBody(20)))).ShouldBe("noCandidate");
        (await RefusedAsync(() => Consumer.SubmitTemplateAsync(template.Id, cancellationToken: Stop))).ShouldBe("agentWithdrawn");
        await RunDueAsync(schedule.Id);
        var run = (await Consumer.GetScheduleAsync(schedule.Id, Stop)).LastRun!;
        (run.Outcome, run.Code).ShouldBe(("refused", "agentWithdrawn"));
        run.Detail!.ShouldContain("ada/tool@1.0.0 was withdrawn by its publisher");
        (await RefusedAsync(() => PublishAsync("1.1.0"))).ShouldBe("versionWithdrawn");

        await PublishAsync("1.0.1");
        (await SubmitAsync(null)).Agent.ShouldBe("ada/tool@1.0.1");
        (await _ada.ReinstateAgentAsync(Agent(), Stop)).Newest.ShouldBe("1.1.0");
        (await SubmitAsync("ada/tool@1.0.0")).State.ShouldBe("succeeded");
        (await SubmitAsync(null)).Agent.ShouldBe("ada/tool@1.1.0");
    }

    [Fact]
    public async Task Tasks_ThatHaveIt_RunToTheirEnds_AndTheirReceiptsAreCheckedAndDisputed()
    {
        await PublishAsync("1.0.0");
        var ended = await SubmitAsync("ada/tool");
        var later = await Consumer.SubmitAsync(new SubmitTaskRequest("ada/tool", new TaskInputBody(Text: "x"), DueAt: DateTimeOffset.UtcNow.AddHours(1)), cancellationToken: Stop);

        await _ada.WithdrawAgentAsync(Agent(), cancellationToken: Stop);

        (await Consumer.ExecuteTaskAsync(later.Id, s_wait, Stop)).State.ShouldBe("succeeded");
        ReceiptVerifier.Verify(await Consumer.GetReceiptAsync(ended.Id, Stop), null).Refusal.ShouldBeNull();
        using var program = new MemoryStream();
        await Consumer.DownloadProgramAsync(await Consumer.GetAgentAsync(Agent("@1.0.0"), Stop), program, cancellationToken: Stop);
        program.ToArray().ShouldBe(GuestPrograms.Echo);
        await Consumer.ReviewTaskAsync(ended.Id, 4, cancellationToken: Stop);
        var dispute = await Consumer.DisputeTaskAsync(ended.Id, "Let us see.", Stop);
        while (dispute.State == "open")
            dispute = await Consumer.GetTaskDisputeAsync(ended.Id, Stop);
        dispute.State.ShouldBe("rejected");
    }

    [Fact]
    public async Task Agents_ThatCallIt_GoOnCallingIt_AndNobodyBeginsTo()
    {
        await PublishAsync("1.0.0");
        await PublishCallerAsync("caller");

        await _ada.WithdrawAgentAsync(Agent(), "No more of this.", Stop);

        var task = await _node.RunAsync("stoa/caller");
        (task.State, task.Result?.Calls?.Count).ShouldBe(("succeeded", 1), task.Failure?.Detail);
        var refused = await Should.ThrowAsync<StoaException>(() => PublishCallerAsync("other"));
        refused.Code.ShouldBe("usesInvalid");
        refused.Problem.Errors!.Single().Reason.ShouldContain("saying \"No more of this.\"");

        Task PublishCallerAsync(string name)
        {
            var manifest = new AgentManifestBody(
                name, "1.0.0", "Calls.", ["test.calls"], "caller.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
                new AgentLimitsBody(1_000_000_000, 64 << 20, 60_000, 10_000_000, 4096), new AgentPriceBody("0.0001", "0", "0"), Uses: [new AgentUseBody("ada/tool@1.0.0", 1, "1", 100_000)]);
            return Consumer.PublishAgentAsync(
                JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(CallPrograms.Caller("ada/tool@1.0.0")), cancellationToken: Stop);
        }
    }

    [Fact]
    public async Task Withdrawal_IsForThePublisherAlone_AndForThoseWhoMayPublishForAnOrganisation()
    {
        await PublishAsync("1.0.0");
        using var eve = await _node.JoinAsync("eve");
        (await RefusedAsync(() => eve.WithdrawAgentAsync(Agent(), cancellationToken: Stop))).ShouldBe("agentNotYours");
        (await RefusedAsync(() => eve.ReinstateAgentAsync(Agent("@1.0.0"), Stop))).ShouldBe("agentNotYours");
        (await RefusedAsync(() => _ada.WithdrawAgentAsync(Agent("@9.9.9"), cancellationToken: Stop))).ShouldBe("agentNotYours");
        (await RefusedAsync(() => _ada.WithdrawAgentAsync(Agent("@new"), cancellationToken: Stop))).ShouldBe("agentNotYours");
        foreach (var reason in new[] { "", " ", "two\nlines", new string('x', 501) })
            (await RefusedAsync(() => _ada.WithdrawAgentAsync(Agent(), reason, Stop))).ShouldBe("reasonInvalid", reason);

        await _ada.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);
        using var acting = new StoaClient(_ada.Options with { Organisation = "acme" });
        await _node.Client.DepositAsync(new DepositRequest("acme", "1"), Stop);
        await TestNode.PublishAsync(acting, "tool", GuestPrograms.Echo);
        var ofAcme = new AgentReference("acme", "tool");
        (await RefusedAsync(() => _ada.WithdrawAgentAsync(ofAcme, cancellationToken: Stop))).ShouldBe("agentNotYours");
        foreach (var (role, code) in new[] { ("viewer", "forbidden"), ("developer", null) })
        {
            using var member = await _node.JoinAsync(role);
            var invitation = await _ada.InviteAsync("acme", new InviteRequest(role, Handle: role), Stop);
            await member.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop);
            using var forAcme = new StoaClient(member.Options with { Organisation = "acme" });
            if (code is null)
                (await forAcme.WithdrawAgentAsync(ofAcme, cancellationToken: Stop)).Versions.ShouldBe(["1.0.0"]);
            else
                (await RefusedAsync(() => forAcme.WithdrawAgentAsync(ofAcme, cancellationToken: Stop))).ShouldBe(code);
        }
    }

    [Fact]
    public async Task Version_WhoseContentIsGone_IsNotReinstated()
    {
        await PublishAsync("1.0.0");
        var digest = ContentHash.Parse((await Consumer.GetAgentAsync(Agent(), Stop)).ProgramDigest);
        await _ada.WithdrawAgentAsync(Agent(), cancellationToken: Stop);
        await _node.Host.Services.GetRequiredService<IContentStore>().DeleteAsync(digest, Stop);

        foreach (var agent in new[] { Agent(), Agent("@1.0.0") })
        {
            var refused = await Should.ThrowAsync<StoaException>(() => _ada.ReinstateAgentAsync(agent, Stop));
            (refused.Code, refused.Problem.Status).ShouldBe(("contentGone", 410));
            refused.Problem.Errors!.Single().Reason.ShouldContain(digest.ToString());
        }

        (await RefusedAsync(() => SubmitAsync("ada/tool"))).ShouldBe("agentWithdrawn");
    }

    [Fact]
    public async Task Submissions_BesideAWithdrawal_AreTakenAndRun_OrRefused_AndNoneIsTakenAfterIt()
    {
        await PublishAsync("1.0.0");
        var isWithdrawn = false;
        var submitters = Enumerable.Range(0, 4).Select(async which =>
        {
            var taken = new List<string>();
            while (true)
            {
                var isLate = Volatile.Read(ref isWithdrawn);
                try
                {
                    // Half of them name the agent, and half only the work.
                    taken.Add((await Consumer.SubmitAsync(Request(which % 2 == 0 ? "ada/tool" : null), cancellationToken: Stop)).Id);
                    isLate.ShouldBeFalse("it was submitted after the withdrawal was answered");
                }
                catch (StoaException refused)
                {
                    refused.Code.ShouldBe(which % 2 == 0 ? "agentWithdrawn" : "noCandidate");
                    return taken;
                }
            }
        }).ToList();
        while (await Consumer.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop) < 12)
            await Task.Yield();

        await _ada.WithdrawAgentAsync(Agent(), cancellationToken: Stop);
        Volatile.Write(ref isWithdrawn, true);

        var all = (await Task.WhenAll(submitters)).SelectMany(taken => taken).ToList();
        all.Count.ShouldBeGreaterThanOrEqualTo(12);
        foreach (var id in all)
            (await Consumer.WaitForTaskAsync(id, cancellationToken: Stop)).State.ShouldBe("succeeded");
        _node.Host.Services.GetRequiredService<AgentIndex>().Knows("test.run").ShouldBeFalse();
        (await Consumer.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
    }

    private static AgentReference Agent(string version = "") => AgentReference.Parse("ada/tool" + version);

    private Task<string> PublishAsync(string version) => TestNode.PublishAsync(_ada, "tool", GuestPrograms.Echo, version: version);

    private static SubmitTaskRequest Request(string? agent, AuctionTermsBody? auction = null) => new(
        agent, new TaskInputBody(Text: "x"), Requirement: agent is null ? new RequirementBody(["test.run"], 60_000, Explore: false) : null, Auction: auction);

    private Task<TaskResponse> SubmitAsync(string? agent, AuctionTermsBody? auction = null) => Consumer.SubmitAsync(Request(agent, auction), s_wait, cancellationToken: Stop);

    /// <summary>Has a schedule run as if its next tick were due.</summary>
    private async Task RunDueAsync(string schedule)
    {
        var database = _node.Host.Services.GetRequiredService<Node.Storage.Database>();
        var now = DateTimeOffset.UtcNow;
        var due = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute));
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE schedules SET next_tick = @due WHERE id = @schedule", new { due, schedule }), Stop);
        await ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services).RunDueAsync(Stop);
    }

    private static async Task<string?> RefusedAsync(Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Code;
}
