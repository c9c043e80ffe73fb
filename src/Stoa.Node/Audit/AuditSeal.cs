using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Audit;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Audit;

/// <summary>Seals what identifies a person in an entry: where a request came from, and names. The key is beside the chain, and goes when the person is erased.</summary>
/// <remarks>
/// What is chained by hash is the sealed text, so the chain holds with the key and without. Each user has a key of its own in each block; the member
/// that a text is of is what it is sealed for. Ids are left as they are: they lead to a row, and to nobody once that is erased.
/// </remarks>
internal static class AuditSeal
{
    /// <summary>How a sealed text begins; base64url of nonce, ciphertext and tag follows.</summary>
    public const string Prefix = "sealed:";

    /// <summary>Length of a key in bytes.</summary>
    public const int KeyBytes = SecretBox.KeyBytes;

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

    private static string? Seal(string member, string? text, byte[] key) =>
        text is null ? null : Prefix + Base64Url.EncodeToString(new SecretBox(key).Seal(member, Encoding.UTF8.GetBytes(text)));

    private static string? Open(string member, string? text, byte[]? key)
    {
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return text;
        if (key is null)
            return null;
        try
        {
            return Encoding.UTF8.GetString(new SecretBox(key).Open(member, Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length))));
        }
        catch (Exception changed) when (changed is FormatException or CryptographicException)
        {
            // Somebody has changed the log: its check tells where. Who lists it sees what there is.
            return text;
        }
    }
}
