using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>A code that gives whoever redeems it credit, or takes something off his plan.</summary>
/// <param name="Id">Of the coupon.</param>
/// <param name="CodeHash">What is kept of the code, which has 80 random bits.</param>
/// <param name="Hint">The first group of the code, to tell coupons apart.</param>
/// <param name="Gift">What it gives.</param>
/// <param name="Limits">Who may redeem it, and how often.</param>
/// <param name="Redeemed">How often it was.</param>
/// <param name="MadeBy">The administrator.</param>
/// <param name="WithdrawnAt">Not redeemed from then on, UTC; null while it can be.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Coupon(
    Id<Coupon> Id,
    ContentHash CodeHash,
    string Hint,
    CouponGift Gift,
    CouponLimits Limits,
    long Redeemed,
    Id<User> MadeBy,
    DateTimeOffset? WithdrawnAt,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "coupon";

    /// <summary>Groups of a code: 80 bits.</summary>
    public const int Groups = 4;
}

/// <summary>What a coupon gives.</summary>
public abstract record CouponGift
{
    private CouponGift()
    {
    }

    /// <summary>Credit.</summary>
    /// <param name="Amount">How much.</param>
    /// <param name="Days">How long it lasts; null for ever.</param>
    public sealed record Credit(Money Amount, int? Days) : CouponGift;

    /// <summary>Something off the price of a plan.</summary>
    /// <param name="Percent">1 to 100.</param>
    /// <param name="Periods">For how many periods.</param>
    /// <param name="Plan">Only of this plan, by name; null for any.</param>
    public sealed record Off(int Percent, int Periods, string? Plan) : CouponGift;
}

/// <summary>Who may redeem a coupon, and how often.</summary>
/// <param name="Redemptions">In all.</param>
/// <param name="PerUser">By one user.</param>
/// <param name="OnlyNew">Only users who never had a plan and never redeemed a coupon.</param>
/// <param name="ExpiresAt">Until when, UTC; null for ever.</param>
public sealed record CouponLimits(long Redemptions, int PerUser, bool OnlyNew, DateTimeOffset? ExpiresAt);

/// <summary>That a user has redeemed a coupon.</summary>
/// <param name="Id">Of the redemption.</param>
/// <param name="CouponId">The coupon.</param>
/// <param name="UserId">Who.</param>
/// <param name="Gift">What it has given.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Redemption(Id<Redemption> Id, Id<Coupon> CouponId, Id<User> UserId, CouponGift Gift, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "redeem";
}

/// <summary>What a coupon may be, and who may redeem it.</summary>
public static class CouponRules
{
    /// <summary>Most redemptions of one coupon.</summary>
    public const long MostRedemptions = 1_000_000;

    /// <summary>Most redemptions of one coupon by one user.</summary>
    public const int MostPerUser = 100;

    /// <summary>Most periods that a coupon takes something off: ten years.</summary>
    public const int MostPeriods = 120;

    /// <summary>The longest that credit of a coupon lasts, unless it lasts for ever: ten years.</summary>
    public const int MostDays = 3_650;

    /// <summary>Every reason why a coupon cannot be this way; empty when it can.</summary>
    public static IReadOnlyList<FieldError> Check(CouponGift gift, CouponLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var errors = new List<FieldError>();
        if (gift is CouponGift.Credit { Amount: var amount } && (amount <= Money.Zero || amount > PlanRules.MostAMonth))
            errors.Add(new("/credit", $"More than 0 and at most {PlanRules.MostAMonth} US dollars are expected."));
        if (gift is CouponGift.Credit { Days: < 1 or > MostDays })
            errors.Add(new("/creditDays", $"1 to {MostDays} is expected, or nothing for credit without an end."));
        if (gift is CouponGift.Off { Percent: < 1 or > PlanRules.Whole })
            errors.Add(new("/percentOff", "1 to 100 is expected."));
        if (gift is CouponGift.Off { Periods: < 1 or > MostPeriods })
            errors.Add(new("/months", $"1 to {MostPeriods} is expected."));
        if (limits.Redemptions is < 1 or > MostRedemptions)
            errors.Add(new("/maxRedemptions", $"1 to {MostRedemptions} is expected."));
        if (limits.PerUser is < 1 or > MostPerUser)
            errors.Add(new("/perUser", $"1 to {MostPerUser} is expected."));
        return errors;
    }

    /// <summary>Whether a user may redeem a coupon now; null when he may.</summary>
    /// <param name="coupon">As it is; null when there is none of such a code.</param>
    /// <param name="ownBefore">How often he has redeemed this one.</param>
    /// <param name="isNew">Whether he never had a plan and never redeemed a coupon.</param>
    /// <param name="now">UTC.</param>
    public static Refusal<PlanRefusal>? MayRedeem(Coupon? coupon, int ownBefore, bool isNew, DateTimeOffset now) => coupon switch
    {
        // Of one that is over it is not told apart from one that never was: codes are not to be tried out.
        null or { WithdrawnAt: not null } => Refuse(PlanRefusal.CouponUnknown, "There is no coupon of this code. Check it letter by letter; capitals and hyphens make no difference."),
        { Limits.ExpiresAt: { } end } when end <= now => Refuse(PlanRefusal.CouponOver, "The coupon could be redeemed until a while ago."),
        { Limits.PerUser: var own } when ownBefore >= own => Refuse(PlanRefusal.CouponOver, ownBefore == 1 ? "You have redeemed this coupon before." : $"You have redeemed this coupon {ownBefore} times, as often as one may."),
        { Limits.Redemptions: var all, Redeemed: var redeemed } when redeemed >= all => Refuse(PlanRefusal.CouponOver, "The coupon was redeemed as often as it may be."),
        { Limits.OnlyNew: true } when !isNew => Refuse(PlanRefusal.CouponNotForYou, "The coupon is for users who never had a plan and never redeemed a coupon."),
        _ => null,
    };

    private static Refusal<PlanRefusal> Refuse(PlanRefusal code, string detail) => new(code, detail);
}
