using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

public sealed class KademliaKeyTests
{
    private static readonly Random s_random = new(5);

    [Fact]
    public void Distance_IsAMetricOfExclusiveOr()
    {
        for (var round = 0; round < 500; round++)
        {
            var (a, b, c) = (Any(), Any(), Any());
            a.DistanceTo(a).ShouldBe(default);
            a.DistanceTo(b).ShouldBe(b.DistanceTo(a));
            // Of any point and distance there is exactly one other point.
            a.DistanceTo(a.DistanceTo(b)).ShouldBe(b);
            // The nearer of two shares at least as many leading bits.
            if (a.DistanceTo(b).CompareTo(a.DistanceTo(c)) < 0)
                a.CommonPrefixLength(b).ShouldBeGreaterThanOrEqualTo(a.CommonPrefixLength(c));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(255)]
    public void Flip_TurnsOneBit(int index)
    {
        var key = Any();
        key.CommonPrefixLength(key.Flip(index)).ShouldBe(index);
        key.Flip(index).Flip(index).ShouldBe(key);
    }

    [Fact]
    public void Key_IsTheHashOfItsBytes()
    {
        // SHA-256 of "abc" (FIPS 180-4).
        var key = KademliaKey.Of("abc"u8);
        $"{key.High:x32}{key.Low:x32}".ShouldBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        key.CommonPrefixLength(key).ShouldBe(KademliaKey.Bits);
    }

    [Fact]
    public void Preimage_LiesWhereItIsWanted()
    {
        var target = Any();
        for (var bits = 0; bits < 8; bits++)
        {
            var key = Preimages.Find(s_random.Next, key => key.CommonPrefixLength(target) == bits);
            KademliaKey.Of(key).CommonPrefixLength(target).ShouldBe(bits);
            Stoa.Primitives.PeerId.FromBytes(key).IsEmpty.ShouldBeFalse();
        }
    }

    private static KademliaKey Any() => KademliaKey.Of(BitConverter.GetBytes(s_random.NextInt64()));
}
