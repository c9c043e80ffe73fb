using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task log</c>.</summary>
internal sealed class TaskLogCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();
    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Go on as the agent writes, through all attempts, until the task has ended." };

    public TaskLogCommand(CommandScope scope)
        : base(
            scope,
            "log",
            "Print what the agent wrote to stderr: the end of it that is kept, or with --follow all that comes. Control characters are made harmless. Of a sealed task there is none.",
            new("What did it say?", "stoa task log task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("What does it say just now?", "stoa task logs task_01h2xcejqtf2nbrexx3vqjhp41 --follow"),
            new("The pieces as JSON, one a line", "stoa task log task_01h2xcejqtf2nbrexx3vqjhp41 -f --json"))
    {
        Aliases.Add("logs");
        Add(_id);
        Add(_follow);
    }

    protected override bool IsStream => true;

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var id = invocation.Get(_id);
        if (!invocation.Get(_follow))
        {
            await PrintAsync(invocation, id, cancellationToken);
            return ExitCode.Ok;
        }

        try
        {
            await FollowAsync(invocation, id, cancellationToken);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            TaskFollowing.TellThatItGoesOn(invocation.Screen, id);
            return ExitCode.Interrupted;
        }
    }

    private static async Task PrintAsync(Invocation invocation, string id, CancellationToken cancellationToken)
    {
        var log = await invocation.Client.GetTaskLogAsync(id, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.JsonObject(("log", log.Text), ("skippedBytes", log.SkippedBytes));
            return;
        }

        TellSkipped(invocation.Screen, log.SkippedBytes);
        var text = new LogText();
        if (log.Text.Length > 0)
            invocation.Screen.Text(text.Clean(log.Text) + text.End());
        else
            invocation.Screen.Note("[grey]The log is empty.[/]");
    }

    private static async Task FollowAsync(Invocation invocation, string id, CancellationToken cancellationToken)
    {
        var screen = invocation.Screen;
        var text = new LogText();
        var lease = 0L;
        await foreach (var (_, piece) in invocation.Client.FollowTaskLogAsync(id, cancellationToken: cancellationToken))
        {
            if (screen.IsJson)
            {
                screen.JsonLine(piece, json => json.TaskLogData);
                continue;
            }

            if (piece.Lease != lease)
            {
                screen.Text(text.End());
                if (lease > 0 || piece.Attempt > 1)
                    screen.Note($"[grey]── attempt {piece.Attempt}{(lease > 0 ? ", from the beginning" : "")} ──[/]");
                lease = piece.Lease;
            }

            if (piece.SkippedBytes > 0)
                screen.Text(text.End());
            TellSkipped(screen, piece.SkippedBytes);
            screen.Text(text.Clean(piece.Text));
        }

        screen.Text(text.End());
    }

    private static void TellSkipped(Screen screen, long bytes)
    {
        if (bytes > 0)
            screen.Note($"[grey]… {Format.Size(bytes)} of the log came before this and are not kept …[/]");
    }
}
