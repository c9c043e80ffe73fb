using System.Text.Json;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>How agents bid, in the database.</summary>
public sealed class SqlBiddingStore(Database database) : IBiddingStore
{
    // A publisher whose program fails in every auction is told once in a while, not in every auction.
    private static readonly TimeSpan s_quiet = TimeSpan.FromHours(1);

    public Task<BiddingOutlook> LookAsync(Id<User> consumer, IReadOnlyCollection<string> agents, CancellationToken cancellationToken) => database.ReadAsync(
        async session => new BiddingOutlook(
            (int)await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM auctions WHERE owner_id = @consumer AND state = 'Open'", new { consumer }),
            (await session.QueryAsync<(string Agent, string Policy)>("SELECT agent, policy FROM agent_bidding WHERE agent IN @agents", new { agents }))
                .ToDictionary(row => row.Agent, row => Read(row.Policy), StringComparer.Ordinal)),
        cancellationToken);

    /// <summary>How an agent bids; null when its publisher has said nothing.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<AgentBidding?> FindAsync(string agent, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<BiddingRow>(
            "SELECT policy, updated_at, faults, told_at, last_fault FROM agent_bidding WHERE agent = @agent", new { agent }) is { } row
            ? new AgentBidding(Read(row.Policy), row.UpdatedAt, row.Faults, row.ToldAt, row.LastFault)
            : null,
        cancellationToken);

    /// <summary>Sets how an agent bids from now on; the faults of what bid before are forgotten.</summary>
    public Task SetAsync(string agent, BiddingPolicy policy, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            """
            INSERT INTO agent_bidding (agent, policy, updated_at, faults) VALUES (@agent, @text, @now, 0)
            ON CONFLICT (agent) DO UPDATE SET policy = excluded.policy, updated_at = excluded.updated_at, faults = 0, told_at = NULL, last_fault = NULL
            """,
            new { agent, text = JsonSerializer.Serialize(policy, AuctionJson.Default.BiddingPolicy), now }),
        cancellationToken);

    /// <summary>Lets an agent bid as the operator says again.</summary>
    public Task ResetAsync(string agent, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM agent_bidding WHERE agent = @agent", new { agent }), cancellationToken);

    /// <summary>Counts a bid that an agent's program did not make, and tells its publisher unless it was told within the hour.</summary>
    public Task CountFaultAsync(
        string agent, Id<Auction> auction, string reason, Id<User> publisher, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var before = await session.QueryFirstOrDefaultAsync<(long Faults, DateTimeOffset? ToldAt)?>(
                "SELECT faults, told_at FROM agent_bidding WHERE agent = @agent {for update}", new { agent });
            if (before is not { } known)
                return;
            var isTold = !(now - known.ToldAt < s_quiet);
            await session.SendAsync(
                """
                UPDATE agent_bidding SET faults = faults + 1, last_fault = @reason, told_at = CASE WHEN @isTold THEN @now ELSE told_at END
                WHERE agent = @agent
                """,
                new { agent, reason, isTold, now });
            if (isTold)
                await SqlEvents.AppendAsync(session, [AuctionEvents.Faulted(agent, auction, reason, known.Faults + 1, publisher, now)]);
        },
        cancellationToken);

    private static BiddingPolicy Read(string policy) => JsonSerializer.Deserialize(policy, AuctionJson.Default.BiddingPolicy)!;

    private sealed record BiddingRow(string Policy, DateTimeOffset UpdatedAt, long Faults, DateTimeOffset? ToldAt, string? LastFault);
}

/// <summary>How an agent bids.</summary>
/// <param name="Policy">What makes its bids.</param>
/// <param name="UpdatedAt">When its publisher said so.</param>
/// <param name="Faults">Bids that its program did not make for faults of its own, since then.</param>
/// <param name="ToldAt">When the publisher was last told of one.</param>
/// <param name="LastFault">The newest one.</param>
public sealed record AgentBidding(BiddingPolicy Policy, DateTimeOffset UpdatedAt, long Faults, DateTimeOffset? ToldAt, string? LastFault);
