using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Kademlia;
using Stoa.Network.Kademlia.Wire;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Where peers are is passed on as they have signed it, and what others say counts for less.</summary>
public sealed class PassedOnRecordsTests
{
    private static readonly Multiaddr s_true = Peers.At(8, 8);
    private static readonly Multiaddr s_false = Peers.At(66, 6);
    private static readonly KademliaOptions s_options = new() { AllowsPrivateAddresses = false };

    private readonly PrivateKey _key = KademliaNode.KeyOf(1, 1);

    [Fact]
    public void Address_ThatIsSigned_ComesBeforeWhatOthersSay() => KademliaRun.Run(world =>
    {
        var (host, messenger) = Start(world);
        var told = Told(PeerRecord.Seal(_key, 1, [s_true]));

        messenger.Note(told with { Records = [] }).ShouldBeTrue();
        host.Peers.AddressesOf(told.Peer).ShouldBe([s_false], "nothing better is known");
        messenger.Note(told).ShouldBeTrue();

        host.Peers.AddressesOf(told.Peer).ShouldBe([s_true, s_false]);
        // However many others are told, the signed one is kept.
        messenger.Note(told with { Addresses = [.. Enumerable.Range(1, 3 * PeerBook.MaxAddresses).Select(number => Peers.At(66, number))] });
        host.Peers.AddressesOf(told.Peer)[0].ShouldBe(s_true);
        return Task.CompletedTask;
    });

    [Fact]
    public void Record_OfSomebodyElse_OrThatIsForged_IsNotBelieved() => KademliaRun.Run(world =>
    {
        var (host, messenger) = Start(world);
        using var other = PrivateKey.Generate();
        var forged = PeerRecord.Seal(_key, 1, [s_true]);
        forged[^1] ^= 1;

        foreach (var record in new[] { PeerRecord.Seal(other, 1, [s_false]), forged, [1, 2, 3] })
            messenger.Note(Told(record)).ShouldBeFalse();

        host.Peers.AddressesOf(_key.PublicKey.PeerId).ShouldBe([s_false], "it is told all the same");
        // What somebody made up does not keep away what holds.
        messenger.Note(Told(forged) with { Records = [forged, PeerRecord.Seal(_key, 1, [s_true])] }).ShouldBeTrue();
        host.Peers.AddressesOf(_key.PublicKey.PeerId)[0].ShouldBe(s_true);
        return Task.CompletedTask;
    });

    [Fact]
    public void Record_ThatIsOlder_TakesThePlaceOfNothing() => KademliaRun.Run(world =>
    {
        var (host, messenger) = Start(world);
        var later = Peers.At(9, 9);

        messenger.Note(Told(PeerRecord.Seal(_key, 2, [later])) with { Addresses = [] }).ShouldBeTrue();
        messenger.Note(Told(PeerRecord.Seal(_key, 1, [s_true])) with { Addresses = [] }).ShouldBeTrue();
        host.Peers.AddressesOf(_key.PublicKey.PeerId).ShouldBe([later]);
        messenger.Note(Told(PeerRecord.Seal(_key, 3, [s_true])) with { Addresses = [] }).ShouldBeTrue();
        host.Peers.AddressesOf(_key.PublicKey.PeerId).ShouldBe([s_true]);
        return Task.CompletedTask;
    });

    [Fact]
    public void Lookup_TakesTheRecordThatHolds_WhoeverToldFirst()
    {
        var candidates = new Candidates(KademliaKey.Of(_key.PublicKey.PeerId), KademliaNode.KeyOf(3, 3).PublicKey.PeerId, 20, s_options);
        candidates.Start(new PeerAddress(KademliaNode.KeyOf(4, 4).PublicKey.PeerId, [Peers.At(5, 5)]), isAlwaysAsked: false);
        var teller = candidates.Next()!;
        candidates.Ask(teller);
        var holds = PeerRecord.Seal(_key, 1, [s_true]);

        candidates.Hear(teller, [Told([1, 2, 3]) with { Addresses = [.. Enumerable.Range(1, s_options.MaxAddresses).Select(number => Peers.At(66, number))] }]);
        candidates.Hear(teller, [Told(holds), Told(holds)]);

        var found = candidates.Next()!;
        found.Peer.Peer.ShouldBe(_key.PublicKey.PeerId);
        found.Peer.Records.Select(record => record.ToArray()).ShouldBe([[1, 2, 3], holds]);
    }

    [Fact]
    public void Record_OfPrivateAddresses_HasNoneForThePublicNetwork()
    {
        var record = PeerRecord.Seal(_key, 1, [Multiaddr.Parse("/ip4/192.168.1.1/tcp/1"), s_true]);

        PeerCodec.OpenRecord(_key.PublicKey.PeerId, record, s_options).Addresses.ShouldBe([s_true]);
        PeerCodec.OpenRecord(_key.PublicKey.PeerId, record, s_options with { AllowsPrivateAddresses = true }).Addresses.Count.ShouldBe(2);
    }

    [Fact]
    public void Record_IsReadAsItWasWritten_UnlessItIsTooLong()
    {
        var told = Told(PeerRecord.Seal(_key, 1, [s_true]));
        var read = PeerCodec.Read(Peer.Parser.ParseFrom(PeerCodec.Write(told, ConnectionType.CanConnect, s_options).ToByteArray()), s_options);

        read.Records.ShouldHaveSingleItem().Span.SequenceEqual(told.Records[0].Span).ShouldBeTrue();
        var longer = PeerRecord.Seal(_key, 1, Enumerable.Range(1, 250).Select(number => Peers.At(8, number)));
        longer.Length.ShouldBeGreaterThan(s_options.MaxRecordLength);
        PeerCodec.Write(Told(longer), ConnectionType.CanConnect, s_options).SignedRecord.ShouldBeEmpty();
        PeerCodec.Read(new Peer { Id = ByteString.CopyFrom(told.Peer.ToBytes()), SignedRecord = ByteString.CopyFrom(longer) }, s_options).Records.ShouldBeEmpty();
    }

    [Fact]
    public void Lookups_BringWhatPeersHaveSigned() => KademliaRun.Run(async world =>
    {
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 40, 3, KademliaRun.Quiet);
        var key = "a key"u8.ToArray();
        await nodes[7].Dht.ProvideAsync(key, default);
        var asker = nodes[30];
        (await asker.Dht.FindPeerAsync(nodes[7].Host.Id, default)).ShouldNotBeNull().Addresses.ShouldContain(nodes[7].Place.Address);
        var providers = new List<PeerAddress>();
        await foreach (var provider in asker.Dht.FindProvidersAsync(key, default))
            providers.Add(provider);

        var found = providers.ShouldHaveSingleItem();
        found.Peer.ShouldBe(nodes[7].Host.Id);
        PeerCodec.OpenRecord(found.Peer, found.Records.ShouldHaveSingleItem(), KademliaRun.Quiet).Addresses.ShouldBe([nodes[7].Place.Address], "whoever kept it passes on what the provider has signed");
    });

    private static (Host Host, Messenger Messenger) Start(VirtualWorld world)
    {
        var host = new Host(KademliaNode.KeyOf(2, 2), [], new HostOptions(), world, new Random(1));
        return (host, new Messenger(host, s_options));
    }

    private PeerAddress Told(byte[] record) => new(_key.PublicKey.PeerId, [s_false]) { Records = [record] };
}
