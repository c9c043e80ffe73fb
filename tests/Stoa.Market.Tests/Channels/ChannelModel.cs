using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Primitives;
using static Stoa.Market.Tests.Channels.ChannelSamples;

namespace Stoa.Market.Tests.Channels;

/// <summary>Where the channel is in its life.</summary>
internal enum Phase : byte
{
    Open,
    Closing,
    ClosedByWindow,
    ClosedByAgreement,
}

/// <summary>What the market has written: survives every crash of the market, because each act is one transaction.</summary>
internal readonly record struct Written(Phase Phase, byte Deposit, byte Settled, byte EndsAt, sbyte PayerWallet, sbyte Escrow, sbyte PayeeWallet);

/// <summary>All of the world at one moment, small enough to visit every one.</summary>
/// <param name="Time">Hours.</param>
/// <param name="Market">See <see cref="Written"/>.</param>
/// <param name="Signed">Payer, kept: the highest voucher that it has made. It is kept before it is sent.</param>
/// <param name="IsUnsent">Payer, lost in a crash: that the highest voucher has not been sent yet.</param>
/// <param name="Sent">Network: a bit for each voucher that was ever sent.</param>
/// <param name="HasAgreed">Payer, kept: it has signed the payee's proposal, which may arrive at the market from then on.</param>
/// <param name="Best">Payee, kept: the highest voucher.</param>
/// <param name="Received">Payee, lost in a crash: a voucher that came and is not kept yet; 0 for none.</param>
/// <param name="Proposed">Payee, kept: one more than the amount that it has signed an agreement for; 0 for none. It takes no voucher since.</param>
/// <param name="HasLooked">Payee, kept: it was online within the challenge window. It takes no voucher since.</param>
/// <param name="Given">For the claims only: the highest voucher that the payer itself brought to the market.</param>
internal readonly record struct World(
    byte Time, Written Market, byte Signed, bool IsUnsent, byte Sent, bool HasAgreed, byte Best, byte Received, byte Proposed, bool HasLooked, byte Given);

/// <summary>How the market checks and judges: the real rules, or rules with a bug planted in them.</summary>
internal sealed record MarketRules(
    Func<Voucher, ChannelTerms, Outcome<Claim, ChannelRefusal>> Check,
    Func<DsseEnvelope, ChannelTerms, Outcome<Agreement, ChannelRefusal>> CheckAgreement,
    Func<Channel, ChannelAct, DateTimeOffset, Outcome<ChannelChange, ChannelRefusal>> Apply)
{
    public static MarketRules Real { get; } = new((voucher, terms) => VoucherCheck.Check(voucher, terms), Agreement.Check, ChannelRules.Apply);
}

/// <summary>Payer, payee, market and network, with every step that any of them may take.</summary>
/// <remarks>
/// The network keeps everything that was ever sent and may deliver any of it at any time, again and again, in any order, or never: that is loss, duplication,
/// delay and reordering at once. The payer cheats: it promises more than the deposit, and starts closings with old vouchers. The payee cheats: it sends old
/// vouchers again, and forgeries of every kind in <see cref="_forgeries"/>. What is asked of the honest is only what docs/channels.md asks of them. A crash loses what is not kept.
/// The escrow account holds the deposit of another channel too, so the ledger alone would not stop an overdraft.
/// </remarks>
internal sealed class ChannelModel
{
    public const int Highest = 4;
    public const byte FirstDeposit = 2;
    private const int ExpiresAt = 3;
    private const int Window = 2;
    private const int LastHour = ExpiresAt + Window + 1;
    private const int Purse = 8;
    private const int DepositOfOther = 4;

    private readonly MarketRules _rules;
    private readonly Channel _opened;
    private readonly Claim[] _claims = new Claim[Highest + 1];
    private readonly Agreement?[] _agreements = new Agreement?[Highest + 1];
    private readonly List<ChannelAct> _forgeries = [];
    private readonly Dictionary<(Written, ChannelAct, byte), Written> _known = [];
    private readonly ChannelAct[] _settles;
    private readonly ChannelAct[] _starts;
    private readonly ChannelAct[] _agreed;
    private readonly ChannelAct _payeeStarts = new ChannelAct.StartClose(ChannelSide.Payee, null);
    private readonly ChannelAct _expire = new ChannelAct.Expire();
    private readonly ChannelAct _finish = new ChannelAct.Finish();
    private readonly ChannelAct[] _topUps = [new ChannelAct.TopUp(new Money(3)), new ChannelAct.TopUp(new Money(Highest))];

