using System.CommandLine;
using Stoa.Cli.Completion;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa completion</c>: a script that teaches a shell to complete.</summary>
internal sealed class CompletionCommand : StoaCommand
{
    private readonly Argument<string> _shell = new("SHELL") { Description = $"{string.Join(", ", ShellScript.Shells[..^1])} or {ShellScript.Shells[^1]}." };

    public CompletionCommand(CommandScope scope)
        : base(
            scope,
            "completion",
            "Print a script that teaches a shell to complete commands, options and names.",
            new("bash, now and in every new shell", "echo 'source <(stoa completion bash)' >> ~/.bashrc"),
            new("zsh", "echo 'source <(stoa completion zsh)' >> ~/.zshrc"),
            new("fish", "stoa completion fish > ~/.config/fish/completions/stoa.fish"),
            new("PowerShell", "stoa completion pwsh | Out-String | Invoke-Expression"))
    {
        _shell.Accepts([.. ShellScript.Shells]);
        Add(_shell);
    }

    protected override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        invocation.Screen.Surroundings.Out.Write(ShellScript.For(invocation.Get(_shell)));
        return Task.FromResult(ExitCode.Ok);
    }
}
