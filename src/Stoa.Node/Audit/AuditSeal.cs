using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Audit;
using Stoa.Primitives;

namespace Stoa.Node.Audit;

/// <summary>Seals what identifies a person in an entry: where a request came from, and names. The key is beside the chain, and goes when the person is erased.</summary>
/// <remarks>
/// What is chained by hash is the sealed text, so the chain holds with the key and without. Each user has a key of its own in each block. AES-256-GCM with a
/// random nonce; the member that a text is of is authenticated with it. Ids are left as they are: they lead to a row, and to nobody once that is erased.
/// </remarks>
internal static class AuditSeal
{
    /// <summary>How a sealed text begins; base64url of nonce, ciphertext and tag follows.</summary>
    public const string Prefix = "sealed:";

    /// <summary>Length of a key in bytes.</summary>
    public const int KeyBytes = 32;

    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    /// <summary>The act as it is written.</summary>
    public static AuditAct Seal(AuditAct act, byte[] key) => act with
    {
        Address = Seal("address", act.Address, key),
        Subject = act.Subject is { } subject && IsOfIds(subject) ? subject : Seal("subject", act.Subject, key),
    };

    /// <summary>The act as it was. Without the key what is sealed is left out: the person behind it was erased.</summary>
    public static AuditAct Open(AuditAct act, byte[]? key) => act with
    {
        Address = Open("address", act.Address, key),
        Subject = Open("subject", act.Subject, key),
    };

    /// <summary>Whether a subject consists of ids, which are nobody's name.</summary>
    internal static bool IsOfIds(string subject) => subject.Split('/').All(part => TypeId.TryParse(part, out _));

    private static string? Seal(string member, string? text, byte[] key)
    {
        if (text is null)
            return null;
        var plain = Encoding.UTF8.GetBytes(text);
        var box = new byte[NonceBytes + plain.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(
            box.AsSpan(0, NonceBytes), plain, box.AsSpan(NonceBytes, plain.Length), box.AsSpan(NonceBytes + plain.Length), Encoding.UTF8.GetBytes(member));
        return Prefix + Base64Url.EncodeToString(box);
    }

    private static string? Open(string member, string? text, byte[]? key)
    {
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return text;
        if (key is null)
            return null;
        try
        {
            var box = Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length));
            if (box.Length < NonceBytes + TagBytes)
                return null;
            var plain = new byte[box.Length - NonceBytes - TagBytes];
            using var aes = new AesGcm(key, TagBytes);
            aes.Decrypt(box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes, plain.Length), box.AsSpan(NonceBytes + plain.Length), plain, Encoding.UTF8.GetBytes(member));
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception changed) when (changed is FormatException or CryptographicException)
        {
            // Somebody has changed the log: its check tells where. Who lists it sees what there is.
            return text;
        }
    }
}
