using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Coupons over HTTP.</summary>
public static class CouponsEndpoints
{
    public static void MapCoupons(this IEndpointRouteBuilder api)
    {
        api.MapPost("/coupons", CreateAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("createCoupon").WithTags("Plans").WithSummary("Make a coupon")
            .WithDescription("For administrators. It gives credit, or takes something off the price of a plan. Its code is in this answer and nowhere else: the node keeps a hash of it.")
            .Idempotent()
            .Produces<CouponResponse>(StatusCodes.Status201Created)
            .Refuses(PlanRefusal.CouponInvalid);
        api.MapGet("/coupons", ListAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listCoupons").WithTags("Plans").WithSummary("List all coupons, newest first")
            .WithDescription("For administrators. With how often each was redeemed, without their codes.")
            .Produces<ListResponse<CouponResponse>>();
        api.MapDelete("/coupons/{id}", WithdrawAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("withdrawCoupon").WithTags("Plans").WithSummary("Have a coupon redeemed no more")
            .WithDescription("For administrators. What it has given stays.")
            .Produces<CouponResponse>()
            .Refuses(PlanRefusal.CouponUnknown);
        api.MapPost("/coupons/redemptions", RedeemAsync)
            .Needs(Permission.WalletSpend)
            .LimitedBy(RateLimit.Coupons)
            .WithName("redeemCoupon").WithTags("Plans").WithSummary("Redeem a coupon")
            .WithDescription("Credit is there at once. What a coupon takes off a plan that you have counts from the next month on; with a new plan, give the code when you subscribe.")
            .Idempotent()
            .Produces<RedemptionResponse>(StatusCodes.Status201Created)
            .Refuses(PlanRefusal.CouponUnknown, PlanRefusal.CouponOver, PlanRefusal.CouponNotForYou, PlanRefusal.NotSubscribed, PlanRefusal.DiscountRunning);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateCouponRequest> body, MadeId id, Caller caller, SqlCouponStore coupons, Random random, TimeProvider time, CancellationToken cancellationToken)
    {
        var asked = body.Value;
        var errors = new List<FieldError>();
        var credit = asked.Credit is { } text ? AmountField.Read(text, "/credit", errors) : Money.Zero;
        if ((asked.Credit is null) == (asked.PercentOff is null))
            errors.Add(new FieldError("", "Either credit or percentOff is expected."));
        if (asked.Credit is null && asked.CreditDays is not null)
            errors.Add(new FieldError("/creditDays", "Goes with credit."));
        if (asked.PercentOff is null && (asked.Months is not null || asked.Plan is not null))
            errors.Add(new FieldError(asked.Months is not null ? "/months" : "/plan", "Goes with percentOff."));
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        CouponGift gift = asked.PercentOff is { } percent ? new CouponGift.Off(percent, asked.Months ?? 1, asked.Plan) : new CouponGift.Credit(credit, asked.CreditDays);
        var limits = new CouponLimits(asked.MaxRedemptions ?? 1, asked.PerUser ?? 1, asked.OnlyNew ?? false, asked.ExpiresAt?.ToMilliseconds());
        if (CouponRules.Check(gift, limits) is { Count: > 0 } misfits)
            return new Refusal<PlanRefusal>(PlanRefusal.CouponInvalid, "A coupon cannot be this way.", misfits).ToProblem();
        var code = OneTimeCode.Create(Coupon.Groups, random);
        var coupon = await coupons.AddAsync(
            new Coupon(id.For<Coupon>(), code.Hash, code.ToString(), gift, limits, Redeemed: 0, caller.ActorId, WithdrawnAt: null, time.GetUtcNow().ToMilliseconds()), cancellationToken);
        return TypedResults.Created($"/api/v1/coupons/{coupon.Id}", ToContract(coupon) with { Code = code.Text });
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, SqlCouponStore coupons, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await coupons.ListAsync(query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> WithdrawAsync(Id<Coupon> id, SqlCouponStore coupons, TimeProvider time, CancellationToken cancellationToken) =>
        await coupons.WithdrawAsync(id, time.GetUtcNow().ToMilliseconds(), cancellationToken) is { } coupon
            ? TypedResults.Ok(ToContract(coupon))
            : new Refusal<PlanRefusal>(PlanRefusal.CouponUnknown, $"There is no coupon {id}. List all with GET /api/v1/coupons.").ToProblem();

    private static async Task<IResult> RedeemAsync(
        Body<RedeemCouponRequest> body, MadeId id, Caller caller, SqlCouponStore coupons, TimeProvider time, CancellationToken cancellationToken)
    {
        var redeemed = await coupons.RedeemAsync(id.For<Redemption>(), caller.UserId, OneTimeCode.HashOf(body.Value.Code), time.GetUtcNow().ToMilliseconds(), cancellationToken);
        return redeemed.Match<IResult>(
            redemption =>
            {
                var (credit, off) = (redemption.Gift as CouponGift.Credit, redemption.Gift as CouponGift.Off);
                return TypedResults.Created(
                    $"/api/v1/coupons/redemptions/{redemption.Id}",
                    new RedemptionResponse(redemption.Id.ToString(), redemption.CouponId.ToString(), redemption.CreatedAt, credit?.Amount.ToString(), off?.Percent, off?.Periods, off?.Plan));
            },
            refusal => refusal.ToProblem());
    }

    private static CouponResponse ToContract(Coupon coupon)
    {
        var (credit, off) = (coupon.Gift as CouponGift.Credit, coupon.Gift as CouponGift.Off);
        return new CouponResponse(
            coupon.Id.ToString(),
            coupon.Hint,
            coupon.Limits.Redemptions,
            coupon.Redeemed,
            coupon.Limits.PerUser,
            coupon.Limits.OnlyNew,
            coupon.MadeBy.ToString(),
            coupon.CreatedAt,
            Code: null,
            credit?.Amount.ToString(),
            credit?.Days,
            off?.Percent,
            off?.Periods,
            off?.Plan,
            coupon.Limits.ExpiresAt,
            coupon.WithdrawnAt);
    }
}
