using System.Text;
using Google.Protobuf;
using Stoa.Network.Gossip;
using Stoa.Network.Gossip.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Gossip;

public sealed class MessageSignatureTests : IDisposable
{
    private static readonly Dictionary<string, Action<Message>> s_changes = new()
    {
        ["data"] = message => message.Data = ByteString.CopyFromUtf8("other"),
        ["no data"] = message => message.ClearData(),
        ["topic"] = message => message.Topic = "another",
        ["number"] = message => message.Seqno = ByteString.CopyFrom(0, 0, 0, 0, 0, 0, 0, 8),
        ["signature"] = message => message.Signature = ByteString.CopyFrom(message.Signature.Span[..^1]),
        ["signature of nothing"] = message => message.Signature = ByteString.CopyFrom(new byte[70]),
        ["long signature"] = message => message.Signature = ByteString.CopyFrom(new byte[100_000]),
        ["key that is none"] = message => message.Key = ByteString.CopyFromUtf8("key"),
        ["no key"] = message => message.ClearKey(),
    };

    private static readonly Dictionary<string, Action<Message>> s_lacks = new()
    {
        ["no author"] = message => message.ClearFrom(),
        ["author that is none"] = message => message.From = ByteString.CopyFromUtf8("somebody"),
        ["long author"] = message => message.From = ByteString.CopyFrom(new byte[100_000]),
        ["no number"] = message => message.ClearSeqno(),
        ["short number"] = message => message.Seqno = ByteString.CopyFrom(1),
        ["no signature"] = message => message.ClearSignature(),
        ["no topic"] = message => message.ClearTopic(),
        ["empty topic"] = message => message.Topic = "",
        ["long topic"] = message => message.Topic = new string('a', 129),
    };

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly PrivateKey _other = PrivateKey.Generate();
    private readonly MessageSignature _signature = new(new GossipOptions { MaxAuthorKeys = 2 });

    public static TheoryData<string> Changes => [.. s_changes.Keys];

    public static TheoryData<string> Lacks => [.. s_lacks.Keys];

    public void Dispose()
    {
        _key.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void Message_ThatIsSigned_IsGood_AndSaysWhatItSaid()
    {
        var message = MessageSignature.Sign(_key, "topic", 258, "content"u8.ToArray());

        var read = _signature.Read(message, _other.PublicKey.PeerId).ShouldNotBeNull();

        _signature.IsGood(message, read.From, out _).ShouldBeTrue();
        // The second time the key is known.
        _signature.IsGood(message, read.From, out _).ShouldBeTrue();
        (read.Topic, read.From, read.SequenceNumber, read.Via).ShouldBe(("topic", _key.PublicKey.PeerId, 258UL, _other.PublicKey.PeerId));
        Encoding.UTF8.GetString(read.Data.Span).ShouldBe("content");
        read.Id.ShouldBe(new MessageId((byte[])[.. _key.PublicKey.PeerId.ToBytes(), 0, 0, 0, 0, 0, 0, 1, 2]));
    }

    [Theory, MemberData(nameof(Changes))]
    public void Message_ThatWasChanged_IsNotGood(string what)
    {
        var message = MessageSignature.Sign(_key, "topic", 7, "content"u8.ToArray());
        s_changes[what](message);

        _signature.Read(message, _other.PublicKey.PeerId).ShouldNotBeNull(what);
        _signature.IsGood(message, _key.PublicKey.PeerId, out _).ShouldBeFalse(what);
    }

    [Theory, MemberData(nameof(Lacks))]
    public void Message_ThatLacksSomething_IsNone(string what)
    {
        var message = MessageSignature.Sign(_key, "topic", 7, "content"u8.ToArray());
        s_lacks[what](message);

        _signature.Read(message, _other.PublicKey.PeerId).ShouldBeNull(what);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Message_WithTheKeyOfAnother_IsNotGood(bool isAuthorKnown)
    {
        if (isAuthorKnown)
            _signature.IsGood(MessageSignature.Sign(_key, "topic", 1, default), _key.PublicKey.PeerId, out _).ShouldBeTrue();
        var message = MessageSignature.Sign(_other, "topic", 7, "content"u8.ToArray());
        message.From = ByteString.CopyFrom(_key.PublicKey.PeerId.ToBytes());

        _signature.IsGood(message, _key.PublicKey.PeerId, out var why).ShouldBeFalse();
        why.ShouldBe(GossipRefusal.Malformed);
    }

    [Fact]
    public void Message_WithoutItsKey_IsNotGood_ThoughTheKeyIsKnownHere()
    {
        var message = MessageSignature.Sign(_key, "topic", 7, "content"u8.ToArray());
        _signature.IsGood(message, _key.PublicKey.PeerId, out _).ShouldBeTrue();
        message.ClearKey();

        _signature.IsGood(message, _key.PublicKey.PeerId, out _).ShouldBeFalse();
    }

    [Fact]
    public void Fields_ThatAreUnknown_AreNotSignedFor()
    {
        var signed = MessageSignature.Sign(_key, "topic", 7, "content"u8.ToArray());
        var message = RpcShape.Read(new Rpc { Publish = { Message.Parser.ParseFrom([.. signed.ToByteArray(), 0x7a, 0x01, 0x00]) } }.ToByteArray(), new GossipOptions()).Publish[0];

        // What is passed on is what was signed, and no more.
        message.ToByteArray().ShouldBe(signed.ToByteArray());
        _signature.IsGood(message, _key.PublicKey.PeerId, out _).ShouldBeTrue();
    }

    [Fact]
    public void Id_MayBeOfTheContent()
    {
        var byContent = new MessageSignature(new GossipOptions { IdOf = message => new MessageId(Encoding.ASCII.GetBytes(ContentHash.Of(message.Data.Span).ToString())) });
        var (one, other) = (MessageSignature.Sign(_key, "topic", 1, "same"u8.ToArray()), MessageSignature.Sign(_other, "topic", 2, "same"u8.ToArray()));

        byContent.Read(one, default)!.Id.ShouldBe(byContent.Read(other, default)!.Id);
        byContent.Read(one, default)!.Id.ShouldNotBe(byContent.Read(MessageSignature.Sign(_key, "topic", 1, "else"u8.ToArray()), default)!.Id);
    }
}
