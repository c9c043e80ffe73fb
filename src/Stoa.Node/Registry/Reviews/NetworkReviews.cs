using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Reviews;

/// <summary>Keeps what the network says of agents in step with the statements, in the transaction that adds them, and counts it.</summary>
/// <remarks>
/// Keys of reviewers and of nodes are free, so a review counts only when the node that gives its word for the receipt is one that an administrator here believes. All others are kept and shown.
/// What consumers of this cell say is counted where they say it.
/// </remarks>
internal static class NetworkReviews
{
    /// <summary>Takes reviews up, or away.</summary>
    public static async Task FollowAsync(SqlSession session, IReadOnlyList<Statement> added)
    {
        var reviews = added.Where(statement => statement.Content is ReviewStatement review && review.Of.Publisher != statement.SignerId)
            .Select(statement => (Statement: statement, Review: (ReviewStatement)statement.Content)).ToList();
        if (reviews.Count == 0)
            return;
        await session.SendEachAsync(
            "DELETE FROM network_reviews WHERE signer = @Publisher AND agent = @Name AND reviewer = @reviewer",
            reviews.Select(one => (object)new { one.Review.Of.Publisher, one.Review.Of.Name, reviewer = one.Statement.SignerId }));
        await session.SendEachAsync(
            "INSERT INTO network_reviews (signer, agent, reviewer, stars, node, statement_id) VALUES (@Publisher, @Name, @reviewer, @Stars, @node, @id)",
            reviews.Where(one => one.Review.Verdict is not null).Select(one => (object)new
            {
                one.Review.Of.Publisher,
                one.Review.Of.Name,
                reviewer = one.Statement.SignerId,
                one.Review.Verdict!.Stars,
                node = one.Review.Verdict.Proof.Node.PeerId,
                id = one.Statement.Id,
            }));
        await SqlListingChanges.AddAsync(session, [.. reviews.Select(one => one.Review.Of.Key).Distinct()]);
    }

    /// <summary>Has agents counted anew about which somebody has a word of a node. The writing of statements is locked.</summary>
    public static async Task CountAnewAsync(SqlSession session, PeerId node) => await SqlListingChanges.AddAsync(
        session,
        [.. (await session.QueryAsync<(PeerId Signer, string Agent)>("SELECT DISTINCT signer, agent FROM network_reviews WHERE node = @node", new { node })).Select(row => new ListingKey(row.Signer, row.Agent))]);

    /// <summary>The reviews of agents that count here, beside those of this cell.</summary>
    public static async Task<IReadOnlyDictionary<ListingKey, (long Reviews, long Stars)>> CountAsync(SqlSession session, IReadOnlyCollection<ListingKey> agents) =>
        agents.Count == 0 ? new Dictionary<ListingKey, (long, long)>() : (await session.QueryAsync<CountRow>(
            """
            SELECT r.signer, r.agent, COUNT(*) AS reviews, CAST(SUM(r.stars) AS BIGINT) AS stars
            FROM network_reviews r JOIN statement_signers g ON g.signer = r.node AND g.standing = @believed
            WHERE r.signer IN @signers AND r.agent IN @names GROUP BY r.signer, r.agent
            """,
            new { believed = SignerStanding.Believed, signers = agents.Select(agent => agent.Publisher).Distinct(), names = agents.Select(agent => agent.Name).Distinct() }))
            .ToDictionary(row => new ListingKey(row.Signer, row.Agent), row => (row.Reviews, row.Stars));

    private sealed record CountRow(PeerId Signer, string Agent, long Reviews, long Stars);
}
