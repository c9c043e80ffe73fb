using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa workflow</c> that are about workflows that are kept.</summary>
internal static class WorkflowKeepCommands
{
    public static IReadOnlyList<StoaCommand> Create(CommandScope scope) => [new SaveCommand(scope), new ListCommand(scope), new DeleteCommand(scope)];

    private sealed class SaveCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = WorkflowCommands.File();

        public SaveCommand(CommandScope scope)
            : base(scope, "save", "Keep a workflow by its name, as the next version of it.", new CommandExample("To run it by its name", "stoa workflow save samples/workflows/press-review.yaml")) => Add(_file);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var path = invocation.Get(_file);
            var bytes = await WorkflowCommands.ReadAsync(invocation, path, cancellationToken);
            var kept = await invocation.Client.SaveWorkflowAsync(bytes, WorkflowCommands.IsYaml(path, bytes), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(kept, json => json.WorkflowResponse);
            else
                invocation.Screen.Line(string.Create(CultureInfo.InvariantCulture, $"{kept.Name}@{kept.Version}"));
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the workflows that the account keeps.", new CommandExample("Which are there?", "stoa workflow list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (workflows, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListWorkflowsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<WorkflowResponse>(workflows), json => json.ListResponseWorkflowResponse);
                return ExitCode.Ok;
            }

            if (workflows.Count == 0)
            {
                invocation.Screen.Note("[grey]No workflows. Keep one with: stoa workflow save FILE[/]");
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Workflow", "Version", "Saved"],
                [.. workflows.Select(kept => (IReadOnlyList<string>)[kept.Name, kept.Version.ToString(CultureInfo.InvariantCulture), ListLimit.When(invocation, kept.CreatedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _name = new("NAME") { Description = "Of the workflow." };
        private readonly Option<int?> _version = new("--version-number") { Description = "This version alone; all of them when left out.", HelpName = "N" };

        public DeleteCommand(CommandScope scope)
            : base(scope, "delete", "Keep a workflow no more. Runs that have begun go on.", new CommandExample("All of its versions", "stoa workflow delete press-review"))
        {
            Add(_name);
            Add(_version);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteWorkflowAsync(invocation.Get(_name), invocation.Get(_version), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Note("[grey]Deleted. Runs that have begun go on.[/]");
            return ExitCode.Ok;
        }
    }
}
