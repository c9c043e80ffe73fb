using System.Security.Cryptography;
using Stoa.Node.Storage;

namespace Stoa.Node.Identity;

/// <summary>The key that signs sessions.</summary>
/// <remarks>It is kept in the database and not in a file, because every node of a cell must accept the sessions that another one opened.</remarks>
public sealed record SessionKey(byte[] Bytes)
{
    private const string Name = "session-key";
    private const int SizeBytes = 32;

    /// <summary>The cell's key, made by the first node that asks.</summary>
    public static Task<SessionKey> OpenAsync(Database database, TimeProvider time, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync(
                    "INSERT INTO cell_secrets (name, value, created_at) VALUES (@name, @value, @createdAt) ON CONFLICT (name) DO NOTHING",
                    new { name = Name, value = RandomNumberGenerator.GetBytes(SizeBytes), createdAt = time.GetUtcNow() });
                return new SessionKey(await session.QuerySingleAsync<byte[]>(
                    "SELECT value FROM cell_secrets WHERE name = @name", new { name = Name }));
            },
            cancellationToken);
}
