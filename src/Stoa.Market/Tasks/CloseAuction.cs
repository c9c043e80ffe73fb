using Stoa.Market.Auctions;
using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The end of an auction: all of it is written in one transaction, or none.</summary>
/// <param name="Task">The task after it: queued for who has won, or failed.</param>
/// <param name="State">Of the auction.</param>
/// <param name="Award">The signed record, also when nobody has bid.</param>
/// <param name="Transfers">Linked: less is held than before, or nothing.</param>
/// <param name="Events">What is told.</param>
public sealed record AuctionEnd(
    AgentTask Task, AuctionState State, SignedAward Award, IReadOnlyList<Transfer> Transfers, IReadOnlyList<NewEvent> Events);

/// <summary>The act of deciding an auction whose window has closed. It has no effect but what it answers, so it may be repeated.</summary>
/// <param name="node">Signs the award.</param>
/// <param name="clearing">The account that holds are for.</param>
/// <param name="ids">Makes ids of transfers.</param>
public sealed class CloseAuction(PrivateKey node, Id<Account> clearing, IdSource ids)
{
    /// <summary>Decides.</summary>
    /// <param name="task">Waits for its award.</param>
    /// <param name="auction">Its auction.</param>
    /// <param name="bids">All that were made; each was checked.</param>
    /// <param name="now">UTC, to the millisecond.</param>
    public AuctionEnd Close(AgentTask task, Auction auction, IReadOnlyList<SealedBid> bids, DateTimeOffset now)
    {
        // A clock that was set back while the auction was open does not make it a decision before the end of the window.
        var closesAt = auction.Announcement.ClosesAt;
        var signed = AwardRecord.Decide(auction.Announcement, bids, node, now > closesAt ? now : closesAt);
        var decided = task.Auction! with { IsOpen = false };
        if (signed.Record.Decision.Winner is not null)
            return Award(task, auction, decided, signed, now);
        return auction.OnNoBids is OnNoBids.Select && FirstAtPostedPrice(auction) is { } place
            ? Select(task, auction, place, decided, signed, now)
            : Fail(task, auction, decided, signed, now);
    }

    private AuctionEnd Award(AgentTask task, Auction auction, TaskAuction decided, SignedAward signed, DateTimeOffset now)
    {
        var awards = signed.Record.Decision.Ranking.Select(bid => bid.Award).OfType<Award>().ToList();
        List<AwardedAgent> agents = [.. signed.Record.Decision.Ranking.Take(awards.Count).Zip(
            awards, (bid, award) => AgentOf(task, auction, PlaceOf(auction, bid.Agent)) with { Rates = award.Rates, Factor = award.Factor })];
        var hold = Lower(task, awards.Max(award => award.AtLimits), out var transfers, now);
        var next = task.Assign(agents[0], decided with { AwardDigest = signed.Digest, Awards = agents }, hold, now);
        return new AuctionEnd(next, AuctionState.Awarded, signed, transfers, [AuctionEvents.Awarded(signed.Record, task.OwnerId)]);
    }

    private static AuctionEnd Select(AgentTask task, Auction auction, int place, TaskAuction decided, SignedAward signed, DateTimeOffset now)
    {
        // What is held stays: should this one fail, another one is chosen within it.
        var agent = AgentOf(task, auction, place);
        return new AuctionEnd(task.Assign(agent, decided with { Awards = [agent] }, task.Hold, now), AuctionState.NoBids, signed, [], []);
    }

    private AuctionEnd Fail(AgentTask task, Auction auction, TaskAuction decided, SignedAward signed, DateTimeOffset now)
    {
        var tooDear = signed.Record.Decision.Losses.Count(loss => loss.Ask is not null);
        var why = (tooDear, auction.OnNoBids) switch
        {
            (0, OnNoBids.Fail) => "Submit it again with a longer auction.windowMs, with onNoBids \"select\", or without auction.",
            (0, _) => "At its posted price none of them is within maxPrice: raise it.",
            _ => $"{tooDear} asked for more than maxPrice or their posted prices: raise maxPrice, or lower the task's limits.",
        };
        var failed = task.Unbid(
            decided,
            new TaskFailure(
                FailureCode.NoBids, $"{auction.Announcement.Bidders.Count} were invited, and none made a bid that could win. Nothing was charged. {why}", Log: "", Usage: null),
            now);
        return new AuctionEnd(
            failed, AuctionState.NoBids, signed, Settlement.Release(task, clearing, ids.Next<Transfer>(), now), [TaskEvents.Ended(failed, now)]);
    }

    /// <summary>What is held once it is known how much it can be: never more than before.</summary>
    private TaskHold? Lower(AgentTask task, Money most, out IReadOnlyList<Transfer> transfers, DateTimeOffset now)
    {
        transfers = [];
        if (task.Hold is not { } held || most >= held.Amount)
            return task.Hold;
        var hold = most > Money.Zero ? new TaskHold(ids.Next<Transfer>(), held.PayerId, most) : null;
        transfers = [.. Settlement.Release(task, clearing, ids.Next<Transfer>(), now), .. hold is null ? [] : new[] { Settlement.Hold(hold, clearing, task.Id, now) }];
        return hold;
    }

    private static int? FirstAtPostedPrice(Auction auction)
    {
        var announcement = auction.Announcement;
        for (var place = 0; place < announcement.Bidders.Count; place++)
        {
            var bidder = announcement.Bidders[place];
            if (bidder.PriceAtLimits(bidder.Rates, bidder.Factor, announcement.InputBytes) is { } most && !(most > announcement.Reserve))
                return place;
        }

        return null;
    }

    private static int PlaceOf(Auction auction, string agent)
    {
        var place = 0;
        while (auction.Announcement.Bidders[place].Name != agent)
            place++;
        return place;
    }

    private static AwardedAgent AgentOf(AgentTask task, Auction auction, int place)
    {
        var (bidder, invitation) = (auction.Announcement.Bidders[place], auction.Invitations[place]);
        return new AwardedAgent(
            invitation.AgentId,
            bidder.Agent,
            [.. task.Parameters.OrderBy(parameter => invitation.ParameterNames.ToList().IndexOf(parameter.Name))],
            bidder.Limits,
            bidder.Rates,
            bidder.Factor,
            invitation.Demand);
    }
}
