using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Network.Kademlia.Wire;
using Stoa.Primitives;
using WireRecord = Stoa.Network.Kademlia.Wire.Record;

namespace Stoa.Network.Tests.Kademlia;

public sealed class KademliaServerTests
{
    private static readonly KademliaOptions s_options = new() { AllowsPrivateAddresses = false };

    private readonly Random _random = new(6);
    private readonly ManualTime _time = new();
    private readonly PeerId _self;
    private readonly PeerId _asker;
    private readonly RoutingTable _table;
    private readonly MemoryRecordStore _store;
    private readonly KademliaServer _server;
    private readonly Dictionary<PeerId, ReadOnlyMemory<byte>> _records = [];

    public KademliaServerTests()
    {
        (_self, _asker) = (Peers.Any(_random), Peers.Any(_random));
        _table = new RoutingTable(_self, s_options, _time);
        _store = new MemoryRecordStore(new RecordStoreOptions(), _time);
        _server = new KademliaServer(_self, _table, _store, _ => [], peer => _records.TryGetValue(peer, out var record) ? record : default(ReadOnlyMemory<byte>?), _ => false, s_options, _time);
        for (var number = 0; number < 40; number++)
            _table.Add(number == 0 ? _asker : Peers.Any(_random), Peers.At(5, number));
    }

    [Theory]
    [InlineData(nameof(MessageType.FindNode))]
    [InlineData(nameof(MessageType.GetValue))]
    [InlineData(nameof(MessageType.GetProviders))]
    public async Task Answer_HasTheNearest_WithoutTheAsker(string name)
    {
        var type = Enum.Parse<MessageType>(name);
        var answer = (await AskAsync(new Message { Type = type, Key = Id(_asker) }))!;
        answer.Type.ShouldBe(type);
        answer.CloserPeers.Count.ShouldBe(20);
        answer.CloserPeers.ShouldNotContain(peer => peer.Id == Id(_asker) || peer.Id == Id(_self));
        answer.CloserPeers.ShouldAllBe(peer => peer.Addrs.Count == 1 && peer.Connection == ConnectionType.CanConnect);
    }

    [Fact]
    public async Task Answer_TellsNothingOfWhoDoesNotAnswer()
    {
        foreach (var peer in _table.Peers.Skip(5))
            _table.Fail(peer.Peer);
        (await AskAsync(new Message { Type = MessageType.FindNode, Key = Id(_self) }))!.CloserPeers.Count.ShouldBeLessThanOrEqualTo(6);
    }

    [Fact]
    public async Task Peers_AreToldWithWhatTheyHaveSigned()
    {
        var signer = _table.Peers.Last(peer => peer.Peer != _asker);
        _records[signer.Peer] = new byte[] { 1, 2, 3 };

        var answer = (await AskAsync(new Message { Type = MessageType.FindNode, Key = Id(signer.Peer) }))!;

        answer.CloserPeers[0].SignedRecord.ToByteArray().ShouldBe([1, 2, 3]);
        answer.CloserPeers.Skip(1).ShouldAllBe(peer => peer.SignedRecord.IsEmpty);
    }

    [Fact]
    public async Task Garbage_BreaksTheProtocol()
    {
        Message[] garbage =
        [
            new() { Type = MessageType.FindNode },
            new() { Type = MessageType.FindNode, Key = ByteString.CopyFrom(new byte[257]) },
            new() { Type = (MessageType)77, Key = Id(_asker) },
            new() { Type = MessageType.AddProvider, Key = Id(_self) },
            new() { Type = MessageType.AddProvider, Key = Id(_self), ProviderPeers = { new Peer { Id = Id(_self) } } },
            new() { Type = MessageType.AddProvider, Key = Id(_self), ProviderPeers = { new Peer { Id = ByteString.CopyFrom(1, 2) } } },
            new() { Type = MessageType.PutValue, Key = Id(_self) },
            Put("/other/x"u8, "1"u8),
            Put("/pk/x"u8, "1"u8),
            Put("/pk/x"u8, new byte[20_000]),
            new() { Type = MessageType.PutValue, Key = Id(_self), Record = new WireRecord { Key = Id(_asker) } },
        ];
        foreach (var message in garbage)
            await Should.ThrowAsync<InvalidDataException>(() => AskAsync(message).AsTask());
        _store.Count.ShouldBe((0, 0));
    }

