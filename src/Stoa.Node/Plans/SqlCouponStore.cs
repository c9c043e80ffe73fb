using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Coupons in the cell's database, with what they give.</summary>
public sealed class SqlCouponStore(Database database, SystemAccounts accounts)
{
    /// <summary>Adds a coupon. When it is there already, since whoever made it was not told of it, it gets the code of now: the one of before nobody knows.</summary>
    public Task<Coupon> AddAsync(Coupon coupon, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync(
                $"""
                INSERT INTO coupons ({SqlCoupons.Columns})
                VALUES (@Id, @CodeHash, @Hint, @Credit, @CreditDays, @PercentOff, @Periods, @Plan, @MaxRedemptions, @PerUser, @OnlyNew, @ExpiresAt, @Redeemed, @MadeBy, @WithdrawnAt, @CreatedAt)
                ON CONFLICT (id) DO UPDATE SET code_hash = excluded.code_hash, hint = excluded.hint
                """,
                SqlCoupons.CouponRow.Of(coupon));
            return (await FindAsync(session, coupon.Id))!;
        },
        cancellationToken);

    /// <summary>All coupons, newest first.</summary>
    public Task<Page<Coupon>> ListAsync(PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        return database.ReadAsync(
            async session =>
            {
                var before = Id<Coupon>.TryParse(page.Cursor, out var last) ? last : new Id<Coupon>(Guid.AllBitsSet);
                var rows = await session.QueryAsync<SqlCoupons.CouponRow>(
                    $"SELECT {SqlCoupons.Columns} FROM coupons WHERE id < @before ORDER BY id DESC LIMIT @limit", new { before, limit = page.Limit + 1 });
                return new Page<Coupon>([.. rows.Take(page.Limit).Select(row => row.ToCoupon())], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
            },
            cancellationToken);
    }

    /// <summary>Has a coupon redeemed no more; what it has given stays.</summary>
    /// <returns>As it is now; null when there is none such.</returns>
    public Task<Coupon?> WithdrawAsync(Id<Coupon> id, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync("UPDATE coupons SET withdrawn_at = @now WHERE id = @id AND withdrawn_at IS NULL", new { id, now });
            return await FindAsync(session, id);
        },
        cancellationToken);

    /// <summary>Redeems a coupon, and gives what it gives: once for each id, whoever races.</summary>
    public Task<Outcome<Redemption, PlanRefusal>> RedeemAsync(
        Id<Redemption> id, Id<User> user, ContentHash code, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Redemption, PlanRefusal>>(
        async session =>
        {
            await SqlCredit.LockAsync(session, user);
            if (!(await SqlCoupons.RedeemAsync(session, id, user, code, now)).TryGet(out var redeemed, out var refusal))
                return refusal;
            if (redeemed.IsNew && await GiveAsync(session, redeemed.Redemption, now) is { } refused)
            {
                session.Abandon();
                return refused;
            }

            return redeemed.Redemption;
        },
        cancellationToken);

    private async Task<Refusal<PlanRefusal>?> GiveAsync(SqlSession session, Redemption redemption, DateTimeOffset now)
    {
        IReadOnlyList<NewEvent> credited = [];
        if (redemption.Gift is CouponGift.Credit credit)
        {
            var grant = new CreditGrant(
                new Id<CreditGrant>(redemption.Id.Uuid), redemption.UserId, CreditSource.Coupon, redemption.Id.ToString(), credit.Amount, credit.Amount,
                credit.Days is { } days ? now.AddDays(days) : null, now);
            credited = await SqlCredit.GiveAsync(session, grant, accounts.Sponsor, now);
        }
        else if (redemption.Gift is CouponGift.Off off)
        {
            if (await SqlSubscriptions.FindAsync(session, redemption.UserId, locks: true) is not { } subscription)
            {
                return new Refusal<PlanRefusal>(
                    PlanRefusal.NotSubscribed, "The coupon takes something off the price of a plan, and you have none: subscribe to one with the coupon, by PUT /api/v1/subscription.");
            }

            if (subscription.Discount is not null)
                return new Refusal<PlanRefusal>(PlanRefusal.DiscountRunning, $"{subscription.Discount.Percent} percent are off already, for {subscription.Discount.Periods} more periods. Redeem this one when that is over.");
            if (off.Plan is { } only && only != (subscription.Next ?? subscription.Plan).Name)
                return new Refusal<PlanRefusal>(PlanRefusal.CouponNotForYou, $"The coupon is for the plan {only}.");
            await SqlSubscriptions.UpdateAsync(session, subscription with { Discount = new Discount(redemption.CouponId, off.Percent, off.Periods, off.Plan) });
        }

        await SqlEvents.AppendAsync(session, [PlanEvents.Redeemed(redemption), .. credited]);
        return null;
    }

    private static async Task<Coupon?> FindAsync(SqlSession session, Id<Coupon> id) =>
        (await session.QueryFirstOrDefaultAsync<SqlCoupons.CouponRow>($"SELECT {SqlCoupons.Columns} FROM coupons WHERE id = @id", new { id }))?.ToCoupon();
}
