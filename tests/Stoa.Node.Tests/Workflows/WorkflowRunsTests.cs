using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Workflows;

/// <summary>Runs on a node as it is, from their begin to their end.</summary>
public sealed class WorkflowRunsTests : IAsyncLifetime
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
    public async Task Run_OfTasksThatReadEachOther_GivesItsOutput()
    {
        var run = await EndAsync(Document($$$"""
            "one": {{{Echo("${input.text}")}}},
            "two": {{{Echo("${nodes.one.output}!")}}},
            "each": { "map": { "over": "${input.words}", "most": 5, "nodes": { "word": {{{Echo("<${item} ${nodes.two.output}>")}}} }, "output": "${nodes.word.output}" } }
            """, """{ "all": "${nodes.each.output}", "size": "${nodes.two.content.size}" }"""), """{ "text": "it", "words": ["say", 1] }""");

        (run.State, run.Error).ShouldBe(("succeeded", null));
        run.Output!.Value.GetRawText().ShouldBe("""{"all":["<say it!>","<1 it!>"],"size":3}""");
        run.Spent.ShouldNotBe("0.000000000");
        var steps = await _node.Client.ListWorkflowRunStepsAsync(run.Id, cancellationToken: Stop).ToListAsync(Stop);
        steps.Select(step => (step.Path, step.State)).ShouldBe(
            [("one", "succeeded"), ("two", "succeeded"), ("each", "succeeded"), ("each[0].word", "succeeded"), ("each[1].word", "succeeded")]);
        steps.Where(step => step.TaskId is not null).Sum(step => decimal.Parse(step.Price!, System.Globalization.CultureInfo.InvariantCulture))
            .ShouldBe(decimal.Parse(run.Spent, System.Globalization.CultureInfo.InvariantCulture));
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(4);
        (await _node.Client.DrawWorkflowRunAsync(run.Id, Stop))!.ShouldContain("class n_each,n_one,n_two,n_word succeeded");
    }

    [Fact]
    public async Task Workflow_IsKeptByVersions_AndRunByName()
    {
        var first = await SaveAsync(Document($$$"""  "one": {{{Echo("first")}}}  """, "\"${nodes.one.output}\""));
        (await SaveAsync(Document($$$"""  "one": {{{Echo("first")}}}  """, "\"${nodes.one.output}\""))).Version.ShouldBe(1, "the same is no other version");
        var second = await SaveAsync(Document($$$"""  "one": {{{Echo("second")}}}  """, "\"${nodes.one.output}\""));

        (first.Version, second.Version).ShouldBe((1, 2));
        (await OutputAsync("wf@1")).ShouldBe("first");
        (await OutputAsync("wf")).ShouldBe("second");
        (await _node.Client.ListWorkflowsAsync(Stop).ToListAsync(Stop)).Select(one => one.Version).ShouldBe([2]);
        (await _node.Client.ListWorkflowVersionsAsync("wf", Stop).ToListAsync(Stop)).Select(one => one.Version).ShouldBe([2, 1]);
        (await _node.Client.GetWorkflowAsync("wf", 1, Stop)).Document!.Value.GetProperty("name").GetString().ShouldBe("wf");
        await _node.Client.DeleteWorkflowAsync("wf", cancellationToken: Stop);
        (await Should.ThrowAsync<StoaException>(() => OutputAsync("wf"))).Code.ShouldBe("workflowUnknown");

        async Task<string?> OutputAsync(string workflow) =>
            (await EndAsync((await _node.Client.StartWorkflowRunAsync(new StartWorkflowRunRequest(workflow), cancellationToken: Stop)).Id)).Output?.GetString();
    }

    [Fact]
    public async Task Start_WithOneKey_IsOneRun()
    {
        var request = new StartWorkflowRunRequest(Document: JsonElement.Parse(Document($$$"""  "one": {{{Echo("x")}}}  """)));

        var once = await _node.Client.StartWorkflowRunAsync(request, "key", Stop);
        var again = await _node.Client.StartWorkflowRunAsync(request, "key", Stop);

        again.Id.ShouldBe(once.Id);
        await EndAsync(once.Id);
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(1);
    }

    [Fact]
    public async Task Cancellation_ReachesRunningTasks()
    {
        var forever = await _node.PublishAsync("forever", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 4 << 20, 1_000));
        var run = await StartAsync(Document($$$"""
            "one": { "task": { "agent": "{{{forever}}}", "input": { "text": "" } } },
            "two": {{{Echo("${nodes.one.output}")}}}
            """));
        await Eventually.IsSoAsync(async () => await _node.Client.ListTasksAsync("running", cancellationToken: Stop).AnyAsync(Stop));

        await _node.Client.CancelWorkflowRunAsync(run.Id, Stop);

        var ended = await EndAsync(run.Id);
        (ended.State, ended.Output, ended.CancelRequestedAt is not null).ShouldBe(("cancelled", null, true));
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).ToListAsync(Stop)).Select(task => task.State).ShouldBe(["cancelled"]);
        (await StepsAsync(run.Id)).ShouldBe([("one", "cancelled"), ("two", "cancelled")]);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.CancelWorkflowRunAsync(run.Id, Stop))).Code.ShouldBe("runEnded");
    }

    [Fact]
    public async Task Timeout_OfANode_StopsItsTask()
    {
        var forever = await _node.PublishAsync("forever", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 4 << 20, 1_000));

        var run = await EndAsync(Document($$$"""
            "slow": { "task": { "agent": "{{{forever}}}", "input": { "text": "" } }, "timeout": "300ms", "onFailure": "skip" },
            "after": {{{Echo("${nodes.slow.error.code}")}}}
            """, "\"${nodes.after.output}\""));

        (run.State, run.Output?.GetString()).ShouldBe(("succeeded", "timedOut"));
        (await _node.Client.ListTasksAsync("cancelled", cancellationToken: Stop).CountAsync(Stop)).ShouldBe(1);
    }

    [Fact]
    public async Task Timeout_OfTheRun_EndsIt()
    {
        var run = await EndAsync("""{ "name": "wf", "limits": { "time": "200ms" }, "nodes": { "wait": { "wait": { "for": "10m" } } } }""");

        (run.State, run.Error?.Code).ShouldBe(("failed", "timedOut"));
    }

    [Fact]
    public async Task Retry_OfWhatFails_IsAnotherTaskEachTime_AndFallbacksFollow()
    {
        var broken = await _node.PublishAsync("broken", GuestPrograms.Exit(3));

        var run = await EndAsync(Document($$$"""
            "one": {
              "task": { "agent": "{{{broken}}}", "input": { "text": "" } },
              "retry": { "attempts": 3, "delay": "10ms" },
              "fallbacks": [{{{Echo("instead")}}}]
            }
            """, "\"${nodes.one.output}\""));

        (run.State, run.Output?.GetString()).ShouldBe(("succeeded", "instead"));
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(4);
        (await _node.Client.ListWorkflowRunStepsAsync(run.Id, cancellationToken: Stop).SingleAsync(Stop)).Attempts.ShouldBe(4);
    }

    [Fact]
    public async Task Event_ThatComesBeforeOrAfterItIsWaitedFor_Comes()
    {
        var run = await StartAsync(Document("""
            "first": { "wait": { "event": "go" } },
            "second": { "wait": { "event": "on" }, "after": ["first"] }
            """, """ ["${nodes.first.output}", "${nodes.second.output}"] """));

        await _node.Client.SignalWorkflowRunAsync(run.Id, "on", JsonElement.Parse("2"), cancellationToken: Stop);
        await _node.Client.SignalWorkflowRunAsync(run.Id, "go", JsonElement.Parse("1"), cancellationToken: Stop);

        (await EndAsync(run.Id)).Output!.Value.GetRawText().ShouldBe("[1,2]");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop))).Code.ShouldBe("runEnded");
    }

    [Fact]
    public async Task Approval_IsAnsweredByWhoIsAsked()
    {
        using var bob = await _node.JoinAsync("bob");
        using var eve = await _node.JoinAsync("eve");
        var run = await StartAsync(Document("""  "release": { "approval": { "text": "Release ${input.what}?", "by": ["bob"] } }  """, "\"${nodes.release.output}\""), """{ "what": "it" }""");
        var waits = await Eventually.FoundAsync(async () => (await _node.Client.GetWorkflowRunAsync(run.Id, Stop)).Waits);
        waits.ShouldHaveSingleItem().Asks.ShouldBe("Release it?");

        (await Should.ThrowAsync<StoaException>(() => eve.AnswerWorkflowRunAsync(run.Id, "release", true, cancellationToken: Stop))).Code.ShouldBe("runUnknown");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.AnswerWorkflowRunAsync(run.Id, "release", true, cancellationToken: Stop))).Code.ShouldBe("approverOther");
        (await Should.ThrowAsync<StoaException>(() => bob.GetWorkflowRunAsync(run.Id, Stop))).Code.ShouldBe("runUnknown");
        await bob.AnswerWorkflowRunAsync(run.Id, "release", true, "Good.", Stop);

        (await EndAsync(run.Id)).Output!.Value.GetRawText().ShouldBe("""{"by":"bob","comment":"Good."}""");
    }

    [Fact]
    public async Task No_FailsTheRun()
    {
        var run = await StartAsync(Document("""  "release": { "approval": { "text": "Release?" } }  """));
        await Eventually.FoundAsync(async () => (await _node.Client.GetWorkflowRunAsync(run.Id, Stop)).Waits);

        await _node.Client.AnswerWorkflowRunAsync(run.Id, "release", false, "Not yet.", Stop);

        var ended = await EndAsync(run.Id);
        (ended.State, ended.Error?.Code, ended.Error?.Path).ShouldBe(("failed", "rejected", "release"));
    }

    [Fact]
    public async Task MaxPrice_IsNeverPassed_AndWhatDoesNotFitWaitsOrFails()
    {
        // Each costs about a half of what it holds: not all of them fit at once, but one after the other they do.
        var quote = decimal.Parse((await _node.Client.QuoteAsync(new SubmitTaskRequest(_echo, new TaskInputBody(Text: "x")), Stop)).Hold, System.Globalization.CultureInfo.InvariantCulture);
        var all = """  "over": "${input.list}", "most": 50, "parallel": 50  """;
        var document = Document($$$"""  "each": { "map": { {{{all}}}, "nodes": { "one": {{{Echo("x")}}} }, "output": "${nodes.one.output}" } }  """, "\"${length(nodes.each.output)}\"");
        var list = $$"""{ "list": [{{string.Join(',', Enumerable.Range(0, 20))}}] }""";

        var fits = await EndAsync(document, list, maxPrice: (12 * quote).ToString("0.000000000", System.Globalization.CultureInfo.InvariantCulture));
        var tooDear = await EndAsync(document, list, maxPrice: (quote / 2).ToString("0.000000000", System.Globalization.CultureInfo.InvariantCulture));

        (tooDear.State, tooDear.Error?.Code, tooDear.Spent).ShouldBe(("failed", "budgetExhausted", "0.000000000"));
        decimal.Parse(fits.Spent, System.Globalization.CultureInfo.InvariantCulture).ShouldBeLessThanOrEqualTo(12 * quote);
        (fits.State, fits.Output?.GetInt32()).ShouldBe(("succeeded", 20), fits.Error?.Detail);
    }

    [Fact]
    public async Task Content_OfATask_IsPassedOnByItsDigest()
    {
        var binary = await TestNode.PublishAsync(_node.Client, "binary", GuestPrograms.Echo, output: new AgentPortBody("application/octet-stream"));

        var run = await EndAsync(Document($$$"""
            "one": { "task": { "agent": "{{{binary}}}", "input": { "text": "bytes" } } },
            "two": { "task": { "agent": "{{{_echo}}}", "input": { "digest": "${nodes.one.content.digest}" } } }
            """, "\"${nodes.two.output}\""));

        (run.State, run.Output?.GetString()).ShouldBe(("succeeded", "bytes"), run.Error?.Detail);
    }

    [Fact]
    public async Task Watch_TellsOfTheRunUntilItsEnd()
    {
        var run = await StartAsync(Document($$$"""  "one": {{{Echo("x")}}}, "release": { "approval": { "text": "Release?" } }  """));
        await Eventually.FoundAsync(async () => (await _node.Client.GetWorkflowRunAsync(run.Id, Stop)).Waits);
        await _node.Client.AnswerWorkflowRunAsync(run.Id, "release", true, cancellationToken: Stop);

        var told = await _node.Client.WatchWorkflowRunAsync(run.Id, Stop).ToListAsync(Stop);

        told[0].Type.ShouldBe("stoa.workflow.started");
        told.ShouldContain(one => one.Type == "stoa.workflow.asked" && one.Data.GetProperty("text").GetString() == "Release?");
        told[^1].Type.ShouldBe("stoa.workflow.ended");
        (told[^1].Data.GetProperty("state").GetString(), told[^1].Data.GetProperty("succeeded").GetInt32()).ShouldBe(("succeeded", 2));
    }

    [Fact]
    public async Task WhatDoesNotFit_IsRefusedBeforeAnythingRuns()
    {
        var document = """{ "name": "wf", "input": { "type": "object", "required": ["text"] }, "nodes": { "wait": { "wait": { "for": "1s" } } } }""";

        await RefusesAsync(new StartWorkflowRunRequest(), "workflowInvalid");
        await RefusesAsync(new StartWorkflowRunRequest("nobody"), "workflowUnknown");
        await RefusesAsync(new StartWorkflowRunRequest("nobody@x"), "workflowInvalid");
        await RefusesAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse("{}")), "workflowInvalid");
        await RefusesAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse(document)), "workflowInputInvalid");
        await RefusesAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse(document), Input: JsonElement.Parse($$"""{ "text": 1, "{{new string('x', 1_025)}}": 1 }""")), "workflowInputInvalid");
        await RefusesAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse(document), Input: JsonElement.Parse($$"""{ "text": "{{new string('x', 65_536)}}" }""")), "workflowInputInvalid");
        await RefusesAsync(new StartWorkflowRunRequest(Document: JsonElement.Parse(document), MaxPrice: "-1"), "workflowInvalid");
        (await _node.Client.ListWorkflowRunsAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(0);

        async Task RefusesAsync(StartWorkflowRunRequest request, string code) =>
            (await Should.ThrowAsync<StoaException>(() => _node.Client.StartWorkflowRunAsync(request, cancellationToken: Stop))).Code.ShouldBe(code);
    }

    [Fact]
    public async Task Run_OfSomebodyElse_DoesNotExist()
    {
        using var eve = await _node.JoinAsync("eve");
        var run = await StartAsync(Document("""  "wait": { "wait": { "event": "go" } }  """));

        foreach (var act in (Func<Task>[])[
            () => eve.GetWorkflowRunAsync(run.Id, Stop), () => eve.CancelWorkflowRunAsync(run.Id, Stop), () => eve.DrawWorkflowRunAsync(run.Id, Stop),
            () => eve.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop), () => eve.AnswerWorkflowRunAsync(run.Id, "wait", true, cancellationToken: Stop),
            async () => await eve.ListWorkflowRunStepsAsync(run.Id, cancellationToken: Stop).ToListAsync(Stop)])
        {
            (await Should.ThrowAsync<StoaException>(act)).Code.ShouldBe("runUnknown");
        }

        (await eve.ListWorkflowRunsAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Run_GoesOnAfterARestart()
    {
        var run = await StartAsync(Document($$$"""
            "one": {{{Echo("before")}}},
            "wait": { "wait": { "event": "go" }, "after": ["one"] },
            "two": {{{Echo("${nodes.one.output} and after")}}}
            """.Replace("\"two\": {", "\"two\": { \"after\": [\"wait\"],", StringComparison.Ordinal), "\"${nodes.two.output}\""));
        await Eventually.FoundAsync(async () => (await _node.Client.GetWorkflowRunAsync(run.Id, Stop)).Waits);

        await using var again = await TestNode.StartAsync(await _node.StopAsync());
        await again.Client.SignalWorkflowRunAsync(run.Id, "go", cancellationToken: Stop);

        var ended = await EndAsync(run.Id, again.Client);
        (ended.State, ended.Output?.GetString()).ShouldBe(("succeeded", "before and after"));
        (await again.Client.ListTasksAsync(cancellationToken: Stop).CountAsync(Stop)).ShouldBe(2);
    }

    private static string Document(string nodes, string? output = null) => $$"""{ "name": "wf", "nodes": { {{nodes}} }{{(output is null ? "" : $", \"output\": {output}")}} }""";

    private string Echo(string text) => $$$"""{ "task": { "agent": "{{{_echo}}}", "input": { "text": "{{{text}}}" } } }""";

    private Task<WorkflowResponse> SaveAsync(string document) => _node.Client.SaveWorkflowAsync(Encoding.UTF8.GetBytes(document), isYaml: false, Stop);

    private Task<WorkflowRunResponse> StartAsync(string document, string? input = null, string? maxPrice = null) => _node.Client.StartWorkflowRunAsync(
        new StartWorkflowRunRequest(Document: JsonElement.Parse(document), Input: input is null ? null : JsonElement.Parse(input), MaxPrice: maxPrice), cancellationToken: Stop);

    private async Task<WorkflowRunResponse> EndAsync(string document, string? input, string? maxPrice = null) => await EndAsync((await StartAsync(document, input, maxPrice)).Id, _node.Client);

    private async Task<WorkflowRunResponse> EndAsync(string documentOrId) =>
        documentOrId.StartsWith('{') ? await EndAsync(documentOrId, input: null) : await EndAsync(documentOrId, _node.Client);

    private static Task<WorkflowRunResponse> EndAsync(string id, StoaClient client) =>
        Eventually.FoundAsync(async () => await client.GetWorkflowRunAsync(id, Stop) is { EndedAt: not null } ended ? ended : null);

    private Task<List<(string Path, string State)>> StepsAsync(string run) =>
        _node.Client.ListWorkflowRunStepsAsync(run, cancellationToken: Stop).Select(step => (step.Path, step.State)).ToListAsync(Stop).AsTask();
}
