using System.CommandLine;
using Stoa.Cli.Sealing;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task result</c>.</summary>
internal sealed class TaskResultCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();
    private readonly Option<string?> _outputFile = ResultOutput.Option();
    private readonly Option<string?> _replyKey = KeptSeals.Option();

    public TaskResultCommand(CommandScope scope)
        : base(
            scope,
            "result",
            "Get the result of a task that succeeded, verified against its digest. Of a sealed task it is opened, by the secret that stoa task submit --seal has kept here; without that nobody can read it.",
            new("Into a file", "stoa task result task_01h2xcejqtf2nbrexx3vqjhp41 -o small.png"),
            new("Into a pipe", "stoa task result task_01h2xcejqtf2nbrexx3vqjhp41 | jq ."),
            new("Of a sealed task, its secret elsewhere", "stoa task result task_01h2xcejqtf2nbrexx3vqjhp41 --reply-key /media/key/lake.key -o small.png"))
    {
        Add(_id);
        Add(_outputFile);
        Add(_replyKey);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var task = await invocation.Client.GetTaskAsync(invocation.Get(_id), cancellationToken);
        if (task.Result is null)
        {
            throw new CommandFailure(
                $"{task.Id} has no result: it is {task.State}.",
                ExitCode.Refused,
                task.FinishedAt is null ? $"Wait for it with: stoa task watch {task.Id}" : $"See why with: stoa task show {task.Id}");
        }

        var path = await ResultOutput.WriteAsync(invocation, task, invocation.Get(_outputFile), cancellationToken, invocation.Get(_replyKey));
        if (invocation.IsJson)
            invocation.Screen.Json(task, json => json.TaskResponse);
        if (path is not null)
            invocation.Screen.Note($"[grey]{Format.Size(task.Result.SizeBytes)} in {Format.Escaped(path)}[/]");
        return ExitCode.Ok;
    }
}
