using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Muxing;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Peers that hold a host up, send it too much, or lie about who they are: refused, counted, and at last disconnected.</summary>
public sealed class HostilityTests
{
    private const string Protocol = "/test/hostility/1.0.0";
    private const string RecordDomain = "libp2p-peer-record";

    private static readonly byte[] s_recordType = [0x03, 0x01];

    private static readonly CancellationToken s_none = CancellationToken.None;

    /// <summary>A stream on which nobody says what it is for is no one's: it goes when the time for that is over, and the connection stays.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Stream_ThatNeverSaysWhatItIsFor_IsReset(int secondsApart) => Run(async (victim, stranger) =>
    {
        var connection = await stranger.ConnectAsync(AddressOf(victim), s_none);
        await using var stream = await connection.OpenStreamAsync(s_none);
        var begin = stranger.Time.GetTimestamp();
        var talking = secondsApart > 0 ? TalkAsync(stream) : stream.WriteAsync(new byte[] { 19 }, s_none).AsTask();

        await Thrown.ByAsync<StreamResetException>(() => stream.ReadAsync(new byte[64], s_none).AsTask());

        stranger.Time.GetElapsedTime(begin).ShouldBeInRange(victim.Options.NegotiationTimeout, victim.Options.NegotiationTimeout + TimeSpan.FromSeconds(1));
        victim.IsConnected(stranger.Id).ShouldBeTrue();
        await talking;

        // Letter by letter what would be good: an hour of that is no better.
        async Task TalkAsync(MuxedStream stream)
        {
            try
            {
                foreach (var letter in "\u0013/multistream/1.0.0\n")
                {
                    await stream.WriteAsync(new byte[] { (byte)letter }, s_none);
                    await Task.Delay(TimeSpan.FromSeconds(secondsApart), stranger.Time);
                }
            }
            catch (StreamResetException)
            {
                // Hung up on.
            }
        }
    });

    [Fact]
    public void WhatIsTooLong_TooLateOrTooMuch_IsCounted_AndWhatBreaksTheProtocolDisconnects() => Run(async (victim, stranger) =>
    {
        using var counts = new Counts(Protocol);
        victim.Handle(Protocol, async (stream, token) => await stream.ReadMessageAsync(100, token), new HandlerOptions(MaxStreamsPerPeer: 2, Deadline: TimeSpan.FromSeconds(5)));
        await stranger.ConnectAsync(AddressOf(victim), s_none);
        await PassAsync(victim, 2);
        var waiting = new List<PeerStream>();
        for (var number = 0; number < 5; number++)
        {
            waiting.Add(await stranger.OpenStreamAsync(victim.Id, [Protocol], s_none));
            // Half of a message, and never the rest.
            if (number < 2)
                await waiting[^1].WriteAsync(new byte[] { 90, 1, 2, 3 }, s_none);
        }

        await PassAsync(victim, 1);
        (counts["limit"], counts["deadline"]).ShouldBe((3, 0));
        await PassAsync(victim, 6);
        (counts["limit"], counts["deadline"], counts["broken"]).ShouldBe((3, 2, 0));
        stranger.IsConnected(victim.Id).ShouldBeTrue("to be slow is no breach of the protocol");
        foreach (var stream in waiting)
            await stream.DisposeAsync();

        for (var number = 0; number <= victim.Options.MaxOffences; number++)
        {
            stranger.IsConnected(victim.Id).ShouldBeTrue();
            await using var stream = await stranger.OpenStreamAsync(victim.Id, [Protocol], s_none);
            // That it has 2^63 bytes: nothing is set aside for them.
            await stream.WriteAsync(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f }, s_none);
            await PassAsync(victim, 1);
        }

        counts["broken"].ShouldBe(victim.Options.MaxOffences + 1);
        stranger.IsConnected(victim.Id).ShouldBeFalse();
        victim.IsConnected(stranger.Id).ShouldBeFalse();
    });

    public static TheoryData<string> Lies => ["the key of another", "the record of another", "a record that another has signed", "a record that was changed", "no record at all", "too many protocols", "no message"];

    /// <summary>What a peer pushes of itself is not believed where it is not its own, and it does not do so often.</summary>
    [Theory, MemberData(nameof(Lies))]
    public void Peer_ThatLiesAboutWhoItIs_IsNotBelieved_AndIsDisconnected(string lie) => Run(async (victim, stranger) =>
    {
        using var other = PrivateKey.Generate();
        Multiaddr[] elsewhere = [Multiaddr.OfMemory(77)];
        var own = PeerRecord.Seal(stranger.Key, 7, elsewhere);
        byte[] changed = [.. own];
        changed[^1] ^= 1;
        var message = lie switch
        {
            "the key of another" => Message((1, other.PublicKey.ToProtobuf())),
            "the record of another" => Message((8, PeerRecord.Seal(other, 7, elsewhere))),
            "a record that another has signed" => Message((8, SignedEnvelope.Seal(other, RecordDomain, s_recordType, SignedEnvelope.Open(own, RecordDomain, s_recordType).Payload.Span))),
            "a record that was changed" => Message((8, changed)),
            "no record at all" => Message((8, [1, 2, 3])),
            "too many protocols" => Message([.. Enumerable.Range(0, 2_000).Select(number => (3, "/p/x"u8.ToArray()))]),
            _ => [0xff, 0xff, 0xff],
        };
        await stranger.ConnectAsync(AddressOf(victim), s_none);
        await PassAsync(victim, 2);
        victim.Peers.DescriptionOf(stranger.Id).ShouldBeNull("it does not answer when it is asked");

        for (var number = 0; number <= victim.Options.MaxOffences && stranger.IsConnected(victim.Id); number++)
        {
            await TellAsync(message);
            victim.Peers.DescriptionOf(stranger.Id).ShouldBeNull();
        }

        stranger.IsConnected(victim.Id).ShouldBeFalse();
        victim.Peers.AddressesOf(other.PublicKey.PeerId).ShouldBeEmpty();

        async Task TellAsync(byte[] message)
        {
            await using var stream = await stranger.OpenStreamAsync(victim.Id, [IdentifyProtocol.PushName], s_none);
            await stream.WriteMessageAsync(message, s_none);
            await stream.CompleteWritesAsync(s_none);
            await PassAsync(victim, 1);
        }
    });

    /// <summary>To see that it is the lie: the same with what is so is taken, and an older record does not take a newer one's place.</summary>
    [Fact]
    public void Record_ThatIsItsOwn_IsTaken_AndAnOlderOneDoesNotTakeItsPlace() => Run(async (victim, stranger) =>
    {
        await stranger.ConnectAsync(AddressOf(victim), s_none);
        foreach (var (sequence, at, seen) in new[] { (7UL, 5UL, 5UL), (6UL, 6UL, 5UL), (8UL, 7UL, 7UL) })
        {
            await using var stream = await stranger.OpenStreamAsync(victim.Id, [IdentifyProtocol.PushName], s_none);
            await stream.WriteMessageAsync(Message((8, PeerRecord.Seal(stranger.Key, sequence, [Multiaddr.OfMemory(at)]))), s_none);
            await stream.CompleteWritesAsync(s_none);
            await PassAsync(victim, 1);
            victim.Peers.DescriptionOf(stranger.Id)!.Addresses.ShouldBe([Multiaddr.OfMemory(seen)]);
        }
    });

    private static PeerAddress AddressOf(Host host) => new(host.Id, host.Addresses);

    /// <summary>Fields of bytes, as protobuf has them.</summary>
    private static byte[] Message(params (int Field, byte[] Value)[] fields) =>
        [.. fields.SelectMany(field => (byte[])[(byte)((field.Field << 3) | 2), .. Varint(field.Value.Length), .. field.Value])];

    private static byte[] Varint(int value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];

    private static Task PassAsync(Host host, int seconds) => Task.Delay(TimeSpan.FromSeconds(seconds), host.Time);

    /// <summary>A host as nodes have it, and a peer that speaks by the same code and does not say who it is unless the test does.</summary>
    private static void Run(Func<Host, Host, Task> act)
    {
        var world = new World(8);
        var network = new SimulatedNetwork(world, new NetworkConditions());
        world.Run(async () =>
        {
            var (victim, stranger) = (Start(), Start());
            IdentifyProtocol.Serve(victim.Host);
            await victim.Host.ListenAsync(victim.Node.Address, s_none);
            await act(victim.Host, stranger.Host);
        });

        (Host Host, SimulatedNode Node) Start()
        {
            var key = PrivateKey.Generate();
            var node = network.AddNode(key.PublicKey.ToProtobuf());
            return (new Host(key, [node], new HostOptions(), world.Time, world.RandomOf(node.Number)), node);
        }
    }

    /// <summary>What hosts count of a protocol's streams that failed, by why.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentDictionary<string, long> _counts = new();

        public Counts(string protocol)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Stoa.Network" && instrument.Name == "stoa.network.streams.failed")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                if (tags[0].Value is string of && of == protocol)
                    _counts.AddOrUpdate((string)tags[1].Value!, value, (_, before) => before + value);
            });
            _listener.Start();
        }

        public long this[string why] => _counts.GetValueOrDefault(why);

        public void Dispose() => _listener.Dispose();
    }
}
