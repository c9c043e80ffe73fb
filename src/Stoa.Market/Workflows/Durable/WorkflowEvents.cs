using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>What is told about a run; its account sees it.</summary>
/// <remarks>Data members of all: <c>runId</c>, <c>workflow</c>, <c>state</c>, <c>spent</c>; what each has besides stands with it.</remarks>
public static class WorkflowEvents
{
    /// <summary>It has begun.</summary>
    public static NewEvent Started(DurableRun run, DateTimeOffset now) => About(run, EventTypes.WorkflowStarted, now, _ => { });

    /// <summary>It was over, and goes on from where it ended.</summary>
    public static NewEvent Resumed(DurableRun run, DateTimeOffset now) => About(run, EventTypes.WorkflowResumed, now, _ => { });

    /// <summary>It has come further: at most one a second of a run. Members: <c>nodes</c>, the document's own ones, those within nodes not counted, and how many of them have <c>succeeded</c>, <c>failed</c> or were <c>skipped</c>.</summary>
    public static NewEvent Progress(DurableRun run, IReadOnlyList<StepState> nodes, DateTimeOffset now) => About(run, EventTypes.WorkflowProgress, now, json => WriteNodes(json, nodes));

    /// <summary>A person is asked. Members: <c>path</c>, <c>text</c>, and <c>by</c>, handles of those who may answer; none for who may run the workflow.</summary>
    public static NewEvent Asked(DurableRun run, RunCommand.Ask ask, DateTimeOffset now) => About(run, EventTypes.WorkflowAsked, now, json =>
    {
        json.WriteString("path", ask.Path);
        json.WriteString("text", ask.Text);
        json.WriteStartArray("by");
        foreach (var handle in ask.By)
            json.WriteStringValue(handle);
        json.WriteEndArray();
    });

    /// <summary>Something has come to it from outside. Members: <c>kind</c>, which is <c>cancel</c>, <c>event</c> or <c>answer</c>, and <c>name</c>, of an event its name and of an answer the path of the node.</summary>
    public static NewEvent Signalled(DurableRun run, string kind, string name, DateTimeOffset now) => About(run, EventTypes.WorkflowSignalled, now, json =>
    {
        json.WriteString("kind", kind);
        json.WriteString("name", name);
    });

    /// <summary>It is over. Members: those of progress, and <c>code</c>, <c>detail</c> and <c>path</c> of why it has failed.</summary>
    public static NewEvent Ended(DurableRun run, IReadOnlyList<StepState> nodes, StepError? error, DateTimeOffset now) => About(run, EventTypes.WorkflowEnded, now, json =>
    {
        WriteNodes(json, nodes);
        if (error is null)
            return;
        json.WriteString("code", error.Code);
        json.WriteString("detail", error.Detail);
        json.WriteString("path", error.Path);
    });

    private static void WriteNodes(Utf8JsonWriter json, IReadOnlyList<StepState> nodes)
    {
        json.WriteNumber("nodes", nodes.Count);
        foreach (var state in (StepState[])[StepState.Succeeded, StepState.Failed, StepState.Skipped])
            json.WriteNumber(EnumWord.Of(state), nodes.Count(node => node == state));
    }

    private static NewEvent About(DurableRun run, string type, DateTimeOffset now, Action<Utf8JsonWriter> more) => NewEvent.Create(type, run.Id.ToString(), run.OwnerId, now, json =>
    {
        json.WriteString("runId", run.Id.ToString());
        json.WriteString("workflow", run.Workflow);
        json.WriteString("state", EnumWord.Of(run.State));
        json.WriteString("spent", run.Spent.ToString());
        more(json);
    });
}
