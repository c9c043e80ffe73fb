using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Auctions;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

[Trait("speed", "slow")]
public sealed class AuctionsEndpointsTests : AuctionTest
{
    [Fact]
    public async Task Submit_WithAnAuction_IsWonByTheLeastBidAtTheSecondPriceAndProven()
    {
        await PublishAsync("posted", "0.01");
        await PublishAsync("cheap", "0.01", Factor("0.5"));
        await PublishAsync("cheaper", "0.01", new BiddingPolicyBody("fixed", Price: "0.004"));

        var task = await SubmitAsync();

        (task.State, task.Auction!.State).ShouldBe(("queued", "open"));
        task = await Consumer.GetTaskAsync(task.Id, Stop);
        task = await Consumer.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        (task.State, Publisher(task.Agent), task.Auction!.State).ShouldBe(("succeeded", "cheaper", "awarded"));
        task.Result!.Price.ShouldBe("0.005000000", "the second bid is half of a cent");
        (await SpentAsync()).ShouldBe(Money.Parse("0.005"));
        await NothingIsHeldAsync();
        var auction = await Consumer.GetTaskAuctionAsync(task.Id, Stop);
        auction.Bidders.Select(bidder => $"{Publisher(bidder.Agent)} {bidder.Standing}").ShouldBe(["cheaper won", "cheap outbid", "posted outbid"]);
        auction.Bidders.Select(bidder => bidder.Bid!.Factor ?? "$" + bidder.Bid.Price).ShouldBe(["$0.004000000", "0.500000", "1.000000"]);
        auction.Bidders.Select(bidder => bidder.Award!.ExpectedPrice).ShouldBe(["0.005000000", "0.010000000", "0.010000000"]);
        auction.SealedBids.ShouldBeEmpty();
        var record = AwardVerifier.Verify(auction.Award!, PeerId.Parse((await Consumer.GetNodeAsync(Stop)).PeerId)).Value;
        var receipt = ReceiptVerifier.Verify(await Consumer.GetReceiptAsync(task.Id, Stop), null).Value;
        receipt.Auction!.Id.ToString().ShouldBe(auction.Id);
        ReceiptVerifier.VerifyAward(receipt, auction.Award!).Value.Decision.ShouldBe(record.Decision);
        var told = await Consumer.WatchTaskAsync(task.Id, cancellationToken: Stop).ToListAsync(Stop);
        told.Select(one => one.Type).Where(type => type != "stoa.task.progress").ShouldBe(
            ["stoa.task.queued", "stoa.auction.awarded", "stoa.task.started", "stoa.task.succeeded"]);
    }

