using System.Security.Cryptography;

namespace Stoa.Primitives.Sealing;

/// <summary>The key that inputs are sealed to: a point of P-256.</summary>
public sealed class SealingPublicKey : IEquatable<SealingPublicKey>
{
    /// <summary>Length in bytes: the uncompressed point.</summary>
    public const int SizeBytes = Hpke.PointBytes;

    /// <summary>The algorithms, by their names in RFC 9180.</summary>
    public const string Suite = "DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM";

    private readonly byte[] _point;

    private SealingPublicKey(byte[] point) => (_point, Id) = (point, SealingKeyId.Of(point));

    /// <summary>Its short name.</summary>
    public SealingKeyId Id { get; }

    /// <summary>Takes a key from the bytes of an uncompressed point.</summary>
    /// <exception cref="FormatException">They are none of the curve.</exception>
    public static SealingPublicKey FromBytes(ReadOnlySpan<byte> point) => Hpke.IsPoint(point)
        ? new SealingPublicKey(point.ToArray())
        : throw new FormatException("A point of P-256 is expected: 65 bytes, of which the first is 4.");

    /// <summary>The uncompressed point.</summary>
    public byte[] ToBytes() => [.. _point];

    /// <inheritdoc/>
    public bool Equals(SealingPublicKey? other) => other is not null && _point.AsSpan().SequenceEqual(other._point);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SealingPublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => Id.GetHashCode();

    internal ReadOnlySpan<byte> Point => _point;
}

/// <summary>The short name of a sealing key: the first 8 bytes of SHA-256 of its public half, as 16 lower-case hex digits.</summary>
public readonly record struct SealingKeyId
{
    /// <summary>Length in bytes.</summary>
    public const int SizeBytes = 8;

    private readonly string? _text;

    private SealingKeyId(string text) => _text = text;

    /// <summary>The name of a public key.</summary>
    public static SealingKeyId Of(ReadOnlySpan<byte> point) => FromBytes(SHA256.HashData(point).AsSpan(0, SizeBytes));

    /// <summary>Takes a name from its bytes.</summary>
    public static SealingKeyId FromBytes(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, SizeBytes);
        return new SealingKeyId(Convert.ToHexStringLower(bytes));
    }

    /// <summary>Reads 16 lower-case hex digits.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static SealingKeyId Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length == 2 * SizeBytes && text.All(char.IsAsciiHexDigitLower)
            ? new SealingKeyId(text)
            : throw new FormatException($"The id of a sealing key is {2 * SizeBytes} lower-case hex digits.");
    }

    /// <summary>The 8 bytes.</summary>
    public byte[] ToBytes() => Convert.FromHexString(ToString());

    /// <summary>The hex digits.</summary>
    public override string ToString() => _text ?? throw new InvalidOperationException("The id of no key.");
}
