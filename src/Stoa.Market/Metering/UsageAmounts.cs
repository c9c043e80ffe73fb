using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What was used and paid, of one event or of many together.</summary>
/// <param name="Events">How many usage events.</param>
/// <param name="Fuel">Units burnt.</param>
/// <param name="InputBytes">Read.</param>
/// <param name="OutputBytes">Written.</param>
/// <param name="DurationMs">Time in the sandbox.</param>
/// <param name="Paid">By consumers.</param>
/// <param name="Creator">Of that, to the creators of agents and models.</param>
/// <param name="Node">To the operator.</param>
/// <param name="Platform">To the market.</param>
public readonly record struct UsageAmounts(
    long Events, long Fuel, long InputBytes, long OutputBytes, long DurationMs, Money Paid, Money Creator, Money Node, Money Platform)
{
    /// <summary>Bytes kept, each for an hour, that were paid for.</summary>
    public long ByteHours { get; init; }

    /// <summary>Bytes sent that were paid for.</summary>
    public long TransferBytes { get; init; }

    /// <summary>Requests to models.</summary>
    public long Requests { get; init; }

    /// <summary>Tokens that models have read.</summary>
    public long InputTokens { get; init; }

    /// <summary>Tokens that models have written.</summary>
    public long OutputTokens { get; init; }

    /// <summary>Money is added as it is; what was measured ends at the largest number, so that no single row holds up the count of all others.</summary>
    public static UsageAmounts operator +(UsageAmounts left, UsageAmounts right) => new(
        Sum(left.Events, right.Events),
        Sum(left.Fuel, right.Fuel),
        Sum(left.InputBytes, right.InputBytes),
        Sum(left.OutputBytes, right.OutputBytes),
        Sum(left.DurationMs, right.DurationMs),
        left.Paid + right.Paid,
        left.Creator + right.Creator,
        left.Node + right.Node,
        left.Platform + right.Platform)
    {
        ByteHours = Sum(left.ByteHours, right.ByteHours),
        TransferBytes = Sum(left.TransferBytes, right.TransferBytes),
        Requests = Sum(left.Requests, right.Requests),
        InputTokens = Sum(left.InputTokens, right.InputTokens),
        OutputTokens = Sum(left.OutputTokens, right.OutputTokens),
    };

    private static long Sum(long left, long right) => (long)Int128.Clamp((Int128)left + right, long.MinValue, long.MaxValue);
}

/// <summary>What usage is told apart by.</summary>
/// <param name="ConsumerId">Who paid; empty when that is not known any more.</param>
/// <param name="PublisherId">Whose agent or model it was; empty when that is not known any more, or there was none.</param>
/// <param name="Agent">The agent or model, <c>publisher/name</c>; of storage and transfer the name of the kind.</param>
/// <param name="Version">Its version; empty where there is none.</param>
/// <param name="Node">The peer id of the node that did it.</param>
/// <param name="Kind">What was used.</param>
public sealed record UsageLabels(string ConsumerId, string PublisherId, string Agent, string Version, string Node, UsageKind Kind);

/// <summary>Where in the totals something belongs.</summary>
/// <param name="Span">How long the period is.</param>
/// <param name="Start">When it began.</param>
/// <param name="Labels">What it is told apart by.</param>
public sealed record UsageKey(UsageSpan Span, DateTimeOffset Start, UsageLabels Labels);
