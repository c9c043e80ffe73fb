using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>Connects to peers: one dial a peer however many ask, its addresses one beside the other, and waits between tries that failed.</summary>
internal sealed class Dialer(IReadOnlyList<ITransport> transports, PeerBook book, HostOptions options, TimeProvider time, NetworkMetrics metrics)
{
    private const int MaxRemembered = 4_096;

    private readonly Lock _lock = new();
    private readonly Dictionary<(PeerId Peer, bool IsDirect), Dial> _dials = [];
    private readonly Dictionary<PeerId, Backoff> _backoffs = [];
    private readonly Turnstile _room = new(options.MaxDials);

    /// <summary>Connects to a peer, or joins those who wait for the same.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="take">Takes the connection in, or throws; called once.</param>
    /// <param name="isUrgent">Whether it is tried although the last try has just failed.</param>
    /// <param name="isDirect">Whether it is a relay, dialled on the way to another peer: not by way of a third, and without a turn, since that other has one.</param>
    /// <param name="cancellationToken">Stops waiting; the dial goes on while others wait.</param>
    /// <exception cref="ConnectException">Why not.</exception>
    public async Task<IPeerConnection> DialAsync(
        PeerId peer, Func<IPeerConnection, Task<IPeerConnection>> take, bool isUrgent, bool isDirect, CancellationToken cancellationToken)
    {
        Dial? dial;
        lock (_lock)
        {
            if (!_dials.TryGetValue((peer, isDirect), out dial))
            {
                if (!isUrgent && _backoffs.TryGetValue(peer, out var backoff) && backoff.Until > time.GetUtcNow())
                    throw new ConnectException(ConnectFault.Unreachable, $"{peer} could not be reached a moment ago; it is not tried before {backoff.Until:O}.");
                dial = new Dial(new CancellationTokenSource(options.DialTimeout, time), isDirect);
                dial.Task = DialOnceAsync(peer, take, dial);
                // One that has ended by now has already taken itself out.
                if (!dial.Task.IsCompleted)
                    _dials.Add((peer, isDirect), dial);
            }

            dial.Waiters++;
        }

        try
        {
            return await dial.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            bool isLeft;
            lock (_lock)
                isLeft = --dial.Waiters == 0 && !dial.Task.IsCompleted && _dials.Remove((peer, isDirect));
            // Nobody waits any more: it would take the place of others for all of its time.
            if (isLeft)
                dial.Leave();
        }
    }

    private async Task<IPeerConnection> DialOnceAsync(PeerId peer, Func<IPeerConnection, Task<IPeerConnection>> take, Dial dial)
    {
        // What follows runs when the dial is in the table, not under its lock.
        await Task.Yield();
        using var timeout = dial.Stop;
        try
        {
            if (!dial.IsDirect)
                await _room.EnterAsync(timeout.Token);
            try
            {
                var connection = await take(await DialAnyAsync(peer, dial.IsDirect, timeout.Token));
                lock (_lock)
                    _backoffs.Remove(peer);
                return connection;
            }
            finally
            {
                if (!dial.IsDirect)
                    _room.Leave();
            }
        }
        catch (OperationCanceledException e) when (dial.IsLeft)
        {
            throw new ConnectException(ConnectFault.TimedOut, $"{peer} did not answer while somebody waited for it.", e);
        }
        catch (OperationCanceledException e)
        {
            throw Fail(peer, new ConnectException(ConnectFault.TimedOut, $"{peer} did not answer within {options.DialTimeout.TotalSeconds} s.", e));
        }
        catch (ConnectException e)
        {
            throw Fail(peer, e);
        }
        finally
        {
            lock (_lock)
            {
                // One that was left may have a successor by now.
                if (_dials.TryGetValue((peer, dial.IsDirect), out var current) && current == dial)
                    _dials.Remove((peer, dial.IsDirect));
            }
        }
    }

