using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>The documents of workflows inside a session, by whose they are and their digests: each is there once, however many runs it has.</summary>
internal static class SqlWorkflowDocuments
{
    /// <summary>Keeps a document, or notes that it is used.</summary>
    public static Task UseAsync(SqlSession session, Id<User> owner, ContentHash digest, string document, DateTimeOffset now) => session.SendAsync(
        """
        INSERT INTO workflow_documents (owner_id, digest, document, used_at) VALUES (@owner, @digest, @document, @now)
        ON CONFLICT (owner_id, digest) DO UPDATE SET used_at = excluded.used_at
        """,
        new { owner, digest, document, now });
}
