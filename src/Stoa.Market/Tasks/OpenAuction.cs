using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The act of putting a new task out to bids: the candidates of its selection are invited.</summary>
/// <param name="bidding">Where policies are.</param>
/// <param name="defaultPolicy">Of agents that have none of their own.</param>
/// <param name="maxOpen">How many auctions of one consumer may be open.</param>
/// <param name="self">This node: it decides what it opens.</param>
/// <param name="ids">Makes ids of auctions.</param>
public sealed class OpenAuction(IBiddingStore bidding, BiddingPolicy defaultPolicy, int maxOpen, LeaseHolder self, IdSource ids)
{
    /// <summary>Makes the auction; it is written with the task.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="task">Its id.</param>
    /// <param name="request">What is asked for: it names the work, and has terms.</param>
    /// <param name="inputBytes">Size of the input.</param>
    /// <param name="choice">The selection.</param>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The auction, or <see cref="TaskRefusal.AuctionsTooMany"/>.</returns>
    public async Task<Outcome<Auction, TaskRefusal>> OpenAsync(
        Id<User> owner, Id<AgentTask> task, TaskRequest request, long inputBytes, Choice choice, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var (terms, requirement) = (request.Auction!, request.Requirement!);
        // The chosen one first: it is the first to be asked when nobody bids.
        var invited = choice.Candidates.OrderByDescending(candidate => candidate.Standing is Standing.Chosen).Take(Announcement.MaxBidders).ToList();
        var outlook = await bidding.LookAsync(owner, [.. invited.Select(candidate => candidate.Agent.Name)], cancellationToken);
        if (outlook.OpenAuctions >= maxOpen)
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.AuctionsTooMany, $"{outlook.OpenAuctions} of your tasks are out to bids, and {maxOpen} may be. Wait until some are awarded, or submit without auction.");
        }

        var invitations = invited.Select(candidate => new Invitation(
            candidate.Agent.Id,
            candidate.Agent.PublisherId,
            [.. candidate.Agent.Parameters.Select(parameter => parameter.Name)],
            outlook.Policies.GetValueOrDefault(candidate.Agent.Name, defaultPolicy))
        {
            Demand = TaskPricing.DemandOf(candidate.Agent.Factors, candidate.Factor),
        }).ToList();
        return new Auction(
            new Announcement(
                ids.Next<Auction>(),
                task.ToString(),
                requirement.Capabilities,
                inputBytes,
                request.MaxPrice,
                now,
                now.AddMilliseconds(terms.WindowMs),
                [.. invited.Zip(invitations, (candidate, invitation) => new Bidder(
                    candidate.Agent.Listing,
                    BidQuality.Of(candidate, requirement.Weights),
                    Money.Min(candidate.ExpectedPrice, AtLimits(candidate, inputBytes, request)),
                    TaskRules.CapLimits(candidate.Agent.Limits, request.Limits),
                    candidate.Agent.Price,
                    candidate.Load,
                    invitation.Policy is BiddingPolicy.External external ? PublicKey.FromSpki(external.Key) : null)
                {
                    Factor = candidate.Factor,
                })]),
            invitations,
            terms.OnNoBids,
            self.ToString());
    }

    /// <summary>The most that a task can cost, whoever wins it: nobody is paid more than its posted rates, nor than the budget.</summary>
    public static Money HoldOf(Choice choice, long inputBytes, TaskRequest request) => choice.Candidates
        .Max(candidate => AtLimits(candidate, inputBytes, request) is var most && request.MaxPrice is { } budget ? Money.Min(most, budget) : most);

    private static Money AtLimits(Candidate candidate, long inputBytes, TaskRequest request) => candidate.Agent.PriceAtLimits(
        inputBytes, new LimitCaps(request.Limits.Fuel, request.Limits.MemoryBytes, request.Limits.TimeoutMs), candidate.Factor) ?? new Money(long.MaxValue);
}
