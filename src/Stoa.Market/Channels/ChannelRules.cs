using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>What is done to a channel. Vouchers and agreements are checked before they are part of an act.</summary>
public abstract record ChannelAct
{
    private ChannelAct()
    {
    }

    /// <summary>The payer raises the deposit to an amount in all, so that the same request twice raises it once.</summary>
    public sealed record TopUp(Money Deposit) : ChannelAct;

    /// <summary>A voucher is to be paid: settled while the channel is open, a challenge while it is closing.</summary>
    public sealed record Settle(Claim Claim) : ChannelAct;

    /// <summary>Both sides end the channel at once.</summary>
    public sealed record CloseTogether(Agreement Agreement) : ChannelAct;

    /// <summary>One side ends the channel: from now on the challenge window runs.</summary>
    /// <param name="By">Which side.</param>
    /// <param name="Claim">The highest voucher that it knows of, paid at once; null for none.</param>
    public sealed record StartClose(ChannelSide By, Claim? Claim) : ChannelAct;

    /// <summary>The challenge window of a channel that has expired begins.</summary>
    public sealed record Expire : ChannelAct;

    /// <summary>The challenge window is over: the rest goes back.</summary>
    public sealed record Finish : ChannelAct;
}

/// <summary>What an act has come to.</summary>
/// <param name="Before">As the channel was; null for one that is opened.</param>
/// <param name="After">As it is now.</param>
/// <param name="Deposited">Goes from the payer's wallet into escrow.</param>
/// <param name="Paid">Goes from escrow to the payee.</param>
/// <param name="Returned">Goes from escrow back to the payer.</param>
public sealed record ChannelChange(Channel? Before, Channel After, Money Deposited, Money Paid, Money Returned)
{
    /// <summary>Whether the channel is as it was: the act had been done before.</summary>
    public bool IsNone => Before == After;
}

