using System.Diagnostics;
using System.Text.RegularExpressions;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Observability;

namespace Stoa.Node.Tests.Tasks;

/// <summary>A real node in a process of its own, to be killed.</summary>
internal sealed partial class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;
    private bool _isDisposed;

    private NodeProcess(Process process, Uri address, Task<string> errors) => (_process, Address, _errors) = (process, address, errors);

    public Uri Address { get; }

    /// <summary>Starts a node on a data folder and waits until it listens.</summary>
    public static async Task<NodeProcess> StartAsync(string folder, CancellationToken cancellationToken, params string[] options)
    {
        var process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "Stoa.Node.dll"), "--data", folder, "--url", "http://127.0.0.1:0",
                "--Observability:LogLevel", "Error", "--Http:MaxConnections", "2000", .. options,
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (AddressPattern().Match(line) is { Success: true } match)
            {
                _ = process.StandardOutput.ReadToEndAsync(cancellationToken);
                return new NodeProcess(process, new Uri(match.Value), errors);
            }
        }

        throw new InvalidOperationException($"The node did not start: {await errors}");
    }

    /// <summary>The key of the node's first administrator.</summary>
    public static string AdminKey(string folder) => File.ReadAllText(Path.Combine(folder, FirstAdmin.KeyFileName)).Trim();

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends a signal by its name, without <c>SIG</c>.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>kill -15; the exit code.</summary>
    public async Task<int> StopAsync()
    {
        Signal("TERM");
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
        await ((Task)_errors).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_errors.IsCompletedSuccessfully)
            NodeLog.RefuseSecrets(await _errors);
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/?")]
    private static partial Regex AddressPattern();
}
