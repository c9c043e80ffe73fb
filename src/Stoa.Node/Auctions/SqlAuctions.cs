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
    /// <summary>The word for a task that waits for its award, in the column <c>tasks.state</c>: nobody who looks for work finds it.</summary>
    public const string BiddingState = "bidding";

    /// <summary>Adds those of new tasks, whose rows are written.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<NewTask> submissions)
    {
        var opened = submissions.Where(submission => submission.Auction is not null).ToList();
        if (opened.Count == 0)
            return;
        await session.ExecuteEachAsync(
            $"UPDATE tasks SET state = '{BiddingState}', auction = @Auction WHERE id = @Id",
            opened.Select(submission => new { submission.Task.Id, Auction = Write(submission.Task.Auction!) }));
        await session.ExecuteEachAsync(
            """
            INSERT INTO auctions (id, task_id, owner_id, state, announcement, invitations, on_no_bids, closes_at)
            VALUES (@Id, @TaskId, @OwnerId, @State, @Announcement, @Invitations, @OnNoBids, @ClosesAt)
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
            }));
    }

    /// <summary>What is told to the publishers whose own services bid.</summary>
    public static IEnumerable<NewEvent> Announced(NewTask submission) => submission.Auction is not { } auction
        ? []
        : auction.Announcement.Bidders.Zip(auction.Invitations)
            .Where(pair => pair.First.Key is not null)
            .Select(pair => AuctionEvents.Announced(auction.Announcement, pair.First, pair.Second.PublisherId));

    /// <summary>The column <c>tasks.auction</c>; null for none.</summary>
    public static string? Write(TaskAuction? auction) => auction is null
        ? null
        : JsonSerializer.Serialize(
            new AuctionColumn(
                auction.Id,
                auction.ClosesAt,
                auction.IsOpen,
                auction.AwardDigest,
                [.. auction.Awards.Select(award => new AwardColumn(award.AgentId, award.Agent.ToString(), award.Parameters, award.Limits, award.Rates))]),
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
                award.AgentId, ListingName.Parse(award.Agent), award.Parameters, award.Limits, award.Rates))]);
    }

    internal sealed record AuctionColumn(
        Id<Auction> Id, DateTimeOffset ClosesAt, bool IsOpen, ContentHash? AwardDigest, IReadOnlyList<AwardColumn> Awards);

    internal sealed record AwardColumn(
        Id<AgentVersion> AgentId, string Agent, IReadOnlyList<TaskParameter> Parameters, AgentLimits Limits, AgentPrice Rates);
}

/// <summary>The parts of auctions and bidding that are stored as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(SqlAuctions.AuctionColumn))]
[JsonSerializable(typeof(IReadOnlyList<Invitation>))]
[JsonSerializable(typeof(BiddingPolicy))]
internal sealed partial class AuctionJson : JsonSerializerContext;
