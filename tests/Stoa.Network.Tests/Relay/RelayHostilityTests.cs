using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Relay;
using Stoa.Network.Relay.Wire;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Relay;

/// <summary>What strangers, relays and those behind them may try, over TCP on this machine.</summary>
public sealed class RelayHostilityTests
{
    private static readonly PeerId s_nobody = PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. new byte[32]]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], int> Requests => new()
    {
        { "nothing", [], (int)Status.MalformedMessage },
        { "garbage", [0xff, 0xff, 0xff, 0xff, 0x01], (int)Status.MalformedMessage },
        { "a type that there is not", [0x08, 0x07], (int)Status.UnexpectedMessage },
        { "an answer", new HopMessage { Type = HopMessage.Types.Type.Status, Status = Status.Ok }.ToByteArray(), (int)Status.UnexpectedMessage },
        { "a circuit to nobody", new HopMessage { Type = HopMessage.Types.Type.Connect }.ToByteArray(), (int)Status.MalformedMessage },
        { "a circuit to no peer", new HopMessage { Type = HopMessage.Types.Type.Connect, Peer = new Peer { Id = ByteString.CopyFromUtf8("someone") } }.ToByteArray(), (int)Status.MalformedMessage },
        { "a circuit to an empty peer", new HopMessage { Type = HopMessage.Types.Type.Connect, Peer = new Peer { Id = ByteString.Empty } }.ToByteArray(), (int)Status.MalformedMessage },
        { "a circuit to who has no place", RelayHost.Connect(s_nobody), (int)Status.NoReservation },
        { "addresses without end", new HopMessage { Type = HopMessage.Types.Type.Reserve, Peer = new Peer { Id = ByteString.CopyFrom(new byte[20_000]) } }.ToByteArray(), (int)Status.MalformedMessage },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Request_ThatIsNone_IsRefusedByName(string what, byte[] request, int status)
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var stranger = RelayHost.Hide();
        await stranger.Host.ConnectAsync(relay.Address!, Stop);

        (await stranger.AskRelayAsync(relay, request)).ShouldBe((Status)status, what);
        relay.Service!.ReservationCount.ShouldBe(0);
        relay.Service.CircuitCount.ShouldBe(0);
    }

    [Fact]
    public async Task Stranger_WhoGoesOnWithGarbage_IsShutOut()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var stranger = RelayHost.Hide();
        await stranger.Host.ConnectAsync(relay.Address!, Stop);

        for (var count = 0; count <= relay.Host.Options.MaxOffences; count++)
        {
            try
            {
                await stranger.AskRelayAsync(relay, [0xff]);
            }
            catch (IOException)
            {
                // The relay has had enough, and says no more.
            }
        }

        await Eventually.IsSoAsync(() => !relay.Host.IsConnected(stranger.Id), "It is not shut out.");
    }

    [Fact]
    public async Task Peer_DiallingItself_IsRefused()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var hidden = RelayHost.Hide();
        await hidden.ReserveAsync(relay.Address!);

        (await hidden.AskRelayAsync(relay, RelayHost.Connect(hidden.Id))).ShouldBe(Status.MalformedMessage);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Peer_ThatReservesAndTakesNobody_CostsTheCallerARefusalOnly(bool answersGarbage)
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var hidden = RelayHost.Hide();
        await using var caller = RelayHost.Hide();
        if (answersGarbage)
            hidden.Host.Handle(RelayProtocol.Stop, async (stream, token) => await stream.WriteMessageAsync(new byte[] { 0xff }, token));
        await hidden.Host.ConnectAsync(relay.Address!, Stop);
        (await hidden.AskRelayAsync(relay, RelayHost.Reserve())).ShouldBe(Status.Ok);
        await caller.Host.ConnectAsync(relay.Address!, Stop);

        (await caller.AskRelayAsync(relay, RelayHost.Connect(hidden.Id))).ShouldBe(Status.ConnectionFailed);
        relay.Host.IsConnected(caller.Id).ShouldBeTrue();
        await Eventually.IsSoAsync(() => relay.Service!.CircuitCount == 0, "The circuit stays counted.");
    }

    [Fact]
    public async Task Peer_ThatIsToldOfACallByWhoIsNoRelayOfIts_RefusesIt()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var stranger = await RelayHost.ListenAsync();
        await using var hidden = RelayHost.Hide();
        await hidden.ReserveAsync(relay.Address!);
        await hidden.Host.ConnectAsync(stranger.Address!, Stop);
        await Eventually.IsSoAsync(() => stranger.Host.IsConnected(hidden.Id), "There is no connection.");

        (await TellAsync(stranger, hidden.Id, CallFrom(s_nobody))).ShouldBe(Status.PermissionDenied);
        (await TellAsync(relay, hidden.Id, [0x08, 0x01])).ShouldBe(Status.UnexpectedMessage);
        (await TellAsync(relay, hidden.Id, [0x08, 0x00])).ShouldBe(Status.MalformedMessage);
        (await TellAsync(relay, hidden.Id, CallFrom(hidden.Id))).ShouldBe(Status.MalformedMessage);
    }

    [Fact]
    public async Task Relay_ThatBringsAnotherThanItSays_BringsNobody()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var hidden = RelayHost.Hide();
        await hidden.ReserveAsync(relay.Address!);
        await using var stream = await relay.Host.OpenStreamAsync(hidden.Id, [RelayProtocol.Stop], Stop);
        await stream.WriteMessageAsync(CallFrom(s_nobody), Stop);
        (await stream.ReadMessageAsync(StopMessage.Parser, 10_000, Stop))!.Status.ShouldBe(Status.Ok);

        // It is the relay itself that shakes hands.
        using var key = PrivateKey.Generate();
        var upgrader = new Upgrader([Securities.Create("tls", key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], TimeSpan.FromSeconds(60), TimeProvider.System);
        var here = relay.Address!.WithoutPeer;
        IPeerConnection? connection = null;
        try
        {
            connection = await upgrader.UpgradeAsync(new CircuitStream(stream, TimeProvider.System), true, hidden.Id, here, here, Stop);
            await connection.Completion.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        }
        catch (ConnectException)
        {
            // It is told in the handshake already, or after it.
        }

        hidden.Host.ConnectedPeers.ShouldBe([relay.Id]);
    }

    public static TheoryData<string, byte[]> Answers => new()
    {
        { "garbage", [0xff] },
        { "a request", RelayHost.Reserve() },
        { "nothing", [] },
        { "a voucher that does not hold", Accept(ByteString.CopyFromUtf8("voucher")) },
        { "somebody else's voucher", Accept(ByteString.CopyFrom(ReservationVoucher.Seal(PrivateKey.Generate(), s_nobody, DateTimeOffset.UnixEpoch))) },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task Relay_ThatAnswersWithNone_IsNotReliedOn(string what, byte[] answer)
    {
        await using var relay = await RelayHost.ListenAsync();
        relay.Host.Handle(RelayProtocol.Hop, async (stream, token) =>
        {
            await stream.WriteMessageAsync(answer, token);
            await stream.CompleteWritesAsync(token);
        });
        await using var hidden = RelayHost.Hide();
        await hidden.Host.ListenAsync(relay.Address!.WithoutPeer.ThroughRelay(relay.Id), Stop);
        await Eventually.IsSoAsync(() => hidden.Last is not null, "Nothing is told of the reservation.");

        hidden.Last!.HeldUntil.ShouldBeNull(what);
        hidden.Host.Addresses.ShouldBeEmpty();
    }

    [Fact]
    public async Task Relay_WithAddressesOfTheLongestKind_HasThemLeftOut()
    {
        await using var relay = await RelayHost.ListenAsync();
        var longest = Multiaddr.Parse(string.Concat(Enumerable.Repeat("/tcp/1", Multiaddr.MaxParts)));
        var reservation = new Reservation { Expire = 1, Addrs = { ByteString.CopyFrom(longest.ToBytes().Span), ByteString.CopyFromUtf8("nowhere"), ByteString.CopyFrom(Multiaddr.Parse("/ip4/127.0.0.1/tcp/5").ToBytes().Span) } };
        relay.Host.Handle(RelayProtocol.Hop, async (stream, token) =>
        {
            await stream.WriteMessageAsync(new HopMessage { Type = HopMessage.Types.Type.Status, Status = Status.Ok, Reservation = reservation }, token);
            await stream.CompleteWritesAsync(token);
        });
        await using var hidden = RelayHost.Hide();
        await hidden.ReserveAsync(relay.Address!);

        hidden.Host.Addresses.ShouldBe([relay.Address!.WithoutPeer.ThroughRelay(relay.Id), Multiaddr.Parse("/ip4/127.0.0.1/tcp/5").ThroughRelay(relay.Id)]);
    }

    [Fact]
    public async Task Reservation_OfACentury_IsKeptAsOthersAre()
    {
        await using var relay = await RelayHost.ListenAsync();
        var asked = 0;
        var century = (ulong)DateTimeOffset.UtcNow.AddYears(100).ToUnixTimeSeconds();
        relay.Host.Handle(RelayProtocol.Hop, async (stream, token) =>
        {
            Interlocked.Increment(ref asked);
            var reservation = new Reservation { Expire = century };
            await stream.WriteMessageAsync(new HopMessage { Type = HopMessage.Types.Type.Status, Status = Status.Ok, Reservation = reservation }, token);
            await stream.CompleteWritesAsync(token);
        });
        await using var hidden = RelayHost.Hide();
        await hidden.ReserveAsync(relay.Address!);

        // Somebody watches over it still: when the connection is lost the place is asked for again.
        hidden.Host.Disconnect(relay.Id);
        await Eventually.IsSoAsync(() => Volatile.Read(ref asked) > 1 && hidden.Host.Addresses.Any(address => address.IsCircuit), "It is not reserved again.");
        hidden.Last!.HeldUntil!.Value.ToUnixTimeSeconds().ShouldBe((long)century);
    }

    private static byte[] Accept(ByteString voucher) => new HopMessage
    {
        Type = HopMessage.Types.Type.Status,
        Status = Status.Ok,
        Reservation = new Reservation { Expire = uint.MaxValue, Voucher = voucher },
    }.ToByteArray();

    private static byte[] CallFrom(PeerId peer) => new StopMessage { Type = StopMessage.Types.Type.Connect, Peer = new Peer { Id = ByteString.CopyFrom(peer.ToBytes()) } }.ToByteArray();

    private static async Task<Status?> TellAsync(RelayHost from, PeerId to, byte[] said)
    {
        await using var stream = await from.Host.OpenStreamAsync(to, [RelayProtocol.Stop], Stop);
        await stream.WriteMessageAsync(said, Stop);
        return (await stream.ReadMessageAsync(StopMessage.Parser, 10_000, Stop))?.Status;
    }
}
