using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Selection;

/// <summary>A consumer who names only the work, on a node with agents that are fast, failing and expensive.</summary>
[Trait("speed", "slow")]
public sealed class SelectionEndpointsTests : IAsyncLifetime
{
    private const string Work = "text.echo";
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);
    private static readonly RequirementBody s_cheapest = new([Work], Weights: new WeightsBody(Price: 1), Explore: false);

    private static readonly AgentLimitsBody s_endless = new(1_000_000_000_000, 8 << 20, 600_000, 1_000, 1_000);

    private TestNode _node = null!;
    private StoaClient _consumer = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Tasks:Workers", "2", "--Tasks:MaxMemoryBytes", "1073741824");
        using var anonymous = new StoaClient(_node.Client.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest("consumer", "consumer@example.org", "a long enough password"), Stop);
        var session = await anonymous.LoginAsync(new LoginRequest("consumer", "a long enough password"), Stop);
        _consumer = new StoaClient(_node.Client.Options with { ApiKey = session.Token });
        await _node.Client.DepositAsync(new DepositRequest("consumer", "5"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _consumer.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Submit_OfARequirement_IsDoneByTheBestAndExplained()
    {
        await PublishAsync("good", GuestPrograms.Echo, "0.001");
        await PublishAsync("dear", GuestPrograms.Echo, "0.5");

        var task = await SubmitAsync(s_cheapest);

        (task.State, Name(task)).ShouldBe(("succeeded", "good"));
        Money.Parse(task.Hold).ShouldBeGreaterThan(Money.Parse("0.5"), "what is held covers the next best too");
        Money.Parse(task.Result!.Price).ShouldBeLessThan(Money.Parse("0.01"));
        var selection = await _consumer.GetSelectionAsync(task.Id, Stop);
        selection.Tried.ShouldBeEmpty();
        var choice = selection.Choices.ShouldHaveSingleItem();
        (choice.Chosen, choice.CandidateCount, choice.IsExploring).ShouldBe((task.Agent, 2, false));
        choice.Candidates.Select(candidate => candidate.Standing).ShouldBe(["chosen", "lowerScore"]);
        choice.Candidates[0].Parts.Price.ShouldBeGreaterThan(choice.Candidates[1].Parts.Price);
    }

    [Fact]
    public async Task Submit_WhenTheBestFails_IsDoneByTheNextAndPaidOnce()
    {
        await PublishAsync("failing", GuestPrograms.Unreachable, "0.0001");
        await PublishAsync("good", GuestPrograms.Echo, "0.001");
        await PublishAsync("dear", GuestPrograms.Echo, "0.5");
        var before = await _consumer.GetWalletAsync(Stop);

        var task = await SubmitAsync(s_cheapest);

        (task.State, Name(task), task.Attempts).ShouldBe(("succeeded", "good", 2));
        var wallet = await _consumer.GetWalletAsync(Stop);
        (Money.Parse(before.Posted) - Money.Parse(wallet.Posted)).ShouldBe(Money.Parse(task.Result!.Price));
        wallet.Held.ShouldBe("0.000000000");
        var receipt = Market.Tasks.ReceiptVerifier.Verify(await _consumer.GetReceiptAsync(task.Id, Stop), null).Value;
        receipt.Agent.ToString().ShouldBe(task.Agent);
        var selection = await _consumer.GetSelectionAsync(task.Id, Stop);
        selection.Tried.Select(tried => tried.Split('/')[1]).ShouldBe(["failing"]);
        selection.Choices.Select(choice => choice.Chosen.Split('/', '@')[1]).ShouldBe(["failing", "good"]);
        selection.Choices[1].Unfit["tried"].ShouldBe(1);
        var told = await _consumer.WatchTaskAsync(task.Id, cancellationToken: Stop).ToListAsync(Stop);
        told.Select(one => one.Type).Where(type => type != "stoa.task.progress").ShouldBe(
            ["stoa.task.queued", "stoa.task.started", "stoa.task.retried", "stoa.task.started", "stoa.task.succeeded"]);
    }

    [Fact]
    public async Task Submit_WhenAllFail_TriesThreeAndCostsNothing()
    {
        for (var i = 0; i < 5; i++)
            await PublishAsync($"failing{i}", GuestPrograms.Unreachable, "0.0001");
        var before = await _consumer.GetWalletAsync(Stop);

        var task = await SubmitAsync(s_cheapest);

        (task.State, task.Failure!.Code, task.Attempts).ShouldBe(("failed", "trap", 3));
        (await _consumer.GetSelectionAsync(task.Id, Stop)).ShouldSatisfyAllConditions(
            selection => selection.Choices.Count.ShouldBe(3), selection => selection.Tried.Distinct().Count().ShouldBe(2));
        (await _consumer.GetWalletAsync(Stop)).ShouldBe(before);
    }

    [Fact]
    public async Task Submit_WithABudget_FailsOverWithinItOnly()
    {
        await PublishAsync("failing", GuestPrograms.Unreachable, "0.0001");
        await PublishAsync("dear", GuestPrograms.Echo, "0.5");

        var task = await SubmitAsync(s_cheapest, maxPrice: "0.2");

        (task.State, task.Failure!.Code, Name(task)).ShouldBe(("failed", "trap", "failing"));
        (await _consumer.GetSelectionAsync(task.Id, Stop)).Choices.ShouldHaveSingleItem().Unfit["budget"].ShouldBe(1);
    }

    [Fact]
    public async Task Deadline_ThatPassesWhileAnAttemptRuns_EndsTheTaskAndCostsNothing()
    {
        await PublishAsync("forever", GuestPrograms.EndlessLoop, "0.0001", s_endless);
        var before = await _consumer.GetWalletAsync(Stop);

        var task = await SubmitAsync(s_cheapest with { DeadlineMs = 300 });

        (task.State, task.Failure!.Code, Name(task), task.Attempts).ShouldBe(("failed", "deadlinePassed", "forever", 1));
        task.Failure.Usage!.Fuel.ShouldBeGreaterThan(0);
        (await _consumer.GetWalletAsync(Stop)).ShouldBe(before);
    }

    [Fact]
    public async Task Deadline_ThatPassesWhileTheTaskWaits_EndsItThen()
    {
        var forever = await PublishAsync("forever", GuestPrograms.EndlessLoop, "0.0001", s_endless);
        await PublishAsync("good", GuestPrograms.Echo, "0.00001");
        var busy = new[] { await _node.Client.SubmitTextAsync(forever, "", cancellationToken: Stop), await _node.Client.SubmitTextAsync(forever, "", cancellationToken: Stop) };
        var before = await _consumer.GetWalletAsync(Stop);

        var task = await SubmitAsync(s_cheapest with { DeadlineMs = 200 });

        (task.State, task.Failure!.Code, task.Attempts, task.Failure.Usage).ShouldBe(("failed", "deadlinePassed", 0, null));
        (await _consumer.GetWalletAsync(Stop)).ShouldBe(before);
        foreach (var running in busy)
            (await _node.Client.CancelTaskAsync(running.Id, Stop)).State.ShouldBe("running");
    }

    [Fact]
    public async Task Deadline_BeforeTheTaskIsDue_IsRefused()
    {
        await PublishAsync("good", GuestPrograms.Echo, "0.00001");

        (await Should.ThrowAsync<StoaException>(() => _consumer.SubmitAsync(
            new SubmitTaskRequest(
                Input: new TaskInputBody(Text: "x"), DueAt: DateTimeOffset.UtcNow.AddMinutes(1), Requirement: s_cheapest with { DeadlineMs = 1_000 }),
            cancellationToken: Stop))).Code.ShouldBe("dueTooLate");
    }

    [Fact]
    public async Task AgentThatKeepsFailing_IsSuspendedAndItsPublisherToldWhy()
    {
        await PublishAsync("failing", GuestPrograms.Unreachable, "0.0001");
        await PublishAsync("good", GuestPrograms.Echo, "0.001");
        for (var i = 0; i < 3; i++)
            (await SubmitAsync(s_cheapest)).Attempts.ShouldBe(2);

        var fourth = await SubmitAsync(s_cheapest);

        (fourth.State, fourth.Attempts, Name(fourth)).ShouldBe(("succeeded", 1, "good"));
        (await _consumer.GetSelectionAsync(fourth.Id, Stop)).Choices[0].Unfit["suspended"].ShouldBe(1);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var suspended = await _node.Client.WatchEventsAsync("0", waiting.Token).FirstAsync(told => told.Type == "stoa.agent.suspended", Stop);
        suspended.Data.GetProperty("reason").GetString().ShouldBe("3 faults and hardly any success, the last one trap");
        suspended.Data.GetProperty("agent").GetString().ShouldEndWith("/failing");
    }

    [Fact]
    public async Task Output_ThatBreaksTheAgentsOwnSchema_IsAFaultOfTheAgent()
    {
        using var schema = JsonDocument.Parse("""{ "type": "object", "required": ["title"] }""");
        var output = new AgentPortBody("application/json", schema.RootElement.Clone());
        await PublishAsync("liar", GuestPrograms.Echo, "0.0001", output: output);

        var wrong = await SubmitAsync(s_cheapest, "not what was promised");
        var right = await SubmitAsync(s_cheapest, """{ "title": "as promised" }""");

        (wrong.State, wrong.Failure!.Code).ShouldBe(("failed", "outputInvalid"));
        wrong.Failure.Detail.ShouldContain("JSON");
        right.State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Submit_ThatNobodyFits_SaysWhatRemovedWhom()
    {
        (await RefusedAsync(s_cheapest)).ShouldSatisfyAllConditions(
            refused => refused.Code.ShouldBe("noCandidate"), refused => refused.Message.ShouldContain("No agent here can do text.echo"));
        await PublishAsync("good", GuestPrograms.Echo, "0.001");
        await PublishAsync("large", GuestPrograms.Echo, "0.001", new AgentLimitsBody(1_000_000, 4L << 30, 1_000, 1_000, 1_000));

        var poor = await RefusedAsync(s_cheapest, "0");

        poor.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/limits/memoryBytes", "/maxPrice"], ignoreOrder: true);
        (await RefusedAsync(s_cheapest with { MinReputation = 0.99 })).Problem.Errors!.ShouldContain(error => error.Pointer == "/requirement/minReputation");
    }

    [Theory]
    [InlineData("""{ "input": { "text": "x" } }""", "/agent")]
    [InlineData("""{ "agent": "a/b", "requirement": { "capabilities": ["a"] }, "input": { "text": "x" } }""", "/agent")]
    [InlineData("""{ "requirement": { "capabilities": [] }, "input": { "text": "x" } }""", "/requirement/capabilities")]
    [InlineData("""{ "requirement": { "capabilities": ["A b"] }, "input": { "text": "x" } }""", "/requirement/capabilities")]
    [InlineData("""{ "requirement": { "capabilities": ["a"], "deadlineMs": 0 }, "input": { "text": "x" } }""", "/requirement/deadlineMs")]
    [InlineData("""{ "requirement": { "capabilities": ["a"], "minReputation": 1.5 }, "input": { "text": "x" } }""", "/requirement/minReputation")]
    [InlineData("""{ "requirement": { "capabilities": ["a"], "weights": { "price": -1 } }, "input": { "text": "x" } }""", "/requirement/weights")]
    [InlineData("""{ "requirement": { "capabilities": ["a"] } }""", "/input")]
    public async Task Submit_OfABadRequirement_SaysWhere(string body, string pointer)
    {
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", _consumer.Options.ApiKey);
        using var response = await http.PostAsync("/api/v1/tasks", new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Stop);

        ((int)response.StatusCode).ShouldBeInRange(400, 422);
        using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Stop));
        problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()).ShouldContain(pointer);
    }

    [Fact]
    public async Task Quote_OfARequirement_SaysTheRange()
    {
        await PublishAsync("good", GuestPrograms.Echo, "0.001");
        await PublishAsync("dear", GuestPrograms.Echo, "0.5");

        var quote = await _consumer.QuoteAsync(new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: s_cheapest), Stop);

        quote.Candidates.ShouldBe(2);
        Money.Parse(quote.Least).ShouldBe(Money.Parse("0.001000003"));
        Money.Parse(quote.Hold).ShouldBe(Money.Parse("0.5001") + new Money(3));
        quote.Agent.ShouldEndWith("/good@1.0.0");
    }

    [Fact]
    public async Task Selection_OfATaskWithANamedAgent_IsNone()
    {
        var listing = await PublishAsync("good", GuestPrograms.Echo, "0.001");
        var task = await _consumer.SubmitTextAsync(listing, "hello", new SubmitOptions { Wait = s_wait }, Stop);

        (await Should.ThrowAsync<StoaException>(() => _consumer.GetSelectionAsync(task.Id, Stop))).Code.ShouldBe("noSelection");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.GetSelectionAsync(task.Id, Stop))).Code.ShouldBe("taskUnknown");
    }

    [Fact]
    public async Task Restart_KeepsWhatIsKnownOfAgents()
    {
        var data = Directory.CreateTempSubdirectory("stoa-selection-").FullName;
        try
        {
            await using (var first = await TestNode.StartAsync(data))
                await TestNode.PublishAsync(first.Client, "good", GuestPrograms.Echo, capability: Work);
            await using var second = await TestNode.StartAsync(data);

            var task = await second.Client.SubmitAsync(
                new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work])), s_wait, cancellationToken: Stop);

            (task.State, Name(task)).ShouldBe(("succeeded", "good"));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static string Name(TaskResponse task) => task.Agent.Split('/', '@')[1];

    [Fact]
    public async Task Replay_OfARequirement_IsChosenForAnewWithAllThatWasAsked()
    {
        await PublishAsync("failing", GuestPrograms.Unreachable, "0.0001");
        var requirement = new RequirementBody([Work], DeadlineMs: 600_000, Weights: new WeightsBody(Quality: 1, Price: 3), Explore: false);
        var failed = await _consumer.SubmitAsync(
            new SubmitTaskRequest(
                Input: new TaskInputBody(Text: "hello"), MaxPrice: "0.2", Priority: "background", Limits: new TaskLimitsBody(Fuel: 50_000_000), Requirement: requirement),
            s_wait,
            cancellationToken: Stop);
        (failed.State, Name(failed)).ShouldBe(("failed", "failing"));
        await PublishAsync("good", GuestPrograms.Echo, "0.00001");
        await PublishAsync("dear", GuestPrograms.Echo, "0.5");

        var replay = await _consumer.ExecuteTaskAsync((await _consumer.ReplayTaskAsync(failed.Id, Stop)).Id, s_wait, Stop);

        (replay.State, Name(replay), replay.ReplayOf, replay.Priority, replay.Limits.Fuel).ShouldBe(("succeeded", "good", failed.Id, "background", 50_000_000));
        var (before, after) = (await _consumer.GetSelectionAsync(failed.Id, Stop), await _consumer.GetSelectionAsync(replay.Id, Stop));
        after.Requirement.ShouldBeEquivalentTo(before.Requirement);
        after.Choices[0].Unfit.ShouldNotBeNull()["budget"].ShouldBe(1);
        (await _consumer.ReplayTaskAsync(failed.Id, Stop)).Id.ShouldBe(replay.Id);
    }

    private Task<string> PublishAsync(string name, byte[] program, string price, AgentLimitsBody? limits = null, AgentPortBody? output = null) => TestNode.PublishAsync(
        _node.Client, name, program, limits, capability: Work, price: new AgentPriceBody(price, "0.0005", "0.001"), output: output);

    private Task<TaskResponse> SubmitAsync(RequirementBody requirement, string input = "hello", string? maxPrice = null) => _consumer.SubmitAsync(
        new SubmitTaskRequest(Input: new TaskInputBody(Text: input), MaxPrice: maxPrice, Requirement: requirement), s_wait, cancellationToken: Stop);

    private Task<StoaException> RefusedAsync(RequirementBody requirement, string? maxPrice = null) =>
        Should.ThrowAsync<StoaException>(() => SubmitAsync(requirement, maxPrice: maxPrice));
}
