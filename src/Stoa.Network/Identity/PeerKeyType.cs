namespace Stoa.Network.Identity;

/// <summary>The types of keys that peers have, by their numbers in libp2p's PublicKey message.</summary>
public enum PeerKeyType
{
    /// <summary>RSA of 2048 to 8192 bits; PKCS #1 v1.5 over SHA-256.</summary>
    Rsa = 0,

    /// <summary>Ed25519 (RFC 8032).</summary>
    Ed25519 = 1,

    /// <summary>ECDSA over SHA-256 on the curve of Bitcoin.</summary>
    Secp256k1 = 2,

    /// <summary>ECDSA over SHA-256 on P-256: the keys of Stoa.</summary>
    Ecdsa = 3,
}
