namespace Stoa.Cli;

/// <summary>Ends a command with a message for the person and an exit code for the script.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="exitCode">See <see cref="ExitCode"/>.</param>
/// <param name="hint">What to do next, when it is not plain from the message.</param>
internal sealed class CommandFailure(string message, int exitCode = ExitCode.Usage, string? hint = null) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public string? Hint { get; } = hint;
}
