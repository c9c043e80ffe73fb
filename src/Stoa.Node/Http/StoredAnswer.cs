using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>What was answered to an idempotent request.</summary>
public sealed record StoredAnswer(int Status, string? ContentType, string? Location, byte[] Body);

[JsonSerializable(typeof(StoredAnswer))]
internal sealed partial class StoredAnswerJson : JsonSerializerContext;

/// <summary>An idempotency key within its scope: finds the stored request, and alone can open its answer.</summary>
/// <param name="Scope">Caller and resource: the same key means something else elsewhere.</param>
/// <param name="Key">As the client sent it; never stored.</param>
public sealed record IdempotencyTicket(string Scope, string Key)
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly byte[] _secret = Encoding.UTF8.GetBytes($"{Scope}\n{Key}");

    /// <summary>Under which the request is stored.</summary>
    public ContentHash Hash => ContentHash.FromBytes(Derive("lookup"));

    /// <summary>Recognises the content of the request again. It is keyed, because a plain hash would help to guess a password in the content.</summary>
    public ContentHash Fingerprint(ContentHash content)
    {
        var digest = new byte[ContentHash.Size];
        content.CopyTo(digest);
        return ContentHash.FromBytes(HMACSHA256.HashData(Derive("content"), digest));
    }

    /// <summary>AES-256-GCM: nonce, tag and ciphertext.</summary>
    public byte[] Seal(StoredAnswer answer)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(answer, StoredAnswerJson.Default.StoredAnswer);
        var sealedBytes = new byte[NonceBytes + TagBytes + plain.Length];
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceBytes));
        using var aes = new AesGcm(Derive("answer"), TagBytes);
        aes.Encrypt(
            sealedBytes.AsSpan(0, NonceBytes),
            plain,
            sealedBytes.AsSpan(NonceBytes + TagBytes),
            sealedBytes.AsSpan(NonceBytes, TagBytes));
        return sealedBytes;
    }

    /// <summary>What <see cref="Seal"/> has sealed.</summary>
    /// <exception cref="CryptographicException">The bytes were changed.</exception>
    public StoredAnswer Open(byte[] sealedBytes)
    {
        var plain = new byte[sealedBytes.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(Derive("answer"), TagBytes);
        aes.Decrypt(
            sealedBytes.AsSpan(0, NonceBytes),
            sealedBytes.AsSpan(NonceBytes + TagBytes),
            sealedBytes.AsSpan(NonceBytes, TagBytes),
            plain);
        return JsonSerializer.Deserialize(plain, StoredAnswerJson.Default.StoredAnswer)!;
    }

    private byte[] Derive(string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret, 32, info: Encoding.ASCII.GetBytes("stoa idempotency " + purpose));
}
