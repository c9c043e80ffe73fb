using System.Text;
using Microsoft.Win32.SafeHandles;
using Stoa.Cli.Terminal;

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

    /// <summary>Standard output of a program that is run: it fails when nobody reads any more. Null where that is <see cref="Output"/>.</summary>
    public Stream? ProgramOutput { get; init; }

    /// <summary>Standard error of a program that is run, as bytes. Null where only text goes there.</summary>
    public Stream? ProgramError { get; init; }

    /// <summary>Tells that whoever read standard output has gone; null where that cannot be seen.</summary>
    public Func<bool>? IsReaderGone { get; init; }

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

    /// <summary>Opens an address in a browser; null for the one of this machine.</summary>
    public Action<Uri>? OpenBrowser { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public static Surroundings OfProcess()
    {
        var isOutputTerminal = !Console.IsOutputRedirected;
        var isErrorTerminal = !Console.IsErrorRedirected;
        var outputPipe = OpenPipe(1, Console.IsOutputRedirected);
        return new Surroundings
        {
            Input = Console.OpenStandardInput(),
            Output = outputPipe ?? Console.OpenStandardOutput(),
            Out = outputPipe is null ? Console.Out : TextWriter.Synchronized(new StreamWriter(outputPipe, new UTF8Encoding(false)) { AutoFlush = true }),
            Error = Console.Error,
            ProgramOutput = outputPipe,
            IsReaderGone = outputPipe is null ? null : () => OutputPipe.IsReaderGone(1),
            ProgramError = OpenPipe(2, Console.IsErrorRedirected) ?? Console.OpenStandardError(),
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

    /// <summary>Opens a standard stream that is a pipe; null where it is not.</summary>
    /// <remarks>.NET's console streams say nothing of a broken pipe, so what is piped into <c>head</c> would run on forever.</remarks>
    private static FileStream? OpenPipe(int descriptor, bool isRedirected)
    {
        if (OperatingSystem.IsWindows() || !isRedirected)
            return null;
        try
        {
            var stream = new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            // Into a file, a FileStream writes at a position of its own, and other writers of the same file would not see it move.
            return stream.CanSeek ? null : stream;
        }
        catch (Exception closed) when (closed is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }

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
