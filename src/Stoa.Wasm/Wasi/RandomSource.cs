using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stoa.Wasm.Wasi;

/// <summary>Where a guest's randomness comes from: the host's secure generator, or a seed.</summary>
public abstract class RandomSource
{
    /// <summary>The secure generator of the operating system.</summary>
    public static RandomSource Secure { get; } = new SecureRandom();

    /// <summary>A generator that gives the same bytes for the same seed, in every version and on every machine.</summary>
    /// <remarks>Not for secrets: who knows the seed knows the bytes.</remarks>
    public static RandomSource Seeded(ulong seed) => new SeededRandom(seed);

    /// <summary>Fills a buffer with random bytes.</summary>
    public abstract void Fill(Span<byte> buffer);
}

/// <summary>The operating system's generator.</summary>
internal sealed class SecureRandom : RandomSource
{
    public override void Fill(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);
}

/// <summary>SplitMix64 read as a stream of little-endian bytes.</summary>
/// <remarks>
/// Written out here because the sequence is part of what a receipt promises, and <see cref="Random"/> does not promise one.
/// Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
/// How the bytes are cut into calls does not change them.
/// </remarks>
internal sealed class SeededRandom(ulong seed) : RandomSource
{
    private readonly byte[] _word = new byte[sizeof(ulong)];
    private ulong _state = seed;
    private int _used = sizeof(ulong);

    public override void Fill(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_used == _word.Length)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(_word, Next());
                _used = 0;
            }

            var count = Math.Min(buffer.Length, _word.Length - _used);
            _word.AsSpan(_used, count).CopyTo(buffer);
            _used += count;
            buffer = buffer[count..];
        }
    }

    private ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
