using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stoa.Network.Security;

/// <summary>ChaCha20-Poly1305 with a key and a count of what it has sealed: CipherState of the Noise framework (§5.1).</summary>
internal sealed class NoiseCipher : IDisposable
{
    /// <summary>What a sealed message is longer by, in bytes.</summary>
    public const int TagLength = 16;

    /// <summary>The length of a key in bytes.</summary>
    public const int KeyLength = 32;

    private const int NonceLength = 12;

    // The framework keeps the last number for itself: a message under it is never sent.
    private const ulong LastNonce = ulong.MaxValue;

    private readonly ChaCha20Poly1305 _cipher;
    private ulong _nonce;

    public NoiseCipher(ReadOnlySpan<byte> key, ulong nonce = 0) => (_cipher, _nonce) = (new ChaCha20Poly1305(key), nonce);

    /// <summary>Seals a message.</summary>
    /// <param name="plain">The message.</param>
    /// <param name="sealedMessage">Longer by <see cref="TagLength"/>; it may begin where the message does.</param>
    /// <param name="associated">What the other side must know to open it.</param>
    /// <exception cref="CryptographicException">The key has sealed all that it may.</exception>
    public void Seal(ReadOnlySpan<byte> plain, Span<byte> sealedMessage, ReadOnlySpan<byte> associated)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        Next(nonce);
        _cipher.Encrypt(nonce, plain, sealedMessage[..plain.Length], sealedMessage[plain.Length..], associated);
    }

    /// <summary>Opens a message.</summary>
    /// <param name="sealedMessage">The message.</param>
    /// <param name="plain">Shorter by <see cref="TagLength"/>; it may begin where the sealed message does.</param>
    /// <param name="associated">What it was sealed with.</param>
    /// <exception cref="CryptographicException">It was not sealed so, or the key has opened all that it may.</exception>
    public void Open(ReadOnlySpan<byte> sealedMessage, Span<byte> plain, ReadOnlySpan<byte> associated)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        Next(nonce);
        _cipher.Decrypt(nonce, sealedMessage[..plain.Length], sealedMessage[plain.Length..], plain, associated);
    }

    /// <inheritdoc/>
    public void Dispose() => _cipher.Dispose();

    private void Next(Span<byte> nonce)
    {
        if (_nonce == LastNonce)
            throw new CryptographicException("The key of this direction is used up.");
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], _nonce++);
    }
}
