using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>What a plan may be, and what it comes to.</summary>
public static class PlanRules
{
    /// <summary>Most characters of a name.</summary>
    public const int MaxNameLength = 32;

    /// <summary>Most characters of a description.</summary>
    public const int MaxDescriptionLength = 500;

    /// <summary>A whole, in parts per hundred.</summary>
    public const int Whole = 100;

    /// <summary>The dearest price and the most credit of a month: a million dollars.</summary>
    public static readonly Money MostAMonth = new(1_000_000 * Money.NanodollarsPerDollar);

    /// <summary>Every reason why a plan cannot be this way; empty when it can.</summary>
    public static IReadOnlyList<FieldError> Check(string name, string description, PlanTerms terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        var errors = new List<FieldError>();
        if (name.Length is 0 or > MaxNameLength || name[0] == '-' || name[^1] == '-' || !name.All(letter => letter is '-' or (>= 'a' and <= 'z') or (>= '0' and <= '9')))
            errors.Add(new("/name", $"1 to {MaxNameLength} lower-case letters, digits and hyphens within are expected."));
        if (description.Length > MaxDescriptionLength || description.Any(char.IsControl))
            errors.Add(new("/description", $"At most {MaxDescriptionLength} characters are expected, none of them a control character."));
        if (terms.Price < Money.Zero || terms.Price > MostAMonth)
            errors.Add(new("/price", $"0 to {MostAMonth} US dollars are expected."));
        if (terms.Credit < Money.Zero || terms.Credit > MostAMonth)
            errors.Add(new("/credit", $"0 to {MostAMonth} US dollars are expected."));
        if (terms.OpenTasks is < 1 or > UserUsage.GreatestLimit)
            errors.Add(new("/maxOpenTasks", $"1 to {UserUsage.GreatestLimit} is expected, or nothing for the limit of everybody."));
        if (terms.ContentBytes is < 1 or > UserUsage.GreatestLimit)
            errors.Add(new("/maxContentBytes", $"1 to {UserUsage.GreatestLimit} is expected, or nothing for the limit of everybody."));
        return errors;
    }

    /// <summary>A price with so many percent off, rounded up to the nanodollar.</summary>
    public static Money Reduce(Money price, int percentOff) => Money.MultiplyRatioRoundingUp(price, Whole - percentOff, Whole);

    /// <summary>What of an amount falls to the rest of a period, rounded up to the nanodollar; by the millisecond.</summary>
    /// <param name="amount">For the whole period.</param>
    /// <param name="start">Its start.</param>
    /// <param name="end">Its end, after the start.</param>
    /// <param name="now">From when the rest is counted. Before the start it is all of it, after the end nothing.</param>
    public static Money Rest(Money amount, DateTimeOffset start, DateTimeOffset end, DateTimeOffset now)
    {
        var whole = end.ToUnixTimeMilliseconds() - start.ToUnixTimeMilliseconds();
        return Money.MultiplyRatioRoundingUp(amount, Math.Clamp(end.ToUnixTimeMilliseconds() - now.ToUnixTimeMilliseconds(), 0, whole), whole);
    }

    /// <summary>The start of a period: so many calendar months of UTC after the day of subscription. Where a month has no such day, its last one.</summary>
    /// <param name="anchor">When it was subscribed.</param>
    /// <param name="period">From 0.</param>
    public static DateTimeOffset StartOf(DateTimeOffset anchor, int period) => anchor.AddMonths(period);

    /// <summary>The period that an instant is in, no earlier than one.</summary>
    public static int PeriodAt(DateTimeOffset anchor, DateTimeOffset now, int atLeast)
    {
        var period = Math.Max(atLeast, (now.Year - anchor.Year) * 12 + now.Month - anchor.Month - 1);
        while (StartOf(anchor, period + 1) <= now)
            period++;
        return period;
    }
}
