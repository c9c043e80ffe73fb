using Stoa.Market.Auctions;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Events;
using Stoa.Node.Membership;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

/// <summary>What every store of auctions and bidding does.</summary>
public abstract class AuctionStoreConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private readonly PrivateKey _node = PrivateKey.Generate();
    private readonly PrivateKey _bidder = PrivateKey.Generate();
    private Id<User> _publisher;

    private SqlAuctionStore Auctions => new(Database);

    private SqlBiddingStore Bidding => new(Database);

    private CloseAuction Close => new(_node, Accounts.Clearing, Ids);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _publisher = Ids.Next<User>();
    }

    public override async ValueTask DisposeAsync()
    {
        _node.Dispose();
        _bidder.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Submit_WithAnAuction_WaitsForItsAwardAfterReopening()
    {
        var submission = NewAuction();
        (await Tasks.SubmitAsync(submission with { Claim = new ImmediateClaim(Holder) }, Stop)).Value.Task.State.ShouldBeOfType<TaskState.Queued>();

        await ReopenAsync();
        Open();

        var task = (await Tasks.GetAsync(submission.Task.Id, Stop)).ShouldNotBeNull();
        task.IsBidding.ShouldBeTrue();
        (task.Auction!.Id, task.Auction.ClosesAt, task.Auction.AwardDigest, task.Auction.Awards.Count).ShouldBe(
            (submission.Auction!.Announcement.Id, Now.AddMilliseconds(150), null, 0));
        (await Tasks.ClaimAsync(Holder, Room, Now.AddDays(1), Stop)).ShouldBeEmpty();
        (await Tasks.NextDueAsync(null, Stop)).ShouldBeNull();
        (await Tasks.ExpediteAsync(task.Id, Owner, Now, Stop))!.IsBidding.ShouldBeTrue();
        (await Tasks.ListAsync(Owner, "queued", new(10), Stop)).Items.ShouldHaveSingleItem().Id.ShouldBe(task.Id);
        var kept = (await Auctions.FindAsync(task.Auction.Id, Stop)).ShouldNotBeNull();
        (kept.State, kept.OwnerId, kept.Award).ShouldBe((AuctionState.Open, Owner, null));
        AwardJson.Write(kept.Auction.Announcement).ShouldBe(AwardJson.Write(submission.Auction.Announcement));
        kept.Auction.Invitations.Select(invitation => (invitation.AgentId, invitation.Policy)).ShouldBe(
            submission.Auction.Invitations.Select(invitation => (invitation.AgentId, invitation.Policy)));
        (await Auctions.FindAsync(task.Id, Stop)).ShouldNotBeNull();
        (await Auctions.ListLeftAsync(Holder, 10, Stop)).ShouldBe([task.Auction.Id]);
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued]);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Close_ByManyAtOnce_DecidesOnceAndHoldsLess()
    {
        var submission = await SubmitAuctionAsync();
        var id = submission.Auction!.Announcement.Id;

        var closed = await Task.WhenAll(Enumerable.Range(0, 8).Select(
            _ => Auctions.CloseAsync(id, Bids(submission, "0.2", "0.5"), Close, Now.AddSeconds(1), Stop)));

        var task = closed.OfType<AgentTask>().ShouldHaveSingleItem();
        (task.Agent.Publisher, task.MaxPrice).ShouldBe(("one", Money.Parse("0.01")));
        var claimed = (await Tasks.ClaimAsync(Holder, Room, Now.AddSeconds(2), Stop)).ShouldHaveSingleItem();
        (claimed.AgentId, claimed.Agent, claimed.Limits).ShouldBe((task.AgentId, task.Agent, task.Limits));
        claimed.Hold.ShouldBe(task.Hold);
        claimed.Parameters.Select(parameter => parameter.Name).ShouldBe(["title"]);
        claimed.Auction!.Awards.Select(award => award.Agent.Publisher).ShouldBe(["one", "two"]);
        claimed.RatesOr(new AgentPrice(Price, Price, Price)).Base.ShouldBe(Money.Parse("0.005"));
        (await WalletAsync()).Held.ShouldBe(Money.Parse("0.01"));
        var kept = (await Auctions.FindAsync(id, Stop))!;
        kept.State.ShouldBe(AuctionState.Awarded);
        AwardVerifier.Verify(kept.Award!, _node.PublicKey.PeerId).Refusal.ShouldBeNull();
        claimed.Auction.AwardDigest.ShouldBe(ContentHash.Of(kept.Award!.Payload));
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued, EventTypes.AuctionAwarded, EventTypes.TaskStarted]);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Reassign_ToTheNextAward_IsKept()
    {
        var submission = await SubmitAuctionAsync();
        await Auctions.CloseAsync(submission.Auction!.Announcement.Id, Bids(submission, "0.2", "0.5"), Close, Now, Stop);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem();
        var advanced = running.Auction!.Advance();
        var next = running.Reassign(advanced.Current!.AgentId, advanced.Current.Agent, advanced.Current.Parameters, advanced.Current.Limits, Now) with { Auction = advanced };

        (await Tasks.EndAttemptAsync(End(next) with { Reassignment = new Reassignment(["one/agent"], Choice: null) }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        var claimed = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem();
        (claimed.Agent.Publisher, claimed.Auction!.Awards.Count, claimed.RatesOr(null!).Base).ShouldBe(("two", 1, Price));
        // What it may cost is within what is held.
        (await Tasks.EndAttemptAsync(Success(claimed), Stop)).ShouldBe(AttemptEndOutcome.Written);
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Close_WithoutBids_FailsTheTaskAndReleasesItsHold()
    {
        var submission = await SubmitAuctionAsync();

        var task = await Auctions.CloseAsync(submission.Auction!.Announcement.Id, [], Close, Now, Stop);

        task!.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.NoBids);
        (await Tasks.GetAsync(task.Id, Stop))!.State.ShouldBe(task.State);
        (await Auctions.FindAsync(task.Id, Stop))!.State.ShouldBe(AuctionState.NoBids);
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued, EventTypes.TaskFailed]);
        (await WalletAsync()).Held.ShouldBe(Money.Zero);
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Close_DecidesOutsideTheActThatOthersWaitFor()
    {
        var submission = await SubmitAuctionAsync();
        var close = new CloseAuction(_node, Accounts.Clearing, new IdSource(new OutsideActs(Database), new SecureRandom()));

        var task = await Auctions.CloseAsync(submission.Auction!.Announcement.Id, Bids(submission, "0.2", "0.5"), close, Now, Stop);

        task.ShouldNotBeNull();
    }

    [Fact]
    public async Task Auction_IsLeftToOthers_OnceTheStartThatOpenedItIsOffTheList()
    {
        var (nodes, other) = (new SqlNodeStore(Database), new LeaseHolder("other", "boot1"));
        var id = (await SubmitAuctionAsync()).Auction!.Announcement.Id;
        await nodes.BeatAsync(Holder, NodeStoreConformance.Silent, Now, Stop);

        (await LeftToAsync(other)).ShouldBeEmpty();
        (await LeftToAsync(Holder)).ShouldBe([id]);

        // A restart counts as another start of the node.
        var restarted = Holder with { Boot = "boot3" };
        await nodes.BeatAsync(restarted, NodeStoreConformance.Silent, Now, Stop);
        (await LeftToAsync(restarted)).ShouldBe([id]);
        (await LeftToAsync(other)).ShouldBe([id]);

        async Task<IEnumerable<Id<Auction>>> LeftToAsync(LeaseHolder node) => await Auctions.ListLeftAsync(node, 10, Stop);
    }

    [Fact]
    public async Task Close_OfATaskThatWasTakenBack_MovesNothing()
    {
        var submission = await SubmitAuctionAsync();
        var id = submission.Auction!.Announcement.Id;
        (await Tasks.CancelAsync(submission.Task.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();

        (await Auctions.CloseAsync(id, Bids(submission, "0.2", "0.5"), Close, Now, Stop)).ShouldBeNull();

        (await Auctions.FindAsync(id, Stop))!.State.ShouldBe(AuctionState.Cancelled);
        (await Tasks.GetAsync(submission.Task.Id, Stop))!.State.Name.ShouldBe("cancelled");
        (await Auctions.ListLeftAsync(Holder, 10, Stop)).ShouldBeEmpty();
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Close_WhileItsConsumerTakesItBack_DoesOneOfBoth()
    {
        for (var round = 0; round < 10; round++)
        {
            var submission = await SubmitAuctionAsync();

            var closing = Auctions.CloseAsync(submission.Auction!.Announcement.Id, Bids(submission, "0.2", "0.5"), Close, Now, Stop);
            var cancelling = Tasks.CancelAsync(submission.Task.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop);
            await Task.WhenAll(closing, cancelling);

            // Taken back before or after the award, it has ended and holds nothing.
            (await Tasks.GetAsync(submission.Task.Id, Stop))!.State.Name.ShouldBe("cancelled");
            (await Auctions.FindAsync(submission.Task.Id, Stop))!.State.ShouldBe((await closing) is null ? AuctionState.Cancelled : AuctionState.Awarded);
        }

        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Bid_IsTakenOncePerBidderAndWithinTheWindow()
    {
        var submission = await SubmitAuctionAsync();
        var announcement = submission.Auction!.Announcement;
        var (first, other) = (Outside(announcement, "0.2", Now), Outside(announcement, "0.1", Now));

        var taken = (await Auctions.AddBidAsync(announcement.Id, first, Stop)).Value;
        // The same payload with another signature, and later, is the same bid.
        var again = new SealedBid(first.Agent, Now.AddDays(1), DsseEnvelope.Sign(Bid.PayloadType, first.Envelope.Payload, _bidder));
        (await Auctions.AddBidAsync(announcement.Id, again, Stop)).Value.ReceivedAt.ShouldBe(taken.ReceivedAt);
        (await Auctions.AddBidAsync(announcement.Id, other, Stop)).Refusal!.Code.ShouldBe(AuctionRefusal.BidMade);
        (await Auctions.ListBidsAsync(announcement.Id, Stop)).Select(bid => bid.Commitment).ShouldBe([first.Commitment]);

        await Auctions.CloseAsync(announcement.Id, Bids(submission, "0.5", "0.6"), Close, Now.AddSeconds(1), Stop);
        (await Auctions.AddBidAsync(announcement.Id, other, Stop)).Refusal!.Code.ShouldBe(AuctionRefusal.AuctionClosed);
        var record = AwardVerifier.Verify((await Auctions.FindAsync(announcement.Id, Stop))!.Award!, null).Value;
        record.Decision.Winner!.Agent.ShouldBe("outside/agent");
        (await Auctions.ListBidsAsync(announcement.Id, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Bid_AfterTheWindow_IsRefusedThoughNobodyHasDecidedYet()
    {
        var announcement = (await SubmitAuctionAsync()).Auction!.Announcement;

        (await Auctions.AddBidAsync(announcement.Id, Outside(announcement, "0.3", announcement.ClosesAt.AddMilliseconds(1)), Stop))
            .Refusal!.Code.ShouldBe(AuctionRefusal.AuctionClosed);
        (await Auctions.AddBidAsync(announcement.Id, Outside(announcement, "0.3", announcement.ClosesAt), Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Bid_WhileTheAuctionIsDecided_IsInTheAwardOrRefused()
    {
        for (var round = 0; round < 10; round++)
        {
            var submission = await SubmitAuctionAsync();
            var announcement = submission.Auction!.Announcement;

            var bidding = Auctions.AddBidAsync(announcement.Id, Outside(announcement, "0.1", Now), Stop);
            var closing = Auctions.CloseAsync(announcement.Id, Bids(submission, "0.5", "0.6"), Close, Now.AddSeconds(1), Stop);
            await Task.WhenAll(bidding, closing);

            var record = AwardVerifier.Verify((await Auctions.FindAsync(announcement.Id, Stop))!.Award!, null).Value;
            record.Bids.Any(bid => bid.Agent == "outside/agent").ShouldBe((await bidding).Refusal is null);
        }
    }

    [Fact]
    public async Task Announced_IsToldToThePublisherWhoseOwnServiceBids()
    {
        var submission = await SubmitAuctionAsync();

        var told = (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(_publisher, null, [EventTypes.AuctionAnnounced]), 10, Stop)).Events.ShouldHaveSingleItem();

        told.Event.Subject.ShouldBe(submission.Auction!.Announcement.Id.ToString());
        AwardJson.ReadAnnouncement(told.Event.DataJson).Bidders.ShouldHaveSingleItem().Name.ShouldBe("outside/agent");
    }

    [Fact]
    public async Task Look_CountsOpenAuctionsAndFindsPolicies()
    {
        var submission = await SubmitAuctionAsync();
        await Bidding.SetAsync("one/agent", new BiddingPolicy.Fixed(500_000, null), Now, Stop);
        await Bidding.SetAsync("two/agent", new BiddingPolicy.None(), Now, Stop);
        await Bidding.SetAsync("two/agent", new BiddingPolicy.LoadAware(1, 2, 3), Now, Stop);

        var open = await Bidding.LookAsync(Owner, ["one/agent", "two/agent", "three/agent"], Stop);
        await Auctions.CloseAsync(submission.Auction!.Announcement.Id, [], Close, Now, Stop);
        await Bidding.ResetAsync("two/agent", Stop);
        var closed = await Bidding.LookAsync(Owner, ["one/agent", "two/agent"], Stop);

        open.OpenAuctions.ShouldBe(1);
        open.Policies.ShouldBe(
            new Dictionary<string, BiddingPolicy> { ["one/agent"] = new BiddingPolicy.Fixed(500_000, null), ["two/agent"] = new BiddingPolicy.LoadAware(1, 2, 3) }, ignoreOrder: true);
        (closed.OpenAuctions, closed.Policies.Count).ShouldBe((0, 1));
        (await Bidding.LookAsync(_publisher, [], Stop)).OpenAuctions.ShouldBe(0);
    }

    [Fact]
    public async Task Fault_IsCountedAndToldOnceAnHour()
    {
        var auction = Ids.Next<Auction>();
        await Bidding.CountFaultAsync("one/agent", auction, "nobody knows it", _publisher, Now, Stop);
        await Bidding.SetAsync("one/agent", new BiddingPolicy.Wasm(ContentHash.Of("x"u8)), Now, Stop);
        foreach (var minutes in new[] { 0, 1, 59, 60, 61 })
            await Bidding.CountFaultAsync("one/agent", auction, $"fault at {minutes}", _publisher, Now.AddMinutes(minutes), Stop);

        var kept = (await Bidding.FindAsync("one/agent", Stop))!;
        var told = (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(_publisher, null, [EventTypes.BiddingFaulted]), 10, Stop)).Events;

        (kept.Faults, kept.LastFault).ShouldBe((5, "fault at 61"));
        told.Select(one => one.Event.Time).ShouldBe([Now, Now.AddMinutes(60)]);
    }

    private async Task<NewTask> SubmitAuctionAsync()
    {
        var submission = NewAuction();
        (await Tasks.SubmitAsync(submission, Stop)).Refusal.ShouldBeNull();
        return submission;
    }

    /// <summary>A task of which the most is held that the three invited may cost at their posted prices: two of a cent, and one of two that bids from outside.</summary>
    private NewTask NewAuction()
    {
        var submission = NewTask(price: Money.Parse("0.02"), dueAt: Now.AddMilliseconds(150));
        var limits = submission.Task.Limits;
        Bidder Invited(string publisher, string price, PublicKey? key = null) => new(
            ListingName.Parse($"{publisher}/agent@1.0.0"), BidQuality.Full, Money.Parse(price), limits, new AgentPrice(Money.Parse(price), Money.Zero, Money.Zero), 0, key);
        Invitation To(BiddingPolicy policy) => new(Ids.Next<AgentVersion>(), _publisher, ["other", "title"], policy);
        var announcement = new Announcement(
            Ids.Next<Auction>(), submission.Task.Id.ToString(), ["text.upper"], submission.Task.Input.SizeBytes, Reserve: null, Now, Now.AddMilliseconds(150),
            [Invited("one", "0.01"), Invited("two", "0.01"), Invited("outside", "0.02", _bidder.PublicKey)]);
        var auction = new Auction(
            announcement,
            [To(new BiddingPolicy.Posted()), To(new BiddingPolicy.Wasm(ContentHash.Of("x"u8))), To(new BiddingPolicy.External(_bidder.PublicKey.ToSpki()))],
            OnNoBids.Fail,
            Holder.ToString());
        return submission with
        {
            Task = submission.Task with { Auction = new TaskAuction(announcement.Id, announcement.ClosesAt, IsOpen: true, AwardDigest: null, Awards: []) },
            Auction = auction,
        };
    }

    private IReadOnlyList<SealedBid> Bids(NewTask submission, string one, string two) =>
        [Made(submission.Auction!.Announcement, "one/agent", one, Now, _node), Made(submission.Auction!.Announcement, "two/agent", two, Now, _node)];

    private SealedBid Outside(Announcement announcement, string factor, DateTimeOffset at) => Made(announcement, "outside/agent", factor, at, _bidder);

    private static SealedBid Made(Announcement announcement, string agent, string factor, DateTimeOffset at, PrivateKey key) =>
        new(agent, at, new Bid(announcement.Id, agent, Bid.ReadAsk(factor, null).Value!, Guid.NewGuid().ToString("n")).Sign(key));

    /// <summary>A clock that throws where it is looked at inside an act: there the database cannot be called.</summary>
    private sealed class OutsideActs(Database database) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            _ = database.ReadAsync(_ => Task.FromResult(true), CancellationToken.None);
            return base.GetUtcNow();
        }
    }
}

public sealed class SqliteAuctionStoreTests() : AuctionStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAuctionStoreTests(PostgresCluster cluster) : AuctionStoreConformance(new PostgresSource(cluster));
