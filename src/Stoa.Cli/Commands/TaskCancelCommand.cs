using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task cancel</c>.</summary>
internal sealed class TaskCancelCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskCancelCommand(CommandScope scope)
        : base(
            scope,
            "cancel",
            "Stop a task. One that waits ends at once, one that runs is stopped within moments. Nothing is charged, unless another node had finished it already, or models had answered for it.",
            new CommandExample("Never mind", "stoa task cancel task_01h2xcejqtf2nbrexx3vqjhp41")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var task = await invocation.Client.CancelTaskAsync(invocation.Get(_id), cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.Json(task, json => json.TaskResponse);
        else
            invocation.Screen.Markup($"{Format.Escaped(task.Id)} {TaskView.State(task)}");
        return ExitCode.Ok;
    }
}
