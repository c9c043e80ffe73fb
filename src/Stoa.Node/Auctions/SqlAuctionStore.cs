using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Auctions and the bids that come from outside, in the database.</summary>
public sealed class SqlAuctionStore(Database database)
{
    private const string Columns = "id, task_id, owner_id, state, announcement, invitations, on_no_bids, closes_at, decided_at, award, holder";

    /// <summary>An auction; null when there is none.</summary>
    public Task<KeptAuction?> FindAsync(Id<Auction> id, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindAsync(session, "id = @key", id.ToString()), cancellationToken);

    /// <summary>The auction of a task; null when there is none.</summary>
    public Task<KeptAuction?> FindAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindAsync(session, "task_id = @key", task.ToString()), cancellationToken);

    /// <summary>Open auctions that no other node decides: those of a node, and those whose nodes are gone.</summary>
    /// <param name="self">The node.</param>
    /// <param name="limit">The most that are listed, those first that end first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<Auction>>> ListLeftAsync(LeaseHolder self, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Auction>>(
            """
            SELECT id FROM auctions AS a
            WHERE state = 'Open' AND (a.holder = @self OR NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.holder = a.holder))
            ORDER BY closes_at, id LIMIT @limit
            """,
            new { self = self.ToString(), limit }),
        cancellationToken);

    /// <summary>Takes a bid that was checked, while the auction is open. The same bid again is taken as the first one.</summary>
    /// <returns>The bid as it is kept, or <see cref="AuctionRefusal.AuctionClosed"/> or <see cref="AuctionRefusal.BidMade"/>.</returns>
    public Task<Outcome<SealedBid, AuctionRefusal>> AddBidAsync(Id<Auction> id, SealedBid bid, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<SealedBid, AuctionRefusal>>(
            async session =>
            {
                // Who decides it holds this row: a bid is in before that, or too late.
                var row = await session.QuerySingleAsync<(AuctionState State, DateTimeOffset ClosesAt)>(
                    "SELECT state, closes_at FROM auctions WHERE id = @id {for update}", new { id });
                var before = (await BidsAsync(session, id)).FirstOrDefault(kept => kept.Agent == bid.Agent);
                if (before is not null && before.Commitment == bid.Commitment)
                    return before;
                if (row.State is not AuctionState.Open || bid.ReceivedAt > row.ClosesAt)
                {
                    return new Refusal<AuctionRefusal>(
                        AuctionRefusal.AuctionClosed, $"Bids for {id} were taken until {row.ClosesAt:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}. Wait for the next auction.");
                }

                if (before is not null)
                    return new Refusal<AuctionRefusal>(AuctionRefusal.BidMade, $"{bid.Agent} has made another bid in {id}; a bid is not changed.");
                await session.SendAsync(
                    "INSERT INTO auction_bids (auction_id, agent, received_at, envelope) VALUES (@id, @Agent, @ReceivedAt, @envelope)",
                    new { id, bid.Agent, bid.ReceivedAt, envelope = bid.Envelope.ToJson() });
                return bid;
            },
            cancellationToken);

    /// <summary>The bids that came from outside, while the auction is open: for their commitments only.</summary>
    public Task<IReadOnlyList<SealedBid>> ListBidsAsync(Id<Auction> id, CancellationToken cancellationToken) =>
        database.ReadAsync(session => BidsAsync(session, id), cancellationToken);

    /// <summary>Decides an auction, whose window has closed, and writes all that belongs to it in one transaction.</summary>
    /// <param name="id">The auction.</param>
    /// <param name="own">The bids of the policies that the node keeps.</param>
    /// <param name="close">Decides.</param>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    /// <returns>The task as it is now; null when somebody else has decided it, or its consumer has taken the task back.</returns>
    public async Task<AgentTask?> CloseAsync(
        Id<Auction> id, IReadOnlyList<SealedBid> own, CloseAuction close, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // To open bids, rank them and sign is no work for an act that others wait for. It is repeated when another bid came meanwhile: each bidder makes one.
        while (await database.ReadAsync(session => ReadOpenAsync(session, id), cancellationToken) is var (task, auction, bids))
        {
            var end = close.Close(task, auction, [.. own, .. bids], now);
            var award = end.Award.Envelope.ToJson();
            if (await database.WriteAsync(session => CloseAsync(session, id, end, award, bids, now), cancellationToken))
                return end.Task;
        }

        return null;
    }

    private static async Task<OpenAuction?> ReadOpenAsync(SqlSession session, Id<Auction> id) =>
        await session.QueryFirstOrDefaultAsync<AuctionRow>($"SELECT {Columns} FROM auctions WHERE id = @id AND state = 'Open'", new { id }) is { } row
            ? new OpenAuction(
                (await session.QuerySingleAsync<TaskRow>(TaskRow.Select + "WHERE id = @TaskId", new { row.TaskId })).ToTask(), row.ToAuction(), await BidsAsync(session, id))
            : null;

    /// <summary>Writes the end of an auction that is open still, if it was decided with all of its bids; false otherwise.</summary>
    private static async Task<bool> CloseAsync(
        SqlSession session, Id<Auction> id, AuctionEnd end, byte[] award, IReadOnlyList<SealedBid> bids, DateTimeOffset now)
    {
        // Whoever has this row has the task too: in an open auction it is in no other place that it could be taken from.
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT task_id FROM auctions WHERE id = @id AND state = 'Open' {for update}", new { id }) is null)
            return false;
        // A bid is not changed once it is in.
        var bidders = await session.QueryAsync<string>("SELECT agent FROM auction_bids WHERE auction_id = @id ORDER BY agent", new { id });
        if (!bidders.SequenceEqual(bids.Select(bid => bid.Agent)))
            return false;
        await session.SendAsync(
            "UPDATE auctions SET state = @State, award = @award, decided_at = @now WHERE id = @id", new { id, end.State, award, now });
        await session.SendAsync("DELETE FROM auction_bids WHERE auction_id = @id", new { id });
        await SqlAuctions.AssignAsync(session, end.Task);
        if (end.Task.State.IsFinal)
            await session.SendRowsAsync(TaskStatements.End, [TaskEnd.Of(end.Task)]);
        else
            await SqlTaskQueue.ReturnAsync(session, [end.Task], now);
        await SqlTaskDemand.AddAsync(session, end.Task, now);
        await SqlTaskStore.SettleAsync(
            session, [new AttemptEnd(end.Task, end.Transfers, null, null, ReadOnlyMemory<byte>.Empty, end.Events)], index: null);
        return true;
    }

    private static async Task<IReadOnlyList<SealedBid>> BidsAsync(SqlSession session, Id<Auction> id) =>
        [.. (await session.QueryAsync<(string Agent, DateTimeOffset ReceivedAt, byte[] Envelope)>(
            "SELECT agent, received_at, envelope FROM auction_bids WHERE auction_id = @id ORDER BY agent", new { id }))
            .Select(bid => new SealedBid(bid.Agent, bid.ReceivedAt, DsseEnvelope.FromJson(bid.Envelope)))];

    private static async Task<KeptAuction?> FindAsync(SqlSession session, string where, string key) =>
        await session.QueryFirstOrDefaultAsync<AuctionRow>($"SELECT {Columns} FROM auctions WHERE {where}", new { key }) is { } row
            ? new KeptAuction(
                row.ToAuction(), row.OwnerId, row.State, row.DecidedAt, row.Award is { } award ? DsseEnvelope.FromJson(award) : null)
            : null;

    private sealed record OpenAuction(AgentTask Task, Auction Auction, IReadOnlyList<SealedBid> Bids);

    private sealed record AuctionRow(
        Id<Auction> Id,
        string TaskId,
        Id<User> OwnerId,
        AuctionState State,
        string Announcement,
        string Invitations,
        OnNoBids OnNoBids,
        DateTimeOffset ClosesAt,
        DateTimeOffset? DecidedAt,
        byte[]? Award,
        string Holder)
    {
        public Auction ToAuction() => new(
            AwardJson.ReadAnnouncement(Announcement), JsonSerializer.Deserialize(Invitations, AuctionJson.Default.IReadOnlyListInvitation)!, OnNoBids, Holder);
    }
}

/// <summary>An auction as it is kept.</summary>
/// <param name="Auction">The announcement, and what only the node knows.</param>
/// <param name="OwnerId">The consumer.</param>
/// <param name="State">Where it is.</param>
/// <param name="DecidedAt">When it ended; null while it is open.</param>
/// <param name="Award">The signed record; null while it is open, and when the task was taken back.</param>
public sealed record KeptAuction(Auction Auction, Id<User> OwnerId, AuctionState State, DateTimeOffset? DecidedAt, DsseEnvelope? Award);
