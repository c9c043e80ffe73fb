using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>Another operator's node at which this cell has a payment channel, as payer.</summary>
/// <param name="Id">In this cell.</param>
/// <param name="Node">Its peer id: signs receipts, and opened the channel.</param>
/// <param name="Address">Where it answers over HTTP.</param>
/// <param name="Channel">Out of which it is paid.</param>
/// <param name="Signed">The highest voucher that was ever signed.</param>
/// <param name="Spent">What of it was charged for what was done.</param>
/// <param name="Reserved">What of it calls that have not ended can cost.</param>
/// <param name="Standing">What it has done so far.</param>
/// <param name="AddedAt">UTC.</param>
public sealed record Supplier(
    Id<Supplier> Id,
    PeerId Node,
    Uri Address,
    Id<Channel> Channel,
    Money Signed,
    Money Spent,
    Money Reserved,
    SupplierStanding Standing,
    DateTimeOffset AddedAt) : IIdentified
{
    public static string IdPrefix => "supp";

    /// <summary>How much more than <see cref="Spent"/> and <see cref="Reserved"/> it has said that requests to models need: its books and this cell's differ by so much.</summary>
    public Money Beyond { get; init; }

    /// <summary>What it may have charged for requests to models of which nothing is known: those that were given up, or were under way when a node died.</summary>
    public Money Doubtful { get; init; }

    /// <summary>Until when it gets no requests to models, since it has lied, UTC; null when it may have them.</summary>
    public DateTimeOffset? BarredUntil { get; init; }

    /// <summary>What is left there for further calls, by this cell's own books.</summary>
    public Money Credit => Signed - Spent - Reserved;

    /// <summary>What a voucher has to say in all for one more call: never less than before, and never nothing, since a voucher also shows whose the call is.</summary>
    /// <param name="amount">The most that the call can cost.</param>
    public Money VoucherFor(Money amount) => Money.Max(new Money(1), Money.Max(Signed, Spent + Reserved + Beyond + amount));

    /// <summary>Whether as much may be promised as a supplier says that it needs for a call: no more than the call can cost beyond what was signed. Another call may have promised it meanwhile.</summary>
    /// <param name="cumulative">What it asks for in all.</param>
    /// <param name="amount">The most that the call can cost.</param>
    public bool MayPromise(Money cumulative, Money amount) => cumulative - Signed <= Money.Max(amount, new Money(1));

    /// <summary>Whether its books may differ as much from this cell's as it says for a request to a model, beyond what nobody knows: so much is at stake at it in all.</summary>
    /// <param name="cumulative">What it asks for in all.</param>
    /// <param name="most">By how much.</param>
    public bool MayDiffer(Money cumulative, Money most) => cumulative - Spent - Reserved <= most + Doubtful;

    /// <summary>What of <see cref="Doubtful"/> beyond its bound counts as spent when it has answered on trial: as much as those answers have cost. So whoever has taken what nobody knows of has it made up for by work, and never has more than that much again.</summary>
    /// <param name="answered">What answers with receipts that held have cost.</param>
    /// <param name="most">So much may be in doubt.</param>
    public Money HealedBy(Money answered, Money most) => Money.Max(Money.Zero, Money.Min(answered, Doubtful - most));

    /// <summary>What of <see cref="Doubtful"/> it may have charged still when it has taken no more than so much in all: that, less what it is known to have charged.</summary>
    /// <param name="cumulative">What it says that it needs in all, or <see cref="Signed"/>: more than was ever promised to it nobody takes.</param>
    public Money DoubtfulAfter(Money cumulative) => Money.Max(Money.Zero, Money.Min(Doubtful, cumulative - Spent));
}

/// <summary>What a supplier has done so far.</summary>
/// <param name="Successes">Calls whose receipts held.</param>
/// <param name="Failures">Calls that it did not answer, or refused.</param>
/// <param name="Declines">Calls in which the agent failed there, or did what cannot be compared. Whose fault that is nobody can see from here: they count for nothing.</param>
/// <param name="Lies">Calls whose answers were not to be believed.</param>
/// <param name="Latency">How long it takes to answer, a moving mean; null before it was asked.</param>
/// <param name="LastFailure">What happened when it last failed or lied; null when it never did.</param>
/// <param name="LastFailedAt">When that was.</param>
public sealed record SupplierStanding(long Successes, long Failures, long Declines, long Lies, TimeSpan? Latency, string? LastFailure, DateTimeOffset? LastFailedAt)
{
    /// <summary>How many of its calls were done again elsewhere and compared.</summary>
    public long Checks { get; init; }

    /// <summary>Calls whose answers another executor's contradicts, where nobody could say which of them is right; each weighs as a failure.</summary>
    public long Disagreements { get; init; }

    /// <summary>As many failures as one lie weighs.</summary>
    public const int FailuresPerLie = 20;

    /// <summary>The share of the newest measurement in the mean.</summary>
    public const double NewestShare = 0.2;

    /// <summary>Of one that has done nothing yet.</summary>
    public static SupplierStanding None { get; } = new(0, 0, 0, 0, null, null, null);

    /// <summary>How likely it does what it is paid for, above 0 and at most 1: one that is unknown is trusted until it fails.</summary>
    public double Reliability => (Successes + 1.0) / (Successes + Failures + Disagreements + ((double)FailuresPerLie * Lies) + 1.0);

    /// <summary>The mean with one more measurement.</summary>
    public TimeSpan LatencyWith(TimeSpan measured) => Latency is { } before ? before + ((measured - before) * NewestShare) : measured;
}

/// <summary>What became of a call at a supplier.</summary>
public enum CallOutcome
{
    /// <summary>It has not ended, as far as is known.</summary>
    Open,

    /// <summary>Done, and its receipt holds.</summary>
    Done,

    /// <summary>Not answered, or refused.</summary>
    Failed,

    /// <summary>The agent failed there, or was given its parameters in another order than those have that it is compared with: that is charged, and of no use.</summary>
    Declined,

    /// <summary>The answer was not to be believed.</summary>
    Lied,

    /// <summary>The consumer cancelled it, and the supplier has stopped it: it costs nothing.</summary>
    Cancelled,
}

/// <summary>Every reason for which an act on suppliers is refused.</summary>
public enum SupplierRefusal
{
    /// <summary>No such supplier.</summary>
    SupplierUnknown,

    /// <summary>Address, channel, key or amount are not as they must be; every reason is listed.</summary>
    SupplierInvalid,

    /// <summary>Nothing that could be a node answers at the address.</summary>
    SupplierUnreachable,

    /// <summary>The node, or the channel, is that of a supplier that is there.</summary>
    SupplierExists,
}
