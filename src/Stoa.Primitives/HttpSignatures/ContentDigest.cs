using System.Security.Cryptography;

namespace Stoa.Primitives.HttpSignatures;

/// <summary>The digests that a <c>Content-Digest</c> field states of the body (RFC 9530).</summary>
/// <param name="Sha256">Null when it is not stated.</param>
/// <param name="Sha512">Null when it is not stated.</param>
public sealed record ContentDigest(byte[]? Sha256, byte[]? Sha512)
{
    /// <summary>Name of the header field, in lower case.</summary>
    public const string FieldName = "content-digest";

    private const int Sha512Size = 64;

    /// <summary>Reads the field. Algorithms other than SHA-256 and SHA-512 are passed over, as the standard has it.</summary>
    /// <exception cref="FormatException">It cannot be read, or states neither of the two.</exception>
    public static ContentDigest Read(string text)
    {
        byte[]? sha256 = null, sha512 = null;
        foreach (var (name, item) in StructuredFields.ReadDictionary(text))
        {
            if (name == "sha-256")
                sha256 = Sized(item, ContentHash.Size);
            else if (name == "sha-512")
                sha512 = Sized(item, Sha512Size);
        }

        return sha256 is null && sha512 is null
            ? throw new FormatException("Content-Digest states sha-256 or sha-512.")
            : new ContentDigest(sha256, sha512);
    }

    /// <summary>The field of some content.</summary>
    public static string Of(ReadOnlySpan<byte> content) => Of(ContentHash.Of(content));

    /// <summary>The field of content with a hash.</summary>
    public static string Of(ContentHash hash)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        hash.CopyTo(digest);
        return $"sha-256={StructuredFields.Quote(digest)}";
    }

    /// <summary>Begins to hash a body, so that it can be compared at its end.</summary>
    public Running Begin() => new(this);

    /// <summary>Whether all that is stated is true of content as a whole.</summary>
    /// <param name="content">The content.</param>
    /// <param name="sha256">Of it, which whoever asks has anyway.</param>
    public bool IsOf(ReadOnlySpan<byte> content, ContentHash sha256) =>
        (Sha256 is null || ContentHash.FromBytes(Sha256) == sha256) && (Sha512 is null || CryptographicOperations.FixedTimeEquals(SHA512.HashData(content), Sha512));

    private static byte[] Sized(FieldItem item, int size) => item.Value is byte[] bytes && bytes.Length == size
        ? bytes
        : throw new FormatException($"A digest of {size} bytes is expected in Content-Digest.");

    /// <summary>The hash of what was read of a body so far.</summary>
    public sealed class Running : IDisposable
    {
        private readonly ContentDigest _stated;
        private readonly IncrementalHash? _sha256;
        private readonly IncrementalHash? _sha512;

        internal Running(ContentDigest stated)
        {
            _stated = stated;
            _sha256 = stated.Sha256 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            _sha512 = stated.Sha512 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        }

        /// <summary>Takes what comes next.</summary>
        public void Add(ReadOnlySpan<byte> part)
        {
            _sha256?.AppendData(part);
            _sha512?.AppendData(part);
        }

        /// <summary>Whether all that was stated is true of what was taken.</summary>
        public bool Matches() => Matches(_sha256, _stated.Sha256) && Matches(_sha512, _stated.Sha512);

        public void Dispose()
        {
            _sha256?.Dispose();
            _sha512?.Dispose();
        }

        private static bool Matches(IncrementalHash? hash, byte[]? stated) =>
            hash is null || CryptographicOperations.FixedTimeEquals(hash.GetCurrentHash(), stated);
    }
}
