using System.Net;
using System.Net.Http.Headers;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>One node for all of the tests of this class.</summary>
public sealed class TaskNodeFixture : IAsyncLifetime
{
    public TestNode Node { get; private set; } = null!;

    public string Echo { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Node = await TestNode.StartAsync(null, "--Tasks:Workers", "2");
        Echo = await Node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}

public sealed class TasksEndpointsTests(TaskNodeFixture fixture) : IClassFixture<TaskNodeFixture>
{
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    private TestNode Node => fixture.Node;

    private StoaClient Client => fixture.Node.Client;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Submit_WithWait_AnswersTheEndWithResultReceiptAndPrice()
    {
        var task = await Node.RunAsync(fixture.Echo, "größer");

        task.State.ShouldBe("succeeded");
        (await Node.ResultAsync(task)).ShouldBe("größer");
        var receipt = Market.Tasks.ReceiptVerifier.Verify(await Client.GetReceiptAsync(task.Id, Stop), null).Value;
        receipt.TaskId.ToString().ShouldBe(task.Id);
        receipt.Price.ToString().ShouldBe(task.Result!.Price);
        receipt.OutputDigest.ToString().ShouldBe(task.Result.Digest);
        Money.Parse(task.Result.Price).ShouldBeInRange(new Money(1), Money.Parse(task.Hold));
    }

    [Fact]
    public async Task Receipt_OfATask_IsConfirmedByARerun()
    {
        var task = await Node.RunAsync(fixture.Echo, "again");
        var receipt = Market.Tasks.ReceiptVerifier.Verify(await Client.GetReceiptAsync(task.Id, Stop), null).Value;

        var report = await Market.Tasks.ReceiptRerun.RunAsync(
            receipt, GuestPrograms.Echo, Market.Tasks.RerunCalls.None, new MemoryStream("again"u8.ToArray()), TimeProvider.System, new Market.Tasks.AttemptProgress(), Stop);

        report.Value.Confirms.ShouldBeTrue();
    }

    [Fact]
    public async Task Submit_WithoutWait_IsWorkedOnAllTheSame()
    {
        var task = await Client.SubmitTextAsync(fixture.Echo, "later", cancellationToken: Stop);

        var events = await Client.WatchTaskAsync(task.Id, cancellationToken: Stop).ToListAsync(Stop);

        events.Select(told => told.Type).Where(type => type != "stoa.task.progress").ShouldBe(["stoa.task.queued", "stoa.task.started", "stoa.task.succeeded"]);
        (await Client.GetTaskAsync(task.Id, Stop)).State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Submit_OfManyAtOnce_EndsEachOnceAndChargesEachOnce()
    {
        var before = await Client.GetWalletAsync(Stop);

        var tasks = await Task.WhenAll(Enumerable.Range(0, 100).Select(number => Node.RunAsync(fixture.Echo, $"number {number}")));

        tasks.ShouldAllBe(task => task.State == "succeeded");
        tasks.Select(task => task.Id).Distinct().Count().ShouldBe(100);
        var spent = Money.Parse(before.Posted) - Money.Parse((await Client.GetWalletAsync(Stop)).Posted);
        // The administrator is the creator too, and gets back the creator's share.
        var prices = tasks.Aggregate(Money.Zero, (sum, task) => sum + Money.Parse(task.Result!.Price));
        spent.ShouldBe(prices - tasks.Aggregate(Money.Zero, (sum, task) => sum + Market.Tasks.SplitPolicy.Default.Split(Money.Parse(task.Result!.Price)).Creator));
    }

    public static TheoryData<string, byte[], string> Hostile() => new()
    {
        { "endless-loop", GuestPrograms.EndlessLoop, "outOfFuel" },
        { "endless-recursion", GuestPrograms.EndlessRecursion, "callStackExhausted" },
        { "endless-output", GuestPrograms.EndlessOutput(1), "outputTooLarge" },
        { "unreachable", GuestPrograms.Unreachable, "trap" },
        { "refusing", GuestPrograms.Exit(1, "I do not take this."), "agentExit" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Submit_ToAProgramThatFails_CostsNothing(string name, byte[] program, string code)
    {
        var agent = await Node.PublishAsync(name, program);
        var before = await Client.GetWalletAsync(Stop);

        var task = await Node.RunAsync(agent);

        (task.State, task.Failure?.Code).ShouldBe(("failed", code));
        (await Client.GetWalletAsync(Stop)).ShouldBe(before);
        (await Should.ThrowAsync<StoaException>(() => Client.GetReceiptAsync(task.Id, Stop))).Code.ShouldBe("noResult");
    }

    [Fact]
    public async Task Cancel_OfARunningTask_StopsIt()
    {
        var agent = await Node.PublishAsync("forever", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 1000, 1000));
        var task = await Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: ""), Limits: new TaskLimitsBody(Fuel: 1_000_000_000_000)), cancellationToken: Stop);

