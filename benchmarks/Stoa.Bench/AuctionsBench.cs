using System.Diagnostics;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>What an auction costs beyond its window: bids of sixteen policies, the decision, and its transactions on the embedded database, one auction after another.</summary>
internal static class AuctionsBench
{
    private const int Bidders = 16;
    private const int Auctions = 500;
    private const int WarmUp = 100;

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            tell($"database in {folder.FullName}");
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
            using var key = PrivateKey.Generate();
            var ids = new IdSource(TimeProvider.System, new SecureRandom());
            var ledger = new SqlLedgerStore(database);
            var accounts = await SystemAccounts.OpenAsync(ledger, ids, TimeProvider.System, cancellationToken);
            var owner = ids.Next<User>();
            var wallet = await ledger.OpenAccountAsync(Account.Open(ids.Next<Account>(), owner.ToString(), AccountKind.Wallet, Now()), cancellationToken);
            await ledger.ApplyAsync(
                [new Transfer(ids.Next<Transfer>(), TransferKind.Posted, accounts.World, wallet.Id, Money.Parse("1000000"), null, TransferPurpose.Deposit, "bench", Now())],
                cancellationToken);
            var tasks = new SqlTaskStore(database, TimeProvider.System);
            var store = new SqlAuctionStore(database);
            var close = new CloseAuction(key, accounts.Clearing, ids);
            using var policies = new PolicyBids(
                null!, new SqlBiddingStore(database), key, new AuctionsOptions { ProgramWorkers = 1 }, ids, TimeProvider.System,
                Microsoft.Extensions.Logging.Abstractions.NullLogger<PolicyBids>.Instance);

            tell($"{Auctions} tasks without and with auctions of {Bidders} bidders, in turns");
            double plainUs = 0, submitUs = 0, bidsUs = 0, closeUs = 0, decideUs = 0, verifyUs = 0;
            long bytes = 0;
            for (var turn = -WarmUp; turn < Auctions; turn++)
            {
                if (turn == 0)
                    plainUs = submitUs = bidsUs = closeUs = decideUs = verifyUs = 0;
                var plain = NewTask(ids, owner, wallet.Id, accounts.Clearing);
                var offered = WithAuction(NewTask(ids, owner, wallet.Id, accounts.Clearing), ids, turn);
                if (turn % 2 == 0)
                    plainUs += await CpuUsAsync(() => tasks.SubmitAsync(plain, cancellationToken));
                submitUs += await CpuUsAsync(() => tasks.SubmitAsync(offered, cancellationToken));
                if (turn % 2 != 0)
                    plainUs += await CpuUsAsync(() => tasks.SubmitAsync(plain, cancellationToken));
                IReadOnlyList<SealedBid> bids = [];
                bidsUs += await CpuUsAsync(async () => bids = await policies.MakeAsync(offered.Auction!, cancellationToken));
                AgentTask? task = null;
                closeUs += await CpuUsAsync(async () => task = await store.CloseAsync(offered.Auction!.Announcement.Id, bids, close, Now(), cancellationToken));
                if (task?.Auction?.Current is null)
                    throw new BenchmarkException("An auction with sixteen bids had no winner.");
                SignedAward? award = null;
                decideUs += Timed(() => award = AwardRecord.Decide(offered.Auction!.Announcement, bids, key, Now()));
                verifyUs += Timed(() => AwardVerifier.Verify(award!.Envelope, null));
                bytes = award!.Envelope.ToJson().Length;
            }

            figures.Add("auction_16_cpu_ms", (submitUs - plainUs + bidsUs + closeUs) / Auctions / 1e3);
            figures.Add("plain_submission_cpu_us", plainUs / Auctions);
            figures.Add("submit_more_cpu_us", (submitUs - plainUs) / Auctions);
            figures.Add("bids_cpu_us", bidsUs / Auctions);
            figures.Add("close_cpu_us", closeUs / Auctions);
            figures.Add("decide_and_sign_us", decideUs / Auctions);
            figures.Add("verify_us", verifyUs / Auctions);
            figures.Add("award_bytes", bytes);
            figures.Notes.Add($"processor time of the whole process per auction of {Bidders} bidders with posted and fixed policies, beyond that of a task without auction");
            return figures;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<double> CpuUsAsync(Func<Task> act)
    {
        var before = Environment.CpuUsage.TotalTime;
        await act();
        return (Environment.CpuUsage.TotalTime - before).TotalMicroseconds;
    }

    private static double Timed(Action act)
    {
        var start = Stopwatch.GetTimestamp();
        act();
        return Clock.Since(start) * 1e3;
    }

    private static NewTask NewTask(IdSource ids, Id<User> owner, Id<Account> wallet, Id<Account> clearing)
    {
        var now = Now();
        var hold = new TaskHold(ids.Next<Transfer>(), wallet, Money.Parse("0.02"));
        var task = new AgentTask(
            ids.Next<AgentTask>(), owner, ids.Next<AgentVersion>(), ListingName.Parse("publisher0/agent@1.0.0"), new TaskInput(ContentHash.Of("x"u8), 1, IsInline: true), [],
            new AgentLimits(1_000_000_000, 1 << 24, 1_000, 1 << 20, 1 << 12), hold, 0, 0, 0, new TaskState.Queued(now), null, null, now);
        return new NewTask(task, "x"u8.ToArray(), Settlement.Hold(hold, clearing, task.Id, now), null, null);
    }

    private static NewTask WithAuction(NewTask submission, IdSource ids, int turn)
    {
        var task = submission.Task;
        var rates = new AgentPrice(Money.Parse("0.001"), Money.Parse("0.0005"), Money.Parse("0.01"));
        var announcement = new Announcement(
            ids.Next<Auction>(), task.Id.ToString(), ["text.upper"], 1, Money.Parse("0.02"), task.CreatedAt, task.CreatedAt.AddMilliseconds(150),
            [.. Enumerable.Range(0, Bidders).Select(number => new Bidder(
                ListingName.Parse($"publisher{number}/agent@1.0.0"), BidQuality.Full - number, Money.Parse("0.002"), task.Limits, rates, 0, null))]);
        BiddingPolicy Policy(int number) => number % 2 == 0 ? new BiddingPolicy.Posted() : new BiddingPolicy.Fixed(500_000 + ((number * 7_919) + turn + WarmUp), null);
        return submission with
        {
            Task = task with
            {
                State = new TaskState.Queued(announcement.ClosesAt),
                Auction = new TaskAuction(announcement.Id, announcement.ClosesAt, IsOpen: true, AwardDigest: null, Awards: []),
            },
            Auction = new Auction(
                announcement,
                [.. Enumerable.Range(0, Bidders).Select(number => new Invitation(ids.Next<AgentVersion>(), ids.Next<User>(), [], Policy(number)))],
                OnNoBids.Fail,
                "bench/boot"),
        };
    }

    private static DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
}
