using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>The outer door of budgets and alerts. A budget that belongs to somebody else is one that does not exist.</summary>
public static class BudgetsEndpoints
{
    public static void MapBudgets(this IEndpointRouteBuilder api)
    {
        var budgets = api.MapGroup("/budgets").WithTags("Usage");
        budgets.MapPut("/", SetAsync)
            .Needs(Permission.WalletSpend)
            .WithName("setBudget").WithSummary("Let your tasks cost at most so much")
            .WithDescription("In a day or a month of UTC: everything, which is all tasks, storage and transfer, or the tasks of one agent or publisher. What is spent and held in the period already counts. What would hold more than is left is refused before it holds anything. Setting a budget again changes its amount.")
            .Produces<BudgetResponse>()
            .Refuses(BudgetRefusal.BudgetInvalid, BudgetRefusal.BudgetsTooMany);
        budgets.MapGet("/", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listBudgets").WithSummary("List your budgets")
            .WithDescription("Each with what is spent, held and left in its period.")
            .Produces<ListResponse<BudgetResponse>>();
        budgets.MapGet("/{id}", GetAsync)
            .Needs(Permission.WalletRead)
            .WithName("getBudget").WithSummary("Get a budget")
            .WithDescription("With what is spent, held and left in its period.")
            .Produces<BudgetResponse>()
            .Refuses(BudgetRefusal.BudgetUnknown);
        budgets.MapDelete("/{id}", DeleteAsync)
            .Needs(Permission.WalletSpend)
            .WithName("deleteBudget").WithSummary("Remove a budget")
            .WithDescription("Nothing is refused for it any more.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(BudgetRefusal.BudgetUnknown);
        budgets.MapPut("/{id}/alerts", SetAlertsAsync)
            .Needs(Permission.WalletSpend)
            .WithName("setBudgetAlerts").WithSummary("Say at which percentages you are told")
            .WithDescription("By the event stoa.budget.threshold, which webhooks get too, and by e-mail where the node sends any. Each once a period; 100 also when a task was refused.")
            .Produces<BudgetResponse>()
            .Refuses(BudgetRefusal.BudgetUnknown, BudgetRefusal.BudgetInvalid);
        api.MapGet("/balance-alert", GetBalanceAlertAsync)
            .Needs(Permission.WalletRead)
            .WithName("getBalanceAlert").WithTags("Usage").WithSummary("Show when you are told that your wallet has little left")
            .WithDescription("Without below you are not told.")
            .Produces<BalanceAlertResponse>();
        api.MapPut("/balance-alert", SetBalanceAlertAsync)
            .Needs(Permission.WalletSpend)
            .WithName("setBalanceAlert").WithTags("Usage").WithSummary("Be told when your wallet has little left")
            .WithDescription("By the event stoa.balance.low and by e-mail where the node sends any: once, until there was as much in it again.")
            .Produces<BalanceAlertResponse>()
            .Refuses(BudgetRefusal.BudgetInvalid);
    }

    private static async Task<IResult> SetAsync(
        Body<SetBudgetRequest> body, Caller caller, SqlBudgetStore store, IdSource ids, TimeProvider time, CancellationToken cancellationToken)
    {
        var asked = body.Value;
        var errors = new List<FieldError>();
        var span = asked.Per switch
        {
            "day" => UsageSpan.Day,
            "month" => UsageSpan.Month,
            _ => (UsageSpan?)null,
        };
        if (span is null)
            errors.Add(new FieldError("/per", "One of day, month is expected."));
        var amount = AmountField.ReadAboveZero(asked.Amount, "/amount", errors);
        var scope = BudgetRules.ReadScope(asked.Agent, asked.Publisher, errors);
        var thresholds = BudgetRules.ReadThresholds(asked.AlertAt ?? Budget.DefaultThresholds, errors);
        if (errors.Count > 0)
            return Invalid(errors);
        var now = time.GetUtcNow();
        return (await store.SetAsync(
            new Budget(ids.Next<Budget>(), caller.UserId, span!.Value, scope, amount, thresholds, asked.Mail ?? true, BudgetMeter.New(span.Value.StartOf(now)), now),
            asked.AlertAt is not null ? thresholds : null,
            asked.Mail,
            now,
            cancellationToken)).Match<IResult>(budget => TypedResults.Ok(MeteringContracts.ToContract(budget)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(Caller caller, SqlBudgetStore store, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListResponse<BudgetResponse>(
            [.. (await store.ListAsync(caller.UserId, time.GetUtcNow(), cancellationToken)).Select(MeteringContracts.ToContract)]));

    private static async Task<IResult> GetAsync(Id<Budget> id, Caller caller, SqlBudgetStore store, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, time.GetUtcNow(), cancellationToken) is { } budget
            ? TypedResults.Ok(MeteringContracts.ToContract(budget))
            : Unknown(id);

    private static async Task<IResult> DeleteAsync(Id<Budget> id, Caller caller, SqlBudgetStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller.UserId, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    private static async Task<IResult> SetAlertsAsync(
        Id<Budget> id, Body<SetBudgetAlertsRequest> body, Caller caller, SqlBudgetStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var thresholds = body.Value.AlertAt is { } given ? BudgetRules.ReadThresholds(given, errors) : null;
        if (errors.Count > 0)
            return Invalid(errors);
        return await store.SetAlertsAsync(id, caller.UserId, thresholds, body.Value.Mail, time.GetUtcNow(), cancellationToken) is { } budget
            ? TypedResults.Ok(MeteringContracts.ToContract(budget))
            : Unknown(id);
    }

    private static async Task<IResult> GetBalanceAlertAsync(Caller caller, SqlBudgetStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ToContract(await store.FindBalanceAlertAsync(caller.UserId, cancellationToken)));

    private static async Task<IResult> SetBalanceAlertAsync(
        Body<SetBalanceAlertRequest> body, Caller caller, SqlBudgetStore store, CancellationToken cancellationToken)
    {
        if (body.Value.Below is null)
        {
            await store.DeleteBalanceAlertAsync(caller.UserId, cancellationToken);
            return TypedResults.Ok(ToContract(null));
        }

        var errors = new List<FieldError>();
        var below = AmountField.ReadAboveZero(body.Value.Below, "/below", errors);
        if (errors.Count > 0)
            return Invalid(errors);
        var alert = new BalanceAlert(caller.UserId, below, body.Value.Mail ?? true, IsTold: false);
        await store.SetBalanceAlertAsync(alert, cancellationToken);
        return TypedResults.Ok(ToContract(alert));
    }

    private static BalanceAlertResponse ToContract(BalanceAlert? alert) =>
        alert is null ? new BalanceAlertResponse(false, false) : new BalanceAlertResponse(alert.Mails, alert.IsTold, alert.Below.ToString());

    private static ProblemResult Unknown(Id<Budget> id) =>
        new Refusal<BudgetRefusal>(BudgetRefusal.BudgetUnknown, $"You have no budget {id}. List those that you have with GET /api/v1/budgets.").ToProblem();

    private static ProblemResult Invalid(IReadOnlyList<FieldError> errors) =>
        new Refusal<BudgetRefusal>(BudgetRefusal.BudgetInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
}
