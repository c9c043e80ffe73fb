using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Channels;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Channels;

/// <summary>What the store of channels does on every database. The rules themselves are tested without one.</summary>
public abstract class ChannelStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly ChannelLimits s_limits = new(new Money(1), TimeSpan.FromHours(1), TimeSpan.FromDays(30), TimeSpan.FromDays(366));
    private static readonly PrivateKey s_payerKey = PrivateKey.Generate();
    private static readonly PrivateKey s_payeeKey = PrivateKey.Generate();

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private SystemAccounts _accounts = null!;
    private ChannelParty _ann = null!;
    private ChannelParty _bob = null!;
    private ChannelParty _eve = null!;

    private SqlLedgerStore Ledger => new(Database);

    private SqlChannelStore Store => new(Database, _accounts.Clearing, _ids);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _accounts = await SystemAccounts.OpenAsync(Ledger, _ids, TimeProvider.System, Stop);
        _ann = await PartyAsync("ann", s_payerKey, 1_000);
        _bob = await PartyAsync("bob", s_payeeKey, 0);
        _eve = await PartyAsync("eve", s_payeeKey, 1_000);
    }

    [Fact]
    public async Task Open_ThenFind_GivesTheChannelAndHoldsTheDeposit()
    {
        var channel = await OpenAsync(100);

        (await Store.FindAsync(channel.Id, _ann.User, Stop)).ShouldBe(channel);
        (await Store.FindAsync(channel.Id, _bob.User, Stop)).ShouldBe(channel);
        (await Store.FindAsync(channel.Id, _eve.User, Stop)).ShouldBeNull();
        (await BalancesAsync()).ShouldBe((900, 100, 0));
        (await EventsAsync(_bob)).ShouldBe([EventTypes.ChannelOpened]);
    }

    [Fact]
    public async Task Open_WithTheSameIdAgain_AnswersTheFirstAndMovesNothing()
    {
        var channel = await OpenAsync(100);

        (await Store.OpenAsync(channel with { Deposit = new Money(200) }, s_limits, 10, Stop)).Value.ShouldBe(channel);
        (await BalancesAsync()).ShouldBe((900, 100, 0));
    }

    [Fact]
    public async Task Open_ThatMayNotBe_WritesNothing()
    {
        await OpenAsync(100);

        (await Store.OpenAsync(Asked(901), s_limits, 10, Stop)).Refusal!.Code.ShouldBe(ChannelRefusal.InsufficientFunds);
        (await Store.OpenAsync(Asked(0), s_limits, 10, Stop)).Refusal!.Code.ShouldBe(ChannelRefusal.ChannelInvalid);
        (await Store.OpenAsync(Asked(1), s_limits, 1, Stop)).Refusal!.Code.ShouldBe(ChannelRefusal.ChannelsTooMany);

        (await Store.ListAsync(_ann.User, null, null, new PageRequest(), Stop)).Items.Count.ShouldBe(1);
        (await EventsAsync(_ann)).Count.ShouldBe(1);
        (await BalancesAsync()).ShouldBe((900, 100, 0));
    }

    [Fact]
    public async Task Life_OfAChannel_IsReadAsItWasWrittenAndMovesEveryNanodollar()
    {
        var channel = await OpenAsync(100);
        var chain = new HashChain(new ChainWord(new byte[32]), 50);
        var word = new Voucher.Chain(chain.Commit(channel.Terms, new Money(30), new Money(2)).Sign(s_payerKey), 7, chain[7]);

        await ActAsync(channel, new ChannelAct.Settle(Claim(channel, 30)), s_now);
        await ActAsync(channel, new ChannelAct.Settle(VoucherCheck.Check(word, channel.Terms).Value), s_now);
        await ActAsync(channel, new ChannelAct.TopUp(new Money(150)), s_now);
        (await BalancesAsync()).ShouldBe((850, 106, 44));
        await ActAsync(channel, new ChannelAct.StartClose(ChannelSide.Payer, null), s_now);
        await ActAsync(channel, new ChannelAct.Settle(Claim(channel, 60)), s_now.AddMinutes(59));
        (await Store.ActOnDueAsync(s_now.AddMinutes(59), 10, Stop)).ShouldBe(0);
        (await Store.ActOnDueAsync(s_now.AddMinutes(60), 10, Stop)).ShouldBe(1);

        var closed = (await Store.FindAsync(channel.Id, _ann.User, Stop))!;
        closed.State.ShouldBe(new ChannelState.Closed(s_now.AddMinutes(60), false));
        (closed.Settled, closed.Remaining, closed.Agreement).ShouldBe((new Money(60), Money.Zero, null));
        VoucherCheck.Check(closed.Proof!, closed.Terms).Value.Cumulative.ShouldBe(new Money(60));
        (await BalancesAsync()).ShouldBe((940, 0, 60));
        (await EventsAsync(_bob)).ShouldBe(
        [
            EventTypes.ChannelOpened, EventTypes.ChannelSettled, EventTypes.ChannelSettled, EventTypes.ChannelToppedUp, EventTypes.ChannelClosing,
            EventTypes.ChannelSettled, EventTypes.ChannelClosed,
        ]);
        (await Store.ActAsync(channel.Id, new ChannelAct.Settle(Claim(channel, 60)), s_now, Stop)).Refusal!.Code.ShouldBe(ChannelRefusal.ChannelClosed);
    }

    [Fact]
    public async Task Due_WithARowThatCannotBeRead_IsDoneForTheOthers()
    {
        var (broken, other) = (await OpenAsync(100), await OpenAsync(200));
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE channels SET state = 'Broken' WHERE id = @Id", new { broken.Id }), Stop);
        var expiry = s_now.AddDays(1);

        var failure = await Should.ThrowAsync<AggregateException>(() => Store.ActOnDueAsync(expiry, 10, Stop));

        failure.InnerExceptions.ShouldHaveSingleItem().Message.ShouldContain(broken.Id.ToString());
        (await Store.FindAsync(other.Id, _ann.User, Stop))!.State.ShouldBe(new ChannelState.Closing(null, expiry, expiry.AddHours(1)));
    }

    [Fact]
    public async Task Agreement_IsKeptAndEndsTheChannel()
    {
        var channel = await OpenAsync(100);
        var agreed = Agreement.Check(Agreement.Accept(Agreement.Propose(channel.Terms, new Money(70), s_payeeKey), s_payerKey), channel.Terms).Value;

        await ActAsync(channel, new ChannelAct.CloseTogether(agreed), s_now);

        var closed = (await Store.FindAsync(channel.Id, _bob.User, Stop))!;
        (closed.State, closed.Agreement).ShouldBe((new ChannelState.Closed(s_now, true), agreed.Envelope));
        (await BalancesAsync()).ShouldBe((930, 0, 70));
    }

    [Fact]
    public async Task Expiry_BeginsTheWindowAndThenReturnsTheRest()
    {
        var channel = await OpenAsync(100);
        var expiry = s_now.AddDays(1);

        await Store.ActOnDueAsync(expiry, 10, Stop);
        (await Store.FindAsync(channel.Id, _ann.User, Stop))!.State.ShouldBe(new ChannelState.Closing(null, expiry, expiry.AddHours(1)));
        await Store.ActOnDueAsync(expiry.AddHours(1), 10, Stop);

        (await BalancesAsync()).ShouldBe((1_000, 0, 0));
        (await Store.ActOnDueAsync(expiry.AddDays(9), 10, Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Voucher_BroughtByManyAtOnce_IsPaidOnce()
    {
        var channel = await OpenAsync(100);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(index => Store.ActAsync(channel.Id, new ChannelAct.Settle(Claim(channel, 40 + (index % 3))), s_now, Stop)));

        outcomes.Sum(outcome => outcome.Refusal is null ? outcome.Value.Paid.Nanodollars : 0).ShouldBe(42);
        outcomes.Where(outcome => outcome.Refusal is not null).ShouldAllBe(outcome => outcome.Refusal!.Code == ChannelRefusal.VoucherSuperseded);
        (await BalancesAsync()).ShouldBe((900, 58, 42));
    }

    [Fact]
    public async Task Settlement_OfManyChannels_TakesFewTransfersAndRefusesEachForItself()
    {
        var channels = new List<Channel>();
        for (var index = 0; index < 20; index++)
            channels.Add(await OpenAsync(10, payee: index % 2 == 0 ? _bob : _eve));

        var settled = await Store.SettleAsync(
            _ids.Next<NetSettlement>(),
            [
                .. channels.Select((channel, index) => (channel.Id, (ChannelAct)new ChannelAct.Settle(Claim(channel, index == 5 ? 11 : 3)))),
                (channels[0].Id, new ChannelAct.Settle(Claim(channels[0], 4))),
            ],
            s_now,
            Stop);

        (settled.Paid, settled.Transfers, settled.Outcomes.Count).ShouldBe((new Money((19 * 3) + 1), 2, 21));
        settled.Outcomes[5].Refusal!.Code.ShouldBe(ChannelRefusal.VoucherExceedsDeposit);
        settled.Outcomes[20].Value.Paid.ShouldBe(new Money(1));
        (await Store.FindAsync(channels[0].Id, _ann.User, Stop))!.Settled.ShouldBe(new Money(4));
        var statement = (await Ledger.ListTransfersAsync(_bob.Wallet, new PageRequest(), Stop)).Items;
        statement.Select(transfer => (transfer.Purpose, transfer.Amount, transfer.Cause)).ShouldBe([(TransferPurpose.ChannelPayment, new Money(31), settled.Id.ToString())]);
        (await Ledger.TotalAsync(Stop)).ShouldSatisfyAllConditions(totals => totals.Posted.ShouldBe(Money.Zero), totals => totals.Clearing.ShouldBe(Money.Zero));
    }

    [Fact]
    public async Task Settlement_WhileChannelsActAtTheSameTime_LeavesTheEscrowWithWhatTheyHave()
    {
        var channels = new List<Channel>();
        for (var index = 0; index < 8; index++)
            channels.Add(await OpenAsync(50, payee: index % 2 == 0 ? _bob : _eve));

        await Task.WhenAll(Enumerable.Range(0, 40).Select(async turn =>
        {
            var order = turn % 2 == 0 ? channels : Enumerable.Reverse(channels);
            switch (turn % 4)
            {
                case 3:
                    await Store.ActAsync(channels[turn % 8].Id, new ChannelAct.TopUp(new Money(50 + turn)), s_now, Stop);
                    break;
                case 2:
                    await Store.ActAsync(channels[turn % 8].Id, new ChannelAct.Settle(Claim(channels[turn % 8], turn)), s_now, Stop);
                    break;
                default:
                    await Store.SettleAsync(_ids.Next<NetSettlement>(), [.. order.Select(channel => (channel.Id, (ChannelAct)new ChannelAct.Settle(Claim(channel, turn))))], s_now, Stop);
                    break;
            }
        }));

        var left = 0L;
        foreach (var channel in channels)
            left += (await Store.FindAsync(channel.Id, _ann.User, Stop))!.Remaining.Nanodollars;
        (await BalancesAsync()).Escrow.ShouldBe(left);
        (await Ledger.TotalAsync(Stop)).Posted.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task List_IsPagedByRoleAndState()
    {
        var channels = new List<Channel>();
        for (var index = 0; index < 5; index++)
            channels.Add(await OpenAsync(1));
        var paid = await OpenAsync(1, payer: _eve, payee: _ann with { Key = s_payerKey.PublicKey });
        await ActAsync(channels[2], new ChannelAct.StartClose(ChannelSide.Payer, null), s_now);

        var first = await Store.ListAsync(_ann.User, null, null, new PageRequest(4), Stop);
        var second = await Store.ListAsync(_ann.User, null, null, new PageRequest(4, first.NextCursor), Stop);
        first.Items.Concat(second.Items).Select(channel => channel.Id).ShouldBe([paid.Id, .. channels.Select(channel => channel.Id).Reverse()]);
        second.NextCursor.ShouldBeNull();
        (await Store.ListAsync(_ann.User, ChannelSide.Payee, null, new PageRequest(), Stop)).Items.Select(channel => channel.Id).ShouldBe([paid.Id]);
        (await Store.ListAsync(_ann.User, ChannelSide.Payer, nameof(ChannelState.Closing), new PageRequest(), Stop)).Items.Select(channel => channel.Id).ShouldBe([channels[2].Id]);
        (await Store.ListAsync(_bob.User, ChannelSide.Payer, null, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    private async Task<ChannelParty> PartyAsync(string handle, PrivateKey key, long balance)
    {
        var user = _ids.Next<User>();
        var wallet = await Ledger.OpenAccountAsync(Account.Open(_ids.Next<Account>(), user.ToString(), AccountKind.Wallet, s_now), Stop);
        if (balance > 0)
            (await Ledger.ApplyAsync([new(_ids.Next<Transfer>(), TransferKind.Posted, _accounts.World, wallet.Id, new Money(balance), null, TransferPurpose.Deposit, "test", s_now)], Stop)).Refusal.ShouldBeNull();
        return new ChannelParty(user, handle, wallet.Id, key.PublicKey);
    }

    private Channel Asked(long deposit, ChannelParty? payer = null, ChannelParty? payee = null) => new(
        _ids.Next<Channel>(),
        s_payerKey.PublicKey.PeerId,
        (payer ?? _ann) with { Key = s_payerKey.PublicKey },
        (payee ?? _bob) with { Key = s_payeeKey.PublicKey },
        default,
        TimeSpan.FromHours(1),
        s_now,
        s_now.AddDays(1),
        new Money(deposit),
        Money.Zero,
        null,
        null,
        new ChannelState.Open());

    private async Task<Channel> OpenAsync(long deposit, ChannelParty? payer = null, ChannelParty? payee = null) =>
        (await Store.OpenAsync(Asked(deposit, payer, payee), s_limits, 100, Stop)).Value;

    private async Task ActAsync(Channel channel, ChannelAct act, DateTimeOffset now) => (await Store.ActAsync(channel.Id, act, now, Stop)).Refusal.ShouldBeNull();

    private static Claim Claim(Channel channel, long cumulative) =>
        VoucherCheck.Check(new VoucherPayload(channel.Id, channel.Node, new Money(cumulative)).Sign(s_payerKey), channel.Terms).Value;

    private async Task<(long Payer, long Escrow, long Payee)> BalancesAsync()
    {
        async Task<long> PostedAsync(Id<User> owner, AccountKind kind) => (await Ledger.FindAccountAsync(owner.ToString(), kind, Stop))!.Posted.Nanodollars;
        return (await PostedAsync(_ann.User, AccountKind.Wallet), await PostedAsync(_ann.User, AccountKind.Channel), await PostedAsync(_bob.User, AccountKind.Wallet));
    }

    private async Task<IReadOnlyList<string>> EventsAsync(ChannelParty party) =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(party.User, null, []), 100, Stop)).Events.Select(told => told.Event.Type)];
}

public sealed class SqliteChannelStoreTests() : ChannelStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresChannelStoreTests(PostgresCluster cluster) : ChannelStoreConformance(new PostgresSource(cluster));
