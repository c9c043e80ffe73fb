namespace Stoa.Network.Identity;

/// <summary>Ed25519 (RFC 8032) and X25519 (RFC 7748), which .NET does not have, from a library of the machine: OpenSSL 3 or libsodium.</summary>
/// <remarks>Safe for use by many threads.</remarks>
internal interface ICurve25519
{
    /// <summary>The length of a public key, a secret and what two agree on, in bytes.</summary>
    const int KeyLength = 32;

    /// <summary>The length of an Ed25519 signature in bytes.</summary>
    const int SignatureLength = 64;

    /// <summary>The library.</summary>
    string Library { get; }

    /// <summary>Whether an Ed25519 signature of <see cref="SignatureLength"/> bytes was made over data by the private half of a key.</summary>
    bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>The X25519 public key of a secret.</summary>
    void DerivePublicKey(ReadOnlySpan<byte> secret, Span<byte> publicKey);

    /// <summary>What X25519 agrees on with the holder of a public key; false where it is all zero, since everyone knows it then.</summary>
    bool TryAgree(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> agreed);
}
