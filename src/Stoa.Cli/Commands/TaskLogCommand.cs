using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task log</c>.</summary>
internal sealed class TaskLogCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskLogCommand(CommandScope scope)
        : base(
            scope,
            "log",
            "Print the end of what the agent wrote to stderr, of a task that has ended.",
            new CommandExample("What did it say?", "stoa task log task_01h2xcejqtf2nbrexx3vqjhp41")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var log = await invocation.Client.GetTaskLogAsync(invocation.Get(_id), cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.JsonObject(("log", log));
        else if (log.Length > 0)
            invocation.Screen.Line(Format.Clean(log).TrimEnd('\n'));
        else
            invocation.Screen.Note("[grey]The log is empty.[/]");
        return ExitCode.Ok;
    }
}
