using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Names;

/// <summary>Peers at names that stand for whole addresses: <c>/dnsaddr/node.example</c> for what the text records of <c>_dnsaddr.node.example</c> say.</summary>
/// <remarks>
/// specs/addressing of libp2p, and the dnsaddr of multiaddr: a record is <c>dnsaddr=</c> and an address, which may be another name. What stands behind the name in an address has to stand
/// at the end of the records' addresses, the peer above all: whoever looks for one is not led to another. How many names are followed is bounded.
/// </remarks>
/// <param name="ways">How the addresses that are found are reached, the best first.</param>
/// <param name="records">Where text records are read.</param>
/// <param name="options">Limits.</param>
/// <param name="time">What they are measured by.</param>
public sealed class DnsAddrTransport(IReadOnlyList<ITransport> ways, ITextRecords records, DnsAddrOptions options, TimeProvider time) : ITransport
{
    private const string Prefix = "dnsaddr=";

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Parts is [{ Protocol: AddressProtocol.DnsAddr }, ..] && !address.IsCircuit;
    }

    /// <inheritdoc/>
    public async Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        if (!CanDial(address))
            throw new ConnectException(ConnectFault.NoAddress, $"/dnsaddr/… is expected, not {address}.");
        ConnectException? last = null;
        foreach (var found in await ResolveAsync(expected is { } peer ? address.WithPeer(peer) : address, cancellationToken))
        {
            var way = ways.First(way => way.CanDial(found.WithoutPeer));
            try
            {
                return await way.DialAsync(found.WithoutPeer, expected ?? found.Peer, cancellationToken);
            }
            catch (ConnectException e)
            {
                last = e;
            }
        }

        throw last ?? new ConnectException(ConnectFault.NoAddress, $"{address} stands for no address{(expected is null ? "" : $" of {expected}")} that can be dialled from here.");
    }

    /// <summary>Nobody listens at a name.</summary>
    /// <exception cref="IOException">Always.</exception>
    public Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
        throw new IOException($"{address} stands for other addresses: those are listened at.");

    /// <summary>The addresses that a name stands for and that can be dialled, in the order of the records.</summary>
    private async Task<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.Timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var (found, asked) = (new List<Multiaddr>(), new HashSet<Multiaddr> { address });
        var waiting = new Queue<(Multiaddr Address, int Depth)>([(address, 1)]);
        ConnectException? last = null;
        for (var lookups = 0; found.Count < options.MaxAddresses && lookups < options.MaxLookups && waiting.TryDequeue(out var next); lookups++)
        {
            try
            {
                foreach (var one in (await ReadAsync(next.Address, both.Token)).Where(asked.Add))
                {
                    if (CanDial(one))
                    {
                        if (next.Depth < options.MaxDepth)
                            waiting.Enqueue((one, next.Depth + 1));
                    }
                    else if (found.Count < options.MaxAddresses && options.Names.MayLead(address, Reach.Of(one)) && ways.Any(way => way.CanDial(one.WithoutPeer)))
                    {
                        found.Add(one);
                    }
                }
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
            {
                last = new ConnectException(ConnectFault.TimedOut, $"The records of {address} were not read within {options.Timeout.TotalSeconds:0.#} seconds.", e);
                break;
            }
            catch (IOException e)
            {
                // Another name may do.
                last = new ConnectException(ConnectFault.Unreachable, e.Message, e);
            }
        }

        return found.Count == 0 && last is not null ? throw last : found;
    }

    private async Task<IEnumerable<Multiaddr>> ReadAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        var texts = await records.ReadAsync($"_dnsaddr.{address.Parts[0].Text}", cancellationToken);
        return texts
            .Where(text => text.StartsWith(Prefix, StringComparison.Ordinal))
            .Take(options.MaxRecords)
            .Select(text => Multiaddr.TryParse(text.AsSpan(Prefix.Length), out var one) ? one : null)
            .OfType<Multiaddr>()
            .Where(one => EndsLike(one, address));
    }

    private static bool EndsLike(Multiaddr one, Multiaddr address)
    {
        var behind = address.Parts.Skip(1).ToList();
        return one.Parts.Count >= behind.Count
            && one.Parts.TakeLast(behind.Count).Zip(behind).All(pair => pair.First.Protocol == pair.Second.Protocol && pair.First.Value.Span.SequenceEqual(pair.Second.Value.Span));
    }
}
