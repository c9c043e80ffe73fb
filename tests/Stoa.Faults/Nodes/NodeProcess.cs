using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Stoa.Client;

namespace Stoa.Faults.Nodes;

/// <summary>Where a node lives and how it is started: the same for each of its lives.</summary>
/// <param name="Folder">Its data.</param>
/// <param name="LogFile">Where what it says on stderr is collected.</param>
/// <param name="ClockFile">The file that moves its clock; null for the machine's own clock.</param>
/// <param name="Options">As on its command line.</param>
internal sealed record NodePlace(string Folder, string LogFile, string? ClockFile, IReadOnlyList<string> Options)
{
    public NodePlace(string folder, string logFile, params string[] options)
        : this(folder, logFile, null, options)
    {
    }
}

/// <summary>One life of a node, in a process of its own.</summary>
internal sealed partial class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Watchdog _watchdog;
    private readonly StreamWriter _log;
    private readonly Task<Uri?> _address;
    private readonly string? _clockFile;
    private readonly SocketsHttpHandler _handler = new() { AutomaticDecompression = DecompressionMethods.All, AllowAutoRedirect = false };
    private StoaClient? _client;
    private StoaClient? _anonymous;

    private NodeProcess(Process process, Watchdog watchdog, NodePlace place)
    {
        (_process, _watchdog, _clockFile) = (process, watchdog, place.ClockFile);
        _log = new StreamWriter(new FileStream(place.LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        _address = ReadAddressAsync();
        _ = CollectLogAsync();
    }

    /// <summary>When the process was started, by <see cref="Stopwatch"/>.</summary>
    public long StartedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>From the start of the process to when it listened.</summary>
    public double StartMs { get; private set; }

    /// <summary>Whether it listens and has not been ended by this run.</summary>
    public bool IsUp { get; private set; }

    /// <summary>Talks to it as the cell's first administrator, one attempt a call.</summary>
    public StoaClient Client => _client ?? throw new InvalidOperationException("The node does not listen yet.");

    /// <summary>Talks to it as nobody.</summary>
    public StoaClient Anonymous => _anonymous ?? throw new InvalidOperationException("The node does not listen yet.");

    public Uri Address => Client.Options.Address;

    /// <summary>By how much its clock is ahead of the machine's now.</summary>
    public TimeSpan ClockAhead => _clockFile is null ? TimeSpan.Zero : ShiftedNode.ReadShift(_clockFile);

    /// <summary>Talks to it by an access token, over connections that all who do so share.</summary>
    public StoaClient ClientOf(string token) => new(Client.Options with { ApiKey = token, Handler = _handler });

    /// <summary>Starts the process and goes on at once.</summary>
    public static NodeProcess Launch(NodePlace place, Watchdog watchdog)
    {
        string[] program = place.ClockFile is { } file
            ? [Path.Combine(AppContext.BaseDirectory, "Stoa.Faults.dll"), ShiftedNode.Word, file]
            : [Path.Combine(AppContext.BaseDirectory, "Stoa.Node.dll")];
        var process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            [
                .. program, "--data", place.Folder, "--url", "http://127.0.0.1:0", "--Observability:LogLevel", "Warning",
                "--Http:MaxConnections", "2000", "--Http:CallsPerMinute", "10000000", "--Http:SignInsPerMinute", "100000",
                "--Http:SignInsPerLogin", "100000", "--Identity:PasswordIterations", "1000", "--Plans:PollMs", "200", "--Ledger:OpeningCredit", "1000000", .. place.Options,
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        watchdog.Watch(process);
        return new NodeProcess(process, watchdog, place);
    }

    /// <summary>Waits until it takes requests.</summary>
    /// <param name="adminKey">The key of the first administrator, or how to find it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when the process ended instead.</returns>
    public async Task<bool> ListensAsync(Func<string> adminKey, CancellationToken cancellationToken)
    {
        Uri? address;
        try
        {
            address = await _address.WaitAsync(s_patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new FaultException($"A node did not listen after {s_patience.TotalSeconds} s.");
        }

        if (address is null)
            return false;
        StartMs = Stopwatch.GetElapsedTime(StartedAt).TotalMilliseconds;
        _client = new StoaClient(new StoaClientOptions { Address = address, ApiKey = adminKey(), MaxAttempts = 1, ResponseTimeout = TimeSpan.FromSeconds(20) });
        _anonymous = new StoaClient(_client.Options with { ApiKey = null, Handler = _handler });
        IsUp = true;
        return true;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        IsUp = false;
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _watchdog.Forget(_process);
    }

    /// <summary>Stops the process where it is; calls that are under way hang.</summary>
    public Task PauseAsync()
    {
        IsUp = false;
        return SignalAsync("STOP");
    }

    /// <summary>Lets it go on.</summary>
    public async Task WakeAsync()
    {
        await SignalAsync("CONT");
        IsUp = true;
    }

    /// <summary>Sends a signal by its name, without <c>SIG</c>.</summary>
    private async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Asks it to stop, as a service manager does.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        IsUp = false;
        await SignalAsync("TERM");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        await _process.WaitForExitAsync(patience.Token);
        _watchdog.Forget(_process);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _client?.Dispose();
        _anonymous?.Dispose();
        _handler.Dispose();
        _process.Dispose();
    }

    private async Task<Uri?> ReadAddressAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (AddressPattern().Match(line) is { Success: true } match)
            {
                _ = _process.StandardOutput.ReadToEndAsync();
                return new Uri(match.Value);
            }
        }

        return null;
    }

    private async Task CollectLogAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
            await _log.WriteLineAsync(line);
        await _log.DisposeAsync();
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/?")]
    private static partial Regex AddressPattern();
}
