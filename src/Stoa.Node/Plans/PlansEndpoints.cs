using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Plans;

/// <summary>Plans and who has them, over HTTP.</summary>
public static class PlansEndpoints
{
    public static void MapPlans(this IEndpointRouteBuilder api)
    {
        api.MapGet("/plans", ListAsync)
            .OpenToAll()
            .WithName("listPlans").WithTags("Plans").WithSummary("List the plans that are offered")
            .WithDescription("The cheapest first, each with what it costs and gives in a month.")
            .Produces<ListResponse<PlanResponse>>();
        api.MapGet("/plans/{name}", GetAsync)
            .OpenToAll()
            .WithName("getPlan").WithTags("Plans").WithSummary("Get a plan")
            .WithDescription("The version that is offered.")
            .Produces<PlanResponse>()
            .Refuses(PlanRefusal.PlanUnknown);
        api.MapPut("/plans/{name}", PutAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("putPlan").WithTags("Plans").WithSummary("Offer a plan")
            .WithDescription("For administrators. Other terms are a new version: whoever has the plan keeps the terms that he has subscribed to until he changes.")
            .Produces<PlanResponse>()
            .Refuses(PlanRefusal.PlanInvalid);
        api.MapDelete("/plans/{name}", WithdrawAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("withdrawPlan").WithTags("Plans").WithSummary("Offer a plan no more")
            .WithDescription("For administrators. Whoever has it keeps it, and it is renewed.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(PlanRefusal.PlanUnknown);
        api.MapGet("/subscription", GetOwnAsync)
            .Needs(Permission.WalletRead)
            .WithName("getSubscription").WithTags("Plans").WithSummary("Show the plan that you have")
            .WithDescription("With the period that is paid, what the next one costs, and what changes then.")
            .Produces<SubscriptionResponse>()
            .Refuses(PlanRefusal.NotSubscribed);
        api.MapPut("/subscription", SubscribeAsync)
            .Needs(Permission.WalletSpend)
            .WithName("putSubscription").WithTags("Plans").WithSummary("Subscribe to a plan, or change to it")
            .WithDescription("A new subscription is paid at once, for a month. A dearer plan than the one that you have holds at once, and the difference is paid for the rest of the month, with as much of its credit; any other holds from the next month on. The plan that you have takes back what was to change. The same request again changes nothing more. The answer says what was done, and what was paid.")
            .Produces<SubscriptionResponse>()
            .Refuses(
                PlanRefusal.PlanUnknown, PlanRefusal.InsufficientFunds, PlanRefusal.SubscriptionPastDue, PlanRefusal.CouponUnknown, PlanRefusal.CouponOver, PlanRefusal.CouponNotForYou);
        api.MapDelete("/subscription", CancelAsync)
            .Needs(Permission.WalletSpend)
            .WithName("cancelSubscription").WithTags("Plans").WithSummary("Cancel the plan that you have")
            .WithDescription("It ends with the month that is paid; one that is past due ends at once.")
            .Produces<SubscriptionResponse>()
            .Refuses(PlanRefusal.NotSubscribed);
        api.MapPost("/subscription/resumption", ResumeAsync)
            .Needs(Permission.WalletSpend)
            .WithName("resumeSubscription").WithTags("Plans").WithSummary("Have a cancelled plan go on after all")
            .WithDescription("As long as the month that is paid has not ended.")
            .Produces<SubscriptionResponse>()
            .Refuses(PlanRefusal.NotSubscribed);
    }

    private static async Task<IResult> ListAsync(SqlPlanStore plans, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListResponse<PlanResponse>([.. (await plans.ListAsync(cancellationToken)).Select(ToContract)]));

    private static async Task<IResult> GetAsync(string name, SqlPlanStore plans, CancellationToken cancellationToken) =>
        await plans.FindAsync(name, cancellationToken) is { } plan ? TypedResults.Ok(ToContract(plan)) : Unknown(name);

    private static async Task<IResult> PutAsync(string name, Body<PutPlanRequest> body, SqlPlanStore plans, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var terms = new PlanTerms(
            AmountField.Read(body.Value.Price, "/price", errors), AmountField.Read(body.Value.Credit ?? "0", "/credit", errors), body.Value.MaxOpenTasks, body.Value.MaxContentBytes);
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        var description = body.Value.Description ?? "";
        return PlanRules.Check(name, description, terms) is { Count: > 0 } misfits
            ? new Refusal<PlanRefusal>(PlanRefusal.PlanInvalid, "A plan cannot be this way.", misfits).ToProblem()
            : TypedResults.Ok(ToContract(await plans.PutAsync(name, description, terms, time.GetUtcNow().ToMilliseconds(), cancellationToken)));
    }

    private static async Task<IResult> WithdrawAsync(string name, SqlPlanStore plans, CancellationToken cancellationToken) =>
        await plans.WithdrawAsync(name, cancellationToken) ? TypedResults.NoContent() : Unknown(name);

    private static async Task<IResult> GetOwnAsync(Caller caller, SqlSubscriptionStore subscriptions, CancellationToken cancellationToken) =>
        await subscriptions.FindAsync(caller.UserId, cancellationToken) is { } subscription
            ? TypedResults.Ok(ToContract(subscription))
            : new Refusal<PlanRefusal>(PlanRefusal.NotSubscribed, "You have no plan. List what is offered with GET /api/v1/plans.").ToProblem();

    private static async Task<IResult> SubscribeAsync(
        Body<PutSubscriptionRequest> body, Caller caller, SqlSubscriptionStore subscriptions, RateLimits limits, HttpContext context, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (plan, version, coupon) = body.Value;
        if (coupon is not null && limits.Refuse(context, RateLimit.Coupons, RateLimits.KeyOf(context, RateLimit.Coupons)) is { } tooMany)
            return tooMany;
        var put = await subscriptions.PutAsync(
            caller.UserId, plan, version, coupon is null ? null : OneTimeCode.HashOf(coupon), time.GetUtcNow().ToMilliseconds(), cancellationToken);
        return put.Match<IResult>(
            done => TypedResults.Ok(ToContract(done.Subscription) with
            {
                Change = new SubscriptionChangeBody(done.Kind.ToString().ToLowerInvariant(), done.Paid.ToString(), done.Credit.ToString(), caller.Handle),
            }),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> CancelAsync(Caller caller, SqlSubscriptionStore subscriptions, TimeProvider time, CancellationToken cancellationToken) =>
        Answer(await subscriptions.CancelAsync(caller.UserId, cancels: true, time.GetUtcNow().ToMilliseconds(), cancellationToken));

    private static async Task<IResult> ResumeAsync(Caller caller, SqlSubscriptionStore subscriptions, TimeProvider time, CancellationToken cancellationToken) =>
        Answer(await subscriptions.CancelAsync(caller.UserId, cancels: false, time.GetUtcNow().ToMilliseconds(), cancellationToken));

    private static IResult Answer(Outcome<Subscription, PlanRefusal> outcome) =>
        outcome.Match<IResult>(subscription => TypedResults.Ok(ToContract(subscription)), refusal => refusal.ToProblem());

    private static ProblemResult Unknown(string name) =>
        new Refusal<PlanRefusal>(PlanRefusal.PlanUnknown, $"No plan '{name}' is offered here. List what is with GET /api/v1/plans.").ToProblem();

    private static PlanResponse ToContract(Plan plan) => new(
        plan.Id.ToString(), plan.Name, plan.Version, plan.Terms.Price.ToString(), plan.Terms.Credit.ToString(), plan.CreatedAt, plan.Description, plan.Terms.OpenTasks, plan.Terms.ContentBytes);

    private static SubscriptionResponse ToContract(Subscription subscription)
    {
        var ended = subscription.State as SubscriptionState.Ended;
        return new SubscriptionResponse(
            subscription.Id.ToString(),
            ToContract(subscription.Plan),
            PlanEvents.NameOf(subscription.State),
            subscription.StartAt,
            subscription.EndAt,
            subscription.IsCancelled,
            subscription.IsCancelled || ended is not null ? null : subscription.NextPrice.ToString(),
            subscription.Next is { } next ? ToContract(next) : null,
            subscription.Discount is { } off ? new DiscountBody(off.CouponId.ToString(), off.Percent, off.Periods, off.Plan) : null,
            (subscription.State as SubscriptionState.PastDue)?.Until,
            ended?.At);
    }
}
