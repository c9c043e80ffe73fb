using System.CommandLine;
using System.Text;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa receipt get</c>.</summary>
internal sealed class ReceiptGetCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();
    private readonly Option<string?> _outputFile = new("--output", "-o") { Description = "Write it to this file instead of standard output.", HelpName = "FILE" };

    public ReceiptGetCommand(CommandScope scope)
        : base(
            scope,
            "get",
            "Get the signed receipt of a task: a DSSE envelope, which anyone can verify.",
            new("To hand it on", "stoa receipt get task_01h2xcejqtf2nbrexx3vqjhp41 -o receipt.json"),
            new("What is in it?", "stoa receipt get task_01h2xcejqtf2nbrexx3vqjhp41 | jq -r .payload | base64 -d | jq ."))
    {
        Add(_id);
        Add(_outputFile);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var output = invocation.Get(_outputFile);
        ResultOutput.RefuseUnwritable(invocation, output);
        var bytes = (await invocation.Client.GetReceiptAsync(invocation.Get(_id), cancellationToken)).ToJson();
        if (output is null or "-")
        {
            invocation.Screen.Line(Encoding.UTF8.GetString(bytes));
            return ExitCode.Ok;
        }

        var path = invocation.Surroundings.FullPath(output);
        await ResultOutput.SaveAsync(path, file => file.WriteAsync(bytes, cancellationToken).AsTask());
        if (!invocation.IsJson)
            invocation.Screen.Note($"[grey]Saved as[/] {Format.Escaped(path)}[grey]. Check it with:[/] stoa receipt verify {Format.Escaped(output)}");
        return ExitCode.Ok;
    }
}
