using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Mail;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>What is used, paid, limited and told, on production wiring.</summary>
[Trait("speed", "slow")]
public sealed class MeteringEndpointsTests : IAsyncLifetime
{
    private readonly SmtpServer _mail = new();
    private TestNode _node = null!;
    private string _agent = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(
            null, "--Metering:PollMs", "20", "--Mail:Host", "127.0.0.1", "--Mail:Port", $"{_mail.Port}", "--Mail:Security", "none", "--Mail:From", "stoa@example.org", "--Mail:PollMs", "20");
        _agent = await _node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _mail.DisposeAsync();
    }

    [Fact]
    public async Task Usage_OfTasks_IsReportedToAllSides()
    {
        using var ada = await ConsumerAsync("ada");
        var tasks = new List<TaskResponse>();
        foreach (var text in new[] { "one", "two", "three" })
            tasks.Add(await RunAsync(ada, text));
        var (paid, fuel) = (Sum(tasks.Select(task => task.Result!.Price)), tasks.Sum(task => task.Result!.Usage.Fuel));

        foreach (var by in new[] { "hour", "day", "month" })
        {
            var mine = await ListAsync(ada, new UsageQuery { By = by });
            mine.Sum(row => row.Events).ShouldBe(3);
            mine.ShouldAllBe(row => row.Group == "stoa/echo" && row.Earned == null);
            (Sum(mine.Select(row => row.Paid)), mine.Sum(row => row.Fuel), mine.Sum(row => row.InputBytes)).ShouldBe((paid, fuel, 11L));
        }

        // The first administrator is both who has published the agent and who runs the node.
        var earned = (await ListAsync(_node.Client, new UsageQuery { Role = "creator", GroupBy = "version" })).ToList();
        earned.ShouldAllBe(row => row.Group == _agent);
        var shares = SharesOf(tasks);
        Sum(earned.Select(row => row.Earned!)).ShouldBe(shares.Creator);
        var ran = await ListAsync(_node.Client, new UsageQuery { Role = "operator", GroupBy = "node" });
        Sum(ran.Select(row => row.Earned!)).ShouldBe(shares.Node);
        ran.ShouldAllBe(row => row.Group == _node.Host.Services.GetRequiredService<PublicKey>().PeerId.ToString());
        (await ListAsync(_node.Client, new UsageQuery())).ShouldBeEmpty("the administrator has spent nothing");
        (await ListAsync(ada, new UsageQuery { To = DateTimeOffset.UtcNow.AddDays(-2) })).ShouldBeEmpty();
        (await ListAsync(ada, new UsageQuery { Agent = "stoa/other" })).ShouldBeEmpty();

        using var csv = new MemoryStream();
        await ada.ExportUsageAsync(csv, new UsageQuery { By = "month", GroupBy = "none" }, Stop);
        var lines = System.Text.Encoding.UTF8.GetString(csv.ToArray()).Split("\r\n");
        lines[0].ShouldBe("start,group,events,fuel,input_bytes,output_bytes,duration_ms,paid,earned,calls,charges,byte_hours,transfer_bytes,requests,input_tokens,output_tokens");
        lines[1..^1].Sum(line => long.Parse(line.Split(',')[2], null)).ShouldBe(3);

        var audit = await _node.Client.VerifyUsageAsync(Stop);
        audit.Findings.ShouldBeNull();
        audit.Holds.ShouldBeTrue();
    }

    [Fact]
    public async Task Events_OfUsage_FollowThePublishedSchema()
    {
        using var ada = await ConsumerAsync("ada");
        var task = await RunAsync(ada, "hello");
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        using var answer = await http.GetAsync("/schemas/usage-event.v1.json", Stop);
        (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((HttpStatusCode.OK, "application/schema+json"));
        var schema = await answer.Content.ReadAsStringAsync(Stop);

        foreach (var (client, role, showsConsumer) in new[] { (ada, "consumer", true), (_node.Client, "creator", false), (_node.Client, "operator", true) })
        {
            var used = (await client.ListUsageEventsAsync(role, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
            var json = JsonSerializer.SerializeToUtf8Bytes(used, StoaJson.Default.CloudEvent);
            PortSchema.Validate(schema, json).ShouldBeEmpty();
            (used.Id, used.Type, used.Subject).ShouldBe((task.Result!.ReceiptId, "stoa.usage.task", task.Id));
            used.Data.GetProperty("price").GetString().ShouldBe(task.Result.Price);
            used.Data.GetProperty("quantities").GetProperty("fuel").GetInt64().ShouldBe(task.Result.Usage.Fuel);
            used.Data.TryGetProperty("consumerId", out _).ShouldBe(showsConsumer, role);
            PortSchema.Validate(schema, System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(json).Replace("\"quantities\"", "\"quantity\"", StringComparison.Ordinal))).ShouldNotBeEmpty();
        }
    }

    [Theory]
    [InlineData("usage?role=nobody", 400)]
    [InlineData("usage?by=year", 400)]
    [InlineData("usage?groupBy=consumer", 400)]
    [InlineData("usage?agent=upper", 400)]
    [InlineData("usage?from=yesterday", 400)]
    [InlineData("usage?from=2026-11-28&to=2026-11-27", 400)]
    [InlineData("usage?limit=1000", 400)]
    [InlineData("usage?role=operator", 403)]
    [InlineData("usage.csv?role=operator", 403)]
    [InlineData("usage/events?role=operator", 403)]
    [InlineData("usage/events?role=nobody", 400)]
    [InlineData("usage/verification", 403)]
    [InlineData("budgets/budget_01h2xcejqtf2nbrexx3vqjhp41", 404)]
    public async Task Question_ThatIsNotTheCallersOrMakesNoSense_IsRefused(string path, int status)
    {
        using var ada = await ConsumerAsync("ada");
        using var http = new HttpClient { BaseAddress = new Uri(_node.Client.Options.Address, "/api/v1/") };
        (await http.GetAsync(path, Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        http.DefaultRequestHeaders.Authorization = new("Bearer", ada.Options.ApiKey);

        using var answer = await http.GetAsync(path, Stop);

        ((int)answer.StatusCode).ShouldBe(status, await answer.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task Budget_ThatIsUsedUp_RefusesAndIsToldByEventAndLetter()
    {
        using var ada = await ConsumerAsync("ada");
        var quote = Money.Parse((await ada.QuoteAsync(new SubmitTaskRequest(_agent, new TaskInputBody(Text: "hello")), Stop)).Hold);
        var budget = await ada.SetBudgetAsync(new SetBudgetRequest(quote.ToString(), "month", AlertAt: [1, 100]), Stop);
        (budget.Left, budget.Mail, budget.Agent, budget.Per).ShouldBe((quote.ToString(), true, null, "month"));
        budget.AlertAt.ShouldBe([1, 100]);

        await RunAsync(ada, "hello");
        await using var told = ada.WatchEventsAsync("0", Stop).Where(happened => happened.Type == "stoa.budget.threshold").GetAsyncEnumerator(Stop);
        (await NextPercentAsync(told)).ShouldBe(1);
        var refused = await Should.ThrowAsync<StoaException>(() => RunAsync(ada, "hello"));

        (refused.Code, refused.Problem.Status).ShouldBe(("budgetExhausted", 402));
        refused.Problem.Detail.ShouldContain($"your budget {budget.Id} of {quote} USD a month");
        (await NextPercentAsync(told)).ShouldBe(100);
        foreach (var percent in new[] { 1, 100 })
        {
            using var letter = (await _mail.TakeAsync(Stop)).Read();
            (letter.To.ToString(), letter.From.ToString()).ShouldBe(("ada@example.org", "stoa@example.org"));
            letter.Subject.ShouldBe($"{percent} % of your budget for everything are used up");
        }

        // Others pay for themselves.
        using var bob = await ConsumerAsync("bob");
        await RunAsync(bob, "hello");
        (await Should.ThrowAsync<StoaException>(() => bob.GetBudgetAsync(budget.Id, Stop))).Code.ShouldBe("budgetUnknown");
        (await ada.SetBudgetAlertsAsync(budget.Id, new SetBudgetAlertsRequest([], false), Stop)).AlertAt.ShouldBeEmpty();
        await ada.DeleteBudgetAsync(budget.Id, Stop);
        await RunAsync(ada, "hello");
        (await ada.ListBudgetsAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Budget_OfAnAgentThatTakesOver_CountsWhatItDid()
    {
        const string work = "text.metered";
        var bad = AgentReference.Parse(await TestNode.PublishAsync(_node.Client, "bad", GuestPrograms.Unreachable, capability: work, price: new AgentPriceBody("0.0001", "0", "0")));
        var good = AgentReference.Parse(await TestNode.PublishAsync(_node.Client, "good", GuestPrograms.Echo, capability: work, price: new AgentPriceBody("0.001", "0", "0")));
        using var ada = await ConsumerAsync("ada");
        foreach (var scope in new AgentReference?[] { null, bad, good })
            await ada.SetBudgetAsync(new SetBudgetRequest("0.5", "day", scope is null ? null : $"{scope.Publisher}/{scope.Name}"), Stop);

        var task = await ada.SubmitAsync(
            new SubmitTaskRequest(null, new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([work], Weights: new WeightsBody(Price: 1), Explore: false)),
            TimeSpan.FromSeconds(60),
            cancellationToken: Stop);

        (task.State, task.Attempts).ShouldBe(("succeeded", 2), task.Agent);
        await _node.Host.Services.GetRequiredService<SqlUsageStore>().FoldAsync(Stop);
        foreach (var budget in await ada.ListBudgetsAsync(Stop).ToListAsync(Stop))
            (budget.Spent, budget.Held).ShouldBe((budget.Agent == $"{bad.Publisher}/{bad.Name}" ? "0.000000000" : "0.001000000", "0.000000000"), budget.Agent ?? "all");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Budget_OfAnAgentThatWouldTakeOver_IsNotPassed(bool isOfPublisher)
    {
        const string work = "text.limited";
        var bad = AgentReference.Parse(await TestNode.PublishAsync(_node.Client, "bad", GuestPrograms.Unreachable, capability: work, price: new AgentPriceBody("0.0001", "0", "0")));
        using var other = await ConsumerAsync("other");
        var good = AgentReference.Parse(await TestNode.PublishAsync(other, "good", GuestPrograms.Echo, capability: work, price: new AgentPriceBody("0.001", "0", "0")));
        using var ada = await ConsumerAsync("ada");
        await ada.SetBudgetAsync(new SetBudgetRequest("0.5", "day", $"{bad.Publisher}/{bad.Name}"), Stop);
        await ada.SetBudgetAsync(
            isOfPublisher ? new SetBudgetRequest("0.0009", "day", Publisher: good.Publisher) : new SetBudgetRequest("0.0009", "day", $"{good.Publisher}/{good.Name}"), Stop);

        var task = await ada.SubmitAsync(
            new SubmitTaskRequest(null, new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([work], Weights: new WeightsBody(Price: 1), Explore: false)),
            TimeSpan.FromSeconds(60),
            cancellationToken: Stop);

        (task.State, task.Agent).ShouldBe(("failed", bad.ToString()));
        await _node.Host.Services.GetRequiredService<SqlUsageStore>().FoldAsync(Stop);
        foreach (var budget in await ada.ListBudgetsAsync(Stop).ToListAsync(Stop))
            (budget.Spent, budget.Held).ShouldBe(("0.000000000", "0.000000000"), budget.Agent ?? budget.Publisher);
    }

    [Fact]
    public async Task Budget_ThatBreaksTheRules_IsRefusedWithEveryReason()
    {
        var refused = await Should.ThrowAsync<StoaException>(() => _node.Client.SetBudgetAsync(
            new SetBudgetRequest("0", "year", "upper", "ann", [0]), Stop));

        refused.Code.ShouldBe("budgetInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/per", "/amount", "/publisher", "/agent", "/alertAt"]);
    }

    [Fact]
    public async Task Balance_BelowWhatIsAsked_IsTold()
    {
        using var ada = await ConsumerAsync("ada");
        (await ada.GetBalanceAlertAsync(Stop)).Below.ShouldBeNull();
        (await ada.SetBalanceAlertAsync(new SetBalanceAlertRequest("1"), Stop)).ShouldBe(new BalanceAlertResponse(true, false, "1.000000000"));

        await RunAsync(ada, "hello");

        using var letter = (await _mail.TakeAsync(Stop)).Read();
        letter.Subject.ShouldStartWith("Your wallet has 0.99");
        (await ada.GetBalanceAlertAsync(Stop)).Told.ShouldBeTrue();
        (await ada.SetBalanceAlertAsync(new SetBalanceAlertRequest(), Stop)).Below.ShouldBeNull();
        (await Should.ThrowAsync<StoaException>(() => ada.SetBalanceAlertAsync(new SetBalanceAlertRequest("-1"), Stop))).Code.ShouldBe("budgetInvalid");
    }

    private static async Task<IReadOnlyList<UsageResponse>> ListAsync(StoaClient client, UsageQuery query) => await client.ListUsageAsync(query, Stop).ToListAsync(Stop);

    private static Money Sum(IEnumerable<string> amounts) => amounts.Aggregate(Money.Zero, (sum, amount) => sum + Money.Parse(amount));

    private async Task<TaskResponse> RunAsync(StoaClient client, string text)
    {
        var task = await client.SubmitTextAsync(_agent, text, new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);
        task.State.ShouldBe("succeeded");
        return task;
    }

    private static (Money Creator, Money Node) SharesOf(IEnumerable<TaskResponse> tasks) => tasks
        .Select(task => SplitPolicy.Default.Split(Money.Parse(task.Result!.Price)))
        .Aggregate((Creator: Money.Zero, Node: Money.Zero), (sum, shares) => (sum.Creator + shares.Creator, sum.Node + shares.Node));

    private static async Task<int> NextPercentAsync(IAsyncEnumerator<CloudEvent> told)
    {
        (await told.MoveNextAsync()).ShouldBeTrue();
        return told.Current.Data.GetProperty("percent").GetInt32();
    }

    /// <summary>A consumer with a dollar.</summary>
    private async Task<StoaClient> ConsumerAsync(string handle)
    {
        const string password = "correct horse battery staple";
        using var anonymous = new StoaClient(_node.Client.Options with { ApiKey = null });
        // This node sends e-mail: whom its administrator registers need not prove the address.
        await _node.Client.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", password), Stop);
        var session = await anonymous.LoginAsync(new LoginRequest(handle, password), Stop);
        await _node.Client.DepositAsync(new DepositRequest(handle, "1"), Stop);
        return new StoaClient(_node.Client.Options with { ApiKey = session.Token });
    }
}
