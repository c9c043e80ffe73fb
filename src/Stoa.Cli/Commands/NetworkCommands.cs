using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa network</c>: the network of nodes of many operators, as this node sees it.</summary>
internal static class NetworkCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "network",
        "The network that the node is a part of.",
        [
            new("Where can others reach this node?", "stoa network show"),
            new("Start a second node that joins by it", "stoa up --port 8430 --data second --join /ip4/127.0.0.1/tcp/8421/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"),
        ],
        new ShowCommand(scope),
        new PeersCommand(scope),
        new FindCommand(scope),
        new PingCommand(scope),
        new NetworkMapCommand(scope),
        new NetworkSignersCommand(scope),
        new NetworkVouchCommand(scope),
        new NetworkUnvouchCommand(scope));

    /// <summary><c>stoa network show</c>.</summary>
    private sealed class ShowCommand(CommandScope scope) : StoaCommand(
        scope,
        "show",
        "Show where other nodes can reach this node, what it speaks, and how many it is connected to.",
        new CommandExample("What do I tell others to join by?", "stoa network show --json | jq -r '.addresses[0]'"))
    {
        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var network = await invocation.Client.GetNetworkAsync(cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(network, json => json.NetworkResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(
                ("Peer id", Format.Escaped(network.PeerId)),
                ("Network", network.IsOn
                    ? $"[green]on[/], connected to {Format.Count(network.Peers, "peer")}"
                    : "off: stoa up --join ADDRESS, or --set network:listen:0=/ip4/0.0.0.0/tcp/8421, has a node take part"),
                ("Addresses", network.Addresses.Count == 0 ? null : string.Join('\n', network.Addresses.Select(Format.Escaped))),
                ("Speaks", network.Protocols.Count == 0 ? null : Format.Escaped(string.Join(' ', network.Protocols))));
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa network peers</c>.</summary>
    private sealed class PeersCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public PeersCommand(CommandScope scope)
            : base(
                scope,
                "peers",
                "List the peers that the node is connected to. Administrators only.",
                new("Whom is the node connected to?", "stoa network peers"),
                new("Who runs what?", "stoa network peers --json | jq -r '.items[] | .peerId + \" \" + .agentVersion'")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (peers, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListPeersAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<PeerResponse>(peers), json => json.ListResponsePeerResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Peer", "Seen at", "Direction", "Security", "Program"],
                [.. peers.Select(peer => (IReadOnlyList<string>)[peer.PeerId, peer.Address, peer.Direction, peer.Security, peer.AgentVersion ?? ""])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa network find</c>.</summary>
    private sealed class FindCommand : StoaCommand
    {
        private const string Content = "sha256:";

        private readonly Argument<string> _sought = new("PEER|DIGEST") { Description = "A peer id, such as Qm… or 12D3…, or the digest of a program, sha256:…." };

        public FindCommand(CommandScope scope)
            : base(
                scope,
                "find",
                "Find where a peer is, or who has a program: as the node knows it, or as those near to it in the network's hash table say. Administrators only.",
                new("Where is it now?", "stoa network find QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"),
                new("Who runs this program?", "stoa network find sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")) =>
            Add(_sought);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var sought = invocation.Get(_sought)!;
            if (sought.StartsWith(Content, StringComparison.Ordinal))
                return Tell(invocation, await invocation.Client.ListProvidersAsync(sought, cancellationToken: cancellationToken));
            var found = await invocation.Client.FindPeerAsync(sought, cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(found, json => json.FoundPeerResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(
                ("Peer", Format.Escaped(found.PeerId)),
                ("Addresses", found.Addresses.Count == 0 ? "none that it has told" : string.Join('\n', found.Addresses.Select(Format.Escaped))),
                ("Connected", found.IsConnected ? "yes" : "no"));
            return ExitCode.Ok;
        }

        private static int Tell(Invocation invocation, ListResponse<FoundPeerResponse> providers)
        {
            if (invocation.IsJson)
                invocation.Screen.Json(providers, json => json.ListResponseFoundPeerResponse);
            else if (providers.Items.Count == 0)
                invocation.Screen.Line("Nobody who was reached says that it has this content.");
            else
                invocation.Screen.Table(["Peer", "Addresses", "Connected"], [.. providers.Items.Select(peer => (IReadOnlyList<string>)[peer.PeerId, string.Join(' ', peer.Addresses), peer.IsConnected ? "yes" : "no"])]);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa network ping</c>.</summary>
    private sealed class PingCommand : StoaCommand
    {
        private readonly Argument<string> _peer = new("PEER") { Description = "A multiaddr, such as /ip4/192.0.2.1/tcp/8421, or the peer id of a node that is known." };
        private readonly Option<int?> _count = new("--count") { Description = "How often, 1 to 20. Default: 3.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };

        public PingCommand(CommandScope scope)
            : base(
                scope,
                "ping",
                "Have the node connect to a peer and measure the way there and back. Administrators only.",
                new("Is there anybody?", "stoa network ping /ip4/192.0.2.1/tcp/8421"),
                new("How far away, in milliseconds?", "stoa network ping QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N --count 10 --json | jq '.timesMs | min'"))
        {
            Add(_peer);
            Add(_count);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var ping = await invocation.Client.PingPeerAsync(new PingRequest(invocation.Get(_peer)!, invocation.Get(_count)), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(ping, json => json.PingResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Markup($"[green]✓[/] {Format.Escaped(ping.PeerId)} at {Format.Escaped(ping.Address)}");
            invocation.Screen.Markup($"  {string.Join(", ", ping.TimesMs.Select(time => time.ToString("0.00", CultureInfo.InvariantCulture)))} ms");
            return ExitCode.Ok;
        }
    }
}
