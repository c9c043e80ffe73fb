using System.Security.Cryptography;
using System.Text;

namespace Stoa.Primitives.Sealing;

/// <summary>What consumer and node share of one sealed input: it seals and opens that input and the replies to it.</summary>
/// <remarks>
/// The format, byte by byte, is in docs/sealing.md. It is bound to the account whose task the input is, so that nobody else can have the node run
/// another program on it. A reply has a key of its own, out of what the exchange exports and a salt; equal salts must mean equal replies.
/// </remarks>
public sealed class SealedExchange
{
    /// <summary>Length of the secret, in bytes.</summary>
    public const int SecretBytes = Hpke.SecretBytes;

    /// <summary>Length of the salt of a reply, in bytes.</summary>
    public const int SaltBytes = 32;

    private const int ReplyHeaderBytes = SealedHeader.MagicBytes + SaltBytes;

    private readonly byte[] _secret;
    private readonly byte[] _key;
    private readonly byte[] _baseNonce;
    private readonly byte[] _replySecret;

    private SealedExchange(byte[] secret, string account)
    {
        _secret = secret;
        (_key, _baseNonce, var exporter) = Hpke.Schedule(secret, [.. "stoa sealed input v1 "u8, .. Encoding.UTF8.GetBytes(account)]);
        _replySecret = Hpke.Export(exporter, "stoa sealed reply v1"u8);
        CryptographicOperations.ZeroMemory(exporter);
    }

    private static ReadOnlySpan<byte> ReplyMagic => "STOA-SO\x01"u8;

    /// <summary>Begins an exchange: for one input, which may be submitted several times.</summary>
    /// <param name="to">The node's key.</param>
    /// <param name="account">Id of the account whose tasks will have the input.</param>
    /// <param name="header">What the input begins with.</param>
    public static SealedExchange Begin(SealingPublicKey to, string account, out SealedHeader header)
    {
        ArgumentNullException.ThrowIfNull(to);
        var (secret, encapsulated) = Hpke.Encapsulate(to.Point);
        header = new SealedHeader(to.Id, encapsulated);
        return new SealedExchange(secret, account);
    }

    /// <summary>Takes up an exchange by its secret.</summary>
    /// <param name="secret">Of <see cref="ToSecret"/>.</param>
    /// <param name="account">The same as when it began.</param>
    /// <exception cref="FormatException">The secret has another length.</exception>
    public static SealedExchange FromSecret(ReadOnlySpan<byte> secret, string account) => secret.Length == SecretBytes
        ? new SealedExchange(secret.ToArray(), account)
        : throw new FormatException($"A secret of {SecretBytes} bytes is expected.");

    /// <summary>What opens the input and every reply to it. Whoever has lost it can read neither.</summary>
    public byte[] ToSecret() => [.. _secret];

    /// <summary>Seals the input, once: two inputs under one key would give each other away.</summary>
    public SealingStream SealInput(Stream @sealed, SealedHeader header)
    {
        ArgumentNullException.ThrowIfNull(@sealed);
        ArgumentNullException.ThrowIfNull(header);
        return new SealingStream(@sealed, header.ToBytes(), new ChunkCipher(_key, _baseNonce));
    }

    /// <summary>Reads a sealed input behind its header.</summary>
    /// <param name="behindHeader">The rest of it.</param>
    /// <param name="leaveOpen">Whether the stream is left open when what is answered is disposed of.</param>
    public OpeningStream OpenInput(Stream behindHeader, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(behindHeader);
        return new OpeningStream(behindHeader, new ChunkCipher(_key, _baseNonce), leaveOpen);
    }

    /// <summary>The salt of a reply that depends on these facts alone: the same facts give the same salt, others another, and nobody without the secret can tell which.</summary>
    /// <param name="facts">All that the reply depends on, in a form of which no two mean the same.</param>
    public byte[] SaltOf(ReadOnlySpan<byte> facts) => HMACSHA256.HashData(_replySecret, facts);

    /// <summary>Seals a reply.</summary>
    /// <param name="sealed">Takes it; it is not closed.</param>
    /// <param name="salt">Of <see cref="SaltOf"/>, by all that the reply depends on.</param>
    public SealingStream SealReply(Stream @sealed, byte[] salt)
    {
        ArgumentNullException.ThrowIfNull(@sealed);
        ArgumentNullException.ThrowIfNull(salt);
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, SaltBytes);
        return new SealingStream(@sealed, [.. ReplyMagic, .. salt], CipherOf(salt));
    }

    /// <summary>Reads a sealed reply. Disposing of it disposes of the stream.</summary>
    /// <exception cref="SealBrokenException">It does not begin as one.</exception>
    public async Task<OpeningStream> OpenReplyAsync(Stream reply, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reply);
        var header = new byte[ReplyHeaderBytes];
        var length = await reply.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken);
        if (length < header.Length || !header.AsSpan().StartsWith(ReplyMagic))
            throw new SealBrokenException("It does not begin as a sealed output does.");
        return new OpeningStream(reply, CipherOf(header[ReplyMagic.Length..]));
    }

    /// <summary>The size of a reply, in bytes.</summary>
    public static long SizeOfReply(long plainBytes) => ReplyHeaderBytes + SizeOfChunks(plainBytes);

    /// <summary>The size of a sealed input, in bytes.</summary>
    public static long SizeOfInput(long plainBytes) => SealedHeader.SizeBytes + SizeOfChunks(plainBytes);

    private static long SizeOfChunks(long plainBytes) =>
        plainBytes + (ChunkCipher.TagBytes * Math.Max(1, (plainBytes + ChunkCipher.PlainBytes - 1) / ChunkCipher.PlainBytes));

    private ChunkCipher CipherOf(byte[] salt)
    {
        Span<byte> material = stackalloc byte[Hpke.SecretBytes + Hpke.NonceBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _replySecret, material, salt, "stoa sealed reply v1"u8);
        return new ChunkCipher(material[..Hpke.SecretBytes].ToArray(), material[Hpke.SecretBytes..].ToArray());
    }
}
