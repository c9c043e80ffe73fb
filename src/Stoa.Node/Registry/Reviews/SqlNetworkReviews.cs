using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;

namespace Stoa.Node.Registry.Reviews;

/// <summary>A review of an agent of the network.</summary>
/// <param name="Statement">What was signed.</param>
/// <param name="Handle">Of the reviewer's profile: a claim, unless <paramref name="OwnHandle"/> is there.</param>
/// <param name="OwnHandle">Of the user of this cell whose key it is.</param>
/// <param name="NodeStanding">What is known here of the node that gives its word for the receipt.</param>
internal sealed record NetworkReview(Statement Statement, string? Handle, string? OwnHandle, SignerStanding NodeStanding)
{
    /// <summary>What it says.</summary>
    public ReviewStatement Review => (ReviewStatement)Statement.Content;
}

/// <summary>Reads what the network says of agents.</summary>
/// <param name="database">The cell's.</param>
internal sealed class SqlNetworkReviews(Database database)
{
    /// <summary>The reviews of an agent, by the keys of their reviewers; null when nothing is listed under the name.</summary>
    /// <param name="publisher">A key or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="page">The cursor is the last reviewer of the page before.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Page<NetworkReview>?> ListAsync(string publisher, string name, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            if (await SqlListings.FindPublisherAsync(session, publisher) is not { } signer
                || await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM statements WHERE signer = @signer AND agent = @name AND kind = 'listing' LIMIT 1", new { signer, name }) is null)
            {
                return null;
            }

            var rows = await session.QueryAsync<ReviewRow>(
                """
                SELECT s.payload, s.signature, p.handle, k.handle AS own_handle, g.standing FROM network_reviews r JOIN statements s ON s.id = r.statement_id
                LEFT JOIN publisher_profiles p ON p.signer = r.reviewer LEFT JOIN publisher_keys k ON k.peer_id = r.reviewer LEFT JOIN statement_signers g ON g.signer = r.node
                WHERE r.signer = @signer AND r.agent = @name AND r.reviewer > @after ORDER BY r.reviewer LIMIT @limit
                """,
                new { signer, name, after = page.Cursor ?? "", limit = page.Limit + 1 });
            List<NetworkReview> items = [.. rows.Take(page.Limit).Select(row => row.ToReview())];
            return new Page<NetworkReview>(items, rows.Count > page.Limit ? items[^1].Statement.SignerId.ToString() : null);
        },
        cancellationToken);

    private sealed record ReviewRow(byte[] Payload, byte[] Signature, string? Handle, string? OwnHandle, SignerStanding? Standing)
    {
        public NetworkReview ToReview() => new(Statement.FromKept(Payload, Signature), Handle, OwnHandle, Standing ?? SignerStanding.Stranger);
    }
}
