using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class ModelFleetsTests
{
    private readonly ModelFleets _fleets = new(FleetSamples.Chooser(), new WaitingLimits(10, 10), new HandTime());

    [Theory]
    [InlineData("acme/llama", "2.0.0 1.1.0 1.0.0")]
    [InlineData("acme/llama@^1.0.0", "1.1.0 1.0.0")]
    [InlineData("acme/llama@1.0.0", "1.0.0")]
    [InlineData("acme/llama@3.0.0-rc.1", "3.0.0-rc.1")]
    [InlineData("acme/llama@^4.0.0", "")]
    [InlineData("acme/other", "")]
    [InlineData("llama", "")]
    public void Model_IsTheNewestServedVersionThatWillDo_AndThenTheOlderOnes(string address, string expected)
    {
        _fleets.Become([Serve(1, "1.0.0"), Serve(2, "2.0.0"), Serve(3, "1.1.0"), Serve(4, "3.0.0-rc.1"), Serve(5, "2.0.0")]);

        string.Join(' ', Find(address).Select(fleet => fleet.Model.Listing.Version)).ShouldBe(expected);
    }

    [Theory]
    [InlineData("auto", InferenceKind.Chat, 100, "acme/cheap acme/coder acme/large")]
    [InlineData("auto:code", InferenceKind.Chat, 100, "acme/coder acme/large")]
    [InlineData("auto:chat,code", InferenceKind.Chat, 100, "acme/large")]
    [InlineData("auto:chat", InferenceKind.Chat, 5_000, "acme/large")]
    [InlineData("auto", InferenceKind.Embedding, 100, "acme/vectors")]
    [InlineData("auto:vision", InferenceKind.Chat, 100, "")]
    public void Models_OfACapability_AreThoseThatFit_TheCheapestFirst(string address, InferenceKind kind, long tokens, string expected)
    {
        _fleets.Become(
        [
            Serve(1, "acme/large", 32_768, 5, "chat", "code"),
            Serve(2, "acme/cheap", 4_096, 0, "chat"),
            Serve(3, "acme/coder", 4_096, 1, "code"),
            Serve(4, "acme/vectors", 512, 0, "embeddings"),
        ]);

        string.Join(' ', Find(address, kind, tokens).Select(fleet => $"{fleet.Model.Listing.Publisher}/{fleet.Model.Listing.Name}")).ShouldBe(expected);
    }

    [Fact]
    public void Models_ThatOnlyStrangersServe_ComeLast_WhateverTheyAsk()
    {
        var bait = new SuppliedPrice(PrivateKey.Generate().PublicKey.PeerId, new ModelPrice(Money.Zero, Money.Zero));
        _fleets.Become(
        [
            Serve(1, "acme/large", 32_768, 5, "chat"),
            Serve(2, "acme/small", 32_768, 3, "chat"),
            Serve(3, "acme/bait", 32_768, 0, "chat") with { Supplied = bait },
            // Nor does a stranger make a model of the cell cheaper.
            Serve(4, "acme/large", 32_768, 5, "chat") with { Supplied = bait },
        ]);

        string.Join(' ', Find("auto").Select(fleet => fleet.Model.Listing.Name)).ShouldBe("small large bait");
    }

    [Fact]
    public void WhatIsKnownOfAReplica_StaysKnown_WhenOthersAreRegistered()
    {
        _fleets.Become([Serve(1, "1.0.0"), Serve(2, "1.0.0")]);
        var (fleet, known) = (_fleets.All[0], _fleets.Find(Serve(1, "1.0.0").Id)!);
        known.TryEnter(5, 100_000).ShouldNotBeNull();

        _fleets.Become([Serve(1, "1.0.0") with { Weight = 7 }, Serve(3, "1.0.0")]);

        _fleets.All[0].ShouldBe(fleet);
        _fleets.Find(known.Replica.Id).ShouldBe(known);
        known.Replica.Weight.ShouldBe(7);
        known.OutstandingTokens.ShouldBe(5);
        fleet.Replicas.Count.ShouldBe(2);
        _fleets.Find(Serve(2, "1.0.0").Id).ShouldBeNull();
        // The place of the one that has gone is taken by the one that has come.
        fleet.Replicas.Select(replica => (int)replica.Slot).Order().ShouldBe([0, 1]);
    }

    [Fact]
    public void Route_SharesRequestsOutByWeight_AndHasTheOthersStandIn()
    {
        var route = new ModelRoute(FleetSamples.Account(1), "mine", [Target("acme/aa", 9), Target("acme/bb", 1), Target("acme/cc", 3)], [Address("acme/dd"), Address("auto:chat")], IsForAll: false);
        var random = new Random(3);
        var orders = Enumerable.Range(0, 1_300).Select(_ => string.Join(' ', route.Order(random).Select(Name))).ToList();

        orders.Distinct().Order().ShouldBe(["aa cc bb dd auto", "bb aa cc dd auto", "cc aa bb dd auto"]);
        orders.Count(order => order[0] == 'a').ShouldBeInRange(840, 960);
        orders.Count(order => order[0] == 'b').ShouldBeInRange(60, 140);
    }

    private static string Name(ModelAddress address) => address is ModelAddress.ByListing listing ? listing.Listing.Name : "auto";

    private static RouteTarget Target(string address, int weight) => new(Address(address), weight);

    private static ModelAddress Address(string text) => ModelAddress.TryParse(text, out var address) ? address : throw new FormatException(text);

    private static Replica Serve(int number, string version) => FleetSamples.Replica(number, model: FleetSamples.Model($"acme/llama@{version}"));

    private static Replica Serve(int number, string listing, long context, long price, params string[] capabilities) => FleetSamples.Replica(
        number,
        model: FleetSamples.Model($"{listing}@1.0.0", capabilities) with { ContextLength = context },
        price: new ModelPrice(Money.FromDollars(price), Money.FromDollars(price)));

    private IReadOnlyList<ModelFleet> Find(string address, InferenceKind kind = InferenceKind.Chat, long tokens = 100) => _fleets.Find(Address(address), kind, tokens);
}
