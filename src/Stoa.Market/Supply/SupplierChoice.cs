using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>A supplier that says what it would take.</summary>
/// <param name="Supplier">Which.</param>
/// <param name="Amount">The most that the task can cost there.</param>
/// <param name="Latency">How long it took to say so.</param>
public sealed record SupplierQuote(Supplier Supplier, Money Amount, TimeSpan Latency)
{
    /// <summary>Name of the agent that has the program there: the program is told it.</summary>
    public string? Name { get; init; }

    /// <summary>Where it says that it stands; null when it does not.</summary>
    public string? Region { get; init; }
}

/// <summary>A supplier that offers a program, and what it posts.</summary>
/// <param name="Supplier">Which.</param>
/// <param name="Price">What runs of the program cost there, as it says; null when it does not.</param>
/// <param name="Region">Where it says that it stands; null when it does not.</param>
public sealed record SupplierPosting(Supplier Supplier, AgentPrice? Price, string? Region);

/// <summary>Which supplier gets a task.</summary>
public static class SupplierChoice
{
    /// <summary>How many suppliers a task may come to, one after the other, and what is held covers.</summary>
    public const int MaxSuppliers = 3;

    /// <summary>By how many seconds later it answers, as it were, who does not stand where the consumer would have it.</summary>
    public const double SecondsAway = 1;

    // A free agent costs as much as the smallest amount: then standing and distance decide.
    private const double LeastPrice = 1;

    /// <summary>The best first: by what a success costs there, and for every second that it takes to answer as much again.</summary>
    /// <param name="quotes">What each asks.</param>
    /// <param name="preferred">Regions in which they had better stand; empty: no matter.</param>
    /// <remarks>What a success costs is the price divided by the chance of one. Equal ones in the order of their nodes, so that the order never depends on who answered first.</remarks>
    public static IReadOnlyList<SupplierQuote> Rank(IEnumerable<SupplierQuote> quotes, IReadOnlyList<string> preferred) =>
        [.. quotes.OrderBy(quote => CostOf(quote, preferred)).ThenBy(quote => quote.Supplier.Node.ToString(), StringComparer.Ordinal)];

    /// <summary>Those that are asked for a price: the ones that would be the best if each asked what it posts. A quarter of the places is for those that post nothing, as far as there are any.</summary>
    /// <param name="postings">Who offers to do it.</param>
    /// <param name="work">The most that it may be.</param>
    /// <param name="preferred">Regions in which they had better stand; empty: no matter.</param>
    /// <param name="most">How many are asked.</param>
    /// <remarks>What is posted binds nobody: a quote is what is compared then, and paid.</remarks>
    public static IReadOnlyList<SupplierPosting> Promising(IEnumerable<SupplierPosting> postings, PricedWork work, IReadOnlyList<string> preferred, int most)
    {
        var ranked = postings
            .Select(posting => (Posting: posting, Cost: posting.Price is { } price && price.TryPrice(work, out var parts)
                ? CostOf(posting.Supplier, parts.Total, posting.Region, posting.Supplier.Standing.Latency ?? TimeSpan.Zero, preferred)
                : double.PositiveInfinity))
            .OrderBy(one => one.Cost)
            .ThenByDescending(one => one.Posting.Supplier.Standing.Reliability)
            .ThenBy(one => one.Posting.Supplier.Node.ToString(), StringComparer.Ordinal)
            .ToList();
        var priced = ranked.Count(one => double.IsFinite(one.Cost));
        var silent = Math.Min(ranked.Count - priced, Math.Max(most / 4, most - priced));
        return [.. ranked.Take(Math.Min(priced, most - silent)).Concat(ranked.Skip(priced).Take(silent)).Select(one => one.Posting)];
    }

    /// <summary>Those that a task may come to: the best that are within what it may cost.</summary>
    /// <param name="ranked">The best first.</param>
    /// <param name="most">What it may cost; null for anything.</param>
    public static IReadOnlyList<SupplierQuote> Affordable(IEnumerable<SupplierQuote> ranked, Money? most) =>
        [.. ranked.Where(quote => most is null || quote.Amount <= most).Take(MaxSuppliers)];

    /// <summary>What is held for a task: enough for each that it may come to, or, where none is within what it may cost, what the cheapest asks.</summary>
    /// <param name="ranked">The best first, at least one.</param>
    /// <param name="most">What it may cost; null for anything.</param>
    public static Money HoldOf(IReadOnlyList<SupplierQuote> ranked, Money? most) =>
        Affordable(ranked, most) is { Count: > 0 } affordable ? affordable.Max(quote => quote.Amount) : ranked.Min(quote => quote.Amount);

    private static double CostOf(SupplierQuote quote, IReadOnlyList<string> preferred) =>
        CostOf(quote.Supplier, quote.Amount, quote.Region, quote.Supplier.Standing.LatencyWith(quote.Latency), preferred);

    private static double CostOf(Supplier supplier, Money amount, string? standsIn, TimeSpan latency, IReadOnlyList<string> preferred)
    {
        var away = preferred.Count == 0 || (standsIn is { } region && preferred.Contains(region)) ? 0 : SecondsAway;
        return Math.Max(LeastPrice, amount.Nanodollars) / supplier.Standing.Reliability * (1 + latency.TotalSeconds + away);
    }
}