    public ChannelModel(MarketRules rules)
    {
        _rules = rules;
        _opened = Open(FirstDeposit) with { ChallengeWindow = TimeSpan.FromHours(Window), ExpiresAt = Start.AddHours(ExpiresAt) };
        var chain = new HashChain(new ChainWord([.. Enumerable.Repeat((byte)7, ChainWord.Size)]), Highest - 2);
        var commitment = chain.Commit(_opened.Terms, new Money(2), new Money(1)).Sign(PayerKey);
        // Two vouchers are signed, two are words of a chain.
        for (var amount = 1; amount <= Highest; amount++)
        {
            Voucher voucher = amount <= 2 ? Sign(_opened, amount) : new Voucher.Chain(commitment, amount - 2, chain[amount - 2]);
            _claims[amount] = rules.Check(voucher, _opened.Terms).Value;
        }

        for (var amount = 0; amount <= Highest; amount++)
            _agreements[amount] = Agree(_opened, amount);
        _settles = [.. Enumerable.Range(0, Highest + 1).Select(amount => amount == 0 ? _expire : new ChannelAct.Settle(_claims[amount]))];
        _starts = [.. Enumerable.Range(0, Highest + 1).Select(amount => new ChannelAct.StartClose(ChannelSide.Payer, amount == 0 ? null : _claims[amount]))];
        _agreed = [.. _agreements.Select(agreement => new ChannelAct.CloseTogether(agreement!))];
        Forge(chain, commitment);
        FirstWorld = new World(
            0, new Written(Phase.Open, FirstDeposit, 0, 0, Purse - FirstDeposit, FirstDeposit + DepositOfOther, 0), 0, false, 0, false, 0, 0, 0, false, 0);
    }

    /// <summary>The channel has just been opened.</summary>
    public World FirstWorld { get; }

    /// <summary>How many forgeries the market took: each is then an act of the payee.</summary>
    public int ForgeriesTaken => _forgeries.Count;

    /// <summary>Every step from here, by anyone.</summary>
    public IEnumerable<(string Step, World After)> Steps(World world) =>
        [.. PayerSteps(world), .. PayeeSteps(world), .. MarketSteps(world)];

    /// <summary>The steps of market and clock alone: both sides have gone.</summary>
    /// <param name="world">From here.</param>
    /// <param name="lastHour">The clock is followed no further.</param>
    public IEnumerable<(string Step, World After)> LonelySteps(World world, int lastHour = LastHour + Window)
    {
        if (world.Time < lastHour)
            yield return ("an hour passes", world with { Time = (byte)(world.Time + 1) });
        yield return ("the market expires the channel", Act(world, _expire));
        yield return ("the market finishes the closing", Act(world, _finish));
    }

    /// <summary>What is wrong with a state; null when nothing is.</summary>
    public static string? FaultOf(World world)
    {
        var market = world.Market;
        var isClosed = market.Phase is Phase.ClosedByWindow or Phase.ClosedByAgreement;
        if (market.PayeeWallet > market.Deposit)
            return "more than the deposit was paid";
        if (market.PayeeWallet > world.Signed)
            return "the payer paid more than it has signed";
        if (market.Deposit > Highest)
            return "the deposit is higher than the payer ever wanted it";
        if (market.PayeeWallet != market.Settled)
            return "what is settled is not what was paid";
        if (market.PayerWallet + market.Escrow + market.PayeeWallet != Purse + DepositOfOther)
            return "money was made or lost";
        if (market.Escrow != DepositOfOther + (isClosed ? 0 : market.Deposit - market.Settled))
            return "the escrow holds something else than what is left";
        if (market.Phase is Phase.ClosedByWindow && world.HasLooked && market.PayeeWallet != Math.Max(world.Best, world.Given))
            return "a payee that was online in the window did not get exactly its highest voucher";
        if (market.Phase is Phase.ClosedByAgreement && market.PayeeWallet != world.Proposed - 1)
            return "the channel ended with another amount than both have signed";
        return null;
    }

    /// <summary>What is wrong with a step; null when nothing is.</summary>
    public static string? FaultOf(World before, World after)
    {
        var (from, to) = (before.Market, after.Market);
        if (to.Settled < from.Settled || to.Deposit < from.Deposit || to.Phase < from.Phase)
            return "something went back that only goes forward";
        if (from.Phase >= Phase.ClosedByWindow && from != to)
            return "a closed channel changed";
        if (to.Phase is Phase.Closing && to.EndsAt != (from.Phase is Phase.Closing ? from.EndsAt : before.Time + Window))
            return "the challenge window is not as long as it must be";
        if (to.Phase is Phase.ClosedByWindow && from.Phase is not Phase.ClosedByWindow && (from.Phase is not Phase.Closing || before.Time < from.EndsAt))
            return "the channel closed before the window was over";
        return null;
    }

