using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stoa.Primitives;

/// <summary>Chance that nobody can foretell: the operating system's generator behind the interface of <see cref="Random"/>.</summary>
/// <remarks>Safe for use by many threads. Ranges are exactly uniform.</remarks>
public sealed class SecureRandom : Random
{
    // The system's generator takes as long for a few bytes as for hundreds. So each thread draws some ahead.
    private const int BytesAhead = 512;
    private const int MaxBytesFromAhead = 32;

    [ThreadStatic]
    private static byte[]? s_ahead;

    [ThreadStatic]
    private static int s_left;

    /// <inheritdoc/>
    public override int Next() => Next(0, int.MaxValue);

    /// <inheritdoc/>
    public override int Next(int maxValue) => Next(0, maxValue);

    /// <inheritdoc/>
    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    /// <inheritdoc/>
    public override long NextInt64() => NextInt64(0, long.MaxValue);

    /// <inheritdoc/>
    public override long NextInt64(long maxValue) => NextInt64(0, maxValue);

    /// <inheritdoc/>
    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        var range = unchecked((ulong)maxValue - (ulong)minValue);
        if (range <= 1)
            return minValue;
        // Draws from the incomplete last run of the range are thrown away, which keeps every value as likely.
        var limit = ulong.MaxValue - ulong.MaxValue % range;
        ulong draw;
        do
            draw = NextUInt64();
        while (draw >= limit);
        return unchecked(minValue + (long)(draw % range));
    }

    /// <inheritdoc/>
    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    /// <inheritdoc/>
    public override void NextBytes(Span<byte> buffer) => Fill(buffer);

    /// <inheritdoc/>
    public override double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <inheritdoc/>
    public override float NextSingle() => (NextUInt64() >> 40) * (1.0f / (1 << 24));

    /// <inheritdoc/>
    protected override double Sample() => NextDouble();

    private static ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private static void Fill(Span<byte> buffer)
    {
        if (buffer.Length > MaxBytesFromAhead)
        {
            RandomNumberGenerator.Fill(buffer);
            return;
        }

        var ahead = s_ahead ??= new byte[BytesAhead];
        if (s_left < buffer.Length)
        {
            RandomNumberGenerator.Fill(ahead);
            s_left = ahead.Length;
        }

        s_left -= buffer.Length;
        var drawn = ahead.AsSpan(s_left, buffer.Length);
        drawn.CopyTo(buffer);
        // What was handed out is not kept: nobody may find it here later.
        drawn.Clear();
    }
}
