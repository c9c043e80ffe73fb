using System.Buffers.Binary;

namespace Stoa.Primitives;

/// <summary>Makes ids: UUIDs of version 7, each greater than the one before.</summary>
/// <remarks>
/// RFC 9562 section 6.2, method 1: after the 48-bit Unix time in milliseconds come 12 bits of counter, which a new
/// millisecond starts at a random value below 2048, and 62 random bits. When the clock stands still or goes back, or
/// the counter runs over, ids run ahead of the clock rather than break their order. Safe for use by many threads,
/// even where <paramref name="random"/> is not.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="random">Chance: a <see cref="SecureRandom"/>, or a seeded one to replay a run.</param>
public sealed class IdSource(TimeProvider time, Random random)
{
    private readonly Lock _lock = new();
    private ulong _last;

    /// <summary>Makes the next id of a kind.</summary>
    public Id<T> Next<T>() where T : IIdentified => new(NextUuid());

    /// <summary>Makes the next UUID.</summary>
    public Guid NextUuid()
    {
        ulong timeAndCounter;
        Span<byte> bytes = stackalloc byte[16];
        lock (_lock)
        {
            var ms = (ulong)Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds());
            _last = Math.Max(_last + 1, (ms << 12) | (uint)random.Next(2048));
            timeAndCounter = _last;
            random.NextBytes(bytes[8..]);
        }
        const ulong version = 0x7000;
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((timeAndCounter & ~0xfffUL) << 4) | version | (timeAndCounter & 0xfff));
        const byte variant = 0x80;
        bytes[8] = (byte)((bytes[8] & 0x3f) | variant);
        return new Guid(bytes, bigEndian: true);
    }
}
