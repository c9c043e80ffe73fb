using Stoa.Market.Registry.Statements;
using Stoa.Market.Reviews;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Reviews;

/// <summary>Tells the network what consumers of this cell say of agents, with this node's word that there is a receipt, in the transaction in which they say it.</summary>
/// <param name="statements">Signs by the keys that the cell keeps for its users.</param>
/// <param name="node">This node's key.</param>
public sealed class ReviewStatements(PublisherStatements statements, PrivateKey node)
{
    /// <summary>Says what a review says. Of an agent that is not listed in the network nothing is said.</summary>
    public async Task SayAsync(SqlSession session, Review review)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(review);
        if (await FindAgentAsync(session, review) is not { } agent || await FindReceiptAsync(session, review.TaskId) is not { } receipt)
            return;
        await statements.ReviewAsync(
            session, review.ReviewerId, review.Reviewer, node.PublicKey.PeerId,
            reviewer => new ReviewStatement(agent, new ReviewVerdict(review.Stars, review.Text, ReceiptProof.Sign(node, reviewer, agent, receipt))));
    }

    /// <summary>Takes back what was said of an agent, if anything was.</summary>
    public async Task TakeBackAsync(SqlSession session, Review review)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(review);
        if (await FindAgentAsync(session, review) is { } agent)
            await statements.TakeReviewBackAsync(session, review.ReviewerId, agent with { Version = null });
    }

    private static async Task<KeyedListing?> FindAgentAsync(SqlSession session, Review review)
    {
        PeerId? publisher = review.Version.IsKeyed
            ? PeerId.Parse(review.Version.Publisher)
            : await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE user_id = @PublisherId", new { review.PublisherId });
        return publisher is { } key ? new KeyedListing(key, review.Version.Name, review.Version.Version) : null;
    }

    private static async Task<ContentHash?> FindReceiptAsync(SqlSession session, Id<AgentTask> task) =>
        await session.QueryFirstOrDefaultAsync<byte[]>("SELECT envelope FROM receipts WHERE task_id = @task", new { task }) is { } envelope
            ? ContentHash.Of(DsseEnvelope.FromJson(envelope).Payload)
            : null;
}
