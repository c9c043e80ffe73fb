using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>A task store over a fresh database, with accounts, a consumer who has 10 dollars, and tasks to submit.</summary>
public abstract class TaskStoreTest(DatabaseSource source) : DatabaseTest(source)
{
    protected static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);
    protected static readonly LeaseHolder Holder = new("node", "boot2");
    protected static readonly Money Price = Money.Parse("0.01");
    protected static readonly ClaimRoom Room = new(100, 1L << 40, 1L << 40);

    protected SqlTaskStore Tasks { get; private set; } = null!;

    /// <summary>The node's, for what is written at the time of writing.</summary>
    protected SettableTime Clock { get; } = new(Now);

    protected SqlLedgerStore Ledger { get; private set; } = null!;

    protected SystemAccounts Accounts { get; private set; } = null!;

    protected IdSource Ids { get; } = new(TimeProvider.System, new SecureRandom());

    protected Id<User> Owner { get; private set; }

    protected Id<Account> Wallet { get; private set; }

    protected Id<Account> Creator { get; private set; }

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Open();
        Owner = Ids.Next<User>();
        Accounts = new SystemAccounts(
            await OpenAccountAsync("world", AccountKind.World),
            await OpenAccountAsync("clearing", AccountKind.Clearing),
            await OpenAccountAsync("node", AccountKind.Node),
            await OpenAccountAsync("platform", AccountKind.Platform),
            await OpenAccountAsync("sponsor", AccountKind.World));
        Wallet = await OpenAccountAsync(Owner.ToString(), AccountKind.Wallet);
        Creator = await OpenAccountAsync("creator", AccountKind.Wallet);
        (await Ledger.ApplyAsync(
            [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, Wallet, Money.Parse("10"), null, TransferPurpose.Deposit, "test", Now)],
            Stop)).Refusal.ShouldBeNull();
    }

    protected void Open()
    {
        // One of the databases with a memory of what was submitted, the other without: both must do the same.
        Tasks = new SqlTaskStore(Database, Clock, recent: Database is SqliteDatabase ? new RecentSubmissions(TimeProvider.System) : null);
        Ledger = new SqlLedgerStore(Database);
    }

    protected NewTask NewTask(
        Money? price = null, DateTimeOffset? dueAt = null, string? key = null, long memoryBytes = 1 << 20, ImmediateClaim? claim = null, string request = "one")
    {
        var hold = new TaskHold(Ids.Next<Transfer>(), Wallet, price ?? Price);
        var input = System.Text.Encoding.UTF8.GetBytes("hello");
        var task = new AgentTask(
            Ids.Next<AgentTask>(),
            Owner,
            Ids.Next<AgentVersion>(),
            ListingName.Parse("stoa/upper@1.0.0"),
            new TaskInput(ContentHash.Of(input), input.Length, IsInline: true),
            [new TaskParameter("title", "größer")],
            new AgentLimits(1_000_000, memoryBytes, 1_000, 1_000, 1_000),
            hold,
            Attempts: 0,
            Losses: 0,
            Token: 0,
            new TaskState.Queued(dueAt ?? Now),
            CancelRequestedAt: null,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            Now);
        return new NewTask(
            task,
            input,
            Settlement.Hold(hold, Accounts.Clearing, task.Id, Now),
            key is null ? null : new IdempotencyKey(key, ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(request))),
            claim);
    }

    /// <summary>A task without a hold, of the owner or of somebody else.</summary>
    protected NewTask NewFreeTask(Id<User>? owner = null, TaskPriority priority = TaskPriority.Normal)
    {
        var submission = NewTask();
        return submission with { Task = submission.Task with { OwnerId = owner ?? Owner, Priority = priority, Hold = null }, Hold = null };
    }

    protected async Task<AgentTask> SubmitAsync(DateTimeOffset? dueAt = null, long memoryBytes = 1 << 20) =>
        (await Tasks.SubmitAsync(NewTask(dueAt: dueAt, memoryBytes: memoryBytes), Stop)).Value.Task;

    protected async Task<AgentTask> SubmitAndClaimAsync()
    {
        var task = await SubmitAsync();
        return (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single(claimed => claimed.Id == task.Id);
    }

    /// <summary>The end of an attempt that succeeded and cost a tenth of its hold.</summary>
    protected AttemptEnd Success(AgentTask running, PrivateKey? node = null)
    {
        var price = new Money(running.MaxPrice.Nanodollars / 10);
        var receiptId = Ids.Next<Receipt>();
        var result = new TaskResult(ContentHash.Of("HELLO"u8), 5, IsInline: true, "text/plain", new Usage(1, 2, 3, 4, 5), price, receiptId);
        var next = running.Succeed(result, Now);
        var payees = new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform);
        using var key = PrivateKey.Generate();
        return new AttemptEnd(
            next,
            Settlement.Capture(running, SplitPolicy.Default.Split(price), payees, Ids, Now),
            new SignedReceipt(receiptId, running.Id, DsseEnvelope.Sign(Receipt.PayloadType, "{}"u8, node ?? key)),
            "HELLO"u8.ToArray(),
            new KeptLog("a line"u8.ToArray(), 12),
            [TaskEvents.Ended(next, Now)]);
    }

    /// <summary>The end of an attempt without a result.</summary>
    protected AttemptEnd End(AgentTask next) => new(
        next,
        next.State.IsFinal ? Settlement.Release(next, Accounts.Clearing, Ids.Next<Transfer>(), Now) : [],
        null,
        null,
        ReadOnlyMemory<byte>.Empty,
        next.State.IsFinal ? [TaskEvents.Ended(next, Now)] : [TaskEvents.Retried(next, FailureCode.AgentUnavailable, "later", Now)]);

    protected async Task<IReadOnlyList<string>> EventsAsync(Id<AgentTask> task) =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(Owner, task.ToString(), []), 1_000, Stop)).Events.Select(told => told.Event.Type)];

    /// <summary>What the wallet has posted and held, in nanodollars.</summary>
    protected async Task<(Money Posted, Money Held)> WalletAsync()
    {
        var account = (await Ledger.GetAccountAsync(Wallet, Stop)).ShouldNotBeNull();
        return (account.Posted, account.PendingDebits);
    }

    /// <summary>The ledger sums to zero, nothing rests in clearing, and so many holds are open.</summary>
    protected async Task BooksBalanceAsync(int openHolds)
    {
        var totals = await Ledger.TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, openHolds));
        totals.PendingDebits.ShouldBe(totals.PendingCredits);
    }

    private async Task<Id<Account>> OpenAccountAsync(string owner, AccountKind kind) => (await Ledger.OpenAccountAsync(
        new Account(Ids.Next<Account>(), owner, kind, Money.Zero, Money.Zero, Money.Zero, Now), Stop)).Id;
}
