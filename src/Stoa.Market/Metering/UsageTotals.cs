using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What the sandbox measured of a task, and what it is told apart by.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Labels">Whose it was, and who did it.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Measured">By the sandbox; null when that is not known any more.</param>
public sealed record MeteredTask(string TaskId, UsageLabels Labels, DateTimeOffset FinishedAt, Usage? Measured)
{
    /// <summary>Stands for a task of which nothing is there any more: its money is still counted, by what the journal says of it.</summary>
    public static MeteredTask Unknown(Transfer entry) => new(entry.Cause, new UsageLabels("", "", "", "", "", UsageKind.Task), entry.CreatedAt, null);
}

/// <summary>Usage added up by hour, day and month out of entries of the journal: one usage event for each capture, and the shares of it.</summary>
/// <remarks>Each entry adds its own part, so it does not matter how a set of linked ones is cut.</remarks>
public sealed class UsageTotals
{
    private readonly Dictionary<UsageKey, UsageAmounts> _rows = [];

    /// <summary>The totals, in no order.</summary>
    public IReadOnlyDictionary<UsageKey, UsageAmounts> Rows => _rows;

    /// <summary>Whether entries of a purpose say something of usage.</summary>
    public static bool Concerns(TransferPurpose purpose) => purpose
        is TransferPurpose.TaskCapture or TransferPurpose.CreatorShare or TransferPurpose.Royalty or TransferPurpose.NodeShare or TransferPurpose.PlatformShare;

    /// <summary>Adds an entry.</summary>
    /// <param name="entry">Of a purpose that says something of usage.</param>
    /// <param name="task">Its cause.</param>
    public void Add(Transfer entry, MeteredTask task)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(task);
        var amounts = AmountsOf(entry, task.Measured);
        foreach (var span in Enum.GetValues<UsageSpan>())
            Add(new UsageKey(span, span.StartOf(task.FinishedAt), task.Labels), amounts);
    }

    /// <summary>Adds to a total.</summary>
    public void Add(UsageKey key, UsageAmounts amounts) => _rows[key] = _rows.GetValueOrDefault(key) + amounts;

    /// <summary>What one entry adds.</summary>
    private static UsageAmounts AmountsOf(Transfer entry, Usage? measured) => entry.Purpose switch
    {
        TransferPurpose.TaskCapture => new UsageAmounts(
            1, measured?.Fuel ?? 0, measured?.InputBytes ?? 0, measured?.OutputBytes ?? 0, measured?.DurationMs ?? 0, entry.Amount, Money.Zero, Money.Zero, Money.Zero),
        TransferPurpose.CreatorShare or TransferPurpose.Royalty => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, entry.Amount, Money.Zero, Money.Zero),
        TransferPurpose.NodeShare => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, Money.Zero, entry.Amount, Money.Zero),
        TransferPurpose.PlatformShare => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, Money.Zero, Money.Zero, entry.Amount),
        _ => throw new ArgumentException($"An entry for {entry.Purpose} says nothing of usage.", nameof(entry)),
    };
}
