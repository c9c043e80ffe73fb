using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>Whose view of usage it is.</summary>
public enum UsageRole
{
    /// <summary>What I spent.</summary>
    Consumer,

    /// <summary>What my agents earned.</summary>
    Creator,

    /// <summary>What the node, or all nodes of the cell, ran and earned.</summary>
    Operator,
}

/// <summary>By what the rows of a report are told apart within a period.</summary>
public enum UsageGroup
{
    /// <summary>By nothing: one row a period.</summary>
    None,

    /// <summary>By <c>publisher/name</c>.</summary>
    Agent,

    /// <summary>By <c>publisher/name@version</c>.</summary>
    Version,

    /// <summary>By the consumer's id. For operators: a creator does not learn who pays.</summary>
    Consumer,

    /// <summary>By the node's peer id.</summary>
    Node,

    /// <summary>By the kind of usage.</summary>
    Kind,
}

/// <summary>A question about usage.</summary>
/// <param name="Role">Whose view.</param>
/// <param name="UserId">Who asks.</param>
/// <param name="Span">How long its periods are.</param>
/// <param name="Group">How rows are told apart within a period.</param>
/// <param name="From">Periods that begin then or later.</param>
/// <param name="To">And before then.</param>
public sealed record UsageQuery(UsageRole Role, Id<User> UserId, UsageSpan Span, UsageGroup Group, DateTimeOffset From, DateTimeOffset To)
{
    /// <summary>Only this agent, <c>publisher/name</c>; null for all.</summary>
    public string? Agent { get; init; }

    /// <summary>Whether a total is part of what is asked for.</summary>
    public bool Takes(UsageKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Span == Span && key.Start >= From && key.Start < To
            && (Agent is null || key.Labels.Agent == Agent)
            && Role switch
            {
                UsageRole.Consumer => key.Labels.ConsumerId == UserId.ToString(),
                UsageRole.Creator => key.Labels.PublisherId == UserId.ToString(),
                _ => true,
            };
    }

    /// <summary>The name of the row that a total belongs to.</summary>
    public string NameOf(UsageLabels labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return Group switch
        {
            UsageGroup.None => "",
            UsageGroup.Agent => labels.Agent,
            UsageGroup.Version => labels.Version.Length == 0 ? labels.Agent : $"{labels.Agent}@{labels.Version}",
            UsageGroup.Consumer => labels.ConsumerId,
            UsageGroup.Node => labels.Node,
            UsageGroup.Kind => labels.Kind.ToString(),
            _ => throw new InvalidOperationException($"Unknown group {Group}."),
        };
    }
}

/// <summary>A row of a report.</summary>
/// <param name="Start">When its period began.</param>
/// <param name="Name">What it is told apart by; empty for nothing.</param>
/// <param name="Amounts">What was used and paid.</param>
public sealed record UsageRow(DateTimeOffset Start, string Name, UsageAmounts Amounts)
{
    /// <summary>How many of its events are calls by other agents.</summary>
    public long Calls { get; init; }

    /// <summary>How many of its events are of storage, transfer and inference; what is neither that nor a call is a task.</summary>
    public long Charges { get; init; }

    /// <summary>The row of one total.</summary>
    public static UsageRow Of(UsageQuery query, UsageKey key, UsageAmounts amounts)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(key);
        return new UsageRow(key.Start, query.NameOf(key.Labels), amounts)
        {
            Calls = key.Labels.Kind is UsageKind.Call ? amounts.Events : 0,
            Charges = key.Labels.Kind is UsageKind.Storage or UsageKind.Transfer or UsageKind.Inference ? amounts.Events : 0,
        };
    }

    /// <summary>The order of reports: newest period first, then by name.</summary>
    public static Comparer<UsageRow> Order { get; } = Comparer<UsageRow>.Create((left, right) =>
        left.Start != right.Start ? right.Start.CompareTo(left.Start) : string.CompareOrdinal(left.Name, right.Name));

    /// <summary>Puts rows of the same period and name together, and orders them.</summary>
    public static IReadOnlyList<UsageRow> Merge(IEnumerable<UsageRow> rows) =>
    [
        .. rows.GroupBy(row => (row.Start, row.Name))
            .Select(same => new UsageRow(same.Key.Start, same.Key.Name, same.Aggregate(default(UsageAmounts), (sum, row) => sum + row.Amounts))
            {
                Calls = same.Sum(row => row.Calls),
                Charges = same.Sum(row => row.Charges),
            })
            .Order(Order),
    ];
}
