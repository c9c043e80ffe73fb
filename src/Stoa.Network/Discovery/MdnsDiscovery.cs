using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;

namespace Stoa.Network.Discovery;

/// <summary>Finds peers on the local network without knowing any: multicast DNS in the form of libp2p's mdns specification, under a service name of Stoa's own.</summary>
/// <remarks>Who is found is in the host's <see cref="PeerBook"/>; whether to connect is the caller's. IPv4; each network interface that is up and can multicast, loopback too.</remarks>
public sealed class MdnsDiscovery : IAsyncDisposable
{
    /// <summary>The service that peers have.</summary>
    public const string Service = "_stoa._udp.local.";

    private const int Port = 5353;
    private const int NameLength = 32;
    private const string AddressKey = "dnsaddr=";

    // So many messages are looked at in a second; whoever sends more is not heard.
    private const int MaxMessagesPerSecond = 100;
    private const int MaxAddresses = 16;

    private static readonly IPAddress s_group = IPAddress.Parse("224.0.0.251");
    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(1);

    // Answers may be lost, and who started a moment later does not hear the first question.
    private static readonly TimeSpan[] s_firstIntervals = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(9)];

    private readonly Host _host;
    private readonly Action<PeerAddress> _found;
    private readonly List<Socket> _sockets = [];
    private readonly string _instance;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private long _second;
    private int _heard;
    private bool _isAnswerDue;

    private MdnsDiscovery(Host host, Action<PeerAddress> found)
    {
        (_host, _found) = (host, found);
        const string letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        // Not the peer id: two hosts of one name would answer for each other.
        _instance = string.Concat(Enumerable.Range(0, NameLength).Select(_ => letters[host.Choose(letters.Length)])) + "." + Service;
    }

    /// <summary>Asks now and then who is there, and answers others, until it is disposed.</summary>
    /// <param name="host">What is told of, and told to.</param>
    /// <param name="found">Told of each peer that is found, again and again.</param>
    /// <exception cref="SocketException">No interface of this machine can be used for it.</exception>
    public static MdnsDiscovery Start(Host host, Action<PeerAddress> found)
    {
        ArgumentNullException.ThrowIfNull(host);
        var discovery = new MdnsDiscovery(host, found);
        discovery.Open();
        foreach (var socket in discovery._sockets)
            discovery._tasks.Add(discovery.HearAsync(socket));
        discovery._tasks.Add(discovery.AskAsync());
        return discovery;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var socket in _sockets)
            socket.Dispose();
        await Task.WhenAll(_tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _stop.Dispose();
    }

    private void Open()
    {
        SocketException? last = null;
        foreach (var address in NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus is OperationalStatus.Up && (network.SupportsMulticast || network.NetworkInterfaceType is NetworkInterfaceType.Loopback))
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily is AddressFamily.InterNetwork))
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                socket.Bind(new IPEndPoint(IPAddress.Any, Port));
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(s_group, address));
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, address.GetAddressBytes());
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastLoopback, true);
                _sockets.Add(socket);
            }
            catch (SocketException e)
            {
                last = e;
                socket.Dispose();
            }
        }

        if (_sockets.Count == 0)
            throw last ?? new SocketException((int)SocketError.NetworkUnreachable);
    }

    private async Task AskAsync()
    {
        var question = MdnsMessage.Ask(Service);
        for (var number = 0; ; number++)
        {
            await SendAsync(question);
            var wait = number < s_firstIntervals.Length ? s_firstIntervals[number] : s_interval;
            // All who were started by one command would ask at once otherwise.
            await Task.Delay(wait * (0.8 + (_host.Choose(400) / 1_000.0)), _host.Time, _stop.Token);
        }
    }

    private async Task HearAsync(Socket socket)
    {
        var buffer = new byte[MdnsMessage.MaxLength];
        while (true)
        {
            int length;
            try
            {
                length = await socket.ReceiveAsync(buffer, _stop.Token);
            }
            catch (SocketException)
            {
                // An interface that went down, or a message that was too long; the next one is heard, and not in a hurry.
                await Task.Delay(TimeSpan.FromSeconds(1), _host.Time, _stop.Token);
                continue;
            }

            if (IsTooMuch() || !MdnsMessage.TryRead(buffer.AsSpan(0, length), out var message))
                continue;
            if (message.IsAnswer)
                Take(message);
            else if (message.Questions.Contains(Service))
                AnswerSoon();
        }
    }

    private bool IsTooMuch()
    {
        lock (_lock)
        {
            var second = _host.Time.GetTimestamp() / _host.Time.TimestampFrequency;
            if (second != _second)
                (_second, _heard) = (second, 0);
            return ++_heard > MaxMessagesPerSecond;
        }
    }

    private void Take(MdnsMessage message)
    {
        foreach (var instance in message.Pointers.Where(pointer => pointer.Name == Service && pointer.Target != _instance).Select(pointer => pointer.Target).Distinct())
        {
            var byPeer = message.Texts.Where(text => text.Name == instance).SelectMany(text => text.Texts)
                .Where(text => text.StartsWith(AddressKey, StringComparison.Ordinal))
                .Select(text => Multiaddr.TryParse(text.AsSpan(AddressKey.Length), out var address) ? address : null)
                .OfType<Multiaddr>().Where(address => address.Peer is { } peer && peer != _host.Id)
                .Take(MaxAddresses).GroupBy(address => address.Peer!.Value);
            foreach (var addresses in byPeer)
            {
                var peer = new PeerAddress(addresses.Key, [.. addresses.Select(address => address.WithoutPeer)]);
                _host.Peers.Add(peer.Peer, peer.Addresses, AddressSource.Told);
                _found(peer);
            }
        }
    }

    /// <summary>Answers all who have asked a moment ago, at once: answers go to everybody.</summary>
    private void AnswerSoon()
    {
        lock (_lock)
        {
            if (_isAnswerDue)
                return;
            _isAnswerDue = true;
        }

        _ = AnswerAsync();
    }

    private async Task AnswerAsync()
    {
        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20 + _host.Choose(100)), _host.Time, _stop.Token);
            lock (_lock)
                _isAnswerDue = false;
            var texts = _host.Addresses.Where(address => !address.IsCircuit).SelectMany(LocalAddresses.Expand).Take(MaxAddresses).Select(address => AddressKey + address.WithPeer(_host.Id));
            await SendAsync(MdnsMessage.Answer(Service, _instance, texts, s_lifetime));
        }
        catch (OperationCanceledException)
        {
            // It was the last.
        }
    }

    private async Task SendAsync(byte[] message)
    {
        foreach (var socket in _sockets)
        {
            try
            {
                await socket.SendToAsync(message, new IPEndPoint(s_group, Port), _stop.Token);
            }
            catch (SocketException)
            {
                // The interface is down for now; the next question may find it up.
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }
}
