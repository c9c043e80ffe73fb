using System.Security.Cryptography;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Keys that the cell keeps for publishers who have none of their own, sealed by the <see cref="CellKey"/>: every node of the cell can sign for them.</summary>
internal static class PublisherKeys
{
    /// <summary>The key of a publisher; null when the cell keeps none. The caller disposes of it.</summary>
    public static async Task<PrivateKey?> FindAsync(SqlSession session, CellKey cell, Id<User> publisher)
    {
        if (await session.QueryFirstOrDefaultAsync<byte[]>("SELECT sealed_key FROM publisher_keys WHERE user_id = @publisher", new { publisher }) is not { } box)
            return null;
        var pkcs8 = cell.Open(Purpose(publisher), box);
        try
        {
            return PrivateKey.FromPkcs8(pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <summary>Makes a key for a publisher. Of nodes that do so in the same moment one makes it.</summary>
    /// <returns>Whether it was this one.</returns>
    public static async Task<bool> MakeAsync(SqlSession session, CellKey cell, Id<User> publisher, string handle, DateTimeOffset now)
    {
        using var key = PrivateKey.Generate();
        var pkcs8 = key.ToPkcs8();
        try
        {
            return await session.ExecuteAsync(
                "INSERT INTO publisher_keys (user_id, handle, peer_id, sealed_key, created_at) VALUES (@publisher, @handle, @peer, @box, @now) ON CONFLICT DO NOTHING",
                new { publisher, handle, peer = key.PublicKey.PeerId, box = cell.Seal(Purpose(publisher), pkcs8), now }) > 0;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <summary>The handle by which a publisher publishes here; null of one who does so elsewhere.</summary>
    /// <remarks>
    /// Published here is what was signed with a key of this table: the cell makes one for each user who publishes, with the user's handle, and there is no key without a handle. A user whose key was
    /// forgotten is a publisher of the network like any other, of whom the listings are left and nobody speaks.
    /// </remarks>
    public static Task<string?> FindHandleAsync(SqlSession session, PeerId signer) =>
        session.QueryFirstOrDefaultAsync<string>("SELECT handle FROM publisher_keys WHERE peer_id = @signer", new { signer });

    /// <summary>Which of some publishers publish here.</summary>
    public static async Task<IReadOnlySet<PeerId>> ListOwnAsync(SqlSession session, IReadOnlyCollection<PeerId> signers) => signers.Count == 0
        ? new HashSet<PeerId>()
        : (await session.QueryAsync<PeerId>("SELECT peer_id FROM publisher_keys WHERE peer_id IN @signers", new { signers })).ToHashSet();

    /// <summary>Whose key it is; null of one that is not kept here.</summary>
    public static Task<Id<User>?> FindUserAsync(SqlSession session, PeerId signer) =>
        session.QueryFirstOrDefaultAsync<Id<User>?>("SELECT user_id FROM publisher_keys WHERE peer_id = @signer", new { signer });

    /// <summary>Forgets the key of a publisher: from now on nobody speaks for it.</summary>
    public static Task ForgetAsync(SqlSession session, Id<User> publisher) =>
        session.ExecuteAsync("DELETE FROM publisher_keys WHERE user_id = @publisher", new { publisher });

    private static string Purpose(Id<User> publisher) => "publisher-key " + publisher;
}