    [Fact]
    public async Task Provider_IsFound_WithTheAddressesItTold()
    {
        var key = ByteString.CopyFromUtf8("a key");
        var address = Peers.At(8, 8);
        (await AskAsync(new Message { Type = MessageType.AddProvider, Key = key, ProviderPeers = { PeerCodec.Write(new PeerAddress(_asker, [address]), ConnectionType.Connected, s_options) } })).ShouldBeNull();
        var other = (await _server.AnswerAsync(Peers.Any(_random), Peers.At(7, 7), new Message { Type = MessageType.GetProviders, Key = key }, TestContext.Current.CancellationToken))!;
        PeerCodec.Read(other.ProviderPeers.ShouldHaveSingleItem(), s_options).Addresses.ShouldBe([address]);
        (await AskAsync(new Message { Type = MessageType.GetProviders, Key = key }))!.ProviderPeers.ShouldBeEmpty();
    }

    [Fact]
    public async Task Value_IsKeptAndGiven()
    {
        using var key = PrivateKey.Generate();
        var put = Put(PublicKeyValidator.KeyOf(key.PublicKey.PeerId), key.PublicKey.ToProtobuf());
        (await AskAsync(put))!.Record.Value.ShouldBe(put.Record.Value);
        var got = (await AskAsync(new Message { Type = MessageType.GetValue, Key = put.Key }))!.Record;
        got.Value.ShouldBe(put.Record.Value);
        DateTimeOffset.Parse(got.TimeReceived, null).ShouldBe(_time.GetUtcNow());
    }

    [Fact]
    public void Peers_InAMessage_AreWithinLimits()
    {
        var wire = new Peer { Id = Id(_asker) };
        for (var number = 0; number < 50; number++)
            wire.Addrs.Add(ByteString.CopyFrom(Peers.At(9, number).ToBytes().Span));
        PeerCodec.Read(wire, s_options).Addresses.Count.ShouldBe(s_options.MaxAddresses);
        wire.Addrs.Clear();
        wire.Addrs.Add(ByteString.CopyFrom(1, 2, 3));
        wire.Addrs.Add(ByteString.CopyFrom(Multiaddr.Parse("/ip4/192.168.1.1/tcp/1").ToBytes().Span));
        wire.Addrs.Add(ByteString.CopyFrom(Peers.At(9, 9).WithPeer(_self).ToBytes().Span));
        PeerCodec.Read(wire, s_options).Addresses.ShouldBeEmpty();
        PeerCodec.Read(wire, s_options with { AllowsPrivateAddresses = true }).Addresses.Count.ShouldBe(1);
        PeerCodec.Read(Enumerable.Repeat(wire, 100).ToList(), s_options).Count.ShouldBe(s_options.BucketSize);
        Should.Throw<InvalidDataException>(() => PeerCodec.Read(new Peer { Id = ByteString.CopyFrom(9, 9) }, s_options));
    }

    private ValueTask<Message?> AskAsync(Message message) => _server.AnswerAsync(_asker, Peers.At(6, 6), message, TestContext.Current.CancellationToken);

    private static Message Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => new()
    {
        Type = MessageType.PutValue,
        Key = ByteString.CopyFrom(key),
        Record = new WireRecord { Key = ByteString.CopyFrom(key), Value = ByteString.CopyFrom(value) },
    };

    private static ByteString Id(PeerId peer) => ByteString.CopyFrom(peer.ToBytes());
}
