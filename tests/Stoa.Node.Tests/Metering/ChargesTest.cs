using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Mail;
using Stoa.Node.Metering;
using Stoa.Node.Quotas;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>Users with content and money, and nodes that have them pay for it.</summary>
public abstract class ChargesTest(DatabaseSource source) : MeteringTest(source)
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    /// <summary>A dollar for a thousandth of a month of a GiB, and 100 bytes free; a nanodollar for a byte that is sent, and 1,000 a month free.</summary>
    protected static UsagePrices Prices { get; } = new(Money.Parse("78"), 100, Money.Parse("1.073741824"), 1_000);

    protected static LeaseHolder Other { get; } = new("other", "boot7");

    protected SqlBudgetStore Budgets => new(Database);

    public override async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected SqlStorageFees StorageAt(LeaseHolder? node = null, UsagePrices? prices = null) => new(
        Database,
        Accounts,
        prices ?? Prices,
        SplitPolicy.Default,
        new Cell(node ?? Holder, null, Now),
        new LetterBox(new Mailer(new MailOptions { Host = "127.0.0.1", From = "stoa@example.org" }), Ids),
        new ChargeTelemetry(_services.GetRequiredService<IMeterFactory>()),
        Ids,
        Clock);

    protected SqlTransferFees TransfersAt(LeaseHolder? node = null) => new(Database, Accounts, Prices, SplitPolicy.Default, new Cell(node ?? Holder, null, Now));

    protected UserUsages Usages => new(Database, new UserQuota(1_000, 1L << 40));

    /// <summary>Has everybody pay for the hour of a time.</summary>
    protected async Task ChargeAsync(DateTimeOffset at, LeaseHolder? node = null)
    {
        while (!await StorageAt(node).ChargeAsync(at, Stop))
        {
        }
    }

    /// <summary>Gives back what nodes that are not alive have taken for downloads.</summary>
    protected async Task<int> VoidAbandonedAsync(DateTimeOffset at)
    {
        var abandoned = await TransfersAt().ListAbandonedAsync(default, at, Stop);
        foreach (var id in abandoned)
            await TransfersAt().CloseAsync(id, 0, at, Stop);
        return abandoned.Count;
    }

    /// <summary>A user with a wallet and content.</summary>
    protected async Task<Id<User>> AddUserAsync(Money money, long contentBytes, string? handle = null)
    {
        var user = Ids.Next<User>();
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync(
                    "INSERT INTO users (id, handle, email, password_hash, role, created_at) VALUES (@user, @handle, @email, NULL, 'Member', @Now)",
                    new { user, handle = handle ?? $"u{user.Uuid:n}", email = $"{user.Uuid:n}@example.org", Now });
                await SqlUserUsage.AddContentAsync(session, user, contentBytes);
            },
            Stop);
        await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), user.ToString(), AccountKind.Wallet, Now), Stop);
        await DepositAsync(user, money);
        return user;
    }

    protected async Task DepositAsync(Id<User> user, Money money)
    {
        if (money > Money.Zero)
        {
            (await Ledger.ApplyAsync(
                [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, (await WalletOfAsync(user)).Id, money, null, TransferPurpose.Deposit, "test", Now)], Stop)).Refusal.ShouldBeNull();
        }
    }

    protected Task AddContentAsync(Id<User> user, long bytes) => Database.WriteAsync(session => SqlUserUsage.AddContentAsync(session, user, bytes), Stop);

    protected async Task<Account> WalletOfAsync(Id<User> user) => (await Ledger.FindAccountAsync(user.ToString(), AccountKind.Wallet, Stop)).ShouldNotBeNull();

    protected async Task<(Money Node, Money Platform)> EarnedAsync() =>
        ((await Ledger.GetAccountAsync(Accounts.Node, Stop))!.Posted, (await Ledger.GetAccountAsync(Accounts.Platform, Stop))!.Posted);

    protected Task<UserUsage> UsageOfAsync(Id<User> user) => Usages.FindAsync(user, Stop);

    protected async Task<Budget> SetBudgetAsync(Id<User> owner, Money amount, UsageSpan span = UsageSpan.Day, DateTimeOffset? at = null) => (await Budgets.SetAsync(
        new Budget(Ids.Next<Budget>(), owner, span, "", amount, Budget.DefaultThresholds, true, BudgetMeter.New(span.StartOf(at ?? Now)), at ?? Now), null, null, at ?? Now, Stop)).Value;

    protected async Task FoldAllAsync()
    {
        while (await Usage.FoldAsync(Stop))
        {
        }
    }
}
