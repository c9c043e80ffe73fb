using Stoa.Primitives;

namespace Stoa.Market.PayPerCall;

/// <summary>What of a channel's settled amount calls have used up, and what is left for the next one.</summary>
/// <remarks>A voucher is for all of what a call can cost, and the call may cost less: what is over is credit for the next, and comes back when the channel has ended.</remarks>
/// <param name="Settled">What the payee was paid in all.</param>
/// <param name="Spent">What calls that have ended have cost.</param>
/// <param name="Reserved">What calls that have not ended can cost at most.</param>
/// <param name="Returned">What was given back.</param>
public readonly record struct CallCredit(Money Settled, Money Spent, Money Reserved, Money Returned)
{
    /// <summary>What is left; below zero never.</summary>
    public Money Left => Settled - Spent - Reserved - Returned;

    /// <summary>What a voucher has to say in all, so that a call of at most so much can begin.</summary>
    public Money Required(Money amount) => Money.Max(Settled, Spent + Reserved + Returned + amount);
}

/// <summary>Every reason for which a call is refused, beside those of tasks and vouchers.</summary>
public enum CallRefusal
{
    /// <summary>This node sells no calls.</summary>
    CallsNotSold,

    /// <summary>The call has to be paid for: the answer says how.</summary>
    PaymentRequired,

    /// <summary>What was sent as payment is none.</summary>
    PaymentInvalid,

    /// <summary>The agent failed; the call costs nothing.</summary>
    CallFailed,

    /// <summary>No such call, or it was paid for out of another channel.</summary>
    CallUnknown,

    /// <summary>The call is reserved, and its input, which was announced, has to be sent.</summary>
    InputRequired,

    /// <summary>Another request makes the same call just now.</summary>
    CallUnderWay,

    /// <summary>As many inputs are on their way for calls of the payer, or as many bytes are here for those of the channel, as may be.</summary>
    InputsTooMany,

    /// <summary>The node has no room for the input now.</summary>
    InputsBusy,

    /// <summary>Outputs of calls of the payer take up, or could come to, as many bytes as may be.</summary>
    OutputsTooMany,

    /// <summary>The node has no room for the output now.</summary>
    OutputsBusy,
}