/// <summary>The state machine of payment channels, without storage and clock.</summary>
/// <remarks>
/// <code>
///   open ──start close, expire──► closing ──finish, after the window──► closed
///     └───────── close together, signed by both, from either ───────────►
/// </code>
/// What holds, whatever comes in which order and how often: nothing beyond the deposit is paid; the payee is paid exactly the highest voucher that came
/// before the end, or what both agreed on; what was not paid goes back when the channel closes, and never before the window is over. A voucher is
/// paid at once in every state that takes it, so a closing has no other memory of vouchers than what is settled.
/// </remarks>
public static class ChannelRules
{
    /// <summary>Opens a channel, with a deposit and nothing settled.</summary>
    /// <param name="channel">As asked for, with nothing settled, in state <see cref="ChannelState.Open"/>.</param>
    /// <param name="limits">Of this market.</param>
    public static Outcome<ChannelChange, ChannelRefusal> Open(Channel channel, ChannelLimits limits)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(limits);
        var errors = FaultsOf(channel, limits).ToList();
        return errors.Count > 0
            ? new Refusal<ChannelRefusal>(ChannelRefusal.ChannelInvalid, "Correct what is listed in errors and try again.", errors)
            : new ChannelChange(null, channel, channel.Deposit, Money.Zero, Money.Zero);
    }

    /// <summary>Judges an act.</summary>
    /// <param name="channel">As it is.</param>
    /// <param name="act">What is to be done; its claim or agreement was checked against the terms of this channel.</param>
    /// <param name="now">UTC.</param>
    public static Outcome<ChannelChange, ChannelRefusal> Apply(Channel channel, ChannelAct act, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(act);
        if (channel.State is ChannelState.Closed closed)
            return Refuse(ChannelRefusal.ChannelClosed, $"{channel.Id} was closed at {closed.At:u} with {channel.Settled} USD paid. Open a new one.");
        return act switch
        {
            ChannelAct.TopUp topUp => TopUp(channel, topUp.Deposit, now),
            ChannelAct.Settle settle => Settle(channel, settle.Claim, now),
            ChannelAct.CloseTogether close => CloseTogether(channel, close.Agreement, now),
            ChannelAct.StartClose start => StartClose(channel, start, now),
            ChannelAct.Expire => Expire(channel, now),
            ChannelAct.Finish => Finish(channel, now),
            _ => throw new InvalidOperationException("Every act is handled."),
        };
    }

    private static IEnumerable<FieldError> FaultsOf(Channel channel, ChannelLimits limits)
    {
        if (channel.Payer.User == channel.Payee.User)
            yield return new FieldError("/payee", "A channel pays somebody else.");
        if (channel.Payer.Key.Equals(channel.Payee.Key))
            yield return new FieldError("/payeeKey", "The payee has a key of its own: otherwise one side could sign for both.");
        if (channel.Deposit < limits.MinDeposit)
            yield return new FieldError("/deposit", $"At least {limits.MinDeposit} USD are deposited.");
        if (channel.ChallengeWindow < limits.MinChallengeWindow || channel.ChallengeWindow > limits.MaxChallengeWindow)
            yield return new FieldError("/challengeWindowSeconds", $"The challenge window is from {limits.MinChallengeWindow.TotalSeconds:0} to {limits.MaxChallengeWindow.TotalSeconds:0} seconds.");
        if (channel.ExpiresAt <= channel.OpenedAt || channel.ExpiresAt - channel.OpenedAt > limits.MaxLifetime)
            yield return new FieldError("/expiresAt", $"A channel expires in the future, after at most {limits.MaxLifetime.TotalDays:0} days.");
    }

    private static Outcome<ChannelChange, ChannelRefusal> TopUp(Channel channel, Money deposit, DateTimeOffset now)
    {
        if (channel.State is ChannelState.Closing closing)
            return Refuse(ChannelRefusal.ChannelClosing, $"{channel.Id} is closing until {closing.EndsAt:u}. Open a new channel for what comes after.");
        if (now >= channel.ExpiresAt)
            return Refuse(ChannelRefusal.ChannelExpired, $"{channel.Id} expired at {channel.ExpiresAt:u}. Open a new channel.");
        if (deposit < channel.Deposit)
            return Refuse(ChannelRefusal.DepositNotHigher, $"The deposit of {channel.Id} is {channel.Deposit} USD and only grows. Say what it shall be in all.");
        return new ChannelChange(channel, channel with { Deposit = deposit }, deposit - channel.Deposit, Money.Zero, Money.Zero);
    }

    private static Outcome<ChannelChange, ChannelRefusal> Settle(Channel channel, Claim claim, DateTimeOffset now)
    {
        ThrowIfOfOther(channel, claim.Channel);
        if (channel.State is ChannelState.Closing closing && now >= closing.EndsAt)
            return Refuse(ChannelRefusal.ChallengeWindowOver, $"The challenge window of {channel.Id} ended at {closing.EndsAt:u}. Look at your channels at least once in each window.");
        if (claim.Cumulative < channel.Settled)
            return Refuse(ChannelRefusal.VoucherSuperseded, $"The voucher says {claim.Cumulative} USD in all, and {channel.Settled} USD are settled. Send the highest that you have.");
        return Pay(channel, claim);
    }

    private static Outcome<ChannelChange, ChannelRefusal> CloseTogether(Channel channel, Agreement agreement, DateTimeOffset now)
    {
        ThrowIfOfOther(channel, agreement.Channel);
        var paid = agreement.Paid;
        if (paid < channel.Settled || paid > channel.Deposit)
            return Refuse(ChannelRefusal.AgreementOutOfRange, $"{paid} USD are agreed on; {channel.Settled} USD are settled and {channel.Deposit} USD are deposited, and it must be between them.");
        var after = channel with { Settled = paid, Agreement = agreement.Envelope, State = new ChannelState.Closed(now, Agreed: true) };
        return new ChannelChange(channel, after, Money.Zero, paid - channel.Settled, channel.Deposit - paid);
    }

    private static Outcome<ChannelChange, ChannelRefusal> StartClose(Channel channel, ChannelAct.StartClose start, DateTimeOffset now)
    {
        if (start.Claim is { } claim)
            ThrowIfOfOther(channel, claim.Channel);
        // The window does not begin anew: one side could put off the end for ever, and a lost answer is no reason to wait longer.
        if (channel.State is ChannelState.Closing)
            return start.Claim is { } again && again.Cumulative > channel.Settled ? Settle(channel, again, now) : Unchanged(channel);
        var state = new ChannelState.Closing(start.By, now, now + channel.ChallengeWindow);
        if (start.Claim is not { } highest || highest.Cumulative <= channel.Settled)
            return new ChannelChange(channel, channel with { State = state }, Money.Zero, Money.Zero, Money.Zero);
        return Pay(channel, highest).Match<Outcome<ChannelChange, ChannelRefusal>>(
            paid => paid with { After = paid.After with { State = state } }, refusal => refusal);
    }

    private static Outcome<ChannelChange, ChannelRefusal> Expire(Channel channel, DateTimeOffset now)
    {
        if (channel.State is ChannelState.Closing || now < channel.ExpiresAt)
            return Refuse(ChannelRefusal.NotDue, $"{channel.Id} is closing, or expires only at {channel.ExpiresAt:u}.");
        // From when the market notices, not from the expiry: it may have been down, and the payee shall have the whole window.
        var after = channel with { State = new ChannelState.Closing(null, now, now + channel.ChallengeWindow) };
        return new ChannelChange(channel, after, Money.Zero, Money.Zero, Money.Zero);
    }

    private static Outcome<ChannelChange, ChannelRefusal> Finish(Channel channel, DateTimeOffset now)
    {
        if (channel.State is not ChannelState.Closing closing || now < closing.EndsAt)
            return Refuse(ChannelRefusal.NotDue, $"{channel.Id} is not at the end of a challenge window.");
        return new ChannelChange(channel, channel with { State = new ChannelState.Closed(now, Agreed: false) }, Money.Zero, Money.Zero, channel.Remaining);
    }

    private static Outcome<ChannelChange, ChannelRefusal> Pay(Channel channel, Claim claim)
    {
        if (claim.Cumulative > channel.Deposit)
            return Refuse(ChannelRefusal.VoucherExceedsDeposit, $"The voucher says {claim.Cumulative} USD in all, and {channel.Deposit} USD are deposited. Ask the payer for a top-up, or send one within the deposit.");
        // The same amount again changes nothing, not even what it stands on.
        return claim.Cumulative == channel.Settled
            ? Unchanged(channel)
            : new ChannelChange(channel, channel with { Settled = claim.Cumulative, Proof = claim.Voucher }, Money.Zero, claim.Cumulative - channel.Settled, Money.Zero);
    }

    private static ChannelChange Unchanged(Channel channel) => new(channel, channel, Money.Zero, Money.Zero, Money.Zero);

    private static void ThrowIfOfOther(Channel channel, Id<Channel> checkedFor)
    {
        if (checkedFor != channel.Id)
            throw new InvalidOperationException($"Something of {checkedFor} was checked, and is used at {channel.Id}.");
    }

    private static Refusal<ChannelRefusal> Refuse(ChannelRefusal code, string detail) => new(code, detail);
}
