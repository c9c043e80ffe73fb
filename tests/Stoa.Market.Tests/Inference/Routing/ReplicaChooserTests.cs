using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class ReplicaChooserTests
{
    private const long Now = 100_000;

    private static readonly PeerId s_node = PrivateKey.Generate().PublicKey.PeerId;

    [Fact]
    public void Requests_GoWhereLessIsToDo()
    {
        var replicas = States(8, maxRequests: 1_000);
        var chooser = FleetSamples.Chooser();
        for (var request = 0; request < 800; request++)
            chooser.TryEnter(replicas, [], FleetSamples.Request, Now).ShouldNotBeNull();

        // By one choice the fullest of eight would have some 125; by two it is hardly above the average.
        replicas.Max(replica => replica.OutstandingRequests).ShouldBeLessThan(107);
        replicas.Min(replica => replica.OutstandingRequests).ShouldBeGreaterThan(90);
    }

    [Fact]
    public void Requests_AreSharedOutByWeight()
    {
        List<ReplicaState> replicas = [new(FleetSamples.Replica(1, 10_000, weight: 3), 0, 0), new(FleetSamples.Replica(2, 10_000), 1, 0)];
        var chooser = FleetSamples.Chooser();
        for (var request = 0; request < 1_000; request++)
            chooser.TryEnter(replicas, [], FleetSamples.Request, Now);

        replicas[0].OutstandingRequests.ShouldBeInRange(740, 760);
    }

    [Fact]
    public void Suppliers_GetWhatNoServerOfTheCellIsFreeFor_AndOnlyThenInTheRegionThatIsNamed()
    {
        var elsewhere = new SuppliedPrice(s_node, new ModelPrice(new Money(1), new Money(1)));
        List<ReplicaState> replicas =
        [
            new(FleetSamples.Replica(1, maxRequests: 1, region: "eu-west") with { Supplied = elsewhere }, 0, 0),
            new(FleetSamples.Replica(2, maxRequests: 1, region: "eu-west"), 1, 0),
            new(FleetSamples.Replica(3, maxRequests: 1, region: "us-east") with { Supplied = elsewhere }, 2, 0),
        ];
        var chooser = FleetSamples.Chooser();

        // Where a stranger stands is his own word.
        chooser.TryEnter(replicas, [], FleetSamples.Request with { Region = "us-east" }, Now).ShouldNotBeNull().Replica.ShouldBe(replicas[1]);
        chooser.TryEnter(replicas, [], FleetSamples.Request with { StaysHere = true }, Now).ShouldBeNull();
        chooser.TryEnter(replicas, [], FleetSamples.Request with { Region = "us-east" }, Now).ShouldNotBeNull().Replica.ShouldBe(replicas[2]);
        chooser.TryEnter(replicas, [], FleetSamples.Request, Now).ShouldNotBeNull().Replica.ShouldBe(replicas[0]);
        chooser.TryEnter(replicas, [], FleetSamples.Request, Now).ShouldBeNull();
    }

    [Fact]
    public void Supplier_ThatAsksMoreThanTwiceAsMuchAsTheCheapest_GetsNothing_AsLongAsThatOneServes()
    {
        List<ReplicaState> replicas = [new(Supplied(1, price: 100, maxRequests: 2), 0, 0), new(Supplied(2, price: 201, maxRequests: 2), 1, 0), new(Supplied(3, price: 200, maxRequests: 2), 2, 0)];
        var chooser = FleetSamples.Chooser();

        for (var request = 0; request < 4; request++)
            chooser.TryEnter(replicas, [], FleetSamples.Request, Now).ShouldNotBeNull().Replica.ShouldNotBe(replicas[1]);
        // The cheap ones are full, and serve.
        chooser.TryEnter(replicas, [], FleetSamples.Request, Now).ShouldBeNull();

        chooser.TryEnter(replicas, [replicas[0]], FleetSamples.Request, Now).ShouldNotBeNull().Replica.ShouldBe(replicas[1]);
    }

    [Fact]
    public void Request_ThatMayCostSoMuch_GoesToNoneThatTakesMore()
    {
        List<ReplicaState> replicas = [new(Supplied(1, price: 100), 0, 0), new(Supplied(2, price: 150), 1, 0)];
        var usage = new TokenUsage(1_000_000, 0);
        var request = FleetSamples.Request with { Within = new PriceCap(usage, replicas[0].Replica.Priced.PriceOf(usage)) };
        var chooser = FleetSamples.Chooser();

        for (var number = 0; number < 4; number++)
            chooser.TryEnter(replicas, [], request, Now).ShouldNotBeNull().Replica.ShouldBe(replicas[0]);
        chooser.TryEnter(replicas, [], request, Now).ShouldBeNull();
    }

    private static Replica Supplied(int number, long price, int maxRequests = 4) =>
        FleetSamples.Replica(number, maxRequests) with { Supplied = new SuppliedPrice(s_node, new ModelPrice(new Money(price), new Money(price))) };

    [Fact]
    public void Requests_ThatBeginAlike_GoToTheSameReplica_UntilItHasTooMuchToDo()
    {
        var replicas = States(4, maxRequests: 1_000);
        var chooser = FleetSamples.Chooser();
        var request = FleetSamples.Request with { Prefixes = new ulong[] { 11, 12 } };
        var first = chooser.TryEnter(replicas, [], request, Now).ShouldNotBeNull();
        first.Leave(FleetSamples.Served(), Now);
        foreach (var replica in replicas)
            Enumerable.Range(0, 20).Count(_ => replica.TryEnter(100, Now) is not null).ShouldBe(20);
        // All answer as fast as each other.
        foreach (var replica in replicas.Where(replica => replica != first.Replica))
            replica.TryEnter(1, Now).ShouldNotBeNull().Leave(FleetSamples.Served(), Now);

        var alike = 0;
        while (chooser.TryEnter(replicas, [], request, Now)?.Replica == first.Replica)
            alike++;

        // Of four with 20 each: half as much again as the average, which grows with it.
        alike.ShouldBeInRange(14, 20);
    }

    [Fact]
    public void Session_GoesToTheReplicaThatItWasAt_WhateverItsPrompt()
    {
        var replicas = States(8);
        var chooser = FleetSamples.Chooser();
        var first = chooser.TryEnter(replicas, [], FleetSamples.Request with { Session = 77 }, Now).ShouldNotBeNull();
        first.Leave(FleetSamples.Served(), Now);

        for (var again = 0; again < 20; again++)
        {
            var chosen = chooser.TryEnter(replicas, [], FleetSamples.Request with { Session = 77, Prefixes = new[] { (ulong)again + 1 } }, Now).ShouldNotBeNull();
            chosen.Replica.ShouldBe(first.Replica);
            chosen.Leave(FleetSamples.Served(), Now);
        }
    }

    [Fact]
    public void Region_IsPreferred_AndAnotherOneTakenWhenItIsFull()
    {
        List<ReplicaState> replicas = [new(FleetSamples.Replica(1, region: "eu"), 0, 0), new(FleetSamples.Replica(2, 2, region: "us"), 1, 0), new(FleetSamples.Replica(3, region: "eu"), 2, 0)];
        var chooser = FleetSamples.Chooser();
        var request = FleetSamples.Request with { Region = "us" };

        chooser.TryEnter(replicas, [], request, Now)?.Replica.ShouldBe(replicas[1]);
        chooser.TryEnter(replicas, [], request, Now)?.Replica.ShouldBe(replicas[1]);

        chooser.TryEnter(replicas, [], request, Now)!.Value.Replica.Replica.Region.ShouldBe("eu");
        chooser.TryEnter(replicas, [], FleetSamples.Request with { Region = "mars" }, Now).ShouldNotBeNull();
    }

    [Fact]
    public void Replica_ThatHasFailedTheRequest_IsNotChosenAgain()
    {
        var replicas = States(3);
        var chooser = FleetSamples.Chooser();
        for (var request = 0; request < 4; request++)
            chooser.TryEnter(replicas, [replicas[0], replicas[2]], FleetSamples.Request, Now)?.Replica.ShouldBe(replicas[1]);

        chooser.TryEnter(replicas, [replicas[0], replicas[2]], FleetSamples.Request, Now).ShouldBeNull();
        chooser.TryEnter([replicas[0]], [replicas[0]], FleetSamples.Request, Now).ShouldBeNull();
        // That of another model has failed, and this one has not.
        chooser.TryEnter([replicas[0]], [replicas[2]], FleetSamples.Request, Now)?.Replica.ShouldBe(replicas[0]);
    }

    private static List<ReplicaState> States(int count, int maxRequests = 4) =>
        [.. Enumerable.Range(0, count).Select(number => new ReplicaState(FleetSamples.Replica(number, maxRequests), (ushort)number, 0))];
}
