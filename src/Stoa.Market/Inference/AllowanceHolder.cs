using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>Who pays for requests to models.</summary>
/// <param name="Consumer">Whose wallet and budgets.</param>
/// <param name="Key">The API key that is used and what it may spend; null for all that the account has.</param>
/// <param name="Channel">The payment channel out of whose credit it is paid as well, where the account sells answers; null where it asks for itself.</param>
public sealed record AllowanceHolder(Id<User> Consumer, SpendingAllowance? Key, Id<Channel>? Channel = null);

/// <summary>Every reason for which a request to a model is not paid for, and so is not made.</summary>
public enum AllowanceRefusal
{
    /// <summary>The wallet has less available than the request may cost.</summary>
    InsufficientFunds,

    /// <summary>A budget of the account, or what is left for requests of the task, is less than the request may cost.</summary>
    BudgetExhausted,

    /// <summary>The API key may not spend as much more today.</summary>
    SpendingLimitReached,

    /// <summary>Whoever asks may spend nothing at all.</summary>
    SpendingForbidden,

    /// <summary>The request may cost more than any request may.</summary>
    PriceTooHigh,

    /// <summary>The request may cost more than whoever asks has said that it may.</summary>
    PriceAboveMost,

    /// <summary>As many accounts, keys and models as this node keeps apart are in use just now.</summary>
    AllowancesTooMany,

    /// <summary>What the payment channel has paid and requests have not used up is less than the request may cost.</summary>
    CreditUsedUp,
}
