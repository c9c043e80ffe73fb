using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stoa.Primitives.Sealing;

/// <summary>Seals or opens one chunk after the other: AES-256-GCM, the nonce counted up as in RFC 9180 §5.2, the last chunk marked.</summary>
internal sealed class ChunkCipher : IDisposable
{
    /// <summary>Plaintext of a chunk, in bytes; the last one has from none to as many.</summary>
    public const int PlainBytes = 64 << 10;

    /// <summary>What sealing adds to a chunk, in bytes.</summary>
    public const int TagBytes = 16;

    private static readonly byte[] s_notLast = [0];
    private static readonly byte[] s_last = [1];

    private readonly AesGcm _aes;
    private readonly byte[] _baseNonce;
    private ulong _sequence;
    private bool _isOver;

    /// <param name="key">32 bytes, used for one row of chunks.</param>
    /// <param name="baseNonce">12 bytes.</param>
    public ChunkCipher(byte[] key, byte[] baseNonce) => (_aes, _baseNonce) = (new AesGcm(key, TagBytes), baseNonce);

    /// <summary>Seals the next chunk.</summary>
    /// <param name="plain">At most <see cref="PlainBytes"/>.</param>
    /// <param name="box">As much, and <see cref="TagBytes"/>.</param>
    /// <param name="isLast">No other follows.</param>
    public void Seal(ReadOnlySpan<byte> plain, Span<byte> box, bool isLast)
    {
        Span<byte> nonce = stackalloc byte[Hpke.NonceBytes];
        Next(nonce, isLast);
        _aes.Encrypt(nonce, plain, box[..plain.Length], box[plain.Length..], isLast ? s_last : s_notLast);
    }

    /// <summary>Opens the next chunk.</summary>
    /// <exception cref="SealBrokenException">It does not verify.</exception>
    public void Open(ReadOnlySpan<byte> box, Span<byte> plain, bool isLast)
    {
        if (box.Length < TagBytes)
            throw new SealBrokenException("What is sealed is cut off.");
        var number = _sequence + 1;
        Span<byte> nonce = stackalloc byte[Hpke.NonceBytes];
        Next(nonce, isLast);
        try
        {
            _aes.Decrypt(nonce, box[..^TagBytes], box[^TagBytes..], plain, isLast ? s_last : s_notLast);
        }
        catch (AuthenticationTagMismatchException mismatch)
        {
            throw new SealBrokenException($"Chunk {number} of what is sealed does not verify: it was changed, cut off, or sealed with another secret.", mismatch);
        }
    }

    public void Dispose() => _aes.Dispose();

    private void Next(Span<byte> nonce, bool isLast)
    {
        // A second chunk under one nonce would give both away.
        ObjectDisposedException.ThrowIf(_isOver, this);
        _baseNonce.CopyTo(nonce);
        Span<byte> count = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(count, _sequence++);
        for (var index = 0; index < count.Length; index++)
            nonce[^(count.Length - index)] ^= count[index];
        _isOver = isLast;
    }
}
