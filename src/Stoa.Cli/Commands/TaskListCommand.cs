using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task list</c>.</summary>
internal sealed class TaskListCommand : StoaCommand
{
    private static readonly string[] s_states = ["queued", "running", "succeeded", "failed", "cancelled"];

    private readonly Option<string?> _state = new("--state", "-s") { Description = $"Only tasks that are {string.Join(", ", s_states[..^1])} or {s_states[^1]}.", HelpName = "STATE" };
    private readonly Option<int> _limit = ListLimit.Option();

    public TaskListCommand(CommandScope scope)
        : base(
            scope,
            "list",
            "List the account's tasks, newest first.",
            new("What runs just now", "stoa task list --state running"),
            new("Cancel all that wait", "stoa task list --state queued --json | jq -r '.items[].id' | xargs -n 1 stoa task cancel"))
    {
        _state.Accepts(s_states);
        Add(_state);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (tasks, hasMore) = await ListLimit.TakeAsync(
            invocation.Client.ListTasksAsync(invocation.Get(_state), cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<TaskResponse>(tasks), json => json.ListResponseTaskResponse);
            return ExitCode.Ok;
        }

        if (tasks.Count == 0)
        {
            invocation.Screen.Note("[grey]No tasks. Submit one with: stoa task submit AGENT FILE[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Task", "Agent", "State", "Submitted", "Took", "Price"],
            [.. tasks.Select(task => (IReadOnlyList<string>)
            [
                task.Id, task.Agent, task.State, ListLimit.When(invocation, task.CreatedAt), TaskView.Elapsed(task), TaskView.Price(task),
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}
