using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>Ids of transfers that follow from what they are for, so that a step that is made again makes the same transfer again.</summary>
internal static class DerivedId
{
    private const int TimeBytes = 6;

    /// <summary>The id of one transfer of a thing.</summary>
    /// <remarks>A UUID of version 8: the time of the thing's own id, then SHA-256. With the time in front it is no higher than those that are made in order, and
    /// the ledger need not look for all that come after it.</remarks>
    /// <param name="of">The id of the thing, of version 7.</param>
    /// <param name="what">Which of its transfers.</param>
    public static Id<Transfer> Of(Guid of, string what)
    {
        var bytes = of.ToByteArray(bigEndian: true);
        return Make(bytes.AsSpan(0, TimeBytes), [.. bytes, .. Encoding.UTF8.GetBytes(what)]);
    }

    /// <summary>The same of what a thing does at a time and only once then: that time is in front.</summary>
    /// <param name="time">When.</param>
    /// <param name="of">The id of the thing.</param>
    /// <param name="what">Which of its transfers.</param>
    public static Id<Transfer> At(DateTimeOffset time, Guid of, string what)
    {
        var ms = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(ms, time.ToUnixTimeMilliseconds());
        return Make(ms.AsSpan(sizeof(long) - TimeBytes), [.. ms, .. of.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(what)]);
    }

    private static Id<Transfer> Make(ReadOnlySpan<byte> time, byte[] hashed)
    {
        Span<byte> bytes = stackalloc byte[16];
        time.CopyTo(bytes);
        SHA256.HashData(hashed).AsSpan(0, bytes.Length - TimeBytes).CopyTo(bytes[TimeBytes..]);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Id<Transfer>(new Guid(bytes, bigEndian: true));
    }
}
