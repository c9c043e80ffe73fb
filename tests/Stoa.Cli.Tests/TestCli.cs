using System.Text;

namespace Stoa.Cli.Tests;

/// <summary>A command line in this process, with surroundings of its own.</summary>
internal sealed class TestCli : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("stoa-cli-");
    private readonly MemoryStream _output = new();
    private readonly StringWriter _error = new();

    public Dictionary<string, string> Variables { get; } = new() { ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "" };

    public string Folder => _folder.FullName;

    public string ConfigDirectory => Path.Combine(Folder, "config");

    public byte[] OutputBytes => _output.ToArray();

    public string Output => Encoding.UTF8.GetString(OutputBytes);

    public string Error => _error.ToString();

    /// <summary>Standard output in place of one that keeps what it gets.</summary>
    public Stream? BrokenOutput { get; set; }

    /// <summary>See <see cref="Cli.Surroundings.IsReaderGone"/>.</summary>
    public Func<bool>? IsReaderGone { get; set; }

    public Surroundings Surroundings(byte[]? input = null)
    {
        var output = BrokenOutput ?? _output;
        var text = new StreamWriter(output, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };
        return new Surroundings
        {
            Input = new MemoryStream(input ?? []),
            Output = output,
            IsReaderGone = IsReaderGone,
            Out = text,
            Error = _error,
            Variable = Variables.GetValueOrDefault,
            CurrentDirectory = Folder,
            ConfigDirectory = ConfigDirectory,
        };
    }

    /// <summary>Runs a command line; its words are separated by blanks.</summary>
    public Task<int> RunAsync(string commandLine, byte[]? input = null, CancellationToken? cancellationToken = null) =>
        RunAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries), input, cancellationToken);

    public Task<int> RunAsync(string[] words, byte[]? input = null, CancellationToken? cancellationToken = null)
    {
        _output.SetLength(0);
        _error.GetStringBuilder().Clear();
        return new StoaCommandLine(Surroundings(input)).RunAsync(words, cancellationToken ?? TestContext.Current.CancellationToken);
    }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
