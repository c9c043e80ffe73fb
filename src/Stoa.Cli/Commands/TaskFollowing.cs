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
    public static void TellThatItGoesOn(Screen screen, string taskId) =>
        screen.Note($"[yellow]The task goes on without you.[/] Watch it: stoa task watch {Format.Escaped(taskId)}   Stop it: stoa task cancel {Format.Escaped(taskId)}");
}
