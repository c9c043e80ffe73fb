namespace Stoa.Client.Contracts;

/// <summary><c>PUT /api/v1/plans/{name}</c>: offers a plan by these terms.</summary>
/// <param name="Price">Of a month, decimal string in US dollars; 0 for a free plan.</param>
/// <param name="Credit">Included in a month, decimal string in US dollars. Nothing when left out.</param>
/// <param name="MaxOpenTasks">How many tasks of a subscriber may wait or run; left out for as many as everybody's.</param>
/// <param name="MaxContentBytes">How much a subscriber may store, in bytes; left out for as much as everybody.</param>
/// <param name="Description">For people, at most 500 characters.</param>
public sealed record PutPlanRequest(string Price, string? Credit = null, long? MaxOpenTasks = null, long? MaxContentBytes = null, string? Description = null);

/// <summary>A version of a plan.</summary>
/// <param name="Id">TypeID with prefix <c>plan</c>.</param>
/// <param name="Name">Of the plan.</param>
/// <param name="Version">From 1. Whoever has subscribed to one keeps its terms.</param>
/// <param name="Price">Of a month, decimal string in US dollars.</param>
/// <param name="Credit">Included in a month, decimal string in US dollars.</param>
/// <param name="CreatedAt">When it was offered first.</param>
/// <param name="Description">For people.</param>
/// <param name="MaxOpenTasks">How many tasks of a subscriber may wait or run; absent for as many as everybody's.</param>
/// <param name="MaxContentBytes">How much a subscriber may store, in bytes; absent for as much as everybody.</param>
public sealed record PlanResponse(
    string Id, string Name, int Version, string Price, string Credit, DateTimeOffset CreatedAt, string Description, long? MaxOpenTasks = null, long? MaxContentBytes = null);

/// <summary><c>PUT /api/v1/subscription</c>: has the caller have a plan.</summary>
/// <param name="Plan">Its name.</param>
/// <param name="Version">The version that is offered, to take its terms in place of those that one has. Left out: for a new subscription what is offered, else the terms that one has.</param>
/// <param name="Coupon">A code that takes something off a new subscription.</param>
public sealed record PutSubscriptionRequest(string Plan, int? Version = null, string? Coupon = null);

/// <summary>That the caller has a plan.</summary>
/// <param name="Id">TypeID with prefix <c>sub</c>.</param>
/// <param name="Plan">The version whose terms hold.</param>
/// <param name="State"><c>active</c>, <c>pastDue</c> (the next period could not be paid) or <c>ended</c>.</param>
/// <param name="PeriodStart">When the period that is paid began.</param>
/// <param name="PeriodEnd">When it ends, and the next one is paid.</param>
/// <param name="IsCancelled">It ends with the period.</param>
/// <param name="NextPrice">What the next period costs, decimal string in US dollars; absent when there is none.</param>
/// <param name="NextPlan">The version whose terms hold from the next period on, when it is another.</param>
/// <param name="Discount">What is taken off.</param>
/// <param name="GraceEnds">Of one that is past due: when it ends, unless the wallet has enough by then.</param>
/// <param name="EndedAt">When it has ended.</param>
/// <param name="Change">What the request has done; only in the answer to one that asks for a plan.</param>
public sealed record SubscriptionResponse(
    string Id,
    PlanResponse Plan,
    string State,
    DateTimeOffset PeriodStart,
    DateTimeOffset PeriodEnd,
    bool IsCancelled,
    string? NextPrice = null,
    PlanResponse? NextPlan = null,
    DiscountBody? Discount = null,
    DateTimeOffset? GraceEnds = null,
    DateTimeOffset? EndedAt = null,
    SubscriptionChangeBody? Change = null);

/// <summary>What asking for a plan has done.</summary>
/// <param name="Kind"><c>started</c>, <c>upgraded</c> (it holds from now on), <c>scheduled</c> (it holds from the next period on), <c>kept</c> (what was to change does not) or <c>none</c> (it was so already).</param>
/// <param name="Paid">What was paid now, decimal string in US dollars.</param>
/// <param name="Credit">The credit that was given with it, decimal string in US dollars; it expires with the period.</param>
/// <param name="Wallet">Handle of the account out of whose wallet it was paid.</param>
public sealed record SubscriptionChangeBody(string Kind, string Paid, string Credit, string Wallet);

/// <summary>What a coupon takes off the price of the periods that come next.</summary>
/// <param name="CouponId">The coupon.</param>
/// <param name="Percent">1 to 100.</param>
/// <param name="Months">For how many periods still.</param>
/// <param name="Plan">The one plan that it is off; absent for any.</param>
public sealed record DiscountBody(string CouponId, int Percent, int Months, string? Plan = null);

