using System.CommandLine;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task replay</c>.</summary>
internal sealed class TaskReplayCommand : StoaCommand
{
    private readonly Argument<string?> _id = CommonArguments.OptionalId("TASK", "Id of a task that failed or was cancelled.", IdKind.Task);
    private readonly Option<bool> _allFailed = new("--all-failed") { Description = "All failed tasks instead of one, each once: those that were replayed before and replays are left as they are." };
    private readonly Option<string?> _agent = new("--agent") { Description = "With --all-failed: only those of this agent.", HelpName = "AGENT" };
    private readonly Option<string?> _code = new("--code") { Description = "With --all-failed: only those that failed so, such as timedOut.", HelpName = "CODE" };

    private readonly Option<bool> _again = new("--again") { Description = "With --all-failed: replays that failed are replayed, too, each once." };

    public TaskReplayCommand(CommandScope scope)
        : base(
            scope,
            "replay",
            "Do a failed task again: a new task, the same input, a hold of its own.",
            new("One", "stoa task replay task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("What an agent could not do while it was broken", "stoa task replay --all-failed --agent stoa/csv-profile"),
            new("What failed again when it was replayed", "stoa task replay --all-failed --again --code timedOut"))
    {
        Add(_id);
        Add(_allFailed);
        Add(_agent);
        Add(_code);
        Add(_again);
        Validators.Add(result =>
        {
            if (result.GetResult(_id) is { Tokens.Count: > 0 } == result.GetValue(_allFailed))
                result.AddError("Either TASK or --all-failed says what is replayed.");
            if (result.GetValue(_again) && !result.GetValue(_allFailed))
                result.AddError("--again goes with --all-failed. A single replay that failed is replayed by its id.");
        });
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Get(_id) is { } id)
        {
            var task = await invocation.Client.ReplayTaskAsync(id, cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(task, json => json.TaskResponse);
            else
                invocation.Screen.Line(task.Id);
            return ExitCode.Ok;
        }

        List<ReplayBody> replays = [];
        var failedReplays = 0;
        string? cursor = null;
        do
        {
            var answer = await invocation.Client.ReplayTasksAsync(
                new ReplayTasksRequest(invocation.Get(_agent), invocation.Get(_code), Cursor: cursor, Again: invocation.Get(_again)), cancellationToken);
            replays.AddRange(answer.Items);
            failedReplays += answer.FailedReplays;
            cursor = answer.NextCursor;
        }
        while (cursor is not null);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ReplaysResponse(replays, FailedReplays: failedReplays), json => json.ReplaysResponse);
        }
        else
        {
            invocation.Screen.Table(
                ["Failed task", "New task", "What happened"],
                [.. replays.Select(made => (IReadOnlyList<string>)
                [
                    made.TaskId, made.ReplayId ?? "", made.Detail ?? (made.IsNew is true ? "replayed" : "was replayed before"),
                ])]);
            if (failedReplays > 0)
                invocation.Screen.Note($"Replays that failed, too, and were left as they are: {failedReplays}. With --again they are replayed.");
        }

        return replays.Exists(made => made.ReplayId is null) ? ExitCode.Refused : ExitCode.Ok;
    }
}
