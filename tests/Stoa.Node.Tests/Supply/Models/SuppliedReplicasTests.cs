using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Supply;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

public sealed class SuppliedReplicasTests
{
    private static readonly PeerId s_node = PrivateKey.Generate().PublicKey.PeerId;

    [Fact]
    public void WhatIsReadAgain_ChangesNothing_UnlessItSaysSomethingElse()
    {
        var replicas = new SuppliedReplicas();

        replicas.Set(s_node, Models("chat", 5)).ShouldBeTrue();
        // The same, in lists and records of its own.
        replicas.Set(s_node, Models("chat", 5)).ShouldBeFalse();
        replicas.Number.ShouldBe(1);

        replicas.Set(s_node, Models("chat", 6)).ShouldBeTrue();
        replicas.Set(s_node, Models("code", 6)).ShouldBeTrue();
        replicas.Number.ShouldBe(3);
    }

    private static SuppliedModels Models(string capability, long price)
    {
        var sold = new SoldModel(ListingName.Parse("acme/tiny@1.0.0"), s_node, ContentHash.Of("weights"u8), null, new ModelPrice(new Money(price), new Money(price)));
        var model = new ReplicaModel(sold.Listing, null, [capability, "tools"], 8_192, null);
        var replica = new Replica(new Id<Replica>(new Guid(1, 0, 0, new byte[8])), model, new Uri("http://127.0.0.1:1/"), "acme/tiny@1.0.0", null, 10, 4, null, IsDraining: false, DateTimeOffset.UnixEpoch)
        {
            Supplied = new SuppliedPrice(s_node, sold.Price),
        };
        return new SuppliedModels(new Id<Supplier>(new Guid(2, 0, 0, new byte[8])), [new SuppliedReplica(replica, sold, null)], 1, DateTimeOffset.UnixEpoch, null);
    }
}
