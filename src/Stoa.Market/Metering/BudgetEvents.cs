using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What is told of budgets and balances, to their owners.</summary>
public static class BudgetEvents
{
    /// <summary>A threshold of a budget was passed.</summary>
    /// <remarks>Data members: <c>budgetId</c>, <c>per</c>, <c>scope</c> (left out for everything), <c>percent</c>, <c>amount</c>, <c>spent</c>, <c>held</c>, <c>periodStart</c>, <c>renewsAt</c>.</remarks>
    public static NewEvent Threshold(Budget budget, int percent, DateTimeOffset now) => NewEvent.Create(
        EventTypes.BudgetThreshold, budget.Id.ToString(), budget.OwnerId, now, json =>
        {
            json.WriteString("budgetId", budget.Id.ToString());
            json.WriteString("per", budget.Span == UsageSpan.Day ? "day" : "month");
            if (budget.Scope.Length > 0)
                json.WriteString("scope", budget.Scope);
            json.WriteNumber("percent", percent);
            json.WriteString("amount", budget.Amount.ToString());
            json.WriteString("spent", budget.Meter.Captured.ToString());
            json.WriteString("held", budget.Meter.Held.ToString());
            json.WriteString("periodStart", SignedJson.Text(budget.Meter.Start));
            json.WriteString("renewsAt", SignedJson.Text(budget.RenewsAt));
        });

    /// <summary>A wallet has less than its owner wants to be told of.</summary>
    /// <remarks>Data members: <c>balance</c>, <c>below</c>.</remarks>
    public static NewEvent BalanceLow(Id<User> owner, Money balance, Money below, DateTimeOffset now) => NewEvent.Create(
        EventTypes.BalanceLow, owner.ToString(), owner, now, json =>
        {
            json.WriteString("balance", balance.ToString());
            json.WriteString("below", below.ToString());
        });
}
