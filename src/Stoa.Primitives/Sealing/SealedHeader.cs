namespace Stoa.Primitives.Sealing;

/// <summary>What a sealed input begins with: magic and version, the id of the key, and the encapsulated key.</summary>
/// <param name="KeyId">To whose key it is sealed.</param>
/// <param name="Encapsulated">What only that key gets the secret out of: a point of the curve.</param>
public sealed record SealedHeader(SealingKeyId KeyId, byte[] Encapsulated)
{
    /// <summary>Length in bytes: 8, 8 and 65.</summary>
    public const int SizeBytes = MagicBytes + SealingKeyId.SizeBytes + Hpke.PointBytes;

    /// <summary>Length of the magic with the version, in bytes.</summary>
    internal const int MagicBytes = 8;

    private static ReadOnlySpan<byte> Magic => "STOA-SI\x01"u8;

    /// <summary>Reads the header of a sealed input.</summary>
    /// <param name="input">Its first bytes, or all of it.</param>
    /// <exception cref="SealBrokenException">It is no sealed input, of another version, or cut off.</exception>
    public static SealedHeader Read(ReadOnlySpan<byte> input)
    {
        if (input.Length < SizeBytes || !input.StartsWith(Magic[..^1]))
            throw new SealBrokenException("It does not begin as a sealed input does.");
        if (input[MagicBytes - 1] != Magic[^1])
            throw new SealBrokenException($"It is sealed in version {input[MagicBytes - 1]} of the format; version {Magic[^1]} is known.");
        var encapsulated = input[(MagicBytes + SealingKeyId.SizeBytes)..SizeBytes];
        return Hpke.IsPoint(encapsulated)
            ? new SealedHeader(SealingKeyId.FromBytes(input.Slice(MagicBytes, SealingKeyId.SizeBytes)), encapsulated.ToArray())
            : throw new SealBrokenException("Its encapsulated key is no point of P-256.");
    }

    /// <summary>The header as bytes.</summary>
    public byte[] ToBytes() => [.. Magic, .. KeyId.ToBytes(), .. Encapsulated];

    /// <summary>Reads the header off a stream, which is left behind it.</summary>
    /// <exception cref="SealBrokenException">As of <see cref="Read"/>.</exception>
    public static async Task<SealedHeader> ReadAsync(Stream input, CancellationToken cancellationToken)
    {
        var bytes = new byte[SizeBytes];
        var length = await input.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return Read(bytes.AsSpan(0, length));
    }
}
