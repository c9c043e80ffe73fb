using System.Text;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Market.Workflows;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Workflows;

public sealed class CheckWorkflowTests
{
    private const string InputSchema = """{ "type": "object", "required": ["rows"], "additionalProperties": false, "properties": { "rows": { "type": "array" }, "title": { "type": "string" } } }""";
    private const string OutputSchema = """{ "type": "object", "additionalProperties": false, "properties": { "count": { "type": "integer" }, "names": { "type": "array" }, "more": { "$ref": "#/definitions/more" } }, "definitions": { "more": { "type": "object", "additionalProperties": false, "properties": { "note": { "type": "string" } } } } }""";
    private const string RunInput = """{ "type": "object", "additionalProperties": false, "properties": { "list": { "type": "array" }, "text": { "type": "string" } } }""";

    private readonly MarketShelf _shelf = new();
    private readonly CheckWorkflow _check;

    public CheckWorkflowTests()
    {
        var cell = new Cell(new LeaseHolder("self", "1"), "eu-central", TaskSamples.Now);
        var submit = new SubmitTask(
            _shelf, _shelf, _shelf, _shelf, _shelf, _shelf, TaskSamples.Ids.Next<Account>(), new AgentIndex(new SelectionPolicy(), TaskSamples.Now),
            new OpenAuction(_shelf, new BiddingPolicy.Posted(), 10, cell.Self, TaskSamples.Ids), cell, new TaskSealing(null), maxMemoryBytes: 1L << 30, TaskSamples.Ids, TimeProvider.System, new Random(1), new NoSuppliers());
        _check = new CheckWorkflow(_shelf, submit, new NoSuppliers(), TimeProvider.System);
        Publish(TaskSamples.Manifest(InputSchema, parameters: new AgentParameter("width", "Pixels.", AgentParameterType.Integer, null, [])), "application/json", OutputSchema);
    }

    [Fact]
    public async Task Workflow_ThatHoldsTogether_SaysWhatItMayComeTo()
    {
        var found = (await CheckAsync("""
            { "a": { "task": { "agent": "stoa/upper", "parameters": { "width": "${input.text}" }, "input": { "json": { "rows": "${input.list}", "title": "of ${input.text}" } } }, "retry": { "attempts": 2 } },
              "b": { "map": { "over": "${nodes.a.output.names}", "most": 10, "nodes": { "c": { "task": { "agent": "stoa/upper", "maxPrice": "0.5", "input": { "json": { "rows": [], "title": "${nodes.a.output.more.note}" } } } } } } } }
            """)).Value;

        found.MostSteps.ShouldBe(12);
        // Twice what the agent costs at its limits with 1 MiB, and ten times what the other task may cost.
        var once = _shelf.Agent!.Manifest.Price.Base;
        found.MostPrice!.Value.ShouldBeGreaterThan(Money.Parse("5") + once + once);
        (await CheckAsync("""{ "a": { "task": { "agent": "stoa/upper", "input": { "json": { "rows": [] } } } } }""", """, "limits": { "price": "0.000000001" }""")).Value.MostPrice.ShouldBe(Money.Parse("0.000000001"));
        (await CheckAsync("""{ "a": { "task": { "requirement": { "capabilities": ["text.upper"] } } } }""")).Value.MostPrice.ShouldBeNull();
        (await CheckAsync("""{ "a": { "model": { "model": "stoa/parrot" } }, "b": { "model": { "model": "stoa/parrot" }, "maxPrice": "1" } }""")).Value.MostPrice.ShouldBeNull();
    }

