using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Audit;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Node.Builds;
using Stoa.Node.Hosting;
using Stoa.Node.Privacy;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Privacy;

/// <summary>Being erased, as a person meets it, on every database.</summary>
public abstract class ErasureConformance(DatabaseSource source) : IAsyncLifetime
{
    /// <summary>Where a person leaves something, at least.</summary>
    private static readonly string[] s_marked =
    [
        "users.handle", "users.email", "api_keys.name", "request_keys.name", "sessions.device", "agent_versions.publisher", "agent_versions.manifest", "agent_listings.publisher",
        "agent_listings.search_text", "agent_capabilities.publisher", "tasks.parameters", "task_content.bytes", "receipts.envelope", "idempotency_keys.key", "webhooks.url", "webhooks.name",
        "webhook_deliveries.body", "task_templates.name", "task_templates.task", "schedules.name", "schedules.request", "schedule_runs.detail", "reviews.reviewer", "reviews.text",
        "disputes.reason", "channels.payer", "paid_calls.request_key", "invitations.email", "events.data", "letters.recipient", "letters.body", "stripe_parties.customer", "payments.url",
        "payouts.destination",
    ];

    private readonly SettableTime _clock = new(DateTimeOffset.UtcNow);
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Database Database => _node.Host.Services.GetRequiredService<Database>();

