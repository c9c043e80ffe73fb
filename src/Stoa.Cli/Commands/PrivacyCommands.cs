using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa privacy</c>: what the node knows of the person behind the account.</summary>
internal static class PrivacyCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "privacy",
        "What the node stores about you.",
        [new("Have all of it", "stoa privacy export -o me.jsonl")],
        new ExportCommand(scope));

    /// <summary><c>stoa privacy export</c>.</summary>
    private sealed class ExportCommand : StoaCommand
    {
        private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write it. Default: standard output.", HelpName = "FILE" };
        private readonly Option<bool> _noContent = new("--no-content") { Description = "Leave out what is in the content store. With it one export begins a day." };

        public ExportCommand(CommandScope scope)
            : base(
                scope,
                "export",
                "Write all that the node stores about you as lines of JSON: profile, keys without their secrets, tasks with inputs and outputs, templates, schedules, webhooks, reviews, transfers, audit entries.",
                new("Into a file", "stoa privacy export -o me.jsonl"),
                new("How much there is of what", "stoa privacy export --no-content | jq -r .kind | sort | uniq -c"))
        {
            Add(_output);
            Add(_noContent);
        }

        protected override bool IsStream => true;

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (path, withContent) = (invocation.Get(_output), !invocation.Get(_noContent));
            ResultOutput.RefuseUnwritable(invocation, path);
            if (path is null or "-")
            {
                await invocation.Client.ExportMeAsync(invocation.Surroundings.Output, withContent, cancellationToken);
                return ExitCode.Ok;
            }

            await ResultOutput.SaveAsync(invocation.Surroundings.FullPath(path), file => invocation.Client.ExportMeAsync(file, withContent, cancellationToken));
            invocation.Screen.Note($"Written to {Format.Escaped(path)}.");
            return ExitCode.Ok;
        }
    }
}
