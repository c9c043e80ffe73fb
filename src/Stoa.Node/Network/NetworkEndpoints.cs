using System.ComponentModel;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Network.Addressing;
using Stoa.Network.Identify;
using Stoa.Network.Transport;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;
using PeerHost = Stoa.Network.Hosting.Host;

namespace Stoa.Node.Network;

/// <summary>The network over HTTP: who this node is in it, and whom it knows.</summary>
public static class NetworkEndpoints
{
    private const int MaxPings = 20;
    private const int DefaultProviders = 20;
    private const int MaxProviders = 100;

    private static readonly TimeSpan s_findTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(10);

    public static void MapNetwork(this IEndpointRouteBuilder api)
    {
        api.MapGet("/network", GetNetwork)
            .OpenToAll()
            .WithName("getNetwork").WithTags("Network").WithSummary("What is this node's part in the network?")
            .WithDescription("Where other nodes can reach it, what it speaks, and how many it is connected to. A node that takes no part says so.")
            .Produces<NetworkResponse>();
        api.MapGet("/network/peers", ListPeers)
            .Needs(Permission.NodeAdmin)
            .WithName("listPeers").WithTags("Network").WithSummary("Which peers is this node connected to?")
            .WithDescription("In the order of their peer ids, with what each says of itself. Administrators only.")
            .Produces<ListResponse<PeerResponse>>()
            .Refuses(NetworkRefusal.NetworkOff);
        api.MapGet("/network/peers/{peer}", FindAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("findPeer").WithTags("Network").WithSummary("Where is a peer?")
            .WithDescription("As this node knows it, or as it is told by those nearest to the peer in the network's hash table; nobody in the middle is asked. Administrators only.")
            .Produces<FoundPeerResponse>()
            .Refuses(NetworkRefusal.NetworkOff, NetworkRefusal.AddressInvalid, NetworkRefusal.PeerUnknown);
        api.MapGet("/network/contents/{digest}/providers", ListProvidersAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listProviders").WithTags("Network").WithSummary("Who has a content?")
            .WithDescription(
                "Peers that say in the network's hash table that they have it, as they are found, for at most 20 seconds: each node tells so of the programs that it has at hand. "
                + "There are no further pages; that nobody is found says nothing about those who were not reached. Administrators only.")
            .Produces<ListResponse<FoundPeerResponse>>()
            .Refuses(NetworkRefusal.NetworkOff, NetworkRefusal.AddressInvalid);
        api.MapPost("/network/pings", PingAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("pingPeer").WithTags("Network").WithSummary("Ping a peer")
            .WithDescription("Connects to the peer when there is no connection, and measures the way there and back. Administrators only: the node dials whatever address it is given.")
            .Produces<PingResponse>()
            .Refuses(NetworkRefusal.NetworkOff, NetworkRefusal.AddressInvalid, NetworkRefusal.PeerUnreachable);
    }

    private static NetworkResponse GetNetwork(NetworkService network, PublicKey key) => new(
        key.PeerId.ToString(),
        network.Host is not null,
        [.. network.Addresses.Select(address => address.ToString())],
        network.Host?.Protocols ?? [],
        network.Host?.ConnectedPeers.Count ?? 0);

    private static IResult ListPeers([AsParameters] ListQuery list, NetworkService network)
    {
        if (network.Host is not { } host)
            return Off();
        var page = list.ToPage();
        var after = host.Connections
            .GroupBy(connection => connection.RemotePeer.ToString(), StringComparer.Ordinal)
            .OrderBy(peer => peer.Key, StringComparer.Ordinal)
            .Where(peer => page.Cursor is null || string.CompareOrdinal(peer.Key, page.Cursor) > 0)
            .Take(page.Limit + 1)
            .ToList();
        var shown = after.Take(page.Limit).ToList();
        return TypedResults.Ok(ListQuery.Answer(
            new Page<IGrouping<string, IPeerConnection>>(shown, after.Count > shown.Count ? shown[^1].Key : null), peer => ToContract(host, peer.First())));
    }

    private static async Task<IResult> FindAsync([Description("Its peer id.")] string peer, NetworkService network, TimeProvider time, CancellationToken cancellationToken)
    {
        if (network.Directory is not { } directory)
            return Off();
        if (!PeerId.TryParse(peer, out var sought))
            return Invalid($"'{peer}' is no peer id, such as Qm… or 12D3….");
        using var timeout = new CancellationTokenSource(s_findTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await directory.FindPeerAsync(sought, both.Token) is { } found
                ? TypedResults.Ok(new FoundPeerResponse(found.Peer.ToString(), [.. found.Addresses.Select(address => address.ToString())], network.Host!.IsConnected(sought)))
                : Unknown($"Nobody who was asked knows where {sought} is.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Unknown($"{sought} was not found within {s_findTimeout.TotalSeconds} s.");
        }
    }

    private static async Task<IResult> ListProvidersAsync(
        [Description("Of the content, such as sha256:… of a program.")] string digest,
        [Description("The most that are looked for, 1 to 100; 20 when left out.")] int? limit,
        NetworkService network,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (network.Directory is not { } directory)
            return Off();
        if (!ContentHash.TryParse(digest, out var content))
            return Invalid($"'{digest}' is no digest: sha256: and 64 hexadecimal digits.");
        if (limit is < 1 or > MaxProviders)
            return Invalid($"limit is from 1 to {MaxProviders}.");
        using var timeout = new CancellationTokenSource(s_findTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var found = new List<FoundPeerResponse>();
        try
        {
            await foreach (var provider in directory.FindProvidersAsync(ContentKey.Of(content), both.Token))
            {
                found.Add(new FoundPeerResponse(provider.Peer.ToString(), [.. provider.Addresses.Select(address => address.ToString())], network.Host!.IsConnected(provider.Peer)));
                if (found.Count == (limit ?? DefaultProviders))
                    break;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Those who were found until now are told.
        }
        catch (IOException)
        {
            // Nobody is there to be asked: what this node knows itself has been told.
        }

        return TypedResults.Ok(new ListResponse<FoundPeerResponse>(found));
    }

    private static async Task<IResult> PingAsync(Body<PingRequest> body, NetworkService network, TimeProvider time, CancellationToken cancellationToken)
    {
        if (network.Host is not { } host)
            return Off();
        var count = body.Value.Count ?? 3;
        if (count is < 1 or > MaxPings)
            return Invalid($"count is from 1 to {MaxPings}.");
        using var timeout = new CancellationTokenSource(s_pingTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            IPeerConnection connection;
            if (PeerId.TryParse(body.Value.Peer, out var peer))
                connection = await host.ConnectAsync(new PeerAddress(peer, []), both.Token);
            else if (Multiaddr.TryParse(body.Value.Peer, out var address))
                connection = await host.ConnectAsync(address, both.Token);
            else
                return Invalid($"'{body.Value.Peer}' is neither a multiaddr, such as /ip4/192.0.2.1/tcp/8421/p2p/Qm…, nor the peer id of a node that is known here.");
            var times = await PingProtocol.PingAsync(host, connection.RemotePeer, count, both.Token);
            return TypedResults.Ok(new PingResponse(
                connection.RemotePeer.ToString(), connection.RemoteAddress.ToString(), [.. times.Select(took => took.TotalMilliseconds)]));
        }
        catch (Exception e) when (e is IOException or InvalidDataException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var why = e is OperationCanceledException ? $"It did not answer within {s_pingTimeout.TotalSeconds} s." : e.Message;
            return new Refusal<NetworkRefusal>(NetworkRefusal.PeerUnreachable, $"{body.Value.Peer} cannot be pinged. {why}").ToProblem();
        }
    }

    private static PeerResponse ToContract(PeerHost host, IPeerConnection connection)
    {
        var said = host.Peers.DescriptionOf(connection.RemotePeer);
        return new PeerResponse(
            connection.RemotePeer.ToString(),
            connection.RemoteAddress.ToString(),
            connection.IsInitiator ? "out" : "in",
            connection.Security,
            said?.AgentVersion,
            said is null ? null : [.. said.Protocols.Order(StringComparer.Ordinal)],
            said is null ? null : [.. said.Addresses.Select(address => address.ToString())]);
    }

    private static ProblemResult Off() => new Refusal<NetworkRefusal>(
        NetworkRefusal.NetworkOff, "This node takes no part in the network. Start it with stoa up --set network:listen:0=/ip4/0.0.0.0/tcp/8421, or with stoa up --join ADDRESS.").ToProblem();

    private static ProblemResult Unknown(string detail) => new Refusal<NetworkRefusal>(NetworkRefusal.PeerUnknown, detail).ToProblem();

    private static ProblemResult Invalid(string detail) => new Refusal<NetworkRefusal>(NetworkRefusal.AddressInvalid, detail).ToProblem();
}