    public async ValueTask InitializeAsync()
    {
        var options = await source.GetOptionsAsync();
        string[] storage = options.Provider is StorageProvider.Postgres ? ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!] : [];
        _node = await TestNode.StartAsync(
            null,
            new NodePhysics(_clock, new SecureRandom()),
            [.. storage, "--webhooks:allowHttp", "true", "--webhooks:allowPrivateAddresses", "true", "--audit:address", "whole", "--identity:passwordIterations", "100"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await source.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Person_WhoIsErased_LeavesNoTrace_AndAllBooksHold()
    {
        var agent = await MarkedPerson.PublishAsync(_node.Client, "noted", "Gives back what it gets.");
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        await person.LeaveMarksAsync(agent);
        await person.LeaveWhatNeedsOthersAsync(Database);
        var id = Id<User>.Parse((await person.Client.GetMeAsync(Stop)).Id);
        // The search finds what there is to find: without this it could not fail.
        var places = await FindAsync(person);
        s_marked.Except(places).ShouldBeEmpty("nothing was left where something should be");
        (await _node.Client.ListAuditAsync(id.ToString(), cancellationToken: Stop).ToListAsync(Stop)).ShouldAllBe(entry => entry.Address == person.Marks[1]);

        var asked = await person.EraseAsync();

        asked.ErasesAt.ShouldBe(asked.RequestedAt!.Value.AddDays(7));
        await EraseAsync();
        (await FindAsync(person)).ShouldBeEmpty();
        // Nor has the file of an embedded database, its log, or the content store.
        var folder = _node.Host.Services.GetRequiredService<DataFolder>().FullPath;
        foreach (var mark in person.Marks)
            MarkedPerson.FindInFiles(folder, mark).ShouldBeEmpty(mark);
        await ShouldHoldAsync();
        var user = (await _node.Host.Services.GetRequiredService<IUserStore>().GetAsync(id, Stop))!;
        (user.Handle, user.Email).ShouldBe((ErasureRules.HandleOf(id), id.ToString()));
        // What the person did stays in the log under the id, without where it came from.
        var entries = await _node.Client.ListAuditAsync(id.ToString(), cancellationToken: Stop).ToListAsync(Stop);
        entries.Count.ShouldBeGreaterThan(10);
        entries.ShouldAllBe(entry => entry.Address == null && entry.ActorHandle == user.Handle);
        (await _node.Client.ListAuditAsync(act: ErasureWorker.Erased, cancellationToken: Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Subject.ShouldBe(id.ToString());
        // Nobody gets the handle, and nobody can look like one who was erased.
        (await RefusedAsync(() => RegisterAsync(person.Handle, "else@example.org"))).ShouldBe("handleTaken");
        (await RefusedAsync(() => RegisterAsync(user.Handle, "else@example.org"))).ShouldBe("registrationInvalid");
        (await RefusedAsync(() => _node.Client.CreateOrganisationAsync(new CreateOrganisationRequest(person.Handle, "x"), Stop))).ShouldBe("handleTaken");
        (await RefusedAsync(person.SignInAsync)).ShouldBe("credentialsWrong");
        await RegisterAsync("the-address-is-free", person.Email);
    }

    [Fact]
    public async Task Publisher_WhoIsErased_LeavesToOthersWhatTheirReceiptsName()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var agent = await MarkedPerson.PublishAsync(person.Client, "used", "Used by others.");
        var task = await _node.Client.WaitForTaskAsync((await _node.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop)).Id, cancellationToken: Stop);
        var review = await _node.Client.ReviewTaskAsync(task.Id, 5, "good", Stop);
        await person.Client.AnswerReviewAsync(review.Id, person.Marks[0] + "-answer", Stop);
        var before = await _node.Client.GetReceiptAsync(task.Id, Stop);
        // One of which nothing is offered when the erasure comes: its reason goes all the same.
        var withdrawn = await MarkedPerson.PublishAsync(person.Client, "withdrawn", "Used by others, too.");
        await _node.Client.WaitForTaskAsync((await _node.Client.SubmitTextAsync(withdrawn, "hello", cancellationToken: Stop)).Id, cancellationToken: Stop);
        await person.Client.WithdrawAgentAsync(AgentReference.Parse(withdrawn), person.Marks[0] + "-reason", Stop);
        (await MarkedPerson.FindAsync(Database, person.Marks[0] + "-reason")).ShouldBe(["agent_versions.withdrawal_reason", "statements.payload"]);

        await person.EraseAsync();
        await EraseAsync();

        // The name of the agent stays where others' receipts and books need it, and nowhere else.
        var places = await MarkedPerson.FindAsync(Database, person.Handle);
        places.ShouldBeSubsetOf(
        [
            "agent_versions.publisher", "tasks.agent", "task_ends.outcome", "receipts.envelope", "usage_totals.agent", "agent_stats.agent", "agent_ratings.agent", "agent_payers.publisher", "agent_payers.agent",
            "events.data", "reviews.agent", "reviews.version",
        ]);
        (await MarkedPerson.FindAsync(Database, person.Marks[0] + "-answer")).ShouldBeEmpty();
        (await MarkedPerson.FindAsync(Database, person.Marks[0] + "-reason")).ShouldBeEmpty();
        (await MarkedPerson.FindAsync(Database, person.Email)).ShouldBeEmpty();
        var after = await _node.Client.GetReceiptAsync(task.Id, Stop);
        after.Payload.ShouldBe(before.Payload);
        ReceiptVerifier.Verify(after, null).TryGet(out var receipt, out _).ShouldBeTrue();
        receipt!.Agent.ToString().ShouldBe(agent);
        // It can still be run again to check the receipt, and by nobody for anything else.
        var name = agent.Split('/', '@');
        (await _node.Client.GetAgentAsync(AgentReference.Parse(agent), Stop)).Listing.ShouldBe(agent);
        (await RefusedAsync(() => _node.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop))).ShouldBe("agentWithdrawn");
        (await RefusedAsync(() => _node.Client.SubmitTextAsync($"{name[0]}/{name[1]}", "hello", cancellationToken: Stop))).ShouldBe("agentWithdrawn");
        (await RefusedAsync(() => _node.Client.SubmitAsync(
            new SubmitTaskRequest(null, new TaskInputBody(Text: "x"), Requirement: new RequirementBody(["test.note"], 30_000)), cancellationToken: Stop))).ShouldBe("noCandidate");
        await ShouldHoldAsync();
    }

    [Fact]
    public async Task Money_ThatIsInTheWallet_IsGivenUpToThePlatform()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var ledger = _node.Host.Services.GetRequiredService<ILedgerStore>();
        var platform = (await ledger.FindAccountAsync("platform", AccountKind.Platform, Stop))!.Posted;

        await person.EraseAsync();
        // What comes in afterwards is as lost.
        await _node.Client.DepositAsync(new DepositRequest(person.Handle, "1"), Stop);
        await EraseAsync();

        (await ledger.FindAccountAsync("platform", AccountKind.Platform, Stop))!.Posted.ShouldBe(platform + Money.Parse("3"));
        (await ledger.TotalAsync(Stop)).Posted.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task MoneyThatComesLater_IsGivenUp_AndOneOfWhomItCannotBeHoldsUpNoOther()
    {
        var ledger = _node.Host.Services.GetRequiredService<ILedgerStore>();
        var accounts = _node.Host.Services.GetRequiredService<SystemAccounts>();
        using var first = new MarkedPerson(_node, NewMark());
        using var second = new MarkedPerson(_node, NewMark());
        var wallets = new List<Id<Account>>();
        foreach (var person in (MarkedPerson[])[first, second])
        {
            await person.JoinAsync();
            wallets.Add((await ledger.FindAccountAsync((await person.Client.GetMeAsync(Stop)).Id, AccountKind.Wallet, Stop))!.Id);
            await person.EraseAsync();
        }

        await EraseAsync();
        var ids = _node.Host.Services.GetRequiredService<IdSource>();
        foreach (var wallet in wallets)
        {
            (await ledger.ApplyAsync(
                [new Transfer(ids.Next<Transfer>(), TransferKind.Posted, accounts.World, wallet, Money.Parse("1"), null, TransferPurpose.Deposit, "test", _clock.GetUtcNow())], Stop)).Refusal.ShouldBeNull();
        }

        await StuckRows.MakeAsync(Database, "UPDATE", "accounts", $"OLD.id = '{wallets[0]}'");
        using (var worker = ActivatorUtilities.CreateInstance<ErasureWorker>(_node.Host.Services))
            await worker.SweepAsync(Stop);

        (await ledger.GetAccountAsync(wallets[0], Stop))!.Posted.ShouldBe(Money.Parse("1"));
        (await ledger.GetAccountAsync(wallets[1], Stop))!.Posted.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Erasure_WithSomethingInTheWay_IsRefusedWithEveryReason()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        await person.Client.CreateOrganisationAsync(new CreateOrganisationRequest(person.Marks[0] + "-org", "Mine"), Stop);
        var limits = new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 1_000, 1_000);
        var forever = await TestNode.PublishAsync(_node.Client, "forever", Stoa.Market.Tests.Tasks.GuestPrograms.EndlessLoop, limits, price: new AgentPriceBody("0.01", "0", "0"));
        var task = await person.Client.SubmitTextAsync(forever, "x", cancellationToken: Stop);

        var refused = await Should.ThrowAsync<StoaException>(() => person.Client.RequestErasureAsync(new RequestErasureRequest(MarkedPerson.Password), Stop));

        refused.Code.ShouldBe("erasureBlocked");
        var reasons = refused.Problem!.Errors!.Select(error => error.Reason).ToList();
        reasons.Count.ShouldBe(4);
        foreach (var word in new[] { "are held", "1.990000000 USD are in the wallet", "1 task waits or runs", "only administrator of the organisation " + person.Marks[0] })
            reasons.ShouldContain(reason => reason.Contains(word, StringComparison.Ordinal), word);
        (await person.Client.GetErasureAsync(Stop)).Obstacles!.Select(obstacle => obstacle.Reason).ShouldBe(reasons);
        (await RefusedAsync(() => person.Client.RequestErasureAsync(new RequestErasureRequest("not the password"), Stop))).ShouldBe("passwordWrong");
        (await RefusedAsync(() => person.Client.RequestErasureAsync(new RequestErasureRequest(), Stop))).ShouldBe("passwordWrong");
        var administrator = await _node.Client.GetErasureAsync(Stop);
        administrator.Obstacles!.ShouldContain(obstacle => obstacle.Reason.StartsWith("You administer this node", StringComparison.Ordinal));
        await person.Client.CancelTaskAsync(task.Id, Stop);
        await person.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        await person.Client.DeleteOrganisationAsync(person.Marks[0] + "-org", cancellationToken: Stop);
        (await person.EraseAsync()).ErasesAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task Organisation_ThatIsDeleted_LeavesNothingInTheContentStore()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var handle = "gone-" + Guid.NewGuid().ToString("n")[..8];
        await person.Client.CreateOrganisationAsync(new CreateOrganisationRequest(handle, "x"), Stop);
        using var acting = new StoaClient(person.Client.Options with { Organisation = handle });
        await _node.Client.DepositAsync(new DepositRequest(handle, "1"), Stop);
        var id = Id<User>.Parse((await acting.GetMeAsync(Stop)).Id);
        var (own, shared) = (Encoding.UTF8.GetBytes($"own of {handle}"), Encoding.UTF8.GetBytes($"also of somebody else {handle}"));
        foreach (var bytes in (byte[][])[own, shared])
            await acting.UploadAsync(new MemoryStream(bytes), cancellationToken: Stop);
        var kept = await _node.Client.UploadAsync(new MemoryStream(shared), cancellationToken: Stop);
        var content = _node.Host.Services.GetRequiredService<Market.Builds.IContentStore>();
        var organisations = _node.Host.Services.GetRequiredService<OrganisationContent>();

        await person.Client.DeleteOrganisationAsync(handle, forfeit: true, Stop);
        while (await organisations.TurnAsync(Stop))
        {
        }

        await NothingAsync();
        (await content.StatAsync(ContentHash.Parse(kept.Digest), Stop)).ShouldNotBeNull("somebody else has it");

        // What was on its way when it was deleted is found later.
        var late = (await content.PutAsync(new MemoryStream(own), null, 1_000, Stop)).Value;
        await _node.Host.Services.GetRequiredService<SqlContentOwners>().GrantAsync(late, id, ContentOrigins.Task, Stop);
        await organisations.FindLateAsync(Stop);
        while (await organisations.TurnAsync(Stop))
        {
        }

        await NothingAsync();

        async Task NothingAsync()
        {
            (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM content_owners WHERE owner = @id", new { id }), Stop)).ShouldBe(0);
            (await content.StatAsync(ContentHash.Of(own), Stop)).ShouldBeNull();
            (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT content_bytes FROM user_usage WHERE user_id = @id", new { id }), Stop)).ShouldBe(0);
        }
    }

    [Fact]
    public async Task Erasure_CanBeUndone_UntilItBegins()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var key = await person.Client.CreateApiKeyAsync(new CreateApiKeyRequest("key"), Stop);
        var agent = await MarkedPerson.PublishAsync(_node.Client, "kept", "Stays.");
        var schedule = await person.Client.CreateScheduleAsync(
            new CreateScheduleRequest("* * * * *", Task: new SubmitTaskRequest(agent, new TaskInputBody(Text: "x"))), cancellationToken: Stop);
        using var byKey = person.Connect(key.Secret);

        await person.EraseAsync();

        (await RefusedAsync(() => person.Client.GetMeAsync(Stop))).ShouldBe("unauthenticated");
        (await RefusedAsync(() => byKey.GetMeAsync(Stop))).ShouldBe("unauthenticated");
        (await RefusedAsync(person.SignInAsync)).ShouldBe("erasurePending");
        _clock.Advance(TimeSpan.FromDays(6));
        await WorkAsync();
        using var anyone = person.Connect(null);
        (await RefusedAsync(() => anyone.CancelErasureAsync(new CancelErasureRequest(person.Handle, "not the password"), Stop))).ShouldBe("credentialsWrong");
        await anyone.CancelErasureAsync(new CancelErasureRequest(person.Handle, MarkedPerson.Password), Stop);
        (await RefusedAsync(() => anyone.CancelErasureAsync(new CancelErasureRequest(person.Handle, MarkedPerson.Password), Stop))).ShouldBe("erasureUnknown");

        await person.SignInAsync();
        (await person.Client.GetMeAsync(Stop)).Email.ShouldBe(person.Email);
        (await RefusedAsync(() => byKey.GetMeAsync(Stop))).ShouldBe("unauthenticated");
        (await person.Client.GetScheduleAsync(schedule.Id, Stop)).State.ShouldBe("paused");
        (await person.Client.GetWalletAsync(Stop)).Available.ShouldBe("2.000000000");
        await person.EraseAsync();
        _clock.Advance(TimeSpan.FromDays(8));
        (await _node.Host.Services.GetRequiredService<ErasureWorker>().TurnAsync(Stop)).ShouldBeTrue();
        (await RefusedAsync(() => anyone.CancelErasureAsync(new CancelErasureRequest(person.Handle, MarkedPerson.Password), Stop))).ShouldBeOneOf("erasureUnknown", "credentialsWrong");
        await WorkAsync();
    }

    [Fact]
    public async Task Credit_IsGivenUpKnowingly_AndGoesBackToWhereItCameFrom()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var coupon = await _node.Client.CreateCouponAsync(new CreateCouponRequest(Credit: "0.7"), Stop);
        await person.Client.RedeemCouponAsync(coupon.Code!, Stop);
        var id = Id<User>.Parse((await person.Client.GetMeAsync(Stop)).Id);

        var refused = await Should.ThrowAsync<StoaException>(() => person.Client.RequestErasureAsync(new RequestErasureRequest(MarkedPerson.Password), Stop));
        refused.Problem.Errors!.Select(error => error.Reason).ShouldContain(reason => reason.StartsWith("0.700000000 USD of credit", StringComparison.Ordinal));
        await person.EraseAsync();
        await EraseAsync();

        var ledger = _node.Host.Services.GetRequiredService<ILedgerStore>();
        (await ledger.FindAccountAsync(id.ToString(), AccountKind.Credit, Stop))!.Posted.ShouldBe(Money.Zero);
        var sponsor = _node.Host.Services.GetRequiredService<SystemAccounts>().Sponsor;
        (await Database.ReadAsync(session => session.QuerySingleAsync<Money>("SELECT posted FROM accounts WHERE id = @sponsor", new { sponsor }), Stop)).ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Version_ThatAnotherAgentCalls_Stays_ThoughNoTaskEverNamedIt()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        var called = await MarkedPerson.PublishAsync(person.Client, "called", "Is called.");
        await MarkedPerson.PublishAsync(person.Client, "unused", "Is not.");
        var manifest = new AgentManifestBody(
            "caller", "1.0.0", "Calls.", ["test.calls"], "caller.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(1_000_000_000, 64 << 20, 60_000, 10_000_000, 4096), new AgentPriceBody("0.0001", "0", "0"), Uses: [new AgentUseBody(called, 1, "0.01", 100_000)]);
        var caller = (await _node.Client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(CallPrograms.Caller(called)), cancellationToken: Stop)).Listing;
        await person.EraseAsync();
        await EraseAsync();

        var task = await _node.RunAsync(caller);

        (task.State, task.Result?.Calls?.Count).ShouldBe(("succeeded", 1), task.Failure?.Detail);
        (await Database.ReadAsync(session => session.QueryAsync<string>("SELECT name FROM agent_versions WHERE withdrawn_at IS NOT NULL"), Stop)).ShouldBe(["called"]);
    }

