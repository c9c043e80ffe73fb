using System.Net;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Workflows;

public sealed class WorkflowsEndpointsTests : IAsyncLifetime
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
    public async Task Workflow_IsLookedAt_InBothLanguages()
    {
        var yaml = $"name: twice\nnodes:\n  one: {{ task: {{ agent: {_echo}, input: {{ text: \"${{input.text}}\" }} }} }}\n  two: {{ task: {{ agent: {_echo}, input: {{ text: \"${{nodes.one.output}}\" }} }} }}\n";
        var json = $$$"""{ "name": "twice", "nodes": { "one": { "task": { "agent": "{{{_echo}}}", "input": { "text": "${input.text}" } } }, "two": { "task": { "agent": "{{{_echo}}}", "input": { "text": "${nodes.one.output}" } } } } }""";

        var found = await _node.Client.ValidateWorkflowAsync(Encoding.UTF8.GetBytes(yaml), isYaml: true, Stop);

        (found.Name, found.Nodes, found.MostSteps).ShouldBe(("twice", 2, 2));
        found.MostPrice.ShouldNotBeNull();
        found.Graph!.ShouldContain("n_one --> n_two");
        (await _node.Client.ValidateWorkflowAsync(Encoding.UTF8.GetBytes(json), isYaml: false, Stop)).ShouldBe(found);
        // Nothing was made of it.
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("name: x", true, "workflowInvalid", "/nodes")]
    [InlineData("a: *b", true, "requestInvalid", null)]
    [InlineData("{", false, "workflowInvalid", "")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "task": { "agent": "stoa/nobody" } } } }""", false, "workflowInvalid", "/nodes/a/task/agent")]
    public async Task WhatDoesNotHoldTogether_IsRefusedWithEveryReason(string document, bool isYaml, string code, string? pointer)
    {
        var refusal = await Should.ThrowAsync<StoaException>(() => _node.Client.ValidateWorkflowAsync(Encoding.UTF8.GetBytes(document), isYaml, Stop));

        refusal.Problem.Code.ShouldBe(code);
        if (pointer is not null)
            refusal.Problem.Errors!.ShouldContain(error => error.Pointer == pointer);
    }

    [Fact]
    public async Task Document_ThatIsTooLarge_IsRefused()
    {
        var refusal = await Should.ThrowAsync<StoaException>(() => _node.Client.ValidateWorkflowAsync(new byte[(4 << 20) + 1], isYaml: true, Stop));

        refusal.Problem.Status.ShouldBe((int)HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task Workflow_IsSimulated_AndNothingIsSubmitted()
    {
        var workflow = JsonSerializer.SerializeToElement($"name: twice\nnodes:\n  one: {{ task: {{ agent: {_echo}, input: {{ text: \"${{input.text}}\" }} }} }}\noutput: ${{nodes.one.output}}\n");
        var request = new SimulateWorkflowRequest(workflow, JsonElement.Parse("""{ "text": "hi" }"""), new Dictionary<string, SimulatedOutcomeBody> { ["one"] = new(JsonElement.Parse("\"HI\"")) });

        var run = await _node.Client.SimulateWorkflowAsync(request, Stop);

        (run.State, run.Output?.GetString(), run.Steps.Single().Given?.GetProperty("input").GetProperty("text").GetString()).ShouldBe(("succeeded", "HI", "hi"));
        (await _node.Client.ListTasksAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await Should.ThrowAsync<StoaException>(() => _node.Client.SimulateWorkflowAsync(request with { Workflow = JsonElement.Parse("\"name: [\"") }, Stop))).Problem.Code.ShouldBe("workflowInvalid");
    }

    [Fact]
    public async Task Workflows_ThatAreUsed_ComeBesideTheOneThatUsesThem()
    {
        var outer = JsonElement.Parse("""{ "name": "outer", "nodes": { "a": { "workflow": { "name": "twice", "input": { "text": "hi" } } } }, "output": "${nodes.a.output}" }""");
        var others = new Dictionary<string, JsonElement> { ["twice"] = JsonSerializer.SerializeToElement($"name: twice\nnodes:\n  one: {{ task: {{ agent: {_echo}, input: {{ text: \"${{input.text}}\" }} }} }}\noutput: ${{nodes.one.output}}\n") };

        var found = await _node.Client.ValidateWorkflowAsync(new ValidateWorkflowRequest(outer, others), Stop);
        var run = await _node.Client.SimulateWorkflowAsync(new SimulateWorkflowRequest(outer, Outcomes: new Dictionary<string, SimulatedOutcomeBody> { ["a.one"] = new(JsonElement.Parse("\"HI\"")) }, Workflows: others), Stop);

        (found.Nodes, found.MostSteps).ShouldBe((2, 1));
        found.Graph!.ShouldContain("n_a__one");
        (run.Output?.GetString(), run.Steps.Select(step => step.Path).Last()).ShouldBe(("HI", "a.one"));
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ValidateWorkflowAsync(new ValidateWorkflowRequest(outer), Stop))).Problem.Errors!.Single().Reason.ShouldContain("twice is not");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ValidateWorkflowAsync(new ValidateWorkflowRequest(outer, new Dictionary<string, JsonElement> { ["twice"] = JsonElement.Parse("\"name: [\"") }), Stop)))
            .Problem.Errors!.Single().Pointer.ShouldBe("/workflows/twice");
    }
}
