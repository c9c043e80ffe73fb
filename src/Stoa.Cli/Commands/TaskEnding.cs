using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>What a command tells at the end of a task.</summary>
internal static class TaskEnding
{
    /// <summary>Fetches the result of a success and tells of price and receipt; tells why there is none otherwise.</summary>
    /// <returns>The exit code: 0 for a success.</returns>
    public static async Task<int> TellAsync(Invocation invocation, TaskResponse task, string? output, CancellationToken cancellationToken, string? replyKey = null)
    {
        var screen = invocation.Screen;
        var path = task.Result is null ? null : await ResultOutput.WriteAsync(invocation, task, output, cancellationToken, replyKey);
        if (invocation.IsJson)
            screen.Json(task, json => json.TaskResponse);
        if (task.Result is { } result)
        {
            screen.Note($"[green]✓[/] [bold]{Format.Escaped(task.Agent)}[/] succeeded in {TaskView.Elapsed(task)}   [grey]{Format.Escaped(task.Id)}[/]");
            screen.NoteFacts([("Saved", path is null ? null : Format.Escaped(path)), .. TaskView.ResultFacts(task, result)]);
            return ExitCode.Ok;
        }

        screen.Note($"[{Format.StateColour(task.State)}]✗[/] [bold]{Format.Escaped(task.Agent)}[/] {TaskView.State(task)}   [grey]{Format.Escaped(task.Id)}[/]");
        screen.NoteFacts(TaskView.Facts(task));
        return ExitCode.Refused;
    }
}