    [Fact]
    public async Task Erasure_OfOnePersonByTwoNodesAtOnce_IsDoneOnce()
    {
        using var person = new MarkedPerson(_node, NewMark());
        await person.JoinAsync();
        await person.EraseAsync();
        _clock.Advance(TimeSpan.FromDays(8));
        var services = _node.Host.Services;
        var workers = Enumerable.Range(0, 4).Select(_ => ActivatorUtilities.CreateInstance<ErasureWorker>(services)).ToList();

        await Task.WhenAll(workers.Select(worker => Task.Run(async () =>
        {
            while (await worker.TurnAsync(Stop) || await IsDueAsync())
            {
            }
        })));

        var ledger = services.GetRequiredService<ILedgerStore>();
        (await ledger.FindAccountAsync("platform", AccountKind.Platform, Stop))!.Posted.ShouldBe(Money.Parse("2"));
        (await MarkedPerson.FindAsync(Database, person.Handle)).ShouldBeEmpty();
        foreach (var worker in workers)
            worker.Dispose();
    }

    /// <summary>Lets the time of reflection pass, and the minutes after which all is done once more.</summary>
    private async Task EraseAsync()
    {
        _clock.Advance(TimeSpan.FromDays(7));
        await WorkAsync();
        _clock.Advance(ErasureRules.Settling);
        await WorkAsync();
        (await Database.ReadAsync(session => session.QueryAsync<long?>("SELECT due_at FROM erasures"), Stop)).ShouldAllBe(due => due == null);
    }

