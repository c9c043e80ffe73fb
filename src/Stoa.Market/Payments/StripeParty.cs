using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>How far the account of a creator at Stripe is.</summary>
public enum PayoutAccountState
{
    /// <summary>The creator has not told Stripe all that it asks for.</summary>
    Onboarding,

    /// <summary>Stripe has been told, and does not pay out, or not yet.</summary>
    Restricted,

    /// <summary>Payouts can be made.</summary>
    Active,
}

/// <summary>What a user is at Stripe.</summary>
/// <param name="UserId">The user.</param>
/// <param name="Customer">As a payer; null before the first payment.</param>
/// <param name="Account">As a creator who is paid; null before the onboarding.</param>
/// <param name="AccountState">How far that account is; null without one.</param>
/// <param name="Version">Counts all that happens to it.</param>
public sealed record StripeParty(Id<User> UserId, string? Customer, string? Account, PayoutAccountState? AccountState, long Version);
