using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Stoa.Network.Addressing;
using Stoa.Network.Gossip;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Muxing;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Gossip;

/// <summary>A host on TCP that takes part in topics.</summary>
internal sealed class GossipHost : IAsyncDisposable
{
    public const string Topic = "/stoa-test/topic/1";

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly IdentifyProtocol _identify;
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = new();

    private GossipHost(string security, GossipOptions options)
    {
        Host = new Host(
            _key,
            [new TcpTransport([Securities.Create(security, _key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], new TcpOptions(), TimeProvider.System)],
            new HostOptions(),
            TimeProvider.System,
            new Random(5));
        _identify = IdentifyProtocol.Serve(Host);
        Router = new GossipRouter(Host, options);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == Router.Metrics.Meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _counts.AddOrUpdate(instrument.Name + (tags.Length > 0 ? " " + tags[0].Value : ""), value, (_, before) => before + value));
        _listener.Start();
    }

    public Host Host { get; }

    public GossipRouter Router { get; }

    public Multiaddr Address { get; private set; } = null!;

    public ConcurrentQueue<string> Heard { get; } = [];

    public static async Task<GossipHost> StartAsync(string security = "tls", GossipOptions? options = null, GossipValidator? validator = null, bool subscribes = true)
    {
        var host = new GossipHost(security, options ?? new GossipOptions());
        host.Address = (await host.Host.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), TestContext.Current.CancellationToken)).WithPeer(host.Host.Id);
        if (subscribes)
            host.Router.Subscribe(Topic, new TopicOptions { Validator = validator, Deliver = message => host.Heard.Enqueue(Encoding.UTF8.GetString(message.Data.Span)) });
        return host;
    }

    /// <summary>How often something was counted: the instrument's last word, and its first tag.</summary>
    public long Count(string what) => _counts.GetValueOrDefault("stoa.network.gossip." + what);

    public Task<PublishReport> PublishAsync(string text) => Router.PublishAsync(Topic, Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Router.DisposeAsync();
        await _identify.DisposeAsync();
        await Host.DisposeAsync();
        _listener.Dispose();
        _key.Dispose();
    }
}