    private async Task WorkAsync()
    {
        var worker = _node.Host.Services.GetRequiredService<ErasureWorker>();
        // A turn that finds the node's own worker at it does nothing: what is due then is over when that one is done.
        while (await worker.TurnAsync(Stop) || await IsDueAsync())
        {
        }
    }

    private async Task<bool> IsDueAsync() =>
        await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM erasures WHERE due_at <= @now", new { now = _clock.GetUtcNow() }), Stop) > 0;

    private async Task<IReadOnlyList<string>> FindAsync(MarkedPerson person)
    {
        var found = new List<string>();
        foreach (var mark in person.Marks)
            found.AddRange(await MarkedPerson.FindAsync(Database, mark));
        return found;
    }

    /// <summary>The ledger adds up and its chain holds; so do usage and the audit log.</summary>
    private async Task ShouldHoldAsync()
    {
        var ledger = _node.Host.Services.GetRequiredService<ILedgerStore>();
        (await ledger.TotalAsync(Stop)).Posted.ShouldBe(Money.Zero);
        var accounts = await ledger.ListAccountsAsync(new Market.PageRequest(10_000), Stop);
        var books = new JournalAudit(accounts.Items);
        foreach (var block in await ledger.ReadJournalAsync(0, int.MaxValue, Stop))
            books.Add(block);
        books.Close(await ledger.GetHeadAsync(Stop));
        books.Findings.ShouldBeEmpty();
        while (await _node.Host.Services.GetRequiredService<Stoa.Node.Metering.SqlUsageStore>().FoldAsync(Stop))
        {
        }

        var usage = await _node.Client.VerifyUsageAsync(Stop);
        usage.Findings.ShouldBeNull();
        usage.Holds.ShouldBeTrue();
        using var exported = new MemoryStream();
        await _node.Client.ExportAuditAsync(exported, Stop);
        var check = new AuditCheck([]);
        foreach (var line in Encoding.UTF8.GetString(exported.ToArray()).TrimEnd('\n').Split('\n'))
            check.Add(Encoding.UTF8.GetBytes(line));
        check.Close();
        check.Findings.ShouldBeEmpty();
        check.EntryCount.ShouldBeGreaterThan(5);
    }

    private static string NewMark() => "zq" + Guid.NewGuid().ToString("n")[..10];

    private async Task RegisterAsync(string handle, string email)
    {
        using var anyone = new StoaClient(_node.Client.Options with { ApiKey = null });
        await anyone.RegisterAsync(new RegisterRequest(handle, email, MarkedPerson.Password), Stop);
    }

    private static async Task<string?> RefusedAsync(Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Code;
}

public sealed class SqliteErasureTests() : ErasureConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresErasureTests(PostgresCluster cluster) : ErasureConformance(new PostgresSource(cluster));
