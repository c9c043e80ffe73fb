using System.Text;
using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tests.Channels;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class ModelAnswerReceiptTests : IDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();

    public void Dispose() => _key.Dispose();

    private ModelAnswerContent Content => new(
        _key.PublicKey,
        ChannelSamples.IdOf<Channel>(1),
        ListingName.Parse("stoa/tiny-chat@1.0.0"),
        ContentHash.Of("request"u8),
        ContentHash.Of("answer"u8),
        new TokenUsage(12, 34),
        new Money(12),
        Ask: null,
        ChannelSamples.Start.AddMilliseconds(1));

    [Fact]
    public void Open_OfWhatWasSigned_GivesIt()
    {
        var asked = Content with { Ask = ContentHash.Of("ask"u8) };

        ModelAnswerReceipt.Open(ModelAnswerReceipt.Sign(Content, _key), _key.PublicKey.PeerId).Value.ShouldBe(Content);
        ModelAnswerReceipt.Open(ModelAnswerReceipt.Sign(asked, _key)).Value.ShouldBe(asked);
    }

    [Fact]
    public void Sign_WritesTheDocumentedForm()
    {
        var payload = Encoding.UTF8.GetString(ModelAnswerReceipt.Sign(Content, _key).Payload);

        payload.ShouldBe(
            $$"""{"node":"{{_key.PublicKey.PeerId}}","nodeKey":"{{Convert.ToBase64String(_key.PublicKey.ToSpki())}}","channel":"{{Content.Channel}}","model":"stoa/tiny-chat@1.0.0","request":"{{ContentHash.Of("request"u8)}}","answer":"{{ContentHash.Of("answer"u8)}}","inputTokens":12,"outputTokens":34,"price":"0.000000012","ask":null,"at":"2026-01-01T00:00:00.001Z"}""");
    }

    [Fact]
    public void Sign_WithAnothersKey_Throws()
    {
        using var other = PrivateKey.Generate();

        Should.Throw<ArgumentException>(() => ModelAnswerReceipt.Sign(Content, other));
    }

    [Fact]
    public void Open_OfAnotherNodes_Refuses()
    {
        using var other = PrivateKey.Generate();
        var its = ModelAnswerReceipt.Sign(Content with { NodeKey = other.PublicKey }, other);

        ModelAnswerReceipt.Open(its, _key.PublicKey.PeerId).Refusal!.Code.ShouldBe(NodeRecordFault.OtherNode);
    }

    [Fact]
    public void Open_OfWhatSomebodyElseSigned_Refuses()
    {
        using var other = PrivateKey.Generate();
        var forged = DsseEnvelope.Sign(ModelAnswerReceipt.PayloadType, ModelAnswerReceipt.Sign(Content, _key).Payload, other);

        ModelAnswerReceipt.Open(forged, _key.PublicKey.PeerId).Refusal!.Code.ShouldBe(NodeRecordFault.SignatureInvalid);
    }

    [Theory]
    [InlineData("\"price\":\"0.000000012\"", "\"price\":\"0.000000011\"", NodeRecordFault.SignatureInvalid)]
    [InlineData("\"outputTokens\":34", "\"outputTokens\":-34", NodeRecordFault.NotARecord)]
    [InlineData("\"ask\":null,", "", NodeRecordFault.NotARecord)]
    [InlineData("\"ask\":null", "\"ask\": null", NodeRecordFault.NotARecord)]
    [InlineData("\"price\":\"0.000000012\"", "\"price\":\"0.000000012\",\"price\":\"0.000000012\"", NodeRecordFault.NotARecord)]
    [InlineData("stoa/tiny-chat", "stoa tiny-chat", NodeRecordFault.NotARecord)]
    [InlineData("\"node\":\"Qm", "\"node\":\"QM", NodeRecordFault.NotARecord)]
    public void Open_OfWhatWasChanged_Refuses(string before, string after, NodeRecordFault fault)
    {
        var signed = ModelAnswerReceipt.Sign(Content, _key);
        var text = Encoding.UTF8.GetString(signed.Payload);
        text.ShouldContain(before);
        var changed = signed with { Payload = Encoding.UTF8.GetBytes(text.Replace(before, after, StringComparison.Ordinal)) };

        ModelAnswerReceipt.Open(changed, _key.PublicKey.PeerId).Refusal!.Code.ShouldBe(fault);
    }

    [Fact]
    public void Open_OfAnotherType_Refuses() => ModelAnswerReceipt.Open(DsseEnvelope.Sign(ModelAsk.PayloadType, ModelAnswerReceipt.Sign(Content, _key).Payload, _key))
        .Refusal!.Code.ShouldBe(NodeRecordFault.NotARecord);
}