        await Client.CancelTaskAsync(task.Id, Stop);

        var ended = await Client.WatchTaskAsync(task.Id, cancellationToken: Stop).ToListAsync(Stop);
        ended[^1].Type.ShouldBe("stoa.task.cancelled");
        (await Should.ThrowAsync<StoaException>(() => Client.CancelTaskAsync(task.Id, Stop))).Code.ShouldBe("alreadyFinal");
        (await Client.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Submit_AgainUnderTheSameKey_AnswersTheSameTask()
    {
        var request = new SubmitTaskRequest(fixture.Echo, new TaskInputBody(Text: "once"));
        var key = Guid.NewGuid().ToString();

        var first = await Client.SubmitAsync(request, s_wait, key, Stop);
        var second = await Client.SubmitAsync(request, s_wait, key, Stop);

        second.Id.ShouldBe(first.Id);
        (await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(request with { Input = new TaskInputBody(Text: "twice") }, s_wait, key, Stop)))
            .Code.ShouldBe("idempotencyKeyReused");
    }

    [Fact]
    public async Task Submit_WithAPriorityForLater_WaitsUntilThen()
    {
        var later = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds());
        var request = new SubmitTaskRequest(fixture.Echo, new TaskInputBody(Text: "later"), Priority: "urgent", DueAt: later);

        var task = await Client.SubmitAsync(request, cancellationToken: Stop);

