using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using static Stoa.Market.Tests.Auctions.AuctionSamples;

namespace Stoa.Market.Tests.Tasks;

/// <summary>What an auction makes of a task and of the money that is held for it.</summary>
public sealed class AuctionOfTaskTests : IDisposable
{
    private readonly PrivateKey _node = PrivateKey.Generate();
    private readonly Id<Account> _clearing = TaskSamples.Ids.Next<Account>();

    public void Dispose() => _node.Dispose();

    [Theory]
    // Held before, the asks of a and b, who have posted one dollar and two; held afterwards.
    [InlineData("2", "0.2", "0.3", "0.6 2")]
    [InlineData("2", "0.2", null, "1")]
    [InlineData("2", "$0", "$0.1", "0.1 2")]
    [InlineData("0.5", "0.2", "$0.4", "0.4 0.5")]
    public void Close_WithBids_AssignsTheTaskAndHoldsWhatTheAwardedCanCost(string hold, string a, string? b, string awards)
    {
        var (task, auction) = Offer(Money.Parse(hold), hold == "2" ? null : hold);

        var end = Close(task, auction, b is null ? [Made(auction, "a", a)] : [Made(auction, "a", a), Made(auction, "b", b)]);

        var most = awards.Split(' ').Select(text => Money.Parse(text)).ToList();
        (end.State, end.Task.Agent.Publisher, end.Task.IsBidding).ShouldBe((AuctionState.Awarded, "pub-a", false));
        end.Award.Record.Decision.Ranking.Select(bid => bid.Award!.AtLimits).ShouldBe(most);
        end.Task.MaxPrice.ShouldBe(most.Max());
        end.Task.Auction!.Awards.Select(award => award.Rates).ShouldBe(end.Award.Record.Decision.Ranking.Select(bid => bid.Award!.Rates));
        end.Task.RatesOr(TaskSamples.Price).ShouldBe(end.Award.Record.Decision.Winner!.Award!.Rates);
        if (most.Max() == task.MaxPrice)
            end.Transfers.ShouldBeEmpty();
        else
            end.Transfers.Select(transfer => (transfer.Kind, transfer.Amount)).ShouldBe([(TransferKind.VoidPending, Money.Zero), (TransferKind.Pending, most.Max())]);
        Should.Throw<InvalidOperationException>(() => Close(end.Task, auction, []), "it is decided once");
    }

    [Fact]
    public void Close_WhenAllAwardedAreFree_HoldsNothing()
    {
        var (task, auction) = Offer(Money.Parse("2"), reserve: null, "0", "0");

        var end = Close(task, auction, [Made(auction, "a", "1"), Made(auction, "b", "1")]);

        end.Task.Hold.ShouldBeNull();
        end.Transfers.ShouldHaveSingleItem().Kind.ShouldBe(TransferKind.VoidPending);
    }

    [Theory]
    [InlineData(OnNoBids.Fail, null, null)]
    [InlineData(OnNoBids.Select, null, "2")]
    [InlineData(OnNoBids.Select, "1.5", "1.5")]
    [InlineData(OnNoBids.Select, "0.5", null)]
    public void Close_WithoutBids_FailsOrTakesTheFirstWithinTheReserve(OnNoBids onNoBids, string? reserve, string? held)
    {
        var (task, auction) = Offer(Money.Parse(reserve ?? "2"), reserve);

        var end = Close(task, auction with { OnNoBids = onNoBids }, []);

        end.State.ShouldBe(AuctionState.NoBids);
        AwardVerifier.Verify(end.Award.Envelope, _node.PublicKey.PeerId).Refusal.ShouldBeNull();
        if (held is null)
        {
            end.Task.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.NoBids);
            end.Transfers.ShouldHaveSingleItem().Kind.ShouldBe(TransferKind.VoidPending);
            return;
        }

        (end.Task.State.Name, end.Task.Agent.Publisher, end.Task.MaxPrice).ShouldBe(("queued", "pub-a", Money.Parse(held)));
        end.Task.RatesOr(TaskSamples.Price).ShouldBe(auction.Announcement.Bidders[0].Rates, "the posted prices");
        (end.Task.Auction!.AwardDigest, end.Task.Auction.Awards.Count).ShouldBe((null, 1));
    }

    [Fact]
    public void BiddingTask_IsNeitherClaimedNorHurried()
    {
        var (task, _) = Offer(Money.Parse("2"), null);

        Should.Throw<InvalidOperationException>(() => task.Claim("node/boot", Now));
        Should.Throw<InvalidOperationException>(() => task.Expedite(Now));
        task.Cancel(Now).State.ShouldBeOfType<TaskState.Cancelled>();
        Should.Throw<InvalidOperationException>(() => TaskSamples.Queued().Unbid(task.Auction!, TaskSamples.Failure(FailureCode.NoBids), Now));
    }

    [Fact]
    public void Advance_GoesThroughTheAwardsInOrder()
    {
        var (task, auction) = Offer(Money.Parse("2"), null);
        var decided = Close(task, auction, [Made(auction, "a", "0.1"), Made(auction, "b", "0.2")]).Task.Auction!;

        decided.Advance().Current!.Agent.Publisher.ShouldBe("pub-b");
        decided.Advance().Advance().Current.ShouldBeNull();
    }

    [Theory]
    [InlineData(null, "2")]
    [InlineData("1.5", "1.5")]
    [InlineData("5", "2")]
    public void HoldOf_IsTheMostThatAnyInvitedMayBePaid(string? budget, string hold)
    {
        var market = new Stoa.Market.Tests.Selection.Market();
        market.Publish("aa/agent", "1");
        market.Publish("bb/agent", "2");
        var request = new TaskRequest(null, new RequestedInput.Inline("x"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, budget is null ? null : Money.Parse(budget));

        OpenAuction.HoldOf(market.Choose(), 1, request).ShouldBe(Money.Parse(hold));
    }

    private AuctionEnd Close(AgentTask task, Auction auction, IReadOnlyList<SealedBid> bids) =>
        new CloseAuction(_node, _clearing, TaskSamples.Ids).Close(task, auction, bids, Now);

    private SealedBid Made(Auction auction, string name, string ask) => new($"pub-{name}/agent", Now, Bid(auction.Announcement, name, ask).Sign(_node));

    private static (AgentTask Task, Auction Auction) Offer(Money hold, string? reserve, string a = "1", string b = "2")
    {
        var announcement = Announce(reserve, Bidder("a", a), Bidder("b", b));
        var invitations = announcement.Bidders.Select(_ => new Invitation(
            TaskSamples.Ids.Next<AgentVersion>(), TaskSamples.Ids.Next<User>(), [], new BiddingPolicy.Posted())).ToList();
        var task = TaskSamples.Queued(hold) with { Auction = new TaskAuction(announcement.Id, announcement.ClosesAt, IsOpen: true, null, []) };
        return (task, new Auction(announcement with { TaskId = task.Id.ToString() }, invitations, OnNoBids.Fail, "node/boot"));
    }
}
