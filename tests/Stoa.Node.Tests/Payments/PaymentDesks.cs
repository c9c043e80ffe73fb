using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Payments;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Payments;

/// <summary>The payments of a node over a database and a Stripe of the test's own. Make several over one database for the nodes of a cell, or one after another for a node that died.</summary>
public sealed class PaymentDesks : IDisposable
{
    private readonly StripeHttp _http;

    public PaymentDesks(Database database, SystemAccounts accounts, FakeStripeHandler handler, TimeProvider time)
    {
        Options = new PaymentsOptions
        {
            StripeKey = FakeStripe.Key,
            WebhookSecrets = [FakeStripe.WebhookSecret],
            MinCredit = "1",
            MinPayout = "1",
            MaxAttempts = 1,
            MaxOpenPerUser = 8,
        };
        _http = new StripeHttp(Options, time, new Random(1), handler);
        var stripe = new StripeClient(_http);
        var back = new ReturnAddress("http://127.0.0.1:8420/");
        (Payments, Payouts, Parties) = (new SqlPaymentStore(database, accounts.World), new SqlPayoutStore(database, accounts.World), new SqlStripeParties(database));
        Desk = new PaymentDesk(Payments, Parties, stripe, Options, back, time);
        PayoutDesk = new PayoutDesk(Payouts, Parties, stripe, accounts, back, time);
        Worker = new PaymentWorker(Payments, Payouts, Parties, Desk, PayoutDesk, Options, time, NullLogger<PaymentWorker>.Instance);
    }

    public PaymentsOptions Options { get; }

    public SqlPaymentStore Payments { get; }

    public SqlPayoutStore Payouts { get; }

    public SqlStripeParties Parties { get; }

    public PaymentDesk Desk { get; }

    public PayoutDesk PayoutDesk { get; }

    public PaymentWorker Worker { get; }

    public void Dispose()
    {
        Worker.Dispose();
        _http.Dispose();
    }
}