    public static bool IsTerminal(World world) => world.Market.Phase is Phase.ClosedByWindow or Phase.ClosedByAgreement;

    private IEnumerable<(string, World)> PayerSteps(World world)
    {
        if (world is { Signed: < Highest, IsUnsent: false })
            yield return ($"the payer signs and keeps {world.Signed + 1}", world with { Signed = (byte)(world.Signed + 1), IsUnsent = true });
        if (world.Signed > 0)
            yield return ($"the payer sends {world.Signed}", world with { IsUnsent = false, Sent = (byte)(world.Sent | (1 << world.Signed)) });
        if (world.IsUnsent)
            yield return ("the payer crashes", world with { IsUnsent = false });
        foreach (var topUp in _topUps)
            yield return ("a top-up arrives", Act(world, topUp));
        // An old voucher, or none, is a cheat; the newest is what is asked.
        for (var amount = 0; amount <= world.Signed; amount++)
        {
            var after = Act(world, _starts[amount]);
            yield return ($"the payer's request to close with {amount} arrives", after == world ? after : after with { Given = (byte)Math.Max(amount, world.Given) });
        }

        if (world.Proposed > 0 && world.Proposed - 1 <= world.Signed)
            yield return ("the payer signs the agreement", world with { HasAgreed = true });
    }

    private IEnumerable<(string, World)> PayeeSteps(World world)
    {
        var takesVouchers = world is { Proposed: 0, HasLooked: false };
        for (var amount = Math.Max(world.Best, world.Received) + 1; amount <= world.Market.Deposit && takesVouchers; amount++)
        {
            if ((world.Sent & (1 << amount)) != 0)
                yield return ($"voucher {amount} arrives at the payee", world with { Received = (byte)amount });
        }

        if (world.Received > 0)
        {
            yield return ($"the payee keeps {world.Received}", world with { Best = world.Received, Received = 0 });
            yield return ("the payee crashes", world with { Received = 0 });
        }

        // Its highest; and cheating, any that it ever had.
        for (var amount = 1; amount <= world.Best; amount++)
            yield return ($"the payee's voucher {amount} arrives at the market", Act(world, _settles[amount]));
        // One that it should not have taken: above the deposit, or after it has signed the end.
        for (var amount = world.Best + 1; amount <= Highest; amount++)
        {
            if ((world.Sent & (1 << amount)) != 0 && Act(world, _settles[amount]) is var after && after != world)
                yield return ($"voucher {amount} arrives at the market, though the payee has not kept it", after with { Given = (byte)amount });
        }

        foreach (var forgery in _forgeries)
            yield return ("a forgery arrives at the market", Act(world, forgery));
        yield return ("the payee's request to close arrives", Act(world, _payeeStarts));
        if (world.Market.Phase is Phase.Closing && world.Time < world.Market.EndsAt)
            yield return ($"the payee looks, and sends {world.Best}", (world.Best > 0 ? Act(world, _settles[world.Best]) : world) with { HasLooked = true, Received = 0 });
        if (takesVouchers)
            yield return ($"the payee proposes to end with {world.Best}", world with { Proposed = (byte)(world.Best + 1), Received = 0 });
    }

    private IEnumerable<(string, World)> MarketSteps(World world) => world.HasAgreed
        ? [.. LonelySteps(world, LastHour), ("the agreement arrives", Act(world, _agreed[world.Proposed - 1]))]
        : LonelySteps(world, LastHour);

    /// <summary>The act at the real rules and in the real ledger. What is refused changes nothing.</summary>
    private World Act(World world, ChannelAct act)
    {
        if (!_known.TryGetValue((world.Market, act, world.Time), out var after))
            _known[(world.Market, act, world.Time)] = after = Act(world.Market, act, Start.AddHours(world.Time));
        return world with { Market = after };
    }

