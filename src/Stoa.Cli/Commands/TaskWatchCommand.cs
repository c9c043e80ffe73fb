using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task watch</c>.</summary>
internal sealed class TaskWatchCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskWatchCommand(CommandScope scope)
        : base(
            scope,
            "watch",
            "Watch a task from its submission to its end. The exit code is 0 when it succeeds.",
            new("Look over its shoulder", "stoa task watch task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("The events as JSON, one a line", "stoa task watch task_01h2xcejqtf2nbrexx3vqjhp41 --json")) =>
        Add(_id);

    protected override bool IsStream => true;

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var task = await invocation.Client.GetTaskAsync(invocation.Get(_id), cancellationToken);
        try
        {
            await TaskProgress.RunAsync(invocation.Screen, task.State, async progress =>
            {
                await foreach (var happened in invocation.Client.WatchTaskAsync(task.Id, cancellationToken: cancellationToken))
                {
                    progress.Follow(happened);
                    if (invocation.IsJson)
                        invocation.Screen.JsonLine(happened, json => json.CloudEvent);
                    else if (!(invocation.Screen.CanShowProgress && StoaClient.TryReadProgress(happened, out _)))
                        invocation.Screen.Markup(EventLine.Of(happened));
                }

                return task;
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            TaskFollowing.TellThatItGoesOn(invocation.Screen, task.Id);
            return ExitCode.Interrupted;
        }

        task = await invocation.Client.GetTaskAsync(task.Id, cancellationToken);
        return task.Result is not null ? ExitCode.Ok : ExitCode.Refused;
    }
}
