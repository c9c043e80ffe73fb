using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Stoa.Client;

namespace Stoa.Bench;

/// <summary>A node as a process of its own, with its data in a folder that outlives it.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromSeconds(60);
    private readonly Process _process;

    private NodeProcess(Process process, Uri address, double readyMs, string adminKey) =>
        (_process, Address, ReadyMs, AdminKey) = (process, address, readyMs, adminKey);

    public Uri Address { get; }

    /// <summary>From the start of the process to the first good answer of <c>/ready</c>.</summary>
    public double ReadyMs { get; }

    public string AdminKey { get; }

    /// <summary>Its processor time so far, in seconds.</summary>
    public double ProcessorSeconds
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>What of it is in memory, in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Files and sockets that it has open.</summary>
    public int OpenFiles => Directory.GetFileSystemEntries($"/proc/{_process.Id}/fd").Length;

    public static Task<NodeProcess> StartAsync(string dataFolder, CancellationToken cancellationToken) => StartAsync(dataFolder, [], cancellationToken);

    /// <param name="dataFolder">Where its data is.</param>
    /// <param name="options">Beside folder and address, as on the command line.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<NodeProcess> StartAsync(string dataFolder, IReadOnlyList<string> options, CancellationToken cancellationToken)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        var start = Stopwatch.GetTimestamp();
        var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Stoa.Node.dll"), "--data", dataFolder, "--url", address.ToString().TrimEnd('/'), .. options])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException("dotnet did not start.");
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            using var http = new HttpClient { BaseAddress = address };
            while (!await IsReadyAsync(http, cancellationToken))
            {
                if (process.HasExited || Clock.Since(start) > s_startTimeout.TotalMilliseconds)
                    throw new InvalidOperationException($"The node did not get ready: {(process.HasExited ? await errors : "it is still starting")}");
                await Task.Delay(2, cancellationToken);
            }

            var readyMs = Clock.Since(start);
            var key = await File.ReadAllTextAsync(Path.Combine(dataFolder, "admin.key"), cancellationToken);
            return new NodeProcess(process, address, readyMs, key.Trim());
        }
        catch
        {
            process.Kill();
            throw;
        }
    }

    public StoaClient Connect() => new(new StoaClientOptions { Address = Address, ApiKey = AdminKey });

    /// <summary>Asks the node to stop, as a service manager does, and ends it when it does not listen.</summary>
    public async ValueTask DisposeAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        using var patience = new CancellationTokenSource(s_startTimeout);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("/ready", UriKind.Relative), cancellationToken);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
