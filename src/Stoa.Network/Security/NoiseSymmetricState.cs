using System.Security.Cryptography;

namespace Stoa.Network.Security;

/// <summary>What a handshake has agreed on so far: SymmetricState of the Noise framework (§5.2), with SHA-256.</summary>
internal sealed class NoiseSymmetricState : IDisposable
{
    // As long as the hash, so it is the first hash itself (§5.2).
    private static ReadOnlySpan<byte> ProtocolName => "Noise_XX_25519_ChaChaPoly_SHA256"u8;

    private readonly byte[] _hash = ProtocolName.ToArray();
    private readonly byte[] _chainingKey = ProtocolName.ToArray();
    private NoiseCipher? _cipher;

    /// <summary>Begins with the prologue of libp2p, which is empty.</summary>
    public NoiseSymmetricState() => MixHash([]);

    /// <summary>Takes what both sides have seen into the hash.</summary>
    public void MixHash(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(_hash);
        hash.AppendData(data);
        hash.GetHashAndReset(_hash);
    }

    /// <summary>Takes a secret that both sides have agreed on into the keys.</summary>
    public void MixKey(ReadOnlySpan<byte> agreed)
    {
        Span<byte> made = stackalloc byte[2 * NoiseCipher.KeyLength];
        Derive(agreed, made);
        made[..NoiseCipher.KeyLength].CopyTo(_chainingKey);
        _cipher?.Dispose();
        _cipher = new NoiseCipher(made[NoiseCipher.KeyLength..]);
        CryptographicOperations.ZeroMemory(made);
    }

    /// <summary>Seals what is sent, once there is a key, and takes it into the hash.</summary>
    public byte[] EncryptAndHash(ReadOnlySpan<byte> plain)
    {
        var message = new byte[plain.Length + (_cipher is null ? 0 : NoiseCipher.TagLength)];
        if (_cipher is null)
            plain.CopyTo(message);
        else
            _cipher.Seal(plain, message, _hash);
        MixHash(message);
        return message;
    }

    /// <summary>Opens what came, once there is a key, and takes it into the hash.</summary>
    /// <exception cref="CryptographicException">It is too short, or was not sealed so.</exception>
    public byte[] DecryptAndHash(ReadOnlySpan<byte> message)
    {
        var length = message.Length - (_cipher is null ? 0 : NoiseCipher.TagLength);
        if (length < 0)
            throw new CryptographicException("A message is shorter than its tag.");
        var plain = new byte[length];
        if (_cipher is null)
            message.CopyTo(plain);
        else
            _cipher.Open(message, plain, _hash);
        MixHash(message);
        return plain;
    }

    /// <summary>The ciphers of what comes after: of the initiator's messages, and of the responder's.</summary>
    public (NoiseCipher OfInitiator, NoiseCipher OfResponder) Split()
    {
        Span<byte> made = stackalloc byte[2 * NoiseCipher.KeyLength];
        Derive([], made);
        var ciphers = (new NoiseCipher(made[..NoiseCipher.KeyLength]), new NoiseCipher(made[NoiseCipher.KeyLength..]));
        CryptographicOperations.ZeroMemory(made);
        return ciphers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cipher?.Dispose();
        CryptographicOperations.ZeroMemory(_chainingKey);
    }

    // HKDF of the framework (§4.3): that of RFC 5869 with the chaining key as salt and no info. The first step by hand: HKDF of .NET on OpenSSL refuses to take nothing.
    private void Derive(ReadOnlySpan<byte> keyMaterial, Span<byte> made)
    {
        Span<byte> extracted = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(_chainingKey, keyMaterial, extracted);
        HKDF.Expand(HashAlgorithmName.SHA256, extracted, made, []);
        CryptographicOperations.ZeroMemory(extracted);
    }
}
