using System.CommandLine;
using System.Text;
using Spectre.Console;
using Stoa.Cli.Commands;

namespace Stoa.Cli.Terminal;

/// <summary>Asks for what nobody else may see: on the terminal without showing it, or line after line from standard input. Never on the command line, which others can read.</summary>
internal sealed class SecretInput(Invocation invocation, bool isFromStdin)
{
    private const int LengthMax = 4096;

    /// <summary>Whether there is somebody to be asked.</summary>
    public bool CanAsk => !isFromStdin && invocation.Surroundings is { IsInputTerminal: true, IsErrorTerminal: true };

    /// <summary>The option that has the lines come from standard input.</summary>
    public static Option<bool> Option(string lines) => new("--password-stdin") { Description = $"Read from standard input: {lines}." };

    /// <summary>Asks for a password.</summary>
    public async Task<string> AskAsync(string question, CancellationToken cancellationToken) => isFromStdin
        ? ReadLine()
        : await PromptAsync(new TextPrompt<string>(Format.Escaped(question)).Secret(null), cancellationToken);

    /// <summary>Asks for a new password: on a terminal twice, since it is not seen.</summary>
    /// <exception cref="CommandFailure">The two differ.</exception>
    public async Task<string> AskNewAsync(string question, CancellationToken cancellationToken)
    {
        var password = await AskAsync(question, cancellationToken);
        return isFromStdin || password == await AskAsync("Once more:", cancellationToken)
            ? password
            : throw new CommandFailure("The two passwords differ.");
    }

    /// <summary>Asks for a code, which may be seen: it is good for a moment.</summary>
    public Task<string> AskCodeAsync(string question, CancellationToken cancellationToken) =>
        PromptAsync(new TextPrompt<string>(Format.Escaped(question)), cancellationToken);

    private async Task<string> PromptAsync(TextPrompt<string> prompt, CancellationToken cancellationToken) => CanAsk
        ? await prompt.ShowAsync(invocation.Screen.Progress, cancellationToken)
        : throw new CommandFailure("A password is asked for on a terminal only.", hint: "In a script give it on standard input with --password-stdin.");

    // Byte by byte, so that what comes after the line is left for the next one.
    private string ReadLine()
    {
        var line = new List<byte>();
        for (var next = invocation.Surroundings.Input.ReadByte(); next is not (-1 or '\n'); next = invocation.Surroundings.Input.ReadByte())
        {
            if (line.Count == LengthMax)
                throw new CommandFailure($"A line of more than {LengthMax} bytes is no password.");
            line.Add((byte)next);
        }

        var text = Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
        return text.Length > 0 ? text : throw new CommandFailure("A password is expected on standard input, on a line of its own.");
    }
}
