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
    /// <summary>The calls of other agents, and the requests to models, that were paid for with it. Those that failed are not among them.</summary>
    public IReadOnlyList<MeteredCall> Calls { get; init; } = [];

    /// <summary>Stands for a task of which nothing is there any more: its money is still counted, by what the journal says of it.</summary>
    public static MeteredTask Unknown(Transfer entry) => new(entry.Cause, new UsageLabels("", "", "", "", "", UsageKind.Task), entry.CreatedAt, null);
}

/// <summary>A call of another agent, or a request to a model, as a part of what a task moved.</summary>
/// <param name="Labels">As of the task, but of the agent or model that was called or asked.</param>
/// <param name="Price">What it cost.</param>
/// <param name="Node">Of that, to the operator.</param>
/// <param name="Platform">To the market.</param>
/// <param name="Creators">The rest.</param>
/// <param name="Measured">What it adds to a total, apart from money.</param>
public sealed record MeteredCall(UsageLabels Labels, Money Price, Money Node, Money Platform, IReadOnlyList<CreatorPart> Creators, UsageAmounts Measured)
{
    /// <summary>Of a call.</summary>
    public static MeteredCall Of(UsageLabels labels, TaskCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        return new(labels, call.Price, call.Node, call.Platform, call.Creators, UsageTotals.MeasuredOf(call.Usage));
    }

    /// <summary>Of a request.</summary>
    public static MeteredCall Of(UsageLabels labels, TaskModelRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new(labels, request.Price, request.Node, request.Platform, request.Creators, UsageTotals.MeasuredOf(null) with
        {
            Requests = 1,
            InputTokens = request.InputTokens,
            OutputTokens = request.OutputTokens,
        });
    }

    /// <summary>What it is in an entry for somebody: of a purpose of <see cref="UsageTotals.Concerns"/>.</summary>
    /// <param name="purpose">Of the entry.</param>
    /// <param name="payee">Who is credited; null where that says nothing.</param>
    internal Money PartOf(TransferPurpose purpose, string? payee) => purpose switch
    {
        TransferPurpose.TaskCapture => Price,
        TransferPurpose.NodeShare => Node,
        TransferPurpose.PlatformShare => Platform,
        _ => Creators.Where(part => part.PayeeId.ToString() == payee).Aggregate(Money.Zero, (sum, part) => sum + part.Amount),
    };
}

/// <summary>Usage added up by hour, day and month out of entries of the journal: one usage event for each capture, and the shares of it.</summary>
/// <remarks>Each entry adds its own part, so it does not matter how a set of linked ones is cut.</remarks>
public sealed class UsageTotals
{
    private readonly Dictionary<UsageKey, UsageAmounts> _rows = [];

    /// <summary>The totals, in no order.</summary>
    public IReadOnlyDictionary<UsageKey, UsageAmounts> Rows => _rows;

    /// <summary>Whether entries of a purpose say something of the usage of tasks, or of models where their cause is such a charge.</summary>
    public static bool Concerns(TransferPurpose purpose) => purpose
        is TransferPurpose.TaskCapture or TransferPurpose.InferenceCapture or TransferPurpose.CreatorShare or TransferPurpose.Royalty or TransferPurpose.NodeShare or TransferPurpose.PlatformShare;

    /// <summary>Adds an entry.</summary>
    /// <param name="entry">Of a purpose that says something of usage.</param>
    /// <param name="task">Its cause.</param>
    public void Add(Transfer entry, MeteredTask task)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(task);
        var left = entry.Amount;
        var earner = task.Labels.PublisherId;
        foreach (var call in task.Calls)
        {
            var part = call.PartOf(entry.Purpose, earner);
            left -= part;
            // Who earns by a royalty of what was called is not its publisher.
            var labels = entry.Purpose is TransferPurpose.CreatorShare or TransferPurpose.Royalty ? call.Labels with { PublisherId = earner } : call.Labels;
            if (part > Money.Zero || entry.Purpose is TransferPurpose.TaskCapture)
                Add(task.FinishedAt, labels, AmountsOf(entry.Purpose, part, call.Measured));
        }