    [Theory]
    [InlineData("""{ "task": { "agent": "stoa/lower" } }""", "/nodes/b/task/agent", "no agent stoa/lower")]
    [InlineData("""{ "task": { "agent": "no listing" } }""", "/nodes/b/task/agent", "no agent")]
    [InlineData("""{ "task": { "agent": "stoa/upper", "parameters": { "height": "1" } } }""", "/nodes/b/task/parameters/height", "no parameter height: it has width")]
    [InlineData("""{ "task": { "agent": "stoa/upper", "input": { "json": { "rows": 5 } } } }""", "/nodes/b/task/input/json/rows", "")]
    [InlineData("""{ "task": { "agent": "stoa/upper", "input": { "json": { "rows": "${input.text}" } } } }""", "/nodes/b/task/input/json/rows", "takes array here, and this is string")]
    [InlineData("""{ "task": { "agent": "stoa/upper", "input": { "json": { "rows": [], "titel": "${input.text}" } } } }""", "/nodes/b/task/input/json/titel", "has no member titel: it has rows, title")]
    [InlineData("""{ "task": { "agent": "stoa/upper", "input": { "json": "${nodes.a.output.names}" } } }""", "/nodes/b/task/input/json", "takes object here, and this is array")]
    [InlineData("""{ "task": { "x": "${input.txet}" } }""", "/nodes/b/task/x", "has no member txet: it has list, text")]
    [InlineData("""{ "task": { "x": "${nodes.a.output.more.nothing}" } }""", "/nodes/b/task/x", "has no member nothing: it has note")]
    [InlineData("""{ "task": { "x": "${nodes.a.output.count.more}" } }""", "/nodes/b/task/x", "type integer and has no member more")]
    [InlineData("""{ "map": { "over": "${input.text}", "most": 3 } }""", "/nodes/b/map/over", "A list is expected, and this is string")]
    [InlineData("""{ "reduce": { "over": "${nodes.a.output.count}", "most": 3, "initial": 0, "output": 0 } }""", "/nodes/b/reduce/over", "A list is expected, and this is integer")]
    public async Task Fault_OfWhatIsReadAndGiven_IsToldWithItsPlace(string node, string pointer, string reason)
    {
        var refusal = (await CheckAsync($$"""{ "a": { "task": { "agent": "stoa/upper", "input": { "json": { "rows": [] } } } }, "b": {{node}} }""")).Refusal.ShouldNotBeNull();

        refusal.Errors.ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason), string.Join("\n", refusal.Errors));
    }

    [Fact]
    public async Task Outputs_ThatAreNoJson_AreTextsOrCannotBeRead()
    {
        const string reads = """{ "a": { "task": { "agent": "stoa/upper" } }, "b": { "task": { "x": "${nodes.a.output}" } } }""";
        const string readsWithin = """{ "a": { "task": { "agent": "stoa/upper" } }, "b": { "task": { "x": "${nodes.a.output.x}" } } }""";
        Publish(TaskSamples.Manifest(), "text/plain", null);
        (await CheckAsync(reads)).Refusal.ShouldBeNull();
        (await CheckAsync(readsWithin)).Refusal!.Errors.Single().Reason.ShouldContain("has no member x");

        Publish(TaskSamples.Manifest(), "image/png", null);
        (await CheckAsync(reads)).Refusal!.Errors.Single().Reason.ShouldContain("pass it on by nodes.a.content.digest");
        (await CheckAsync("""{ "a": { "task": { "agent": "stoa/upper" } }, "b": { "task": { "x": "${nodes.a.content.digest}" } } }""")).Refusal.ShouldBeNull();
        // Whose output it is, is open.
        (await CheckAsync("""{ "a": { "task": { "agent": "stoa/upper" }, "fallbacks": [{ "model": {} }] }, "b": { "task": { "x": "${nodes.a.output}" } } }""")).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Workflows_ThatAreUsed_AreLookedUp_AndCountedAsOftenAsTheyAreUsed()
    {
        const string inner = """{ "name": "inner", "nodes": { "a": { "task": { "agent": "stoa/upper", "maxPrice": "0.5" }, "retry": { "attempts": 2 } }, "b": { "workflow": { "name": "innermost@2" } } } }""";
        const string innermost = """{ "name": "innermost", "nodes": { "a": { "task": { "agent": "stoa/upper", "maxPrice": "1" } } } }""";
        const string outer = """{ "name": "wf", "nodes": { "a": { "workflow": { "name": "inner" } }, "b": { "map": { "over": [], "most": 10, "nodes": { "c": { "workflow": { "name": "inner" } } } } } } }""";
        var asked = new List<string>();

        var found = (await CheckAsync(outer, new Dictionary<string, string> { ["inner"] = inner, ["innermost@2"] = innermost }, asked)).Value;

        (found.MostSteps, found.MostPrice).ShouldBe((33, Money.Parse("22")));
        asked.ShouldBe(["inner", "innermost@2"]);
        // What it is kept as needs nobody to look anything up.
        WorkflowReader.Read(found.Document).Value.Size.ShouldBe(found.Workflow.Size);
        (await CheckAsync(outer, new Dictionary<string, string> { ["inner"] = inner }, asked)).Refusal!.Errors.Single().Reason.ShouldContain("innermost@2 is not");
        (await CheckAsync(outer, new Dictionary<string, string> { ["inner"] = inner, ["innermost@2"] = inner }, asked)).Refusal!.Errors.Single().Reason.ShouldContain("in a circle: innermost@2 uses innermost@2");
        (await CheckAsync(outer, new Dictionary<string, string> { ["inner"] = inner, ["innermost@2"] = innermost.Replace("stoa/upper", "stoa/lower", StringComparison.Ordinal) }, asked))
            .Refusal!.Errors.Single().Pointer.ShouldBe("/workflows/innermost@2/nodes/a/task/agent");
    }

    private Task<Outcome<CheckedWorkflow, WorkflowRefusal>> CheckAsync(string json, Dictionary<string, string> kept, List<string> asked) => _check.CheckAsync(
        TaskSamples.Ids.Next<User>(), Encoding.UTF8.GetBytes(json), new Dictionary<string, ReadOnlyMemory<byte>>(), TestContext.Current.CancellationToken, (reference, _) =>
        {
            asked.Add(reference.ToString());
            return Task.FromResult(kept.TryGetValue(reference.ToString(), out var document) ? Encoding.UTF8.GetBytes(document) : (ReadOnlyMemory<byte>?)null);
        });

    private void Publish(AgentManifest manifest, string mediaType, string? schema) => _shelf.Agent = new AgentVersion(
        TaskSamples.Ids.Next<AgentVersion>(), TaskSamples.Ids.Next<User>(), "stoa", manifest with { Output = new AgentPort(mediaType, schema) }, ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), 7, TaskSamples.Now);

    private Task<Outcome<CheckedWorkflow, WorkflowRefusal>> CheckAsync(string nodes, string more = "") => _check.CheckAsync(
        TaskSamples.Ids.Next<User>(), Encoding.UTF8.GetBytes($$"""{ "name": "wf", "input": {{RunInput}}, "nodes": {{nodes}}{{more}} }"""), TestContext.Current.CancellationToken);
}