/// <summary>One user with a wallet, a Stripe, a clock, and the books of both to compare.</summary>
public sealed class PaymentScene : IDisposable
{
    public static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);

    private readonly Database _books;

    private PaymentScene(Database database, Database books, SystemAccounts accounts, User user, Account wallet, IdSource ids, FakeStripeHandler handler, FakeStripe stripe, SettableTime time)
    {
        (_books, Accounts, User, Wallet, Ids, Handler, Stripe, Time) = (books, accounts, user, wallet.Id, ids, handler, stripe, time);
        Desks = new PaymentDesks(database, accounts, handler, time);
    }

    public SystemAccounts Accounts { get; }

    public User User { get; }

    public Id<Account> Wallet { get; }

    public IdSource Ids { get; }

    public FakeStripeHandler Handler { get; }

    public FakeStripe Stripe { get; }

    public SettableTime Time { get; }

    public PaymentDesks Desks { get; }

    public SqlLedgerStore Ledger => new(_books);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <param name="books">The database.</param>
    /// <param name="through">The same as the node sees it; null for as it is.</param>
    /// <param name="stripe">Where several scenes share one; null for a new one.</param>
    /// <param name="number">Of the scene, where there are several in one database.</param>
    public static async Task<PaymentScene> OpenAsync(Database books, Database? through = null, FakeStripe? stripe = null, int number = 0)
    {
        var time = new SettableTime(Start);
        var ids = new IdSource(time, new Random(number));
        var ledger = new SqlLedgerStore(books);
        var accounts = await SystemAccounts.OpenAsync(ledger, ids, time, Stop);
        var user = new User(ids.Next<User>(), $"ada-{number}", $"ada-{number}@example.org", UserRole.Member, Start);
        (await new SqlUserStore(books, ids, TestCell.Key).AddAsync(new StoredUser(user, null), Stop)).Refusal.ShouldBeNull();
        var wallet = (await ledger.FindAccountAsync(user.Id.ToString(), AccountKind.Wallet, Stop))!;
        stripe ??= new FakeStripe();
        return new PaymentScene(through ?? books, books, accounts, user, wallet, ids, new FakeStripeHandler(stripe), stripe, time);
    }

    public async Task<Payment> BeginAsync(string dollars, Id<Payment>? id = null) =>
        (await Desks.Desk.BeginAsync(id ?? Ids.Next<Payment>(), User, Wallet, Money.Parse(dollars), Stop)).Value;

    /// <summary>A payment that was paid and credited.</summary>
    public async Task<Payment> PayAsync(string dollars)
    {
        var payment = await BeginAsync(dollars);
        Stripe.Pay(payment.Session!);
        return (await Desks.Desk.LookAsync(payment.Id, ifDue: false, Stop))!;
    }

    public async Task<Payment> LookAsync(Id<Payment> id)
    {
        await Desks.Desk.LookAsync(id, ifDue: false, Stop);
        return (await Desks.Payments.FindAsync(id, Stop))!;
    }

    public Task<Outcome<Refund, PaymentRefusal>> AskForRefundAsync(Id<Payment> payment, string dollars, Id<Refund>? id = null) => Desks.Payments.RequestRefundAsync(
        new Refund(id ?? Ids.Next<Refund>(), payment, Money.Parse(dollars), RefundState.Requested, null, null, Time.GetUtcNow(), Time.GetUtcNow()), Stop);

    /// <summary>Gives the wallet's money to the node, as a task does.</summary>
    public async Task SpendAsync(string dollars) => (await TryMoveAsync(Wallet, Accounts.Node, dollars)).ShouldBeTrue();

    public async Task EarnAsync(string dollars) => (await TryMoveAsync(Accounts.Node, Wallet, dollars)).ShouldBeTrue();

    /// <summary>Moves money inside the market, if it is there.</summary>
    public async Task<bool> TryMoveAsync(Id<Account> from, Id<Account> to, string dollars) => (await Ledger.ApplyAsync(
        [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, from, to, Money.Parse(dollars), null, TransferPurpose.NodeShare, "test", Time.GetUtcNow())], Stop)).Refusal is null;

    /// <summary>Money that was not paid in by Stripe.</summary>
    public async Task EarnFromNothingAsync(string dollars)
    {
        var given = new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, Wallet, Money.Parse(dollars), null, TransferPurpose.Deposit, "test", Time.GetUtcNow());
        (await Ledger.ApplyAsync([given], Stop)).Refusal.ShouldBeNull();
    }

    public async Task<StripeParty> OnboardAsync()
    {
        var (party, _) = await Desks.PayoutDesk.SetUpAsync(User, Ids.NextUuid().ToString(), Stop);
        Stripe.Onboard(party.Account!);
        return (await Desks.PayoutDesk.LookAtAccountAsync(User.Id, ifDue: false, Stop))!;
    }

    /// <summary>Has the events that wait come, each so often.</summary>
    public async Task DeliverAsync(int times = 1)
    {
        foreach (var told in Stripe.Events.ToList())
        {
            for (var time = 0; time < times; time++)
                await NoteAsync(told.ToJsonString());
        }
    }

    public Task<bool> NoteAsync(string json) =>
        Desks.Payments.NoteAsync(StripeEvent.Read(System.Text.Encoding.UTF8.GetBytes(json)).Value, Time.GetUtcNow(), Stop);

    /// <summary>Lets the worker look until nothing is due, with the clock past every lease.</summary>
    public async Task SettleAsync()
    {
        Time.Advance(TimeSpan.FromMinutes(10));
        for (var pass = 0; pass < 20 && await Desks.Worker.RunOnceAsync(Stop) > 0; pass++)
        {
        }
    }

    public async Task<(Money Posted, Money Available)> WalletAsync()
    {
        var wallet = (await Ledger.GetAccountAsync(Wallet, Stop))!;
        return (wallet.Posted, wallet.Available);
    }

    /// <summary>The world's account, the debts and what is at Stripe say the same: what came in and has not gone out again is there, or is owed.</summary>
    public async Task CheckBooksAsync(string because = "")
    {
        var world = (await Ledger.GetAccountAsync(Accounts.World, Stop))!;
        var owed = await _books.ReadAsync(
            session => session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(refunded + disputed - recovered), 0) AS BIGINT) FROM payments WHERE refunded + disputed > recovered"), Stop);
        (-world.Posted).ShouldBe(Cents.ToMoney(Stripe.Balance) + owed, because);
        var totals = await Ledger.TotalAsync(Stop);
        (totals.Posted, totals.Clearing).ShouldBe((Money.Zero, Money.Zero), because);
    }

    public void Dispose() => Desks.Dispose();
}
