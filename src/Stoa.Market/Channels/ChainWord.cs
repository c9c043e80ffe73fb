using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Stoa.Market.Channels;

/// <summary>A word of a hash chain: 32 bytes, written as 64 lower-case hex digits.</summary>
public readonly record struct ChainWord
{
    /// <summary>The length in bytes.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    private readonly Bytes _bytes;

    /// <summary>Takes 32 bytes.</summary>
    /// <exception cref="FormatException">There are more or fewer.</exception>
    public ChainWord(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new FormatException($"A word of a chain has {Size} bytes, not {bytes.Length}.");
        bytes.CopyTo(_bytes);
    }

    /// <summary>The word that is so many steps nearer to the anchor.</summary>
    /// <param name="steps">Not negative; each is one SHA-256.</param>
    public ChainWord Towards(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        Span<byte> word = stackalloc byte[Size];
        ((ReadOnlySpan<byte>)_bytes).CopyTo(word);
        for (; steps > 0; steps--)
            SHA256.HashData(word, word);
        return new ChainWord(word);
    }

    /// <exception cref="FormatException">The text is anything but 64 lower-case hex digits.</exception>
    public static ChainWord Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Span<byte> bytes = stackalloc byte[Size];
        if (text.Length != 2 * Size || text.AsSpan().ContainsAnyInRange('A', 'F')
            || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            throw new FormatException($"A word of a chain is expected: {2 * Size} lower-case hex digits.");
        }

        return new ChainWord(bytes);
    }

    /// <summary>The 32 bytes.</summary>
    public byte[] ToBytes() => ((ReadOnlySpan<byte>)_bytes).ToArray();

    /// <summary>Whether the bytes are the same.</summary>
    public bool Equals(ChainWord other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes);

    [InlineArray(Size)]
    private struct Bytes
    {
        private byte _first;
    }
}
