using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>The most that a user lets tasks cost in a day or a month of UTC: those of one publisher, those of one agent, or all of them, and then storage and transfer with them.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Whose tasks are counted.</param>
/// <param name="Span">How long it lasts before it renews.</param>
/// <param name="Scope">Empty for everything; a publisher's handle, or an agent as <c>publisher/name</c>.</param>
/// <param name="Amount">What is captured and held in a period together stays within it.</param>
/// <param name="Thresholds">Percentages of the amount whose passing is told, once a period each; ascending.</param>
/// <param name="Mails">Whether it is told by e-mail too, where the node sends any.</param>
/// <param name="Meter">How far it is used up.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Budget(
    Id<Budget> Id,
    Id<User> OwnerId,
    UsageSpan Span,
    string Scope,
    Money Amount,
    IReadOnlyList<int> Thresholds,
    bool Mails,
    BudgetMeter Meter,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "budget";

    /// <summary>Most budgets of one user.</summary>
    public const int MaxPerUser = 20;

    /// <summary>Most thresholds of one budget.</summary>
    public const int MaxThresholds = 10;

    /// <summary>What is told when its owner says nothing else.</summary>
    public static IReadOnlyList<int> DefaultThresholds { get; } = [80, 100];

    /// <summary>When it renews.</summary>
    public DateTimeOffset RenewsAt => Span.Next(Meter.Start);

    /// <summary>What may still be held in this period.</summary>
    public Money Left => Money.Max(Money.Zero, Amount - Meter.Captured - Meter.Held);

    /// <summary>Whether a task of an agent counts.</summary>
    public bool Covers(ListingName agent)
    {
        ArgumentNullException.ThrowIfNull(agent);
        return Scope.Length == 0 || Scope == agent.Publisher || Scope == $"{agent.Publisher}/{agent.Name}";
    }

    /// <summary>The same in the period of an instant. Time that goes back renews nothing.</summary>
    public Budget At(DateTimeOffset now)
    {
        var start = Span.StartOf(now);
        return start <= Meter.Start ? this : this with { Meter = BudgetMeter.New(start) };
    }

    /// <summary>What a task may cost at most is held, if that leaves it within the budget; null when it does not.</summary>
    public Budget? Hold(Money amount) => amount > Left && amount > Money.Zero
        ? null
        : this with { Meter = Meter with { Held = Meter.Held + amount } };

    /// <summary>A task has ended, or was not made after all.</summary>
    /// <param name="start">The period in which it was held.</param>
    /// <param name="held">What was held for it.</param>
    /// <param name="captured">What it has cost.</param>
    public Budget Settle(DateTimeOffset start, Money held, Money captured) => start == Meter.Start
        ? this with { Meter = Meter with { Held = Meter.Held - held, Captured = Meter.Captured + captured } }
        : this;

    /// <summary>A task has another agent: what is held for it is another amount, whether it fits or not.</summary>
    /// <param name="start">The period in which it was held.</param>
    /// <param name="before">What was held for it.</param>
    /// <param name="after">What is held now.</param>
    public Budget Move(DateTimeOffset start, Money before, Money after) => start == Meter.Start
        ? this with { Meter = Meter with { Held = Meter.Held - before + after } }
        : this;

    /// <summary>A task was refused for it. Told as its hundredth percent, once.</summary>
    public Budget Exhaust() => Thresholds.Contains(100) && Meter.Told < 100 ? this with { Meter = Meter with { IsExhausted = true } } : this;

    /// <summary>The captured amount from which on there is something to tell; null when all was told.</summary>
    public Money? AlertAt => Thresholds.Where(percent => percent > Meter.Told).Select(percent => (Money?)AmountOf(percent)).FirstOrDefault();

    /// <summary>The thresholds that were passed and not told, and the budget as it is when they are told.</summary>
    public (IReadOnlyList<int> Passed, Budget Told) Tell()
    {
        List<int> passed = [.. Thresholds.Where(percent =>
            percent > Meter.Told && (Meter.Captured >= AmountOf(percent) || (percent == 100 && Meter.IsExhausted)))];
        // One that was passed over, since a task was refused early, is told with the hundredth: it would come too late by itself.
        return (passed, this with { Meter = Meter with { IsExhausted = false, Told = passed.Count == 0 ? Meter.Told : passed[^1] } });
    }

    /// <summary>Whether storage and transfer count.</summary>
    public bool CoversEverything => Scope.Length == 0;

    /// <summary>Why a task does not fit.</summary>
    public string Explain(Money asked) => $"{ExplainWith($"The task would hold {asked} USD")} Ask for lower limits, wait until running tasks have ended, or raise it with PUT /api/v1/budgets.";

    /// <summary>Why something does not fit.</summary>
    /// <param name="what">What is asked for, as the beginning of a sentence.</param>
    public string ExplainWith(string what) =>
        $"{what}, and your budget {Id} of {Amount} USD a {Span.ToString().ToLowerInvariant()}{OfWhat} has {Left} left: {Meter.Captured} are spent and {Meter.Held} held. "
        + $"It renews at {RenewsAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}.";

    private string OfWhat => Scope.Length == 0 ? "" : $" for {Scope}";

    private Money AmountOf(int percent) => new((long)(((Int128)Amount.Nanodollars * percent + 99) / 100));
}

/// <summary>How far a budget is used up in the period that it is in.</summary>
/// <param name="Start">When the period began.</param>
/// <param name="Held">For tasks that have not ended.</param>
/// <param name="Captured">For tasks that have.</param>
/// <param name="Told">The highest threshold that was told; 0 for none.</param>
/// <param name="IsExhausted">A task was refused, and that was not told yet.</param>
public sealed record BudgetMeter(DateTimeOffset Start, Money Held, Money Captured, int Told, bool IsExhausted)
{
    /// <summary>Of a period that begins.</summary>
    public static BudgetMeter New(DateTimeOffset start) => new(start, Money.Zero, Money.Zero, 0, false);
}

/// <summary>Every reason for which the room of budgets says no.</summary>
public enum BudgetRefusal
{
    /// <summary>No such budget, or it belongs to somebody else.</summary>
    BudgetUnknown,

    /// <summary>Amount, scope or thresholds are not as they must be; every reason is listed.</summary>
    BudgetInvalid,

    /// <summary>The user has as many budgets as one user may have.</summary>
    BudgetsTooMany,
}
