namespace Stoa.Cli;

/// <summary>All that a command touches of the process around it, so that a test can give it another.</summary>
internal sealed record Surroundings
{
    /// <summary>Standard input as bytes.</summary>
    public required Stream Input { get; init; }

    /// <summary>Standard output as bytes, for results.</summary>
    public required Stream Output { get; init; }

    /// <summary>Standard output as text.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error: notes, progress and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Standard error as bytes, for a program that is run; null where only text goes there.</summary>
    public Stream? ErrorStream { get; init; }

    public bool IsInputTerminal { get; init; }

    public bool IsOutputTerminal { get; init; }

    public bool IsErrorTerminal { get; init; }

    /// <summary>Columns of the terminal; where there is none, lines are not wrapped.</summary>
    public int? TerminalWidth { get; init; }

    /// <summary>Reads an environment variable; null when it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    public required string CurrentDirectory { get; init; }

    /// <summary>Where <c>stoa/config.json</c> is.</summary>
    public required string ConfigDirectory { get; init; }

    /// <summary>Sends the client's requests; null for the network.</summary>
    public HttpMessageHandler? Handler { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public static Surroundings OfProcess()
    {
        var isOutputTerminal = !Console.IsOutputRedirected;
        var isErrorTerminal = !Console.IsErrorRedirected;
        return new Surroundings
        {
            Input = Console.OpenStandardInput(),
            Output = Console.OpenStandardOutput(),
            Out = Console.Out,
            Error = Console.Error,
            ErrorStream = Console.OpenStandardError(),
            IsInputTerminal = !Console.IsInputRedirected,
            IsOutputTerminal = isOutputTerminal,
            IsErrorTerminal = isErrorTerminal,
            TerminalWidth = isOutputTerminal || isErrorTerminal ? ReadTerminalWidth() : null,
            Variable = Environment.GetEnvironmentVariable,
            CurrentDirectory = Environment.CurrentDirectory,
            // XDG_CONFIG_HOME or ~/.config on Unix, the roaming application data on Windows.
            ConfigDirectory = Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        };
    }

    /// <summary>A path of the command line as a full one.</summary>
    public string FullPath(string path) => Path.GetFullPath(path, CurrentDirectory);

    private static int? ReadTerminalWidth()
    {
        const int narrowest = 40;
        try
        {
            return Math.Max(narrowest, Console.WindowWidth);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
