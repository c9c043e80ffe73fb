using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>The provider records of the table.</summary>
public sealed partial class Kademlia
{
    /// <summary>Tells the peers nearest to a key that this node provides it, and again every <see cref="KademliaOptions.RepublishInterval"/> while this runs.</summary>
    /// <returns>How many peers have read it.</returns>
    public Task<int> ProvideAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) => ProvideAsync([key], cancellationToken);

    /// <summary>The same of many keys, in one sweep over the key space: not a lookup a key, but a lookup a region.</summary>
    /// <returns>How many records peers have read, all keys together.</returns>
    public Task<int> ProvideAsync(IReadOnlyCollection<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Any(key => key.Length is 0 || key.Length > _options.MaxKeyLength))
            throw new ArgumentException($"Keys have 1 to {_options.MaxKeyLength} bytes.", nameof(keys));
        lock (_lock)
        {
            foreach (var key in keys)
                _provided[Convert.ToBase64String(key.Span)] = key;
        }

        return _sweep.RunAsync(keys, _host.Addresses, cancellationToken);
    }

    /// <summary>Stops telling that this node provides a key. Others say so until the record is too old.</summary>
    public void StopProviding(ReadOnlyMemory<byte> key)
    {
        lock (_lock)
            _provided.Remove(Convert.ToBase64String(key.Span));
    }

    /// <summary>Finds who provides a key, each as soon as it is found. Stop when there are enough: the search ends then.</summary>
    public async IAsyncEnumerable<PeerAddress> FindProvidersAsync(ReadOnlyMemory<byte> key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = new HashSet<PeerId> { _host.Id };
        foreach (var provider in await _store.FindProvidersAsync(key, cancellationToken))
        {
            if (seen.Add(provider.Peer))
                yield return provider;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var found = Channel.CreateUnbounded<PeerAddress>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var search = SearchAsync();
        try
        {
            // Not ReadAllAsync, which would go on in a thread of the pool where there is to be only one thread.
            while (await found.Reader.WaitToReadAsync(cancellationToken))
            {
                while (found.Reader.TryRead(out var provider))
                    yield return provider;
            }
        }
        finally
        {
            stop.Cancel();
            await search;
        }

        async Task SearchAsync()
        {
            Exception? fault = null;
            try
            {
                await LookUpAsync(Wire.MessageType.GetProviders, key, Take, stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // There were enough.
            }
            catch (Exception e)
            {
                fault = e;
            }

            found.Writer.TryComplete(fault);
        }

        bool Take(PeerAddress from, Answer answer)
        {
            foreach (var wire in answer.Message.ProviderPeers.Take(_options.MaxProvidersInAnswer))
            {
                PeerAddress provider;
                try
                {
                    provider = PeerCodec.Read(wire, _options);
                }
                catch (InvalidDataException)
                {
                    _host.Offend(from.Peer);
                    return false;
                }

                if (!IsTrue(provider, from.Peer))
                    return false;
                if (seen.Add(provider.Peer))
                    found.Writer.TryWrite(provider);
            }

            return false;
        }
    }

    private async Task RepublishRegularlyAsync()
    {
        while (true)
        {
            await Task.Delay(_options.RepublishInterval, _host.Time, _stop.Token);
            ReadOnlyMemory<byte>[] provided;
            (ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)[] put;
            lock (_lock)
                (provided, put) = ([.. _provided.Values], [.. _put.Values]);
            await _sweep.RunAsync(provided, _host.Addresses, _stop.Token);
            foreach (var (key, value) in put)
                await SendValueAsync(key, value, _stop.Token);
        }
    }
}