    private async Task<IPeerConnection> DialAnyAsync(PeerId peer, bool isDirect, CancellationToken cancellationToken)
    {
        // Through a relay when there is no other way: it costs the relay's operator, and ends soon.
        var addresses = book.AddressesOf(peer)
            .Where(address => !isDirect || !address.IsCircuit)
            .OrderBy(address => address.IsCircuit)
            .Select(address => (Address: address, Transport: transports.FirstOrDefault(transport => transport.CanDial(address))))
            .Where(pair => pair.Transport is not null).Take(options.MaxAddressesDialled).ToList();
        if (addresses.Count == 0)
            throw new ConnectException(ConnectFault.NoAddress, $"No address of {peer} is known that can be dialled from here.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<IPeerConnection>>();
        // Dials that have ended; null when it is time to try the next address beside. Not WhenAny, which may go on in a thread of the pool, also where there is to be only one.
        var events = Channel.CreateUnbounded<Task<IPeerConnection>?>(new UnboundedChannelOptions { SingleReader = true });
        ConnectException? last = null;
        try
        {
            for (var index = 0; index < addresses.Count; index++)
            {
                var (address, transport) = addresses[index];
                running.Add(DialOneAsync(address, transport!, stop.Token));
                _ = ReportAsync(running[^1], events.Writer);
                using var stagger = index + 1 < addresses.Count
                    ? time.CreateTimer(static events => ((ChannelWriter<Task<IPeerConnection>?>)events!).TryWrite(null), events.Writer, options.DialStagger, Timeout.InfiniteTimeSpan)
                    : null;
                while (running.Count > 0 && await events.Reader.ReadAsync(cancellationToken) is { } dial)
                {
                    running.Remove(dial);
                    try
                    {
                        return await dial;
                    }
                    catch (ConnectException e)
                    {
                        last = e;
                    }
                }
            }

            throw last!;
        }
        finally
        {
            stop.Cancel();
            foreach (var dial in running)
                _ = DropAsync(dial);
        }

        async Task<IPeerConnection> DialOneAsync(Multiaddr address, ITransport transport, CancellationToken stopped)
        {
            var connection = await transport.DialAsync(address, peer, stopped);
            // The connection knows where a name has led this time; next time it may lead elsewhere.
            book.Add(peer, [address], AddressSource.Peer);
            return connection;
        }
    }

    private static async Task ReportAsync(Task<IPeerConnection> dial, ChannelWriter<Task<IPeerConnection>?> events)
    {
        await ((Task)dial).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        events.TryWrite(dial);
    }

    private static async Task DropAsync(Task<IPeerConnection> dial)
    {
        try
        {
            await (await dial).DisposeAsync();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It was not wanted any more.
        }
    }

    private ConnectException Fail(PeerId peer, ConnectException fault)
    {
        metrics.DialFailures.Add(1, new KeyValuePair<string, object?>("fault", fault.Fault.ToString()));
        lock (_lock)
        {
            var wait = _backoffs.TryGetValue(peer, out var before) ? before.Wait * 2 : options.DialBackoff;
            wait = wait > options.MaxDialBackoff ? options.MaxDialBackoff : wait;
            if (_backoffs.Count >= MaxRemembered && !_backoffs.ContainsKey(peer))
                _backoffs.Clear();
            _backoffs[peer] = new Backoff(time.GetUtcNow() + wait, wait);
        }

        return fault;
    }

    /// <summary>A dial that runs, and how many wait for it.</summary>
    private sealed class Dial(CancellationTokenSource stop, bool isDirect)
    {
        public CancellationTokenSource Stop => stop;

        public bool IsDirect => isDirect;

        public Task<IPeerConnection> Task { get; set; } = null!;

        public int Waiters { get; set; }

        public bool IsLeft { get; private set; }

        public void Leave()
        {
            IsLeft = true;
            try
            {
                stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It has just ended.
            }
        }
    }

    private readonly record struct Backoff(DateTimeOffset Until, TimeSpan Wait);
}