    private Written Act(Written market, ChannelAct act, DateTimeOffset now)
    {
        var channel = _opened with
        {
            Deposit = new Money(market.Deposit),
            Settled = new Money(market.Settled),
            State = market.Phase switch
            {
                Phase.Open => new ChannelState.Open(),
                Phase.Closing => new ChannelState.Closing(null, Start.AddHours(market.EndsAt - Window), Start.AddHours(market.EndsAt)),
                _ => new ChannelState.Closed(now, market.Phase is Phase.ClosedByAgreement),
            },
        };
        if (!_rules.Apply(channel, act, now).TryGet(out var change, out _))
            return market;
        var (payer, escrow, payee) = Book(change, market);
        return new Written(
            change.After.State switch
            {
                ChannelState.Open => Phase.Open,
                ChannelState.Closing => Phase.Closing,
                ChannelState.Closed { Agreed: true } => Phase.ClosedByAgreement,
                _ => Phase.ClosedByWindow,
            },
            (byte)change.After.Deposit.Nanodollars,
            (byte)change.After.Settled.Nanodollars,
            change.After.State is ChannelState.Closing closing ? (byte)(closing.EndsAt - Start).TotalHours : market.EndsAt,
            payer,
            escrow,
            payee);
    }

    private static (sbyte Payer, sbyte Escrow, sbyte Payee) Book(ChannelChange change, Written market)
    {
        var accounts = new[] { (WalletOf(1), market.PayerWallet, AccountKind.Wallet), (EscrowOf(1), market.Escrow, AccountKind.Channel), (WalletOf(2), market.PayeeWallet, AccountKind.Wallet) }
            .Select(account => Account.Open(account.Item1, "", account.Item3, Start) with { Posted = new Money(account.Item2) }).ToList();
        var transfers = Netting.ToTransfers([change], IdOf<Account>(9), "test", new IdSource(TimeProvider.System, new Random(1)), Start);
        foreach (var moved in LedgerRules.Apply(transfers, new LedgerState(accounts, [], new HashSet<Id<Transfer>>())).Value.Accounts)
            accounts[accounts.FindIndex(account => account.Id == moved.Id)] = moved;
        return ((sbyte)accounts[0].Posted.Nanodollars, (sbyte)accounts[1].Posted.Nanodollars, (sbyte)accounts[2].Posted.Nanodollars);
    }

    /// <summary>Everything that a payee, or a payer, can make without the other's key. What the market takes of it becomes an act.</summary>
    private void Forge(HashChain chain, DsseEnvelope commitment)
    {
        var other = Open(Highest, number: 2);
        var elsewhere = _opened with { Node = OtherNodeKey.PublicKey.PeerId };
        var otherChain = chain.Commit(other.Terms, Money.Zero, new Money(1)).Sign(PayerKey);
        var ownChain = chain.Commit(_opened.Terms, new Money(2), new Money(1));
        Voucher[] vouchers =
        [
            Sign(_opened, Highest, PayeeKey),
            Sign(other, Highest),
            Sign(elsewhere, Highest),
            new Voucher.Signed(Sign(_opened, 1).Envelope with { Payload = Sign(_opened, Highest).Envelope.Payload }),
            new Voucher.Signed(Sign(_opened, Highest).Envelope with { Signatures = Sign(_opened, Highest, PayeeKey).Envelope.Signatures }),
            new Voucher.Signed(commitment),
            new Voucher.Chain(otherChain, 2, chain[2]),
            new Voucher.Chain(commitment, 2, chain[1]),
            new Voucher.Chain(commitment, 1, chain.Anchor),
            new Voucher.Chain(commitment, Highest, chain[2]),
            new Voucher.Chain((ownChain with { UnitPrice = new Money(2) }).Sign(PayeeKey), 1, chain[1]),
            new Voucher.Chain(commitment with { Payload = (ownChain with { UnitPrice = new Money(2) }).Write() }, 1, chain[1]),
        ];
        _forgeries.AddRange(vouchers
            .Select(voucher => _rules.Check(voucher, _opened.Terms))
            .Where(outcome => outcome.Refusal is null)
            .Select(outcome => new ChannelAct.Settle(outcome.Value)));

        DsseEnvelope[] agreements =
        [
            Agreement.Propose(_opened.Terms, new Money(FirstDeposit), PayeeKey),
            Agreement.Propose(_opened.Terms, Money.Zero, PayerKey),
            Agreement.Accept(Agreement.Propose(_opened.Terms, new Money(FirstDeposit), PayeeKey), PayeeKey),
            Agree(other, FirstDeposit).Envelope,
            Agree(elsewhere, FirstDeposit).Envelope,
        ];
        _forgeries.AddRange(agreements
            .Select(agreement => _rules.CheckAgreement(agreement, _opened.Terms))
            .Where(outcome => outcome.Refusal is null)
            .Select(outcome => new ChannelAct.CloseTogether(outcome.Value)));
    }
}
