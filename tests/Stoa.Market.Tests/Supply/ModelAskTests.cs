using System.Text;
using Stoa.Market.Channels;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Channels;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class ModelAskTests : IDisposable
{
    private static readonly ListingName s_model = ListingName.Parse("stoa/tiny-chat@1.0.0");
    private static readonly Id<Channel> s_channel = ChannelSamples.IdOf<Channel>(1);
    private static readonly PeerId s_seller = ChannelSamples.NodeKey.PublicKey.PeerId;
    private static readonly DateTimeOffset s_now = ChannelSamples.Start;

    private readonly PrivateKey _key = PrivateKey.Generate();

    public void Dispose() => _key.Dispose();

    private ModelAskContent Content => new(
        _key.PublicKey, s_seller, s_channel, ListingName.Parse("ada/reader@2.1.0"), ChannelSamples.IdOf<AgentTask>(7), 3, [s_model], new Money(10_000_000), s_now.AddMinutes(1));

    [Fact]
    public void Open_OfWhatWasSigned_GivesIt()
    {
        var opened = ModelAsk.Open(ModelAsk.Sign(Content, _key), s_seller, s_channel, s_now).Value;

        opened.Models.ShouldBe(Content.Models);
        (opened with { Models = [] }).ShouldBe(Content with { Models = [] });
    }

    [Fact]
    public void Sign_WritesTheDocumentedForm() => Encoding.UTF8.GetString(ModelAsk.Sign(Content, _key).Payload).ShouldBe(
        $$"""{"node":"{{_key.PublicKey.PeerId}}","nodeKey":"{{Convert.ToBase64String(_key.PublicKey.ToSpki())}}","to":"{{s_seller}}","channel":"{{s_channel}}","agent":"ada/reader@2.1.0","task":"{{Content.Task}}","attempt":3,"models":["stoa/tiny-chat@1.0.0"],"most":"0.010000000","until":"2026-01-01T00:01:00.000Z"}""");

    [Fact]
    public void Open_ForAnotherNodeOrChannel_Refuses()
    {
        var ask = ModelAsk.Sign(Content, _key);

        ModelAsk.Open(ask, _key.PublicKey.PeerId, s_channel, s_now).Refusal!.Code.ShouldBe(ModelAskFault.ForAnother);
        ModelAsk.Open(ask, s_seller, ChannelSamples.IdOf<Channel>(2), s_now).Refusal!.Code.ShouldBe(ModelAskFault.ForAnother);
    }

    [Fact]
    public void Open_WhenItsTimeIsOver_Refuses() =>
        ModelAsk.Open(ModelAsk.Sign(Content, _key), s_seller, s_channel, Content.Until).Refusal!.Code.ShouldBe(ModelAskFault.Over);

    [Fact]
    public void Open_OfAForgery_Refuses()
    {
        using var other = PrivateKey.Generate();
        var forged = DsseEnvelope.Sign(ModelAsk.PayloadType, ModelAsk.Sign(Content, _key).Payload, other);

        ModelAsk.Open(forged, s_seller, s_channel, s_now).Refusal!.Code.ShouldBe(ModelAskFault.NotSigned);
        Should.Throw<ArgumentException>(() => ModelAsk.Sign(Content, other));
    }

    [Fact]
    public void Open_OfTooManyModelsOrNone_Refuses()
    {
        Open(Content with { Models = [] }).ShouldBe(ModelAskFault.NotSigned);
        Open(Content with { Models = [.. Enumerable.Repeat(s_model, ModelAsk.MostModels + 1)] }).ShouldBe(ModelAskFault.NotSigned);
        Open(Content with { Models = [.. Enumerable.Repeat(s_model, ModelAsk.MostModels)] }).ShouldBeNull();

        ModelAskFault? Open(ModelAskContent content) => ModelAsk.Open(ModelAsk.Sign(content, _key), s_seller, s_channel, s_now).Refusal?.Code;
    }

    [Fact]
    public void FindFault_OfWhatIsNotAllowed_NamesIt()
    {
        ModelAsk.FindFault(Content, s_model, Content.Most).ShouldBeNull();
        ModelAsk.FindFault(Content, s_model, Content.Most + new Money(1))!.Code.ShouldBe(ModelAskFault.TooDear);
        ModelAsk.FindFault(Content, ListingName.Parse("stoa/tiny-chat@1.0.1"), new Money(1))!.Code.ShouldBe(ModelAskFault.ModelUndeclared);
    }
}