        (task.State, task.Priority, task.DueAt).ShouldBe(("queued", "urgent", later));
        (await Client.ExecuteTaskAsync(task.Id, s_wait, Stop)).State.ShouldBe("succeeded");
        (await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(request with { DueAt = later.AddYears(2) }, cancellationToken: Stop))).Code.ShouldBe("dueTooLate");
        var wrong = await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(request with { Priority = "4" }, cancellationToken: Stop));
        wrong.Problem!.Errors!.Single().Pointer.ShouldBe("/priority");
    }

    [Fact]
    public async Task Submit_DueInAMoment_RunsByItself()
    {
        var task = await Client.SubmitAsync(
            new SubmitTaskRequest(fixture.Echo, new TaskInputBody(Text: "soon"), DueAt: DateTimeOffset.UtcNow.AddMilliseconds(300)), s_wait, cancellationToken: Stop);

        task.State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Execute_OfATask_WaitsForItsEnd()
    {
        var task = await Client.SubmitTextAsync(fixture.Echo, "now", cancellationToken: Stop);

        (await Client.ExecuteTaskAsync(task.Id, s_wait, Stop)).State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Result_OfALongOutput_ComesFromTheContentStoreInRanges()
    {
        var text = string.Concat(Enumerable.Range(0, 30_000).Select(number => $"{number} bottles\n"));
        var task = await Node.RunAsync(fixture.Echo, text);

        (await Node.ResultAsync(task)).ShouldBe(text);
        using var http = Http();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/tasks/{task.Id}/result") { Headers = { Range = new RangeHeaderValue(100_000, 100_009) } };
        using var response = await http.SendAsync(request, Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        (await response.Content.ReadAsStringAsync(Stop)).ShouldBe(text[100_000..100_010]);
        response.Headers.ETag!.Tag.ShouldBe($"\"{task.Result!.Digest}\"");
        response.Headers.GetValues("Content-Security-Policy").ShouldHaveSingleItem().ShouldContain("sandbox");
    }

    [Fact]
    public async Task Task_OfSomebodyElse_DoesNotExist()
    {
        var task = await Node.RunAsync(fixture.Echo);
        using var other = await AsSomebodyElseAsync();
        using var stranger = Http(other.Options.ApiKey);

        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, ""), (HttpMethod.Get, "?wait=1s"), (HttpMethod.Get, "/result"), (HttpMethod.Get, "/receipt"), (HttpMethod.Get, "/log"),
            (HttpMethod.Get, "/events"), (HttpMethod.Delete, ""), (HttpMethod.Post, "/execute"),
        })
        {
            using var request = new HttpRequestMessage(method, $"/api/v1/tasks/{task.Id}{path}");
            using var response = await stranger.SendAsync(request, Stop);
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, $"{method} {path}");
        }

        (await other.ListTasksAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await Should.ThrowAsync<StoaException>(() => other.SubmitTextAsync(fixture.Echo, "mine", cancellationToken: Stop))).Code.ShouldBe("insufficientFunds");
    }

    [Theory]
    [InlineData("""{"agent":"stoa/echo","input":{"text":"a","base64":"YQ=="}}""", "/input")]
    [InlineData("""{"agent":"stoa/echo","input":{}}""", "/input")]
    [InlineData("""{"agent":"stoa/echo","input":{"base64":"?"}}""", "/input/base64")]
    [InlineData("""{"agent":"stoa/echo","input":{"digest":"md5:1"}}""", "/input/digest")]
    [InlineData("""{"agent":"no agent","input":{"text":"a"}}""", "/agent")]
    [InlineData("""{"agent":"stoa/echo","input":{"text":"a"},"maxPrice":"1e3"}""", "/maxPrice")]
    [InlineData("""{"agent":"stoa/echo","input":{"text":"a"},"budget":1}""", "/budget")]
    [InlineData("""{"agent":"stoa/echo","input":{"text":"a"},"limits":{"fuel":-1}}""", "/limits/fuel")]
    public async Task Submit_OfABadRequest_SaysWhere(string body, string pointer)
    {
        using var http = Http();

        using var response = await http.PostAsync("/api/v1/tasks", new StringContent(body, null, "application/json"), Stop);

        ((int)response.StatusCode).ShouldBeInRange(400, 422);
        (await response.Content.ReadAsStringAsync(Stop)).ShouldContain($"\"{pointer}\"");
    }

    [Theory]
    [InlineData("wait=forever")]
    [InlineData("wait=61s")]
    [InlineData("wait=-1s")]
    public async Task Get_WithABadWait_IsRefused(string query)
    {
        using var http = Http();

        using var response = await http.GetAsync($"/api/v1/tasks/{new IdSource(TimeProvider.System, new SecureRandom()).Next<Market.Tasks.AgentTask>()}?{query}", Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task List_ByState_ShowsOnlyThose()
    {
        await Node.RunAsync(fixture.Echo);

        (await Client.ListTasksAsync("succeeded", Stop).Take(5).ToListAsync(Stop)).ShouldAllBe(task => task.State == "succeeded");
        (await Should.ThrowAsync<StoaException>(async () => await Client.ListTasksAsync("done", Stop).ToListAsync(Stop))).Code.ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task Quote_OfARequest_IsWhatIsHeldForIt()
    {
        var request = new SubmitTaskRequest(fixture.Echo, new TaskInputBody(Text: "how much?"));

        var quote = await Client.QuoteAsync(request, Stop);

        (await Client.SubmitAsync(request, s_wait, cancellationToken: Stop)).Hold.ShouldBe(quote.Hold);
    }

    private HttpClient Http(string? key = null) => new()
    {
        BaseAddress = Client.Options.Address,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key ?? Client.Options.ApiKey) },
    };

    private async Task<StoaClient> AsSomebodyElseAsync()
    {
        using var anonymous = new StoaClient(Client.Options with { ApiKey = null });
        var handle = "u" + Guid.NewGuid().ToString("n")[..12];
        await anonymous.RegisterAsync(new RegisterRequest(handle, handle + "@example.org", "a long enough password"), Stop);
        var session = await anonymous.LoginAsync(new LoginRequest(handle, "a long enough password"), Stop);
        return new StoaClient(Client.Options with { ApiKey = session.Token });
    }
}
