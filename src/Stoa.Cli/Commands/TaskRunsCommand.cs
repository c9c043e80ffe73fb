using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task runs</c>.</summary>
internal sealed class TaskRunsCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskRunsCommand(CommandScope scope)
        : base(
            scope,
            "runs",
            "Show what each executor gave of a task that was submitted with --runs.",
            new("Who agreed?", "stoa task runs task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("The receipt of the first one", "stoa task runs task_01h2xcejqtf2nbrexx3vqjhp41 --json | jq '.items[0].receipt'")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var runs = await invocation.Client.ListTaskRunsAsync(invocation.Get(_id), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<TaskRunBody>(runs), json => json.ListResponseTaskRunBody);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Node", "Standing", "Output", "Price"], [.. runs.Select(run => (IReadOnlyList<string>)[run.Node, run.Standing, run.Digest ?? run.Detail ?? "", Format.Money(run.Price)])]);
        return ExitCode.Ok;
    }
}
