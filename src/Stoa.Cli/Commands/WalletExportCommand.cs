using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet export</c>.</summary>
internal sealed class WalletExportCommand : StoaCommand
{
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write it. Default: standard output.", HelpName = "FILE" };

    public WalletExportCommand(CommandScope scope)
        : base(scope, "export", "Write the whole statement as CSV, newest first.", new CommandExample("For the accountant", "stoa wallet export -o statement.csv")) =>
        Add(_output);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var path = invocation.Get(_output);
        ResultOutput.RefuseUnwritable(invocation, path);
        if (path is null or "-")
        {
            await invocation.Client.ExportTransfersAsync(invocation.Surroundings.Output, cancellationToken);
            return ExitCode.Ok;
        }

        await ResultOutput.SaveAsync(invocation.Surroundings.FullPath(path), file => invocation.Client.ExportTransfersAsync(file, cancellationToken));
        invocation.Screen.Note($"Written to {Format.Escaped(path)}.");
        return ExitCode.Ok;
    }
}
