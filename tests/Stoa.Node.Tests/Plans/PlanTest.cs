using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Mail;
using Stoa.Node.Plans;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Plans;

/// <summary>Plans, credit and coupons over a fresh database, with tasks that are held of credit as in production.</summary>
public abstract class PlanTest(DatabaseSource source) : TaskStoreTest(source)
{
    protected static readonly PlansOptions Options = new() { GraceDays = 3 };

    /// <summary>Whose tasks are looked at for credit.</summary>
    protected SqlTaskStore Limited { get; private set; } = null!;

    protected SqlPlanStore Plans => new(Database, Ids);

    protected SqlSubscriptionStore Subscriptions => new(Database, Accounts, new LetterBox(new Mailer(new MailOptions()), Ids), Options, Ids);

    protected SqlCreditStore Credit => new(Database, Accounts);

    protected SqlCouponStore Coupons => new(Database, Accounts);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Limited = new SqlTaskStore(
            Database, Clock, recent: Database is SqliteDatabase ? new RecentSubmissions(TimeProvider.System) : null, quota: new UserQuota(100_000, 1_000));
        await OfferAsync("basic", 2, 1);
        await OfferAsync("pro", 5, 4);
    }

    protected Task<Plan> OfferAsync(string name, decimal price, decimal credit, long? openTasks = null) =>
        Plans.PutAsync(name, "", new PlanTerms(Money.FromDollars(price), Money.FromDollars(credit), openTasks, null), Now, Stop);

    protected async Task<Subscription> PutAsync(string plan, DateTimeOffset? at = null, Id<User>? user = null) =>
        (await Subscriptions.PutAsync(user ?? Owner, plan, null, null, at ?? Now, Stop)).Value.Subscription;

    /// <summary>Has what fails at one of many fail the test.</summary>
    protected static void Throw<T>(T thing, Exception failure) => throw new InvalidOperationException($"{thing} has failed.", failure);

    /// <summary>Looks for what is due, as a node does, until there is nothing.</summary>
    protected async Task LookAsync(DateTimeOffset now)
    {
        while (await Subscriptions.RunDueAsync(now, Throw, Stop) + await Credit.ExpireDueAsync(now, Throw, Stop) > 0)
        {
        }
    }

    /// <summary>A coupon, and the hash of its code.</summary>
    protected async Task<ContentHash> MakeCouponAsync(CouponGift gift, long redemptions = 1, int perUser = 1, bool onlyNew = false, DateTimeOffset? end = null)
    {
        var code = OneTimeCode.Create(Coupon.Groups, new SecureRandom());
        await Coupons.AddAsync(
            new Coupon(Ids.Next<Coupon>(), code.Hash, code.ToString(), gift, new CouponLimits(redemptions, perUser, onlyNew, end), 0, Ids.Next<User>(), null, Now), Stop);
        return code.Hash;
    }

    protected Task GiveAsync(decimal credit, int? days = 30, DateTimeOffset? at = null) => RedeemAsync(new CouponGift.Credit(Money.FromDollars(credit), days), at ?? Now);

    private async Task RedeemAsync(CouponGift gift, DateTimeOffset at) =>
        (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, await MakeCouponAsync(gift), at, Stop)).Refusal.ShouldBeNull();

    protected async Task<AgentTask> SubmitAsync(decimal hold) => (await Limited.SubmitAsync(NewTask(Money.FromDollars(hold)), Stop)).Value.Task;

    /// <summary>Runs the tasks that wait to their ends, at a price each.</summary>
    protected async Task FinishAsync(params decimal[] prices)
    {
        using var key = PrivateKey.Generate();
        var claimed = (await Limited.ClaimAsync(Holder, Room, Now.AddDays(400), Stop)).OrderBy(task => task.Id).ToList();
        claimed.Count.ShouldBe(prices.Length);
        var ends = claimed.Zip(prices, (task, price) => End(task, Money.FromDollars(price), key)).ToList();
        (await Limited.EndAttemptsAsync(ends, Stop)).ShouldAllBe(outcome => outcome == AttemptEndOutcome.Written);
    }

    /// <summary>An end with a price, or without a result when it is nothing.</summary>
    protected AttemptEnd End(AgentTask running, Money price, PrivateKey key)
    {
        if (price == Money.Zero)
            return End(running.Cancel(Now));
        var receipt = Ids.Next<Receipt>();
        var next = running.Succeed(new TaskResult(ContentHash.Of("HELLO"u8), 5, IsInline: true, "text/plain", new Usage(1, 2, 3, 4, 5), price, receipt), Now);
        var payees = new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform);
        return new AttemptEnd(
            next,
            Settlement.Capture(running, SplitPolicy.Default.Split(price), payees, Ids, Now),
            new SignedReceipt(receipt, running.Id, DsseEnvelope.Sign(Receipt.PayloadType, "{}"u8, key)),
            "HELLO"u8.ToArray(),
            ReadOnlyMemory<byte>.Empty,
            [TaskEvents.Ended(next, Now)]);
    }

    /// <summary>What the wallet has available, and what of credit is there and available, in dollars.</summary>
    protected async Task<(decimal Wallet, decimal Balance, decimal Available)> MoneyAsync()
    {
        var wallet = (await Ledger.GetAccountAsync(Wallet, Stop))!;
        var credit = await Credit.FindAsync(Owner, Stop);
        var account = await Ledger.GetAccountAsync(Account.CreditOf(Owner), Stop);
        (account?.Available ?? Money.Zero).ShouldBe(credit.Balance - credit.Held, "own money that has joined is held");
        credit.Grants.Aggregate(Money.Zero, (sum, grant) => sum + grant.Remaining).ShouldBe(credit.Balance, "all of it is of some grant");
        return (Dollars(wallet.Available), Dollars(credit.Balance), Dollars(credit.Balance - credit.Held));
    }

    protected static decimal Dollars(Money amount) => amount.Nanodollars / 1_000_000_000m;

    /// <summary>How often something was paid or given, from the user's statement.</summary>
    protected async Task<IReadOnlyList<Transfer>> TransfersAsync(TransferPurpose purpose, Id<Account>? of = null) =>
        [.. (await Ledger.ListTransfersAsync(of ?? Wallet, new(1_000), Stop)).Items.Where(transfer => transfer.Purpose == purpose)];

    protected async Task<IReadOnlyList<string>> ToldAsync() =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(Owner, null, []), 1_000, Stop)).Events.Select(told => told.Event.Type)
            .Where(type => type.StartsWith("stoa.subscription", StringComparison.Ordinal) || type.StartsWith("stoa.c", StringComparison.Ordinal))];
}
