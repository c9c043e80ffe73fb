using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Stoa.Faults.Nodes;

namespace Stoa.Bench;

/// <summary>A network of nodes of one kind in three processes: two that live, and one that is to be stopped, so that its nodes keep their sockets and never answer.</summary>
internal sealed class TablePeers : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(20);

    private readonly Watchdog _watchdog;
    private readonly List<Member> _members = [];

    private TablePeers(Watchdog watchdog) => _watchdog = watchdog;

    /// <summary>How many nodes live when the others are stopped.</summary>
    public int Living => _members.Take(2).Sum(member => member.Nodes.Count);

    /// <summary>Starts nodes that do not know each other yet.</summary>
    /// <param name="program">What runs.</param>
    /// <param name="arguments">Of the program.</param>
    /// <param name="folder">Where it runs.</param>
    /// <param name="count">How many nodes.</param>
    /// <param name="deadPercent">How many of a hundred are in the process that is to be stopped.</param>
    /// <param name="watchdog">Ends them, whatever happens to this process.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<TablePeers> StartAsync(
        string program, string[] arguments, string folder, int count, int deadPercent, Watchdog watchdog, CancellationToken cancellationToken)
    {
        var peers = new TablePeers(watchdog);
        try
        {
            var dead = count * deadPercent / 100;
            int[] shares = [(count - dead) / 2, count - dead - ((count - dead) / 2), dead];
            foreach (var share in shares)
            {
                var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true })
                    ?? throw new BenchmarkException($"{program} did not start.");
                watchdog.Watch(process);
                var member = new Member(process);
                peers._members.Add(member);
                var started = await member.TellAsync(new JsonObject { ["do"] = "start", ["count"] = share }, s_patience, cancellationToken);
                member.Nodes.AddRange(started["nodes"]!.AsArray().Select(node => (Peer: (string)node!["peer"]!, Address: (string)node["address"]!)));
            }

            return peers;
        }
        catch
        {
            await peers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has all join by way of the first node, one process after the other.</summary>
    public async Task JoinAsync(CancellationToken cancellationToken)
    {
        // One for all: by way of several that do not know of each other they would form as many networks.
        string[] addresses = [_members[0].Nodes[0].Address];
        foreach (var member in _members)
            await member.TellAsync(new JsonObject { ["do"] = "join", ["addresses"] = ToArray(addresses) }, s_patience, cancellationToken);
        // Those who came first know few of the others; in time they would.
        await TellAllAsync(_ => new JsonObject { ["do"] = "refresh" }, cancellationToken);
    }

    /// <summary>Has each key provided by one of the nodes, in turn.</summary>
    public Task ProvideAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken) => TellAllAsync(
        member => new JsonObject { ["do"] = "provide", ["keys"] = ToArray(keys.Where((_, index) => index % _members.Count == member)) }, cancellationToken);

    /// <summary>The mean number of connections and of peers in the table of a node.</summary>
    public async Task<(double Connections, double Known)> SizeAsync(CancellationToken cancellationToken)
    {
        var size = await _members[0].TellAsync(new JsonObject { ["do"] = "size" }, s_patience, cancellationToken);
        return ((double)size["connections"]!, (double)size["known"]!);
    }

    /// <summary>Stops the third process: from now on its nodes are silent.</summary>
    public async Task StopSomeAsync(CancellationToken cancellationToken)
    {
        using var kill = Process.Start("kill", ["-STOP", _members[2].Process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(cancellationToken);
    }

    /// <summary>Has a node that lives look for the provider of a key.</summary>
    /// <param name="keys">All keys.</param>
    /// <param name="key">Which.</param>
    /// <param name="asker">Which of the living, from 0 to below <see cref="Living"/>.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<(double Ms, bool IsFound)> FindAsync(IReadOnlyList<string> keys, int key, int asker, TimeSpan limit, CancellationToken cancellationToken)
    {
        var holder = _members[key % _members.Count];
        var provider = holder.Nodes[key / _members.Count % holder.Nodes.Count].Peer;
        // Nobody looks for himself.
        if (PeerOf(asker) == provider)
            asker = (asker + 1) % Living;
        var first = _members[0].Nodes.Count;
        var (member, node) = asker < first ? (_members[0], asker) : (_members[1], asker - first);
        var found = await member.TellAsync(
            new JsonObject { ["do"] = "find", ["node"] = node, ["key"] = keys[key], ["provider"] = provider, ["limitMs"] = limit.TotalMilliseconds }, limit + s_patience, cancellationToken);
        return ((double)found["ms"]!, (bool)found["isFound"]!);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
        {
            // They have nothing to lose, and one of them hears nothing any more.
            member.Process.Kill();
            await member.Process.WaitForExitAsync();
            _watchdog.Forget(member.Process);
            member.Process.Dispose();
        }

        _members.Clear();
    }

    private string PeerOf(int living) => _members.SelectMany(member => member.Nodes).ElementAt(living).Peer;

    private Task<JsonNode[]> TellAllAsync(Func<int, JsonObject> command, CancellationToken cancellationToken) =>
        Task.WhenAll(_members.Select((member, index) => member.TellAsync(command(index), s_patience, cancellationToken)));

    private static JsonArray ToArray(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)text)];

    private sealed class Member(Process process)
    {
        public Process Process => process;

        public List<(string Peer, string Address)> Nodes { get; } = [];

        public async Task<JsonNode> TellAsync(JsonObject command, TimeSpan patience, CancellationToken cancellationToken)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(patience);
            try
            {
                await process.StandardInput.WriteLineAsync(command.ToJsonString().AsMemory(), limit.Token);
                await process.StandardInput.FlushAsync(limit.Token);
                var answer = await process.StandardOutput.ReadLineAsync(limit.Token) is { } line
                    ? JsonNode.Parse(line)!
                    : throw new BenchmarkException($"{process.StartInfo.FileName} has ended when it was told to {command["do"]}.");
                return answer["error"] is { } error ? throw new BenchmarkException($"{process.StartInfo.FileName} cannot {command["do"]}: {error}") : answer;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new BenchmarkException($"{process.StartInfo.FileName} was told to {command["do"]}, and has not done it in {patience.TotalSeconds:N0} s.");
            }
        }
    }
}
