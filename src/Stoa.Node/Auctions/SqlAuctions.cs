using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Auctions;
using Stoa.Market.Events;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Auctions inside a session: they are written with their tasks, or not at all.</summary>
internal static class SqlAuctions
{
    /// <summary>Adds those of new tasks, whose rows are written.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<NewTask> submissions)
    {
        var opened = submissions.Where(submission => submission.Auction is not null).ToList();
        if (opened.Count == 0)
            return;
        await session.SendEachAsync(
            "UPDATE tasks SET auction = @Auction WHERE id = @Id",
            opened.Select(submission => new { submission.Task.Id, Auction = Write(submission.Task.Auction!) }));
        await session.SendEachAsync(
            """
            INSERT INTO auctions (id, task_id, owner_id, state, announcement, invitations, on_no_bids, closes_at, holder)
            VALUES (@Id, @TaskId, @OwnerId, @State, @Announcement, @Invitations, @OnNoBids, @ClosesAt, @Holder)
            """,
            opened.Select(submission => new
            {
                submission.Auction!.Announcement.Id,
                submission.Auction.Announcement.TaskId,
                submission.Task.OwnerId,
                State = AuctionState.Open,
                Announcement = System.Text.Encoding.UTF8.GetString(AwardJson.Write(submission.Auction.Announcement)),
                Invitations = JsonSerializer.Serialize(submission.Auction.Invitations, AuctionJson.Default.IReadOnlyListInvitation),
                submission.Auction.OnNoBids,
                submission.Auction.Announcement.ClosesAt,
                submission.Auction.Holder,
            }));
    }

    /// <summary>Takes a task out of its auction, which ends with that; false when it is open no more.</summary>
    public static async Task<bool> TakeOutAsync(SqlSession session, Id<AgentTask> task, DateTimeOffset now)
    {
        if (await session.ExecuteAsync("UPDATE auctions SET state = 'Cancelled', decided_at = @now WHERE task_id = @task AND state = 'Open'", new { task, now }) == 0)
            return false;
        await session.SendAsync("DELETE FROM auction_bids WHERE auction_id IN (SELECT id FROM auctions WHERE task_id = @task)", new { task });
        return true;
    }

    /// <summary>What is told to the publishers whose own services bid.</summary>
    public static IEnumerable<NewEvent> Announced(NewTask submission) => submission.Auction is not { } auction
        ? []
        : auction.Announcement.Bidders.Zip(auction.Invitations)
            .Where(pair => pair.First.Key is not null)
            .Select(pair => AuctionEvents.Announced(auction.Announcement, pair.First, pair.Second.PublisherId));

    /// <summary>Gives a task to who has won it, with what is held for it now.</summary>
    public static Task<int> AssignAsync(SqlSession session, AgentTask task) => session.ExecuteAsync(
        """
        UPDATE tasks SET agent_id = @AgentId, agent = @Agent, parameters = @parameters, fuel_limit = @Fuel, memory_limit_bytes = @MemoryBytes,
            timeout_ms = @TimeoutMs, output_limit_bytes = @OutputBytes, log_limit_bytes = @LogBytes, hold_id = @holdId, hold_payer_id = @payerId,
            hold_amount = @amount, auction = @auction
        WHERE id = @Id
        """,
        new
        {
            task.Id,
            task.AgentId,
            task.Agent,
            parameters = JsonSerializer.Serialize(task.Parameters, AuctionJson.Default.IReadOnlyListTaskParameter),
            task.Limits.Fuel,
            task.Limits.MemoryBytes,
            task.Limits.TimeoutMs,
            task.Limits.OutputBytes,
            task.Limits.LogBytes,
            holdId = task.Hold?.Id,
            payerId = task.Hold?.PayerId,
            amount = task.Hold?.Amount,
            auction = Write(task.Auction),
        });

    /// <summary>The column <c>tasks.auction</c>; null for none.</summary>
    public static string? Write(TaskAuction? auction) => auction is null
        ? null
        : JsonSerializer.Serialize(
            new AuctionColumn(
                auction.Id,
                auction.ClosesAt,
                auction.IsOpen,
                auction.AwardDigest,
                [.. auction.Awards.Select(award => new AwardColumn(
                    award.AgentId, award.Agent.ToString(), award.Parameters, award.Limits, award.Rates, award.Factor, award.Demand))]),
            AuctionJson.Default.AuctionColumn);

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static TaskAuction Read(string column)
    {
        var auction = JsonSerializer.Deserialize(column, AuctionJson.Default.AuctionColumn)!;
        return new TaskAuction(
            auction.Id,
            auction.ClosesAt,
            auction.IsOpen,
            auction.AwardDigest,
            [.. auction.Awards.Select(award => new AwardedAgent(
                award.AgentId, ListingName.Parse(award.Agent), award.Parameters, award.Limits, award.Rates, award.Factor, award.Demand))]);
    }

    internal sealed record AuctionColumn(
        Id<Auction> Id, DateTimeOffset ClosesAt, bool IsOpen, ContentHash? AwardDigest, IReadOnlyList<AwardColumn> Awards);

    internal sealed record AwardColumn(
        Id<AgentVersion> AgentId,
        string Agent,
        IReadOnlyList<TaskParameter> Parameters,
        AgentLimits Limits,
        AgentPrice Rates,
        PriceFactor Factor,
        int? Demand);
}

/// <summary>The parts of auctions and bidding that are stored as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(SqlAuctions.AuctionColumn))]
[JsonSerializable(typeof(IReadOnlyList<Invitation>))]
[JsonSerializable(typeof(IReadOnlyList<TaskParameter>))]
[JsonSerializable(typeof(BiddingPolicy))]
internal sealed partial class AuctionJson : JsonSerializerContext;
