using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Primitives;
using static Stoa.Market.Tests.Channels.ChannelSamples;

namespace Stoa.Market.Tests.Channels;

/// <summary>Whatever the channels, between whomever, and whatever they pay.</summary>
public sealed class NettingTests
{
    private static readonly Id<Account> s_clearing = IdOf<Account>(9_999_999);

    [Fact]
    public void Transfers_OfAnyChannels_MoveExactlyWhatTheyMoveOneByOne() => Check((changes, transfers) =>
    {
        var expected = new Dictionary<Id<Account>, long>();
        foreach (var change in changes)
        {
            Add(expected, change.After.Payer.Wallet, change.Returned - change.Deposited);
            Add(expected, change.After.Payee.Wallet, change.Paid);
            Add(expected, change.After.Escrow, change.Deposited - change.Paid - change.Returned);
        }

        var moved = new Dictionary<Id<Account>, long>();
        foreach (var transfer in transfers)
        {
            Add(moved, transfer.DebitAccountId, -transfer.Amount);
            Add(moved, transfer.CreditAccountId, transfer.Amount);
        }

        moved.Remove(s_clearing, out var left);
        left.ShouldBe(0);
        moved.Where(account => account.Value != 0).OrderBy(account => account.Key).ShouldBe(expected.Where(account => account.Value != 0).OrderBy(account => account.Key));
    });

    [Fact]
    public void Transfers_OfAnyChannels_AreAsFewAsTheAccounts() => Check((changes, transfers) =>
    {
        var paying = changes.Where(change => change.Paid > Money.Zero).ToList();
        var pairs = paying.Select(change => (change.After.Escrow, change.After.Payee.Wallet)).Distinct().Count();
        var accounts = paying.Select(change => change.After.Escrow).Distinct().Count() + paying.Select(change => change.After.Payee.Wallet).Distinct().Count();
        transfers.Count(transfer => transfer.Purpose is TransferPurpose.ChannelPayment).ShouldBe(Math.Min(pairs, accounts));
        transfers.Count(transfer => transfer.Purpose is TransferPurpose.ChannelReturn).ShouldBe(
            changes.Where(change => change.Returned > Money.Zero).Select(change => change.After.Payer.Wallet).Distinct().Count());
    });

    [Fact]
    public void Transfers_OfAnyChannels_AreTakenByTheLedger() => Check((changes, transfers) =>
    {
        if (transfers.Count == 0)
            return;
        var accounts = changes.SelectMany(change => new[]
            {
                Account.Open(change.After.Payer.Wallet, "", AccountKind.Wallet, Start) with { Posted = new Money(1_000_000) },
                Account.Open(change.After.Payee.Wallet, "", AccountKind.Wallet, Start) with { Posted = new Money(1_000_000) },
                Account.Open(change.After.Escrow, "", AccountKind.Channel, Start) with { Posted = new Money(changes.Sum(other => other.After.Escrow == change.After.Escrow ? (other.Paid + other.Returned - other.Deposited).Nanodollars : 0)) },
            })
            .Append(Account.Open(s_clearing, "clearing", AccountKind.Clearing, Start))
            .DistinctBy(account => account.Id).ToList();

        var change = LedgerRules.Apply(transfers, new LedgerState(accounts, [], new HashSet<Id<Transfer>>())).Value;

        change.Accounts.Where(account => account.Kind is AccountKind.Channel).ShouldAllBe(account => account.Posted == Money.Zero);
    });

    [Fact]
    public void Transfer_OfOneChannel_NamesIt()
    {
        var channel = Open(100);
        var change = new ChannelChange(channel, channel, Money.Zero, new Money(3), new Money(4));

        var transfers = Transfers([change]);

        transfers.Select(transfer => (transfer.Amount.Nanodollars, transfer.Cause)).ShouldBe([(3, channel.Id.ToString()), (4, channel.Id.ToString())]);
    }

    private static void Check(Action<IReadOnlyList<ChannelChange>, IReadOnlyList<Transfer>> property)
    {
        var amounts = Gen.Frequency((2, Gen.Constant(0L)), (3, Gen.Choose(1, 1_000).Select(amount => (long)amount)));
        var changes =
            from payer in Gen.Choose(1, 5)
            from payee in Gen.Choose(1, 5).Where(payee => payee != payer)
            from deposited in amounts
            from paid in amounts
            from returned in amounts
            select (payer, payee, deposited, paid, returned);
        Prop.ForAll(
            Arb.From(changes.ListOf()),
            drawn =>
            {
                var made = drawn.Select((one, index) => Change(index + 1, one)).ToList();
                property(made, Transfers(made));
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000).WithEndSize(60));
    }

    private static ChannelChange Change(int number, (int Payer, int Payee, long Deposited, long Paid, long Returned) drawn)
    {
        var channel = Open(10_000, number, drawn.Payer, drawn.Payee);
        // What is paid in may be paid out in the same set.
        return new ChannelChange(channel, channel, new Money(Math.Min(drawn.Deposited, drawn.Paid + drawn.Returned)), new Money(drawn.Paid), new Money(drawn.Returned));
    }

    private static IReadOnlyList<Transfer> Transfers(IReadOnlyList<ChannelChange> changes) =>
        Netting.ToTransfers(changes, s_clearing, "batch", new IdSource(TimeProvider.System, new Random(1)), Start);

    private static void Add(Dictionary<Id<Account>, long> sums, Id<Account> account, Money amount) =>
        sums[account] = sums.GetValueOrDefault(account) + amount.Nanodollars;
}
