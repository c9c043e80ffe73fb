using Stoa.Market.Registry;

namespace Stoa.Market.Metering;

/// <summary>What a budget may be.</summary>
public static class BudgetRules
{
    /// <summary>The scope that is meant; empty for everything.</summary>
    /// <param name="agent">As <c>publisher/name</c>; null for none.</param>
    /// <param name="publisher">A handle; null for none.</param>
    /// <param name="errors">What is wrong is added to these.</param>
    public static string ReadScope(string? agent, string? publisher, List<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (agent is not null && publisher is not null)
            errors.Add(new FieldError("/publisher", "A budget is for an agent or for a publisher, not for both."));
        if (agent is not null && !(ListingName.TryParse(agent, null, out var listing) && listing.Version is null))
            errors.Add(new FieldError("/agent", "An agent in all of its versions is expected, such as stoa/image-resize."));
        if (publisher is not null && !Names.IsHandle(publisher))
            errors.Add(new FieldError("/publisher", "The handle of a publisher is expected."));
        return agent ?? publisher ?? "";
    }

    /// <summary>Whether thresholds may be those of a budget.</summary>
    /// <param name="thresholds">Percentages.</param>
    /// <param name="errors">What is wrong is added to these.</param>
    /// <returns>In order, each once.</returns>
    public static IReadOnlyList<int> ReadThresholds(IReadOnlyList<int> thresholds, List<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(thresholds);
        ArgumentNullException.ThrowIfNull(errors);
        if (thresholds.Count > Budget.MaxThresholds)
            errors.Add(new FieldError("/alertAt", $"At most {Budget.MaxThresholds} thresholds are expected."));
        else if (thresholds.Any(percent => percent is < 1 or > 100))
            errors.Add(new FieldError("/alertAt", "A threshold is a whole percentage from 1 to 100."));
        return [.. thresholds.Distinct().Order()];
    }
}
