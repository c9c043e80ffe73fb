using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/plans</c>: what is offered, the cheapest first.</summary>
    public Task<ListResponse<PlanResponse>> ListPlansAsync(CancellationToken cancellationToken = default) => GetAsync("plans", StoaJson.Default.ListResponsePlanResponse, cancellationToken);

    /// <summary><c>GET /api/v1/plans/{name}</c>: the version that is offered.</summary>
    public Task<PlanResponse> GetPlanAsync(string name, CancellationToken cancellationToken = default) => GetAsync(PlanPath(name), StoaJson.Default.PlanResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/plans/{name}</c>: offers a plan by these terms; who has it keeps his. For administrators.</summary>
    public Task<PlanResponse> PutPlanAsync(string name, PutPlanRequest plan, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, PlanPath(name), () => JsonBody(plan, StoaJson.Default.PutPlanRequest)), StoaJson.Default.PlanResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/plans/{name}</c>: offers a plan no more; who has it keeps it. For administrators.</summary>
    public Task WithdrawPlanAsync(string name, CancellationToken cancellationToken = default) => SendAsync(new Call(HttpMethod.Delete, PlanPath(name)), cancellationToken);

    /// <summary><c>GET /api/v1/subscription</c>: the plan that the caller has.</summary>
    public Task<SubscriptionResponse> GetSubscriptionAsync(CancellationToken cancellationToken = default) =>
        GetAsync("subscription", StoaJson.Default.SubscriptionResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/subscription</c>: subscribes to a plan, or changes to it.</summary>
    public Task<SubscriptionResponse> PutSubscriptionAsync(PutSubscriptionRequest subscription, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, "subscription", () => JsonBody(subscription, StoaJson.Default.PutSubscriptionRequest)), StoaJson.Default.SubscriptionResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/subscription</c>: has the plan end with its period.</summary>
    public Task<SubscriptionResponse> CancelSubscriptionAsync(CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, "subscription"), StoaJson.Default.SubscriptionResponse, cancellationToken);

    /// <summary><c>POST /api/v1/subscription/resumption</c>: has a plan that was cancelled go on after all.</summary>
    public Task<SubscriptionResponse> ResumeSubscriptionAsync(CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Post, "subscription/resumption", IdempotencyKey: NewIdempotencyKey()), StoaJson.Default.SubscriptionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/credit</c>: what the caller has to spend on tasks and on nothing else.</summary>
    public Task<CreditResponse> GetCreditAsync(CancellationToken cancellationToken = default) => GetAsync("credit", StoaJson.Default.CreditResponse, cancellationToken);

    /// <summary><c>GET /api/v1/credit/transfers</c>: the statement of the credit, newest first, all pages.</summary>
    public IAsyncEnumerable<TransferResponse> ListCreditTransfersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("credit/transfers", StoaJson.Default.ListResponseTransferResponse, cancellationToken);

    /// <summary><c>POST /api/v1/coupons</c>: makes a coupon; its code is in the answer and nowhere else. For administrators.</summary>
    public Task<CouponResponse> CreateCouponAsync(CreateCouponRequest coupon, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("coupons", () => JsonBody(coupon, StoaJson.Default.CreateCouponRequest)), StoaJson.Default.CouponResponse, cancellationToken);

    /// <summary><c>GET /api/v1/coupons</c>: all, newest first, all pages. For administrators.</summary>
    public IAsyncEnumerable<CouponResponse> ListCouponsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("coupons", StoaJson.Default.ListResponseCouponResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/coupons/{id}</c>: has a coupon redeemed no more. For administrators.</summary>
    public Task<CouponResponse> WithdrawCouponAsync(string id, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, $"coupons/{Uri.EscapeDataString(id)}"), StoaJson.Default.CouponResponse, cancellationToken);

    /// <summary><c>POST /api/v1/coupons/redemptions</c>: redeems a coupon.</summary>
    public Task<RedemptionResponse> RedeemCouponAsync(string code, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("coupons/redemptions", () => JsonBody(new RedeemCouponRequest(code), StoaJson.Default.RedeemCouponRequest)), StoaJson.Default.RedemptionResponse, cancellationToken);

    private static string PlanPath(string name) => $"plans/{Uri.EscapeDataString(name)}";
}
