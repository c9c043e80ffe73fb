using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>The text of an API key: <c>stoa_</c> and 40 characters of lower-case base32, which are 160 random bits and a checksum of 40.</summary>
/// <remarks>
/// The fixed beginning and the checksum let a scanner of repositories and logs recognise a leaked key for certain, and let a node
/// refuse a mistyped one without looking it up. Printed, it shows its first characters only.
/// </remarks>
public sealed class ApiKeySecret
{
    /// <summary>How every API key begins.</summary>
    public const string Scheme = "stoa_";

    private const int RandomBytes = 20;
    private const int ChecksumBytes = 5;
    private const int ShownCharacters = 11;

    private ApiKeySecret(string text) => Text = text;

    /// <summary>The whole secret. It is shown to its owner once, and never stored or logged.</summary>
    public string Text { get; }

    /// <summary>The first characters, by which its owner recognises it.</summary>
    public string Prefix => Text[..ShownCharacters];

    /// <summary>SHA-256 of the whole secret: what is stored. With 160 random bits behind it, no slow hash is needed.</summary>
    public ContentHash Hash => ContentHash.Of(Encoding.ASCII.GetBytes(Text));

    /// <summary>Makes a new secret.</summary>
    /// <param name="random">Chance that nobody can foretell.</param>
    public static ApiKeySecret Create(Random random)
    {
        Span<byte> bytes = stackalloc byte[RandomBytes + ChecksumBytes];
        random.NextBytes(bytes[..RandomBytes]);
        Checksum(bytes[..RandomBytes]).CopyTo(bytes[RandomBytes..]);
        return new ApiKeySecret(Scheme + Base32.Encode(bytes));
    }

    /// <summary>Reads a secret, or says that the text cannot be one.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ApiKeySecret? secret)
    {
        secret = null;
        if (!text.StartsWith(Scheme, StringComparison.Ordinal)
            || !Base32.TryDecode(text.AsSpan(Scheme.Length), out var bytes)
            || bytes.Length != RandomBytes + ChecksumBytes
            || !Checksum(bytes.AsSpan(0, RandomBytes)).SequenceEqual(bytes.AsSpan(RandomBytes)))
        {
            return false;
        }

        secret = new ApiKeySecret(text);
        return true;
    }

    public override string ToString() => Prefix + "…";

    private static ReadOnlySpan<byte> Checksum(ReadOnlySpan<byte> random) => SHA256.HashData(random).AsSpan(0, ChecksumBytes);
}
