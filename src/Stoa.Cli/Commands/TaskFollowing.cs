using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>Waiting for the end of a task while its progress is shown.</summary>
internal static class TaskFollowing
{
    public static async Task<TaskResponse> ToEndAsync(
        StoaClient client, TaskResponse task, TaskProgress progress, CancellationToken cancellationToken)
    {
        if (task.FinishedAt is not null)
            return task;
        await foreach (var happened in client.WatchTaskAsync(task.Id, cancellationToken: cancellationToken))
            progress.Follow(happened);
        return await client.GetTaskAsync(task.Id, cancellationToken);
    }

    /// <summary>After Ctrl-C: the waiting has ended, the task has not.</summary>
    public static void TellThatItGoesOn(Screen screen, string taskId)
    {
        if (screen.IsJson)
            screen.ErrorObject(("code", "interrupted"), ("detail", "The task goes on."), ("taskId", taskId));
        screen.Note($"[yellow]The task goes on without you.[/] Watch it: stoa task watch {Format.Escaped(taskId)}   Stop it: stoa task cancel {Format.Escaped(taskId)}");
    }

    /// <summary>A task was made, and what was to be said of it could not be written.</summary>
    /// <param name="screen">Where it is said, if that can be written.</param>
    /// <param name="taskId">The task, which is paid for or goes on.</param>
    /// <param name="failure">Why the output could not be written.</param>
    /// <exception cref="CommandFailure">The output is broken.</exception>
    public static int TellWhereItIs(Screen screen, string taskId, Exception failure)
    {
        var told = $"The task is {taskId}, and keeps its result. Get it with: stoa task result {taskId} -o FILE";
        if (failure is not IOException broken || !OutputPipe.IsBroken(broken))
            throw new CommandFailure($"The output cannot be written: {failure.Message.TrimEnd('.')}. {told}");
        screen.Note($"[grey]{Format.Escaped(told)}[/]");
        return ExitCode.Ok;
    }
}
