using System.Buffers.Binary;
using Stoa.Market.Registry.Replication;

namespace Stoa.Market.Tests.Registry.Replication;

public sealed class SipHashTests
{
    private static readonly byte[] s_counting = [.. Enumerable.Range(0, 16).Select(number => (byte)number)];
    private static readonly SipKey s_key = SipKey.FromBytes(s_counting);

    [Theory]
    // Of the reference implementation: vectors_sip64.
    [InlineData(0, 0x726fdb47dd0e0e31)]
    [InlineData(15, 0xa129ca6149be45e5)]
    [InlineData(16, 0x3f2acc7f57c29bdb)]
    public void Hash_OfTheReferenceVectors_IsTheirs(int length, ulong hash) => SipHash.Of(s_key, s_counting.AsSpan(0, length)).ShouldBe(hash);

    [Fact]
    public void Hash_OfAnItem_IsThatOfItsBytes() => SipHash.Of(s_key, BinaryPrimitives.ReadUInt128BigEndian(s_counting)).ShouldBe(SipHash.Of(s_key, s_counting));
}
