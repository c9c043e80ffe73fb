using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class CommandsOnANodeTests(RealNode node) : IDisposable
{
    private const string Markdown = "stoa/markdown-html";
    private readonly TestCli _cli = node.Cli();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Submission_GivesTheResultAndAReceiptThatHolds()
    {
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hello"])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("<h1>Hello</h1>");

        (await _cli.RunAsync("task list --json --limit 1")).ShouldBe(ExitCode.Ok);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("id").GetString()!;

        (await _cli.RunAsync($"task show {id}")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("succeeded");
        (await _cli.RunAsync($"task result {id} -o again.html")).ShouldBe(ExitCode.Ok);
        File.ReadAllText(Path.Combine(_cli.Folder, "again.html")).ShouldContain("<h1>Hello</h1>");
        (await _cli.RunAsync($"task watch {id}")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("succeeded");
        (await _cli.RunAsync($"receipt verify {id} --rerun --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("rerunConfirms").GetBoolean().ShouldBeTrue();
        (await _cli.RunAsync($"task cancel {id}")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("nothing to cancel");
    }

    [Fact]
    public async Task Nodes_AreListed()
    {
        (await _cli.RunAsync("node list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("WORKERS_BUSY");
        (await _cli.RunAsync("node list --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var only = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").EnumerateArray().ShouldHaveSingleItem();
        only.GetProperty("capacity").GetProperty("workers").GetInt32().ShouldBePositive();
    }

    [Fact]
    public async Task Batch_IsSubmittedFollowedAndShown()
    {
        var file = Path.Combine(_cli.Folder, "tasks.jsonl");
        await File.WriteAllLinesAsync(
            file, Enumerable.Range(0, 20).Select(number => $$$"""{"agent":"{{{Markdown}}}","input":{"text":"# {{{number}}}"}}"""), Cancellation);

        (await _cli.RunAsync("batch submit tasks.jsonl")).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = _cli.Output.Trim();
        id.ShouldStartWith("batch_");
        (await _cli.RunAsync($"batch watch {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"batch show {id} --json")).ShouldBe(ExitCode.Ok);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("succeeded").GetInt64().ShouldBe(20);
        (await _cli.RunAsync($"batch cancel {id}")).ShouldBe(ExitCode.Refused);

        await File.AppendAllTextAsync(file, "{\"agent\":\"nobody/nothing\",\"input\":{\"text\":\"\"}}\n", Cancellation);
        (await _cli.RunAsync("batch submit tasks.jsonl")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("line 21  There is no agent nobody/nothing.");
        await File.WriteAllLinesAsync(file, Enumerable.Repeat("{\"agent\":\"a/b\",\"input\":{\"text\":\"\"}}", 10_001), Cancellation);
        (await _cli.RunAsync("batch submit tasks.jsonl")).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("10,000");
    }

    [Fact]
    public async Task Quota_IsShownAndSet()
    {
        (await _cli.RunAsync("quota set stoa --open-tasks 2k --content 3GB")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("quota")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("of 2,000");
        _cli.Output.ShouldContain("of 3 GB");
        (await _cli.RunAsync("quota set stoa")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("quota stoa --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("maxOpenTasks").GetInt64().ShouldBe(100_000);
        (await _cli.RunAsync("quota nobody")).ShouldBe(ExitCode.Refused);
    }

    [Fact]
    public async Task Quote_SaysTheRangeAndSubmitsNothing()
    {
        (await _cli.RunAsync("task list --json --limit 1")).ShouldBe(ExitCode.Ok);
        var before = _cli.Output;

        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hello", "--quote"])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("At least");
        _cli.Output.ShouldContain("which would be held");
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hello", "--quote", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("agent").GetString().ShouldBe(Markdown + "@1.0.0");

        (await _cli.RunAsync("task list --json --limit 1")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldBe(before);
    }

    [Fact]
    public async Task Agent_ThatTakesSomethingOffForVolume_SaysSo_AndSoDoesAQuote()
    {
        var sample = RealNode.Sample("markdown-html");
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(sample, "agent.json")))!;
        manifest["name"] = "loyal-pages";
        manifest["capabilities"] = new JsonArray("test.loyal");
        manifest["price"]!["volume"] = JsonNode.Parse("""[{ "from": 1, "factor": 0.9 }, { "from": 1000, "factor": 0.75 }]""");
        _cli.Write("loyal/agent.json", manifest.ToJsonString());
        File.Copy(Path.Combine(sample, manifest["program"]!.GetValue<string>()), Path.Combine(_cli.Folder, "loyal", manifest["program"]!.GetValue<string>()));
        string[] quote = ["task", "submit", "stoa/loyal-pages", "--text", "# Hello", "--quote"];
        (await _cli.RunAsync("agent publish loyal")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync("agent show stoa/loyal-pages")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("0.9 once 1 task of the month is paid for, 0.75 once 1,000 are");
        (await _cli.RunAsync(quote)).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldNotContain("this month");
        (await _cli.RunAsync(["task", "submit", "stoa/loyal-pages", "--text", "# Hello"])).ShouldBe(ExitCode.Ok, _cli.Error);

        // It is a second until it is counted.
        do
            (await _cli.RunAsync(quote)).ShouldBe(ExitCode.Ok, _cli.Error);
        while (!_cli.Output.Contains("0.9 for what was done this month", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Submission_ForLater_WaitsAndCanBeCancelled()
    {
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Later", "--delay", "2h", "--priority", "high", "--no-wait", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var task = JsonDocument.Parse(_cli.Output).RootElement;
        (task.GetProperty("state").GetString(), task.GetProperty("priority").GetString()).ShouldBe(("queued", "high"));
        task.GetProperty("dueAt").GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddHours(1));
        (await _cli.RunAsync($"task cancel {task.GetProperty("id").GetString()}")).ShouldBe(ExitCode.Ok);

        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Later", "--delay", "2h", "--at", "2030-01-31T08:00:00Z"])).ShouldNotBe(ExitCode.Ok);
    }

    [Fact]
    public async Task Webhook_IsMadeListedTriedAndDeleted()
    {
        (await _cli.RunAsync("webhook create http://127.0.0.1/hook")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("https://");
        (await _cli.RunAsync("webhook create https://stoa-receiver.invalid/hook --type stoa.task.failed --name ci")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldStartWith("whsec_");
        (await _cli.RunAsync("webhook list --json")).ShouldBe(ExitCode.Ok);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("id").GetString()!;

        (await _cli.RunAsync($"webhook test {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldStartWith("dlvr_");
        (await _cli.RunAsync($"webhook deliveries {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("stoa.webhook.test");
        (await _cli.RunAsync($"webhook enable {id} --off")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"webhook test {id}")).ShouldBe(ExitCode.Refused);
        (await _cli.RunAsync($"webhook delete {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Review_IsWrittenListedAnsweredAndShown()
    {
        using var admin = node.Client();
        using var anonymous = new StoaClient(admin.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest("reviewer", "reviewer@example.org", "a long enough password"), Cancellation);
        var token = (await anonymous.LoginAsync(new LoginRequest("reviewer", "a long enough password"), Cancellation)).Token;
        await admin.DepositAsync(new DepositRequest("reviewer", "1"), Cancellation);
        using var reviewer = new StoaClient(admin.Options with { ApiKey = token });
        var task = await reviewer.SubmitTextAsync("stoa/csv-profile", "a,b\n1,2\n", new SubmitOptions { Wait = TimeSpan.FromMinutes(1) }, Cancellation);
        var own = await admin.SubmitTextAsync("stoa/csv-profile", "a,b\n1,2\n", new SubmitOptions { Wait = TimeSpan.FromMinutes(1) }, Cancellation);

        (await _cli.RunAsync($"review write {own.Id} --stars 5")).ShouldBe(ExitCode.NotAuthorized);
        _cli.Error.ShouldContain("You published");
        (await _cli.RunAsync(["review", "withdraw", task.Id, "--key", token])).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("nothing to withdraw");
        (await _cli.RunAsync(["review", "write", task.Id, "--stars", "4", "Quick and right.", "--key", token, "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;
        (await _cli.RunAsync("review list stoa/csv-profile")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Quick and right.");
        _cli.Error.ShouldContain("4 of 5 stars (1 review)");
        (await _cli.RunAsync(["review", "answer", id, "Thank you."])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["review", "show", task.Id, "--key", token])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Thank you.");
        (await _cli.RunAsync(["review", "list", "--key", token])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(id);
        (await _cli.RunAsync("agent show stoa/csv-profile")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("4 of 5 stars (1 review)");
        (await _cli.RunAsync("review list --stars 5")).ShouldBe(ExitCode.Usage);
    }

    [Fact]
    public async Task Template_IsMadeFilledInAndScheduled()
    {
        const string template = """
            {"name":"page","task":{"agent":"stoa/markdown-html","input":{"text":"# {{title}} {{number}}"}},"parameters":[{"name":"title"},{"name":"number","type":"integer"}]}
            """;
        (await _cli.RunAsync("template create -", Encoding.UTF8.GetBytes(template))).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = _cli.Output.Trim();

        (await _cli.RunAsync($"template submit {id} --set title=Hello --set number=7")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("<h1>Hello 7</h1>");
        (await _cli.RunAsync($"template submit {id} --set title=Hello")).ShouldBe(ExitCode.Refused);
        (await _cli.RunAsync("template list")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("title, number");
        (await _cli.RunAsync(["schedule", "create", "30 8 * * MON-FRI", "--zone", "Europe/Berlin", "--template", id, "--set", "title=x", "--set", "number=1"]))
            .ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Europe/Berlin");
        (await _cli.RunAsync($"template delete {id} --force")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Schedule_IsMadeShownPausedAndDeleted()
    {
        (await _cli.RunAsync(["schedule", "create", "0 0 30 2 *", "--agent", Markdown, "--text", "x"])).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("never fire");
        (await _cli.RunAsync(["schedule", "create", "@yearly", "--agent", Markdown, "--text", "x", "--name", "new year", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;

        (await _cli.RunAsync("schedule list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("new year");
        (await _cli.RunAsync($"schedule pause {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("paused");
        (await _cli.RunAsync($"schedule resume {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"schedule show {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("active");
        (await _cli.RunAsync($"schedule runs {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"schedule delete {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Suggestion_OfAnAgent_AsksTheNode()
    {
        const string line = "stoa agent show ";

        await _cli.RunAsync([$"[suggest:{line.Length}]", line]);

        _cli.Output.Split('\n').ShouldContain(Markdown);
    }

    [Fact]
    public async Task Log_IsWhatTheAgentWroteToStderr()
    {
        (await _cli.RunAsync("task submit stoa/image-resize --text nonsense --json")).ShouldBe(ExitCode.Refused);
        var task = JsonDocument.Parse(_cli.Output).RootElement;

        (await _cli.RunAsync($"task log {task.GetProperty("id").GetString()}")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.Trim().ShouldBe(task.GetProperty("failure").GetProperty("log").GetString()!.Trim());
        _cli.Output.ShouldContain("PNG");
    }

    [Fact]
    public async Task Log_Followed_EndsWithTheTask()
    {
        (await _cli.RunAsync(["task", "submit", "stoa/image-resize", Path.Combine(RealNode.Sample("image-resize"), "input", "lake.png"), "--no-wait"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = _cli.Output.Trim();

        (await _cli.RunAsync($"task logs {id} --follow")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldMatch("^read [0-9]+ pixels\n$");
        (await _cli.RunAsync($"receipt verify {id} --rerun")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Agent_ThatCallsOthers_IsPricedRunAndVerifiedWithThem()
    {
        var lake = Path.Combine(RealNode.Sample("image-resize"), "input", "lake.png");
        (await _cli.RunAsync("agent show stoa/picture-page")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("stoa/image-resize@1.1.0 up to 2× for");
        (await _cli.RunAsync(["task", "submit", "stoa/picture-page", lake, "--quote"])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("for other agents");

        (await _cli.RunAsync(["task", "submit", "stoa/picture-page", lake, "--param", "width=60", "--param", "caption=A *lake*.", "-o", "lake.html", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);

        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;
        File.ReadAllText(Path.Combine(_cli.Folder, "lake.html")).ShouldContain("<figcaption>\n<p>A <em>lake</em>.</p>\n</figcaption>");
        (await _cli.RunAsync($"task show {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("3 stoa/markdown-html@1.0.0 $");
        (await _cli.RunAsync($"receipt verify {id} --rerun")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("stoa/image-resize@1.1.0");
        (await _cli.RunAsync($"receipt verify {id} --rerun --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var verified = JsonDocument.Parse(_cli.Output).RootElement;
        (verified.GetProperty("calls").GetInt32(), verified.GetProperty("rerunCallsMatch").GetBoolean()).ShouldBe((3, true));
    }

    [Fact]
    public async Task Agent_ThatAsksModels_SaysSo_AndWhatIsMissing()
    {
        (await _cli.RunAsync("agent show stoa/text-summary")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("any model that can chat up to 1× for");
        _cli.Write("lake.txt", "A lake lies in the mountains.");

        (await _cli.RunAsync("task submit stoa/text-summary lake.txt")).ShouldNotBe(ExitCode.Ok);

        _cli.Error.ShouldContain("nor any other model yet");
    }

    [Fact]
    public async Task LargeInput_IsUploadedAndProfiled()
    {
        var rows = string.Concat(Enumerable.Range(0, 200_000).Select(row => $"{row},name {row}\n"));
        _cli.Write("large.csv", "id,name\n" + rows);

        (await _cli.RunAsync("task submit stoa/csv-profile large.csv")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.OutputBytes.Length.ShouldBeGreaterThan(0);
        JsonDocument.Parse(_cli.Output).RootElement.GetRawText().ShouldContain("200000");
    }

    [Fact]
    public async Task Receipt_ThatWasChanged_IsNotBelieved()
    {
        using var client = node.Client();
        var task = await client.WaitForTaskAsync((await client.SubmitTextAsync(Markdown, "x", cancellationToken: Cancellation)).Id, cancellationToken: Cancellation);
        var receipt = await client.GetReceiptAsync(task.Id, Cancellation);
        _cli.Write("good.json", Encoding.UTF8.GetString(receipt.ToJson()));
        var payload = Encoding.UTF8.GetString(receipt.Payload).Replace(task.Result!.Price, "0.000000001", StringComparison.Ordinal);
        _cli.Write("bad.json", Encoding.UTF8.GetString((receipt with { Payload = Encoding.UTF8.GetBytes(payload) }).ToJson()));

        (await _cli.RunAsync("receipt verify good.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("receipt verify bad.json")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("not signed");
    }

    [Fact]
    public async Task Rerun_OnAnotherInput_IsRefused()
    {
        using var client = node.Client();
        var task = await client.WaitForTaskAsync((await client.SubmitTextAsync(Markdown, "mine", cancellationToken: Cancellation)).Id, cancellationToken: Cancellation);
        _cli.Write("other.md", "other");

        (await _cli.RunAsync($"receipt verify {task.Id} --rerun --input other.md")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("The receipt is about the input");
    }

    [Theory]
    [InlineData("task submit stoa/nothing --text x", ExitCode.Refused, "nothing")]
    [InlineData("task submit stoa/markdown-html --text x --max-price 0.000000001", ExitCode.Refused, "0.000000001")]
    [InlineData("task submit stoa/markdown-html --text x --param colour=red", ExitCode.Refused, "colour")]
    [InlineData("task submit stoa/markdown-html --text x --fuel 100", ExitCode.Refused, "outOfFuel")]
    [InlineData("task show task_01h2xcejqtf2nbrexx3vqjhp41", ExitCode.Refused, "task_01h2xcejqtf2nbrexx3vqjhp41")]
    [InlineData("agent show stoa/nothing", ExitCode.Refused, "stoa/nothing")]
    [InlineData("wallet deposit nobody 5", ExitCode.Refused, "nobody")]
    [InlineData("wallet deposit stoa 0", ExitCode.Refused, "AMOUNT")]
    [InlineData("status --key stoa_wrong", ExitCode.NotAuthorized, "stoa login")]
    public async Task Refusal_OfTheNode_IsToldWithItsExitCode(string commandLine, int exitCode, string told)
    {
        (await _cli.RunAsync(commandLine)).ShouldBe(exitCode, _cli.Error);

        _cli.Error.ShouldContain(told);
    }

    [Fact]
    public async Task Agents_AreListedFoundAndShown()
    {
        (await _cli.RunAsync("agent list")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain(Markdown);
        (await _cli.RunAsync("agent list --capability text.markdown-to-html --json")).ShouldBe(ExitCode.Ok);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").GetArrayLength().ShouldBe(1);
        (await _cli.RunAsync($"agent show {Markdown}")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("text/markdown");
        _cli.Output.ShouldContain("1.0.0");
    }

    [Fact]
    public async Task Publication_OfTheSameAgain_IsTheSameVersion()
    {
        (await _cli.RunAsync(["agent", "publish", RealNode.Sample("markdown-html"), "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);

        using var client = node.Client();
        var known = await client.GetAgentAsync(new AgentReference("stoa", "markdown-html"), Cancellation);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString().ShouldBe(known.Id);
    }

    [Fact]
    public async Task Key_IsMadeUsedAndRevoked()
    {
        (await _cli.RunAsync("key create test --expires-days 1")).ShouldBe(ExitCode.Ok, _cli.Error);
        var secret = _cli.Output.Trim();
        (await _cli.RunAsync(["login", "--key", secret])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("key list --json")).ShouldBe(ExitCode.Ok);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").EnumerateArray()
            .Single(key => key.GetProperty("name").GetString() == "test").GetProperty("id").GetString();
        (await _cli.RunAsync($"key revoke {id}")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync(["wallet", "--key", secret])).ShouldBe(ExitCode.NotAuthorized);
    }

    [Fact]
    public async Task Wallet_ShowsWhatADepositBrings()
    {
        (await _cli.RunAsync("wallet deposit stoa 2.5")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("$2.50");
        (await _cli.RunAsync("wallet")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("Available");
        (await _cli.RunAsync("wallet transfers")).ShouldBe(ExitCode.Ok);
        _cli.Output.ShouldContain("+$2.50");
    }

    [Fact]
    public async Task Status_SaysNodeAndAccount()
    {
        (await _cli.RunAsync("status")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain("stoa (admin)");
        _cli.Output.ShouldContain("STOA_KEY");
    }

    [Fact]
    public async Task Events_FromTheBeginning_TellOfPublications()
    {
        using var client = node.Client();

        var first = await client.WatchEventsAsync("0", Cancellation).FirstAsync(happened => happened.Type == "stoa.agent.published", Cancellation);

        first.Source.ShouldStartWith("stoa://");
    }

    [Fact]
    public async Task Quote_IsWhatTheSubmissionHolds()
    {
        using var client = node.Client();
        var request = new SubmitTaskRequest(Markdown, new TaskInputBody(Text: "# x"));

        var quote = await client.QuoteAsync(request, Cancellation);
        var task = await client.SubmitAsync(request, cancellationToken: Cancellation);

        task.Hold.ShouldBe(quote.Hold);
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Tour_Once_DoesTheMainJobTwiceOnTheSameData()
    {
        string[] tour = ["tour", "--once", "--port", "0", "--data", Path.Combine(_cli.Folder, "data"), "--samples", RealNode.Sample("")];

        (await _cli.RunAsync(tour)).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Published the sample agents");
        _cli.Output.ShouldContain("Serving the sample models, programs in the sandbox: parrot");
        _cli.Output.ShouldContain("The receipt holds");
        _cli.Error.ShouldBeEmpty();

        (await _cli.RunAsync([.. tour, "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var told = JsonDocument.Parse(_cli.Output).RootElement;
        told.GetProperty("receiptConfirmed").GetBoolean().ShouldBeTrue();
        told.GetProperty("models").EnumerateArray().Select(model => model.GetString()).ShouldBe(["stoa/parrot"]);
    }

    [Fact]
    public async Task Up_OnAPortThatIsTaken_SaysSo()
    {
        (await _cli.RunAsync($"up --port {node.Address.Port} --data data")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain(node.Address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        _cli.Error.ShouldContain("--port N");
    }

    [Fact]
    public async Task Up_WithAWrongOption_SaysWhich()
    {
        (await _cli.RunAsync("up --port 0 --data data --set tasks:workers=none")).ShouldBe(ExitCode.Usage);

        _cli.Error.ShouldContain("Workers", Case.Insensitive);
    }
}
