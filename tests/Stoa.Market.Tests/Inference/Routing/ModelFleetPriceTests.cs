using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Routing;

/// <summary>What is set aside for a request, where replicas take different prices.</summary>
public sealed class ModelFleetPriceTests
{
    private static readonly TokenUsage s_usage = new(1_000_000, 0);
    private static readonly PeerId s_node = PrivateKey.Generate().PublicKey.PeerId;

    private readonly HandTime _time = new();

    [Fact]
    public void Dearest_IsOfThoseThatAreOffered_AndNotOfASupplierThatAsksTooMuch()
    {
        var fleet = Fleet(Own(1, 100), Supplied(2, 150), Supplied(3, 1_000_000), Own(4, 900) with { IsDraining = true }, Own(5, 800));
        fleet.Replicas[4].NoteHealth(isWell: false, _time.NowMs);

        fleet.DearestFor(s_usage).Supplied.ShouldBe(fleet.Replicas[1].Replica.Supplied);
        fleet.DearestFor(s_usage, staysHere: true).ShouldBe(fleet.Replicas[0].Replica.Priced);
        fleet.CheaperFor(s_usage).ShouldBe(fleet.Replicas[0].Replica.Priced);
        fleet.CheaperFor(s_usage, staysHere: true).ShouldBeNull();
    }

    [Theory]
    [InlineData(99, null)]
    [InlineData(100, 100L)]
    [InlineData(119, 100L)]
    [InlineData(1_000, 120L)]
    public void DearestWithin_IsTheDearestThatTakesNoMore(long most, long? expected)
    {
        var fleet = Fleet(Own(1, 100), Own(2, 120), Own(3, 5_000), Own(4, 900) with { IsDraining = true });

        fleet.DearestWithin(s_usage, new Money(most))?.ServingPrice?.PerMillionInputTokens.ShouldBe(new Money(expected ?? 0));
        (fleet.DearestWithin(s_usage, new Money(most)) is null).ShouldBe(expected is null);
    }

    [Fact]
    public void Dearest_WhenNoneIsOffered_IsOfAll()
    {
        var fleet = Fleet(Own(1, 100) with { IsDraining = true }, Own(2, 900) with { IsDraining = true });

        fleet.DearestFor(s_usage).ShouldBe(fleet.Replicas[1].Replica.Priced);
    }

    [Fact]
    public void WhatIsFree_IsComparedWithNobody()
    {
        var fleet = Fleet(Own(1, 0), Supplied(2, 150));

        fleet.DearestFor(s_usage).Supplied.ShouldBe(fleet.Replicas[1].Replica.Supplied);
    }

    [Fact]
    public async Task Request_ThatStaysHere_IsToldThatNobodyIsLeft_ThoughASupplierCameWhileItWaited()
    {
        var fleet = Fleet(Own(1, 100));
        var own = fleet.Replicas[0];
        var running = (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Value;
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request with { StaysHere = true }, [], TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken).AsTask();

        fleet.Become([own, State(Supplied(2, 100), 1)]);
        waiting.IsCompleted.ShouldBeFalse();
        fleet.Become([State(Supplied(2, 100), 1)]);

        (await waiting).TryGet(out _, out var refusal).ShouldBeFalse();
        refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);
        running.Replica.ShouldBe(own);
    }

    private ModelFleet Fleet(params Replica[] replicas)
    {
        var fleet = new ModelFleet(FleetSamples.Model(), FleetSamples.Chooser(), new WaitingLimits(10, 10), _time);
        fleet.Become([.. replicas.Select((replica, slot) => State(replica, (ushort)slot))]);
        return fleet;
    }

    private static ReplicaState State(Replica replica, ushort slot) => new(replica, slot, 0);

    private static Replica Own(int number, long price) => FleetSamples.Replica(number, maxRequests: 1, price: Price(price));

    private static Replica Supplied(int number, long price) => FleetSamples.Replica(number) with { Supplied = new SuppliedPrice(s_node, Price(price)) };

    private static ModelPrice Price(long nanodollars) => new(new Money(nanodollars), new Money(nanodollars));
}
