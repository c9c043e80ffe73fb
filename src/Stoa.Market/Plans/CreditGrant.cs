using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>Where credit is from.</summary>
public enum CreditSource
{
    /// <summary>A period of a plan.</summary>
    Plan,

    /// <summary>A coupon.</summary>
    Coupon,

    /// <summary>A task that was paid by credit, and whose price was given back.</summary>
    Refund,
}

/// <summary>Credit that was given at one time.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="UserId">To whom.</param>
/// <param name="Source">Where it is from.</param>
/// <param name="Cause">Id of the subscription, of the redemption or of the dispute.</param>
/// <param name="Amount">How much it was.</param>
/// <param name="Remaining">What is left of it, with what tasks hold: as of the last time that the user's grants were looked at.</param>
/// <param name="ExpiresAt">When what is left goes back, UTC; null for never.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record CreditGrant(
    Id<CreditGrant> Id, Id<User> UserId, CreditSource Source, string Cause, Money Amount, Money Remaining, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "grant";
}

/// <summary>What is left of each of a user's grants, from what is left in all.</summary>
/// <remarks>
/// Tasks know nothing of grants: they take from one account. Credit is spent in the order in which it expires, so what is there is of those that expire last; what tasks hold is, like
/// what they will spend, of those that expire first. Grants are looked at whenever one is added and when one expires, and in between only the balance falls, so what was looked
/// at last and the balance of now say it all.
/// </remarks>
public static class CreditRules
{
    /// <summary>Brings grants up to date with the balance.</summary>
    /// <param name="grants">A user's, in any order.</param>
    /// <param name="balance">The credit that is there, with what of it tasks hold.</param>
    /// <returns>In the order in which they are spent.</returns>
    public static IReadOnlyList<CreditGrant> Settle(IEnumerable<CreditGrant> grants, Money balance)
    {
        var settled = new List<CreditGrant>();
        foreach (var grant in grants.OrderByDescending(grant => grant.ExpiresAt ?? DateTimeOffset.MaxValue).ThenByDescending(grant => grant.Id.Uuid))
        {
            var left = Money.Min(grant.Remaining, balance);
            balance -= left;
            settled.Add(grant with { Remaining = left });
        }

        settled.Reverse();
        return settled;
    }

    /// <summary>What expires, and never of what tasks hold.</summary>
    /// <param name="settled">As <see cref="Settle"/> gave them.</param>
    /// <param name="held">What tasks hold of the balance.</param>
    /// <param name="now">UTC.</param>
    /// <returns>Of each grant how much; none of nothing.</returns>
    public static IReadOnlyList<(CreditGrant Grant, Money Amount)> Expire(IReadOnlyList<CreditGrant> settled, Money held, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(settled);
        var expired = new List<(CreditGrant Grant, Money Amount)>();
        foreach (var grant in settled)
        {
            var ofTasks = Money.Min(grant.Remaining, held);
            held -= ofTasks;
            if (grant.ExpiresAt <= now && grant.Remaining > ofTasks)
                expired.Add((grant, grant.Remaining - ofTasks));
        }

        return expired;
    }
}
