using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Coupons inside a session.</summary>
internal static class SqlCoupons
{
    internal const string Columns =
        "id, code_hash, hint, credit, credit_days, percent_off, periods, plan, max_redemptions, per_user, only_new, expires_at, redeemed, made_by, withdrawn_at, created_at";

    /// <summary>Redeems a coupon, once for each id: what it gives is the caller's to give, in the same act. The user's accounts are locked.</summary>
    /// <returns>The redemption, and whether it is new; a refusal has written nothing.</returns>
    public static async Task<Outcome<(Redemption Redemption, bool IsNew), PlanRefusal>> RedeemAsync(
        SqlSession session, Id<Redemption> id, Id<User> user, ContentHash code, DateTimeOffset now)
    {
        // All who redeem this one wait for each other here.
        var coupon = (await session.QueryFirstOrDefaultAsync<CouponRow>($"SELECT {Columns} FROM coupons WHERE code_hash = @code {{for update}}", new { code }))?.ToCoupon();
        var before = await session.QueryAsync<(Id<Redemption> Id, Id<Coupon> Coupon, DateTimeOffset At)>(
            "SELECT id, coupon_id, created_at FROM coupon_redemptions WHERE user_id = @user", new { user });
        if (coupon is not null && before.FirstOrDefault(one => one.Id == id && one.Coupon == coupon.Id) is { Id.IsEmpty: false } same)
            return (new Redemption(id, coupon.Id, user, coupon.Gift, same.At), false);
        var isNew = before.Count == 0 && await session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM subscriptions WHERE user_id = @user LIMIT 1", new { user }) is null;
        if (CouponRules.MayRedeem(coupon, before.Count(one => one.Coupon == coupon?.Id), isNew, now) is { } refusal)
            return refusal;
        await session.SendAsync("INSERT INTO coupon_redemptions (id, coupon_id, user_id, created_at) VALUES (@id, @coupon, @user, @now)", new { id, coupon = coupon!.Id, user, now });
        await session.SendAsync("UPDATE coupons SET redeemed = redeemed + 1 WHERE id = @Id", new { coupon.Id });
        return (new Redemption(id, coupon.Id, user, coupon.Gift, now), true);
    }

    /// <summary>Whether a user has redeemed the coupon of a code.</summary>
    public static async Task<bool> HasRedeemedAsync(SqlSession session, Id<User> user, ContentHash code) => await session.QueryFirstOrDefaultAsync<long?>(
        "SELECT 1 FROM coupon_redemptions WHERE user_id = @user AND coupon_id = (SELECT id FROM coupons WHERE code_hash = @code) LIMIT 1", new { user, code }) is not null;

    /// <summary>The name of the one plan that a coupon is for; null for any.</summary>
    public static Task<string?> PlanOfAsync(SqlSession session, Id<Coupon> id) =>
        session.QueryFirstOrDefaultAsync<string>("SELECT plan FROM coupons WHERE id = @id", new { id });

    internal sealed record CouponRow(
        Id<Coupon> Id,
        ContentHash CodeHash,
        string Hint,
        Money? Credit,
        int? CreditDays,
        int? PercentOff,
        int? Periods,
        string? Plan,
        long MaxRedemptions,
        int PerUser,
        bool OnlyNew,
        DateTimeOffset? ExpiresAt,
        long Redeemed,
        Id<User> MadeBy,
        DateTimeOffset? WithdrawnAt,
        DateTimeOffset CreatedAt)
    {
        public static CouponRow Of(Coupon coupon)
        {
            var (credit, off) = (coupon.Gift as CouponGift.Credit, coupon.Gift as CouponGift.Off);
            return new(
                coupon.Id, coupon.CodeHash, coupon.Hint, credit?.Amount, credit?.Days, off?.Percent, off?.Periods, off?.Plan, coupon.Limits.Redemptions, coupon.Limits.PerUser,
                coupon.Limits.OnlyNew, coupon.Limits.ExpiresAt, coupon.Redeemed, coupon.MadeBy, coupon.WithdrawnAt, coupon.CreatedAt);
        }

        public Coupon ToCoupon() => new(
            Id,
            CodeHash,
            Hint,
            Credit is { } amount ? new CouponGift.Credit(amount, CreditDays) : new CouponGift.Off(PercentOff!.Value, Periods!.Value, Plan),
            new CouponLimits(MaxRedemptions, PerUser, OnlyNew, ExpiresAt),
            Redeemed,
            MadeBy,
            WithdrawnAt,
            CreatedAt);
    }
}
