using System.Security.Cryptography;
using System.Text;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;

namespace Stoa.Node.Identity;

/// <summary>Seals what the database keeps but must not show: private halves of signing keys, keys of sessions, secrets of authenticators.</summary>
/// <remarks>
/// Sealed as <see cref="SecretBox"/> does it. Every node of a cell has the same key. Where the operator gives none, the cell makes one and keeps it in its database: that protects single tables and
/// log shipping, but nobody who has the whole database.
/// </remarks>
public sealed class CellKey
{
    /// <summary>Length of the key in bytes.</summary>
    public const int SizeBytes = SecretBox.KeyBytes;

    private const string MadeName = "cell-key";
    private const string CheckName = "cell-key-check";

    private readonly byte[] _key;
    private readonly SecretBox _box;

    /// <param name="key">32 random bytes.</param>
    /// <param name="isOperators">It was given by the operator; otherwise the cell made it, and its database has it.</param>
    public CellKey(byte[] key, bool isOperators = false)
    {
        _box = new SecretBox(key);
        _key = key;
        IsOperators = isOperators;
    }

    /// <summary>The operator gave it, and it is not in the database.</summary>
    public bool IsOperators { get; }

    /// <summary>A secret of 32 bytes for another purpose: the same key and purpose always give the same one, and neither tells of the other.</summary>
    /// <param name="purpose">What it is for.</param>
    public byte[] DeriveSecret(string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, SizeBytes, salt: null, Encoding.UTF8.GetBytes(purpose));

    /// <summary>Reads a key of the options, or says that the text is none.</summary>
    public static bool TryParse(string text, out byte[] bytes)
    {
        bytes = new byte[SizeBytes];
        return Convert.TryFromBase64String(text, bytes, out var length) && length == SizeBytes;
    }

    /// <summary>The cell's key: the operator's, or else the one that the first node made.</summary>
    /// <param name="database">The cell's.</param>
    /// <param name="given">Base64 of the operator's key; null or empty for none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="BadOptionsException">What is in the database was sealed with another key.</exception>
    public static async Task<CellKey> OpenAsync(Database database, string? given, TimeProvider time, CancellationToken cancellationToken)
    {
        var isGiven = TryParse(given ?? "", out var bytes);
        var opened = await database.WriteAsync(
            async session =>
            {
                // Whoever is first decides, also whether the database has the key.
                var cell = isGiven ? new CellKey(bytes, isOperators: true) : new CellKey(await KeepAsync(session, MadeName, RandomNumberGenerator.GetBytes(SizeBytes), time));
                var check = await KeepAsync(session, CheckName, cell.Seal(CheckName, []), time);
                if (cell.CanOpen(CheckName, check))
                    return cell;
                session.Abandon();
                return null;
            },
            cancellationToken);
        return opened ?? throw new BadOptionsException(
        [
            isGiven
                ? "Identity:CellKey is not the key that this cell's secrets were sealed with. Give that one; a cell that started without keeps the key that it made."
                : "This cell's secrets were sealed with a key of its operator: give it as Identity:CellKey.",
        ]);
    }

    /// <inheritdoc cref="SecretBox.Seal"/>
    public byte[] Seal(string purpose, ReadOnlySpan<byte> plain) => _box.Seal(purpose, plain);

    /// <inheritdoc cref="SecretBox.Open"/>
    public byte[] Open(string purpose, ReadOnlySpan<byte> box) => _box.Open(purpose, box);

    /// <summary>A fingerprint of a text that nobody without the key can make, so that guesses cannot be tried on it: HMAC-SHA256, in hexadecimal.</summary>
    /// <param name="purpose">What it is for: the same text has another one for another purpose.</param>
    /// <param name="text">The text.</param>
    public string Fingerprint(string purpose, string text)
    {
        var key = HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes("fingerprint " + purpose));
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
    }

    private bool CanOpen(string purpose, byte[] box)
    {
        try
        {
            Open(purpose, box);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Keeps a value under a name unless there is one; answers the one that is kept.</summary>
    private static async Task<byte[]> KeepAsync(SqlSession session, string name, byte[] value, TimeProvider time)
    {
        await session.ExecuteAsync(
            "INSERT INTO cell_secrets (name, value, created_at) VALUES (@name, @value, @createdAt) ON CONFLICT (name) DO NOTHING",
            new { name, value, createdAt = time.GetUtcNow() });
        return await session.QuerySingleAsync<byte[]>("SELECT value FROM cell_secrets WHERE name = @name", new { name });
    }
}
