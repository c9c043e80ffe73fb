using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Stoa.Cli.Tests.Commands;

public sealed class TaskSubmitTests : FakeNodeCommandsTest
{
    private const string Submission = "POST /api/v1/tasks";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Node.On(Submission, 202, Samples.Task("queued"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}/events", context => context.Response.WriteAsync(
                Samples.Event("1", "stoa.task.queued", Samples.TaskData("queued")) + Samples.Event("2", "stoa.task.succeeded", Samples.TaskData("succeeded"))))
            .On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("succeeded", "HI"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}/result", context => context.Response.WriteAsync("HI"));
    }

    [Fact]
    public async Task Success_InAPipe_GivesTheResultAloneToStandardOutput()
    {
        (await Cli.RunAsync("task submit stoa/upper", Encoding.UTF8.GetBytes("hi"))).ShouldBe(ExitCode.Ok);

        Cli.Output.ShouldBe("HI");
        Cli.Error.ShouldContain("$0.00125 of $0.002 that were held");
        Cli.Error.ShouldContain("1.2 Mfuel");
        Cli.Error.ShouldContain("rcpt_");
    }

    [Fact]
    public async Task Regions_AreSentAsTheyAreGiven()
    {
        (await Cli.RunAsync("task submit stoa/upper --text hi --region eu-central --region eu-west")).ShouldBe(ExitCode.Ok, Cli.Error);

        JsonDocument.Parse(Node.SeenOf(Submission)[0].Text).RootElement.GetProperty("regions").EnumerateArray()
            .Select(region => region.GetString()).ShouldBe(["eu-central", "eu-west"]);
    }

    [Fact]
    public async Task Executors_AndScope_AreSentAsTheyAreGiven()
    {
        (await Cli.RunAsync("task submit stoa/upper --text hi --runs 5 --agree 4")).ShouldBe(ExitCode.Ok, Cli.Error);
        (await Cli.RunAsync("task submit --capability text.upper --scope network --text hi")).ShouldBe(ExitCode.Ok, Cli.Error);

        JsonDocument.Parse(Node.SeenOf(Submission)[0].Text).RootElement.GetProperty("redundancy").GetRawText().ShouldBe("""{"runs":5,"agree":4}""");
        JsonDocument.Parse(Node.SeenOf(Submission)[1].Text).RootElement.GetProperty("requirement").GetProperty("scope").GetString().ShouldBe("network");
    }

    [Fact]
    public async Task Success_WithOutput_IsSavedWhole()
    {
        (await Cli.RunAsync("task submit stoa/upper --text hi -o out.txt")).ShouldBe(ExitCode.Ok);

        File.ReadAllText(Path.Combine(Cli.Folder, "out.txt")).ShouldBe("HI");
        Cli.OutputBytes.ShouldBeEmpty();
    }

    [Fact]
    public async Task DamagedResult_LeavesWhatWasThere()
    {
        Cli.Write("out.txt", "before");
        await using var damaged = (await FakeNode.StartAsync())
            .On(Submission, 200, Samples.Task("succeeded", "HI"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}/result", context => context.Response.WriteAsync("HO"));

        (await Cli.RunAsync($"task submit stoa/upper --text hi -o out.txt --address {damaged.Address}")).ShouldBe(ExitCode.Refused);

        File.ReadAllText(Path.Combine(Cli.Folder, "out.txt")).ShouldBe("before");
        Directory.GetFiles(Cli.Folder, "*.part").ShouldBeEmpty();
    }

    [Fact]
    public async Task Success_WithJson_GivesTheTaskAlone()
    {
        (await Cli.RunAsync("task submit stoa/upper --text hi --json")).ShouldBe(ExitCode.Ok);

        JsonDocument.Parse(Cli.Output).RootElement.GetProperty("result").GetProperty("price").GetString().ShouldBe("0.001250000");
        Cli.Error.ShouldBeEmpty();
    }

    [Fact]
    public async Task NoWait_PrintsTheIdAlone()
    {
        (await Cli.RunAsync("task submit stoa/upper --text hi --no-wait")).ShouldBe(ExitCode.Ok);

        Cli.Output.ShouldBe(Samples.TaskId + "\n");
        Node.SeenOf($"GET /api/v1/tasks/{Samples.TaskId}/events").ShouldBeEmpty();
    }

    [Fact]
    public async Task Options_AreInTheRequest()
    {
        await Cli.RunAsync("task submit stoa/upper@1.0.0 --text [1,2] --json-input -p width=640 -p mode=fast --max-price $0.01 --fuel 2G --memory 64MiB --timeout 1.5s --idempotency-key k1 --no-wait");

        var request = Node.SeenOf(Submission).Single();
        request.Text.ShouldBe("""{"agent":"stoa/upper@1.0.0","input":{"json":[1,2]},"parameters":{"width":"640","mode":"fast"},"limits":{"fuel":2000000000,"memoryBytes":67108864,"timeoutMs":1500},"maxPrice":"0.01"}""");
        request.Headers["Idempotency-Key"].ShouldBe("k1");
    }

    [Theory]
    [InlineData("failed", "agentExit")]
    [InlineData("cancelled", "cancelled")]
    public async Task EndWithoutAResult_IsToldAndIsNotASuccess(string state, string told)
    {
        await using var failing = (await FakeNode.StartAsync()).On(Submission, 200, Samples.Task(state));

        (await Cli.RunAsync($"task submit stoa/upper --text hi --address {failing.Address}")).ShouldBe(ExitCode.Refused);

        Cli.Error.ShouldContain(told);
        Cli.OutputBytes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Interruption_SaysThatTheTaskGoesOn()
    {
        using var interrupt = new CancellationTokenSource();
        await using var slow = (await FakeNode.StartAsync())
            .On(Submission, 202, Samples.Task("queued"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}/events", async context =>
            {
                await context.Response.WriteAsync(Samples.Event("1", "stoa.task.started", Samples.TaskData("running")));
                await context.Response.Body.FlushAsync();
                await interrupt.CancelAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            });

        (await Cli.RunAsync($"task submit stoa/upper --text hi --address {slow.Address}", cancellationToken: interrupt.Token)).ShouldBe(ExitCode.Interrupted);

        Cli.Error.ShouldContain($"stoa task watch {Samples.TaskId}");
        Cli.Error.ShouldContain($"stoa task cancel {Samples.TaskId}");
    }

    [Fact]
    public async Task Interruption_WithJson_NamesTheTaskToo()
    {
        using var interrupt = new CancellationTokenSource();
        await using var slow = (await FakeNode.StartAsync())
            .On(Submission, 202, Samples.Task("queued"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}/events", async context =>
            {
                await interrupt.CancelAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            });

        (await Cli.RunAsync($"task submit stoa/upper --text hi --json --address {slow.Address}", cancellationToken: interrupt.Token)).ShouldBe(ExitCode.Interrupted);

        JsonDocument.Parse(Cli.Error).RootElement.GetProperty("taskId").GetString().ShouldBe(Samples.TaskId);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" --json")]
    [InlineData(" --no-wait")]
    public async Task OutputThatCannotBeWritten_IsToldWithTheTaskAndItsResult(string options)
    {
        Cli.BrokenOutput = new FailingStream(new IOException("No space left on device"));

        (await Cli.RunAsync($"task submit stoa/upper --text hi{options}")).ShouldBe(ExitCode.Usage);

        Cli.Error.ShouldContain("No space left on device");
        Cli.Error.ShouldContain($"stoa task result {Samples.TaskId}");
    }

    [Fact]
    public async Task OutputThatNobodyReadsAnyMore_IsNoError()
    {
        Cli.BrokenOutput = new FailingStream(FailingStream.BrokenPipe());

        (await Cli.RunAsync("task submit stoa/upper --text hi")).ShouldBe(ExitCode.Ok);

        Cli.Error.ShouldNotContain("error:");
        Cli.Error.ShouldContain($"stoa task result {Samples.TaskId}");
    }

    [Fact]
    public async Task TaskPutOff_IsNotSaidToBeAnotherAttempt()
    {
        const string dueAt = ""","dueAt":"2026-01-02T00:00:00.000Z","attempts":""";
        await using var node = (await FakeNode.StartAsync())
            .On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("queued").Replace(",\"attempts\":1", dueAt + "0"))
            .On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("queued").Replace(",\"attempts\":1", dueAt + "1"));

        (await Cli.RunAsync($"task show {Samples.TaskId} --address {node.Address}")).ShouldBe(ExitCode.Ok);
        Cli.Output.ShouldContain("Due        2026-01-02T00:00:00.000Z\n");
        (await Cli.RunAsync($"task show {Samples.TaskId} --address {node.Address}")).ShouldBe(ExitCode.Ok);
        Cli.Output.ShouldContain("2026-01-02T00:00:00.000Z (another attempt)");
    }

    [Fact]
    public async Task Log_OfAFailure_IsIndentedAsAWhole()
    {
        await using var node = (await FakeNode.StartAsync())
            .On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("failed").Replace("bad input", "first\\nsecond"));

        (await Cli.RunAsync($"task show {Samples.TaskId} --address {node.Address}")).ShouldBe(ExitCode.Ok);

        Cli.Output.ShouldContain("  Log        first\n             second\n");
    }

    [Fact]
    public async Task Watch_InAPipe_IsALineAnEvent()
    {
        (await Cli.RunAsync($"task watch {Samples.TaskId} --json")).ShouldBe(ExitCode.Ok);

        Cli.Output.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement.GetProperty("type").GetString())
            .ShouldBe(["stoa.task.queued", "stoa.task.succeeded"]);
    }

    [Fact]
    public async Task List_InAPipe_IsTabSeparated()
    {
        Node.On("GET /api/v1/tasks", 200, $$"""{"items":[{{Samples.Task("succeeded", "HI")}},{{Samples.Task("running")}}]}""");

        (await Cli.RunAsync("task list")).ShouldBe(ExitCode.Ok);

        Cli.Output.Split('\n')[..3].ShouldBe(
        [
            "TASK\tAGENT\tSTATE\tSUBMITTED\tTOOK\tPRICE",
            $"{Samples.TaskId}\tstoa/upper@1.0.0\tsucceeded\t2026-01-01T00:00:00.000Z\t1.5 s\t$0.00125",
            $"{Samples.TaskId}\tstoa/upper@1.0.0\trunning\t2026-01-01T00:00:00.000Z\t\t≤ $0.002",
        ]);
    }
}