    [Fact]
    public async Task Award_HoldsNoMoreThanTheAwardedCanCost()
    {
        await PublishAsync("dear", "2", new BiddingPolicyBody("none"));
        await PublishAsync("cheap", "0.01", Factor("0.5"));
        await PublishAsync("failing", "0.01", Factor("0.1"), GuestPrograms.EndlessLoop);

        var task = await SubmitAsync();
        task.Hold.ShouldBe("2.000000000");

        await foreach (var happened in Consumer.WatchTaskAsync(task.Id, cancellationToken: Stop))
        {
            if (happened.Type != "stoa.auction.awarded")
                continue;
            (await Consumer.GetTaskAsync(task.Id, Stop)).Hold.ShouldBe("0.010000000");
            (await Consumer.GetWalletAsync(Stop)).Held.ShouldBe("0.010000000");
            break;
        }

        (await Consumer.WaitForTaskAsync(task.Id, cancellationToken: Stop)).Result!.Price.ShouldBe("0.010000000");
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task Submit_WhenTheWinnerFails_IsDoneByTheNextBidAtItsOwnSecondPrice()
    {
        await PublishAsync("failing", "0.01", Factor("0.1"), GuestPrograms.Unreachable);
        await PublishAsync("next", "0.01", Factor("0.3"));
        await PublishAsync("third", "0.01", Factor("0.6"));
        await PublishAsync("fourth", "0.01", Factor("0.9"));

        var task = await RunAsync();

        (task.State, Publisher(task.Agent), task.Attempts, task.Result!.Price).ShouldBe(("succeeded", "next", 2, "0.006000000"));
        (await SpentAsync()).ShouldBe(Money.Parse("0.006"));
        await NothingIsHeldAsync();
        var auction = await Consumer.GetTaskAuctionAsync(task.Id, Stop);
        auction.Bidders.Select(bidder => bidder.Award?.Factor).ShouldBe(["0.300000", "0.600000", "0.900000", null]);
        var receipt = ReceiptVerifier.Verify(await Consumer.GetReceiptAsync(task.Id, Stop), null).Value;
        ReceiptVerifier.VerifyAward(receipt, auction.Award!).Refusal.ShouldBeNull();
        var selection = await Consumer.GetSelectionAsync(task.Id, Stop);
        selection.Tried.ShouldBe(["failing/agent"]);
        (selection.Auction!.State, selection.Winner).ShouldBe(("awarded", task.Agent));
        selection.Choices.ShouldHaveSingleItem().Candidates.Select(candidate => candidate.Standing).Order().ShouldBe(["invited", "invited", "invited", "won"]);
    }

    [Fact]
    public async Task Submit_WhenAllAwardedFail_CostsNothing()
    {
        for (var i = 0; i < 4; i++)
            await PublishAsync($"failing{i}", "0.01", Factor($"0.{i + 1}"), GuestPrograms.Unreachable);

        var task = await RunAsync();

        (task.State, task.Failure!.Code, task.Attempts).ShouldBe(("failed", "trap", 3));
        (await SpentAsync()).ShouldBe(Money.Zero);
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task Submit_WithABudget_IsAReserveThatDearAgentsMayBidBelow()
    {
        await PublishAsync("dear", "1", Factor("0.004"));
        await PublishAsync("other", "0.02");

        var task = await RunAsync(maxPrice: "0.006");

        (task.State, Publisher(task.Agent), task.Result!.Price).ShouldBe(("succeeded", "dear", "0.006000000"));
        (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Bidders.Select(bidder => bidder.Standing).ShouldBe(["won", "aboveReserve"]);
    }

    [Theory]
    [InlineData(null, null, "failed", null)]
    [InlineData("select", null, "succeeded", "0.010000000")]
    [InlineData("select", "0.005", "failed", null)]
    public async Task Submit_ForWhichNobodyBids_EndsAsTheConsumerWants(string? onNoBids, string? maxPrice, string state, string? price)
    {
        await PublishAsync("silent", "0.01", new BiddingPolicyBody("none"));
        await PublishAsync("dear", "0.5", new BiddingPolicyBody("none"));

        var task = await RunAsync(maxPrice: maxPrice, onNoBids: onNoBids);

        (task.State, task.Auction!.State, task.Result?.Price).ShouldBe((state, "noBids", price));
        if (price is null)
            task.Failure!.Code.ShouldBe("noBids");
        else
            (await Consumer.GetReceiptAsync(task.Id, Stop)).ShouldSatisfyAllConditions(
                receipt => ReceiptVerifier.Verify(receipt, null).Value.Auction.ShouldBeNull());
        await NothingIsHeldAsync();
        var auction = await Consumer.GetTaskAuctionAsync(task.Id, Stop);
        auction.Bidders.ShouldAllBe(bidder => bidder.Standing == "noBid");
        AwardVerifier.Verify(auction.Award!, null).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Submit_OfAnUrgentTask_IsBidForByThePricesThatUrgentTasksHave()
    {
        await PublishAsync("urgent", "0.01", Factor("0.5"), tiers: new PriceTiersBody(Urgent: 3), demand: new PriceDemandBody(Max: 2, Capacity: 2));
        await PublishAsync("even", "0.02");

        var task = await SubmitAsync(wait: Wait, priority: "urgent");
        var calm = await SubmitAsync(wait: Wait);

        // Half of three cents wins against two, and is paid two by a factor of its own three.
        (Publisher(task.Agent), task.Result!.Price).ShouldBe(("urgent", "0.019999980"));
        (Publisher(calm.Agent), calm.Result!.Price).ShouldBe(("urgent", "0.010000000"));
        var winner = (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Bidders[0];
        (winner.ExpectedPrice, winner.PriceFactor, winner.Award!.Factor, winner.Award.PriceFactor).ShouldBe(("0.030000000", 3, "0.666666", 3));
        var receipt = ReceiptVerifier.Verify(await Consumer.GetReceiptAsync(task.Id, Stop), null).Value;
        receipt.Pricing!.Factor.Tier.ShouldBe(3_000);
        ReceiptVerifier.VerifyAward(receipt, (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Award!).Refusal.ShouldBeNull();
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task Submit_WhenNobodyBidsAndTheSelectedFails_GoesOnByTheSelection()
    {
        await PublishAsync("failing", "0.005", new BiddingPolicyBody("none"), GuestPrograms.Unreachable, tiers: new PriceTiersBody(Urgent: 2));
        await PublishAsync("good", "0.015", new BiddingPolicyBody("none"));

        var task = await SubmitAsync(onNoBids: "select", wait: Wait, priority: "urgent");

        (task.State, Publisher(task.Agent), task.Attempts, task.Result!.Price).ShouldBe(("succeeded", "good", 2, "0.015000000"));
        task.Auction!.State.ShouldBe("noBids");
        var selection = await Consumer.GetSelectionAsync(task.Id, Stop);
        (selection.Auction!.State, selection.Winner).ShouldBe(("noBids", null));
        selection.Choices[0].Candidates.ShouldContain(candidate => candidate.Standing == "chosen");
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task Replay_OfATaskThatNobodyBidFor_IsPutOutToBidsAnew()
    {
        var agent = await PublishAsync("silent", "0.01", new BiddingPolicyBody("none"));
        var failed = await SubmitAsync(maxPrice: "0.5", windowMs: 40, wait: Wait, priority: "high");
        failed.Failure!.Code.ShouldBe("noBids");
        await (await MemberAsync("silent")).SetBiddingAsync(agent, Factor("0.5"), Stop);

        var replay = await Consumer.ReplayTaskAsync(failed.Id, Stop);
        (replay.State, replay.Priority, replay.ReplayOf, replay.Auction!.State).ShouldBe(("queued", "high", failed.Id, "open"));
        (replay.Auction.ClosesAt - replay.CreatedAt).ShouldBe(TimeSpan.FromMilliseconds(40));
        (await Consumer.ReplayTaskAsync(failed.Id, Stop)).Id.ShouldBe(replay.Id);
        var done = await Consumer.ExecuteTaskAsync(replay.Id, Wait, Stop);

        (done.State, done.Auction!.State, done.Result!.Price).ShouldBe(("succeeded", "awarded", "0.010000000"));
        (await Consumer.GetTaskAuctionAsync(replay.Id, Stop)).Reserve.ShouldBe("0.500000000");
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task Replay_OfATaskThatWasTakenBack_KeepsWhatHappensWhenNobodyBids()
    {
        await PublishAsync("silent", "0.01", new BiddingPolicyBody("none"));
        var cancelled = await Consumer.CancelTaskAsync((await SubmitAsync(windowMs: 200, onNoBids: "select")).Id, Stop);
        cancelled.State.ShouldBe("cancelled");

        var replay = await Consumer.ExecuteTaskAsync((await Consumer.ReplayTaskAsync(cancelled.Id, Stop)).Id, Wait, Stop);

        (replay.State, replay.Auction!.State, Publisher(replay.Agent)).ShouldBe(("succeeded", "noBids", "silent"));
    }

    [Fact]
    public async Task OpenAuction_IsNotRunEarlyAndCanBeTakenBack()
    {
        await PublishAsync("posted", "0.01");
        var task = await SubmitAsync(windowMs: 5_000);

        var hurried = await Consumer.ExecuteTaskAsync(task.Id, TimeSpan.FromMilliseconds(100), Stop);
        (await Consumer.ListTasksAsync("queued", Stop).Select(listed => listed.Id).ToListAsync(Stop)).ShouldBe([task.Id]);
        var cancelled = await Consumer.CancelTaskAsync(task.Id, Stop);

        (hurried.State, hurried.Auction!.State).ShouldBe(("queued", "open"));
        (cancelled.State, cancelled.Auction!.State).ShouldBe(("cancelled", "cancelled"));
        await NothingIsHeldAsync();
        (await Should.ThrowAsync<StoaException>(() => Consumer.ExecuteTaskAsync("task_01h2xcejqtf2nbrexx3vqjhp41", cancellationToken: Stop))).Code.ShouldBe("taskUnknown");
    }

    [Fact]
    public async Task Restart_WithinTheWindow_AwardsTheTaskAllTheSame()
    {
        var data = Directory.CreateTempSubdirectory("stoa-auction-").FullName;
        try
        {
            TaskResponse task;
            await using (var first = await TestNode.StartAsync(data))
            {
                await TestNode.PublishAsync(first.Client, "good", GuestPrograms.Echo, capability: Work);
                task = await first.Client.SubmitAsync(
                    new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: Any, Auction: new AuctionTermsBody(1_000)), cancellationToken: Stop);
            }

            await using var second = await TestNode.StartAsync(data);
            var ended = await second.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);

            (ended.State, ended.Auction!.State).ShouldBe(("succeeded", "awarded"));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task LoadAwareAndQuality_DecideTogether()
    {
        await PublishAsync("good", "0.01", new BiddingPolicyBody("loadAware", IdleFactor: "0.8", BusyFactor: "1", FullLoad: 4));
        await PublishAsync("bad", "0.01", Factor("0.7"), GuestPrograms.Unreachable);
        for (var i = 0; i < 3; i++)
            (await RunAsync(Any with { Weights = new WeightsBody(Quality: 0.5, Price: 0.5) })).State.ShouldBe("succeeded");

        var task = await RunAsync(Any with { Weights = new WeightsBody(Quality: 0.9, Price: 0.1) });

        (task.State, Publisher(task.Agent), task.Attempts).ShouldBe(("succeeded", "good", 1));
        var bidders = (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Bidders;
        bidders[0].Bid!.Factor.ShouldBe("0.800000");
    }

    [Theory]
    [InlineData("""{ "agent": "posted/agent", "input": { "text": "x" }, "auction": {} }""", "/auction")]
    [InlineData("""{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "auction": { "windowMs": 9 } }""", "/auction/windowMs")]
    [InlineData("""{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "auction": { "windowMs": 5001 } }""", "/auction/windowMs")]
    [InlineData("""{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "auction": { "windowMs": -2147483648 } }""", "/auction/windowMs")]
    [InlineData("""{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "auction": { "onNoBids": "cry" } }""", "/auction/onNoBids")]
    [InlineData("""{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "dueAt": "2030-01-01T00:00:00Z", "auction": {} }""", "/dueAt")]
    public async Task Submit_OfBadTerms_SaysWhere(string body, string pointer)
    {
        using var problem = await PostAsync("/api/v1/tasks", body);

        problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()).ShouldContain(pointer);
    }

    [Fact]
    public async Task Batch_WithAnAuction_IsRefused()
    {
        await PublishAsync("posted", "0.01");

        using var problem = await PostAsync(
            "/api/v1/batches", """{ "tasks": [{ "requirement": { "capabilities": ["text.echo"] }, "input": { "text": "x" }, "auction": {} }] }""");

        problem.RootElement.GetProperty("code").GetString().ShouldBe("batchInvalid");
        problem.RootElement.GetProperty("errors")[0].GetProperty("pointer").GetString().ShouldBe("/tasks/0/auction");
    }

    [Fact]
    public async Task Auction_OfATaskWithoutOneOrOfSomebodyElse_IsNone()
    {
        await PublishAsync("posted", "0.01");
        var plain = await Consumer.SubmitTextAsync("posted/agent", "hello", new SubmitOptions { Wait = Wait }, Stop);
        var bid = await RunAsync();

        (await Should.ThrowAsync<StoaException>(() => Consumer.GetTaskAuctionAsync(plain.Id, Stop))).Code.ShouldBe("noAuction");
        (await Should.ThrowAsync<StoaException>(() => Node.Client.GetTaskAuctionAsync(bid.Id, Stop))).Code.ShouldBe("taskUnknown");
        (await Should.ThrowAsync<StoaException>(() => Node.Client.GetAuctionAsync(bid.Auction!.Id, Stop))).Code.ShouldBe("auctionUnknown");
        // Who was invited may check the award.
        var publisher = await MemberAsync("posted");
        AwardVerifier.Verify((await publisher.GetAuctionAsync(bid.Auction!.Id, Stop)).Award!, null).Refusal.ShouldBeNull();
    }

    private async Task<JsonDocument> PostAsync(string path, string body)
    {
        using var http = new HttpClient { BaseAddress = Node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", Consumer.Options.ApiKey);
        using var response = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"), Stop);
        ((int)response.StatusCode).ShouldBeInRange(400, 422);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync(Stop));
    }
}

[Trait("speed", "slow")]
public sealed class OpenAuctionsLimitTests : AuctionTest
{
    protected override string[] Options => ["--Auctions:MaxOpenPerConsumer", "2"];

    [Fact]
    public async Task Submit_BeyondTheOpenAuctionsThatMayBe_IsRefusedUntilOneEnds()
    {
        await PublishAsync("posted", "0.01");
        var first = await SubmitAsync(windowMs: 5_000);
        await SubmitAsync(windowMs: 5_000);

        (await Should.ThrowAsync<StoaException>(() => SubmitAsync())).Code.ShouldBe("auctionsTooMany");

        // It is counted until its window has closed, and other consumers' are not.
        (await Node.Client.SubmitAsync(
            new SubmitTaskRequest(Input: new TaskInputBody(Text: "x"), Requirement: Cheapest, Auction: new AuctionTermsBody(10)), Wait, cancellationToken: Stop)).State.ShouldBe("succeeded");
        (await Consumer.WaitForTaskAsync(first.Id, cancellationToken: Stop)).State.ShouldBe("succeeded");
        (await RunAsync()).State.ShouldBe("succeeded");
    }
}
