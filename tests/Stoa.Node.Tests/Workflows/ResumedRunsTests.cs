using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Workflows;

/// <summary>Runs that go on from where they ended, and workflows that use others, on a node as it is.</summary>
public sealed class ResumedRunsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private string _echo = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public async ValueTask DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Run_ThatWasCancelled_GoesOnWhereItWas_AndDoesNothingTwice()
    {
        var run = await StartAsync($$$"""
            { "name": "wf", "nodes": {
              "one": {{{Echo("before")}}},
              "wait": { "wait": { "event": "go" }, "after": ["one"] },
              "two": { "after": ["wait"], "task": { "agent": "{{{_echo}}}", "input": { "text": "${nodes.one.output} and after" } } } },
              "output": "${nodes.two.output}" }
            """);
        await WaitsAsync(run.Id);
        await _node.Client.CancelWorkflowRunAsync(run.Id, Stop);
        var cancelled = await EndAsync(run.Id);
        cancelled.State.ShouldBe("cancelled");

        var resumed = await _node.Client.ResumeWorkflowRunAsync(run.Id, cancellationToken: Stop);
        (resumed.State, resumed.EndedAt, resumed.CancelRequestedAt).ShouldBe(("running", null, null));
        // Once more changes nothing.
        (await _node.Client.ResumeWorkflowRunAsync(run.Id, cancellationToken: Stop)).State.ShouldBe("running");
        await WaitsAsync(run.Id);
        await _node.Client.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop);

        var ended = await EndAsync(run.Id);
        (ended.State, ended.Output?.GetString()).ShouldBe(("succeeded", "before and after"), ended.Error?.Detail);
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(2, "what was done is not done again");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ResumeWorkflowRunAsync(run.Id, cancellationToken: Stop))).Code.ShouldBe("runSucceeded");
        using var eve = await _node.JoinAsync("eve");
        (await Should.ThrowAsync<StoaException>(() => eve.ResumeWorkflowRunAsync(run.Id, cancellationToken: Stop))).Code.ShouldBe("runUnknown");
    }

    [Fact]
    public async Task Run_ThatRanOutOfMoney_GoesOnWithMore_AndIsFollowedFromThere()
    {
        var run = await StartAsync($$$"""{ "name": "wf", "nodes": { "one": {{{Echo("x")}}} }, "output": "${nodes.one.output}" }""", maxPrice: "0");
        var failed = await EndAsync(run.Id);
        (failed.State, failed.Error?.Code).ShouldBe(("failed", "budgetExhausted"));

        await _node.Client.ResumeWorkflowRunAsync(run.Id, "1", Stop);
        var told = await _node.Client.WatchWorkflowRunAsync(run.Id, Stop).Select(one => one.Type).ToListAsync(Stop);

        (told[0], told[^1]).ShouldBe(("stoa.workflow.resumed", "stoa.workflow.ended"));
        var ended = await EndAsync(run.Id);
        (ended.State, ended.Output?.GetString(), ended.MaxPrice).ShouldBe(("succeeded", "x", "1.000000000"), ended.Error?.Detail);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ResumeWorkflowRunAsync(run.Id, "much", Stop))).Code.ShouldBe("workflowInputInvalid");
    }

    [Fact]
    public async Task Run_GoesOnAfterARestart_ThatWasResumedBefore()
    {
        var run = await StartAsync($$$"""{ "name": "wf", "nodes": { "wait": { "wait": { "event": "go" } }, "one": { "after": ["wait"], "task": { "agent": "{{{_echo}}}", "input": { "text": "x" } } } } }""");
        await WaitsAsync(run.Id);
        await _node.Client.CancelWorkflowRunAsync(run.Id, Stop);
        await EndAsync(run.Id);
        await _node.Client.ResumeWorkflowRunAsync(run.Id, cancellationToken: Stop);
        await WaitsAsync(run.Id);

        await using var again = await TestNode.StartAsync(await _node.StopAsync());
        await again.Client.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop);

        var ended = await Eventually.FoundAsync(async () => await again.Client.GetWorkflowRunAsync(run.Id, Stop) is { EndedAt: not null } over ? over : null);
        ended.State.ShouldBe("succeeded", ended.Error?.Detail);
    }

    [Fact]
    public async Task Workflow_UsesOneThatIsKept_AndEndsWithTheVersionThatItBeganWith()
    {
        await SaveInnerAsync("first");
        var outer = """{ "name": "outer", "nodes": { "go": { "wait": { "event": "go" } }, "use": { "after": ["go"], "workflow": { "name": "inner" } } }, "output": "${nodes.use.output}" }""";
        var run = await StartAsync(outer);
        await WaitsAsync(run.Id);
        await SaveInnerAsync("second");
        await _node.Client.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop);

        (await EndAsync(run.Id)).Output?.GetString().ShouldBe("first");
        var next = await StartAsync(outer);
        await _node.Client.SignalWorkflowRunAsync(next.Id, "go", cancellationToken: Stop);
        (await EndAsync(next.Id)).Output?.GetString().ShouldBe("second");
        // What comes along goes before what is kept.
        var brought = await _node.Client.StartWorkflowRunAsync(
            new StartWorkflowRunRequest(Document: JsonElement.Parse(outer), Workflows: new Dictionary<string, JsonElement> { ["inner"] = JsonElement.Parse(Inner("brought")) }), cancellationToken: Stop);
        await _node.Client.SignalWorkflowRunAsync(brought.Id, "go", cancellationToken: Stop);
        (await EndAsync(brought.Id)).Output?.GetString().ShouldBe("brought");

        async Task SaveInnerAsync(string text) => await _node.Client.SaveWorkflowAsync(Encoding.UTF8.GetBytes(Inner(text)), isYaml: false, Stop);
    }

    private string Inner(string text) => $$$"""{ "name": "inner", "nodes": { "say": {{{Echo(text)}}} }, "output": "${nodes.say.output}" }""";

    private string Echo(string text) => $$$"""{ "task": { "agent": "{{{_echo}}}", "input": { "text": "{{{text}}}" } } }""";

    private Task<WorkflowRunResponse> StartAsync(string document, string? maxPrice = null) =>
        _node.Client.StartWorkflowRunAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse(document), MaxPrice: maxPrice), cancellationToken: Stop);

    private Task<IReadOnlyList<WorkflowWaitBody>> WaitsAsync(string run) => Eventually.FoundAsync(async () => (await _node.Client.GetWorkflowRunAsync(run, Stop)).Waits);

    private Task<WorkflowRunResponse> EndAsync(string run) =>
        Eventually.FoundAsync(async () => await _node.Client.GetWorkflowRunAsync(run, Stop) is { EndedAt: not null } ended ? ended : null);
}
