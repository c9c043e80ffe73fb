using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>The outer door of auctions. One that the caller has nothing to do with is one that does not exist.</summary>
public static class AuctionsEndpoints
{
    // A bid of a kilobyte in base64, and a signature.
    private const long MaxBidBytes = 8 << 10;

    public static void MapAuctions(this IEndpointRouteBuilder api)
    {
        api.MapGet("/tasks/{id}/auction", GetOfTaskAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskAuction").WithTags("Auctions").WithSummary("Show the auction of a task")
            .WithDescription("Who was invited and, once it is decided, every bid with its score, why it won or lost and what it is paid, and the record of all of it that the node has signed: anyone can decide it again.")
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(AuctionRefusal.NoAuction);
        api.MapGet("/auctions/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getAuction").WithTags("Auctions").WithSummary("Show an auction")
            .WithDescription("For its consumer, and for the publishers of agents that were invited: these see their own agents while it is open, and all of it afterwards.")
            .Refuses(AuctionRefusal.AuctionUnknown);
        api.MapPost("/auctions/{id}/bids", BidAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("placeBid").AuditedInBulk().WithTags("Auctions").WithSummary("Bid in an auction")
            .WithDescription("Takes a DSSE envelope with a bid, signed with the key that is registered for an agent of yours whose bidding is external. It stays closed until the end of the window; the answer's commitment is in the award afterwards. The same bid again gets the same answer.")
            .TakesAtMost(MaxBidBytes)
            .Produces<SealedBidResponse>(StatusCodes.Status201Created)
            .Refuses(
                AuctionRefusal.AuctionUnknown, AuctionRefusal.AuctionClosed, AuctionRefusal.BidInvalid, AuctionRefusal.BidForAnotherAuction,
                AuctionRefusal.NotABidder, AuctionRefusal.BidSignatureInvalid, AuctionRefusal.BidMade);
    }

    private static async Task<Results<Ok<AuctionResponse>, ProblemResult>> GetOfTaskAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, SqlAuctionStore auctions, CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return TasksEndpoints.Unknown(id);
        return await auctions.FindAsync(id, cancellationToken) is { } kept
            ? TypedResults.Ok(await ShowAsync(kept, auctions, caller.UserId, cancellationToken))
            : new Refusal<AuctionRefusal>(AuctionRefusal.NoAuction, $"The task was given to {task.Agent} without an auction.").ToProblem();
    }

    private static async Task<Results<Ok<AuctionResponse>, ProblemResult>> GetAsync(
        Id<Auction> id, Caller caller, SqlAuctionStore auctions, CancellationToken cancellationToken) =>
        await auctions.FindAsync(id, cancellationToken) is { } kept && MaySee(kept, caller.UserId)
            ? TypedResults.Ok(await ShowAsync(kept, auctions, caller.UserId, cancellationToken))
            : Unknown(id);

    private static async Task<IResult> BidAsync(
        Id<Auction> id, Body<DsseEnvelope> body, Caller caller, SqlAuctionStore auctions, TimeProvider time, CancellationToken cancellationToken)
    {
        // Before anything is looked up: the bidder is not to pay for that.
        var receivedAt = time.GetUtcNow().ToMilliseconds();
        if (!Bid.Read(body.Value).TryGet(out var bid, out var unreadable))
            return unreadable.ToProblem();
        if (await auctions.FindAsync(id, cancellationToken) is not { } kept || !MaySee(kept, caller.UserId))
            return Unknown(id);
        if (bid.AuctionId != id)
            return new Refusal<AuctionRefusal>(AuctionRefusal.BidForAnotherAuction, $"The bid was signed for {bid.AuctionId}.").ToProblem();
        var invited = kept.Auction.Announcement.Bidders.Zip(kept.Auction.Invitations)
            .FirstOrDefault(pair => pair.First.Name == bid.Agent && pair.Second.PublisherId == caller.UserId).First;
        if (invited?.Key is not { } key)
        {
            return new Refusal<AuctionRefusal>(
                AuctionRefusal.NotABidder,
                invited is null
                    ? $"{bid.Agent} was not invited, or is not yours."
                    : $"The node bids for {bid.Agent} by its policy. PUT /api/v1/agents/{bid.Agent}/bidding with the policy external lets you bid yourself, from the next auction on.").ToProblem();
        }

        if (!body.Value.Verify(key))
        {
            return new Refusal<AuctionRefusal>(
                AuctionRefusal.BidSignatureInvalid, $"The bid was not signed with the key {key.PeerId}, which was registered for {bid.Agent} when the auction was opened.").ToProblem();
        }

        return (await auctions.AddBidAsync(id, new SealedBid(bid.Agent, receivedAt, body.Value), cancellationToken)).Match<IResult>(
            taken => TypedResults.Created($"/api/v1/auctions/{id}", taken.ToContract()), refusal => refusal.ToProblem());
    }

    private static bool MaySee(KeptAuction kept, Id<User> viewer) =>
        kept.OwnerId == viewer || kept.Auction.Invitations.Any(invitation => invitation.PublisherId == viewer);

    private static async Task<AuctionResponse> ShowAsync(
        KeptAuction kept, SqlAuctionStore auctions, Id<User> viewer, CancellationToken cancellationToken) =>
        kept.ToContract(kept.State is AuctionState.Open ? await auctions.ListBidsAsync(kept.Auction.Announcement.Id, cancellationToken) : [], viewer);

    private static ProblemResult Unknown(Id<Auction> id) =>
        new Refusal<AuctionRefusal>(AuctionRefusal.AuctionUnknown, $"There is no auction {id} that you have to do with.").ToProblem();
}
