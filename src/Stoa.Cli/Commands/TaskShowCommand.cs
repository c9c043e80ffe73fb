using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task show</c>.</summary>
internal sealed class TaskShowCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskShowCommand(CommandScope scope)
        : base(
            scope,
            "show",
            "Show a task: its state, what it used, what it cost.",
            new("How is it going?", "stoa task show task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("Its state alone", "stoa task show task_01h2xcejqtf2nbrexx3vqjhp41 --json | jq -r .state")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var task = await invocation.Client.GetTaskAsync(invocation.Get(_id), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(task, json => json.TaskResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(task.Id)}[/]");
        invocation.Screen.Facts(TaskView.Facts(task));
        return ExitCode.Ok;
    }
}