/// <summary><c>GET /api/v1/credit</c>: what the caller has to spend on tasks and on nothing else.</summary>
/// <param name="AccountId">Of the account, in the ledger.</param>
/// <param name="Balance">What is there, with what tasks hold; decimal string in US dollars.</param>
/// <param name="Held">What tasks hold.</param>
/// <param name="Available">What new tasks can hold.</param>
/// <param name="Grants">Of which it is, in the order in which it is spent.</param>
public sealed record CreditResponse(string AccountId, string Balance, string Held, string Available, IReadOnlyList<CreditGrantBody> Grants);

/// <summary>Credit that was given at one time.</summary>
/// <param name="Id">TypeID with prefix <c>grant</c>.</param>
/// <param name="Source"><c>plan</c>, <c>coupon</c> or <c>refund</c>.</param>
/// <param name="Amount">How much it was, decimal string in US dollars.</param>
/// <param name="Remaining">What is left.</param>
/// <param name="GrantedAt">When it was given.</param>
/// <param name="ExpiresAt">When what is left goes back; absent for never.</param>
public sealed record CreditGrantBody(string Id, string Source, string Amount, string Remaining, DateTimeOffset GrantedAt, DateTimeOffset? ExpiresAt = null);

/// <summary><c>POST /api/v1/coupons</c>: makes a coupon, which gives either credit or something off a plan.</summary>
/// <param name="Credit">Gives so much, decimal string in US dollars.</param>
/// <param name="CreditDays">For so many days; left out for ever.</param>
/// <param name="PercentOff">Takes so much off the price of a plan, 1 to 100.</param>
/// <param name="Months">For so many months. Left out: one.</param>
/// <param name="Plan">Only off this plan.</param>
/// <param name="MaxRedemptions">By how many it can be redeemed in all. Left out: one.</param>
/// <param name="PerUser">How often by one user. Left out: once.</param>
/// <param name="OnlyNew">Only by users who never had a plan and never redeemed a coupon.</param>
/// <param name="ExpiresAt">Until when it can be redeemed; left out for ever.</param>
public sealed record CreateCouponRequest(
    string? Credit = null,
    int? CreditDays = null,
    int? PercentOff = null,
    int? Months = null,
    string? Plan = null,
    long? MaxRedemptions = null,
    int? PerUser = null,
    bool? OnlyNew = null,
    DateTimeOffset? ExpiresAt = null);

/// <summary>A coupon.</summary>
/// <param name="Id">TypeID with prefix <c>coupon</c>.</param>
/// <param name="Hint">The first letters of its code.</param>
/// <param name="MaxRedemptions">How often it can be redeemed in all.</param>
/// <param name="Redeemed">How often it was.</param>
/// <param name="PerUser">How often by one user.</param>
/// <param name="OnlyNew">Only by new users.</param>
/// <param name="MadeBy">Id of the administrator.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Code">The code itself, in the answer that makes it and never again.</param>
/// <param name="Credit">Gives so much, decimal string in US dollars.</param>
/// <param name="CreditDays">For so many days; absent for ever.</param>
/// <param name="PercentOff">Takes so much off the price of a plan.</param>
/// <param name="Months">For so many months.</param>
/// <param name="Plan">Only off this plan.</param>
/// <param name="ExpiresAt">Until when it can be redeemed.</param>
/// <param name="WithdrawnAt">Since when it cannot be redeemed any more.</param>
public sealed record CouponResponse(
    string Id,
    string Hint,
    long MaxRedemptions,
    long Redeemed,
    int PerUser,
    bool OnlyNew,
    string MadeBy,
    DateTimeOffset CreatedAt,
    string? Code = null,
    string? Credit = null,
    int? CreditDays = null,
    int? PercentOff = null,
    int? Months = null,
    string? Plan = null,
    DateTimeOffset? ExpiresAt = null,
    DateTimeOffset? WithdrawnAt = null);

/// <summary><c>POST /api/v1/coupons/redemptions</c>: redeems a coupon.</summary>
/// <param name="Code">As it was given; capitals, hyphens and blanks make no difference.</param>
public sealed record RedeemCouponRequest(string Code);

/// <summary>What a coupon has given.</summary>
/// <param name="Id">TypeID with prefix <c>redeem</c>.</param>
/// <param name="CouponId">The coupon.</param>
/// <param name="RedeemedAt">When.</param>
/// <param name="Credit">So much credit, decimal string in US dollars.</param>
/// <param name="PercentOff">So much off the price of the plan.</param>
/// <param name="Months">For so many months.</param>
/// <param name="Plan">Only off this plan; absent for any.</param>
public sealed record RedemptionResponse(
    string Id, string CouponId, DateTimeOffset RedeemedAt, string? Credit = null, int? PercentOff = null, int? Months = null, string? Plan = null);