        if (left > Money.Zero || task.Calls.Count == 0 || entry.Purpose is TransferPurpose.TaskCapture)
            Add(task.FinishedAt, task.Labels, AmountsOf(entry.Purpose, left, MeasuredOf(task.Measured)));
    }

    /// <summary>Adds an entry by which storage or a transfer was paid.</summary>
    /// <param name="entry">Of a purpose of <see cref="ConcernsCharges"/>.</param>
    /// <param name="charge">Its cause; null when that is not there, and then its money alone is counted.</param>
    public void Add(Transfer entry, UsageCharge? charge)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var kind = entry.Purpose is TransferPurpose.StorageFee ? UsageKind.Storage : UsageKind.Transfer;
        var labels = charge?.Labels ?? new UsageLabels("", "", UsageCharge.NameOf(kind), "", "", kind);
        // What was paid is what the journal says. What of it went on is only known from the charge, since it goes on together with that of others.
        var platform = charge?.Platform ?? Money.Zero;
        Add(charge?.At ?? entry.CreatedAt, labels, (charge?.Measured ?? default(UsageAmounts) with { Events = 1 }) with { Paid = entry.Amount, Node = entry.Amount - platform, Platform = platform });
    }

    /// <summary>Adds an entry by which requests to a model were paid, or a share of that.</summary>
    /// <param name="entry">Whose cause is a charge, of a purpose of <see cref="Concerns"/>.</param>
    /// <param name="charge">Its cause; null when that is not there, and then its money alone is counted.</param>
    public void Add(Transfer entry, InferenceCharge? charge)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var labels = charge?.Labels ?? new UsageLabels("", "", "inference", "", "", UsageKind.Inference);
        var amounts = entry.Purpose is TransferPurpose.InferenceCapture
            ? (charge?.Measured ?? default(UsageAmounts) with { Events = 1 }) with { Paid = entry.Amount }
            : AmountsOf(entry.Purpose, entry.Amount, default);
        Add(charge?.To ?? entry.CreatedAt, labels, amounts);
    }

    /// <summary>Whether entries of a purpose pay for storage or a transfer.</summary>
    public static bool ConcernsCharges(TransferPurpose purpose) => purpose is TransferPurpose.StorageFee or TransferPurpose.TransferCapture;

    /// <summary>Adds to a total.</summary>
    public void Add(UsageKey key, UsageAmounts amounts) => _rows[key] = _rows.GetValueOrDefault(key) + amounts;

    private void Add(DateTimeOffset at, UsageLabels labels, UsageAmounts amounts)
    {
        foreach (var span in Enum.GetValues<UsageSpan>())
            Add(new UsageKey(span, span.StartOf(at), labels), amounts);
    }

    /// <summary>One usage event, with what the sandbox measured of it.</summary>
    internal static UsageAmounts MeasuredOf(Usage? usage) => new(
        1, usage?.Fuel ?? 0, usage?.InputBytes ?? 0, usage?.OutputBytes ?? 0, usage?.DurationMs ?? 0, Money.Zero, Money.Zero, Money.Zero, Money.Zero);

    /// <summary>What one entry adds, or a part of it.</summary>
    private static UsageAmounts AmountsOf(TransferPurpose purpose, Money amount, UsageAmounts measured) => purpose switch
    {
        TransferPurpose.TaskCapture => measured with { Paid = amount },
        TransferPurpose.CreatorShare or TransferPurpose.Royalty => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, amount, Money.Zero, Money.Zero),
        TransferPurpose.NodeShare => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, Money.Zero, amount, Money.Zero),
        TransferPurpose.PlatformShare => new UsageAmounts(0, 0, 0, 0, 0, Money.Zero, Money.Zero, Money.Zero, amount),
        _ => throw new ArgumentException($"An entry for {purpose} says nothing of usage.", nameof(purpose)),
    };
}
