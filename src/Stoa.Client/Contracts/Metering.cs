namespace Stoa.Client.Contracts;

/// <summary>A row of a usage report: one period, and one agent, version, consumer, node or kind where the report is grouped.</summary>
/// <param name="Start">When the period began, UTC.</param>
/// <param name="Events">How many usage events: one for each task that was charged, for each call of another agent that was paid for with a task, for each hour of storage and for each transfer that was paid, and for each second or so in which requests to a model were.</param>
/// <param name="Fuel">Units burnt.</param>
/// <param name="InputBytes">Read by agents.</param>
/// <param name="OutputBytes">Written by agents.</param>
/// <param name="DurationMs">Time in the sandbox.</param>
/// <param name="Paid">By consumers.</param>
/// <param name="Earned">Of that: by the creator who asks, or by the operator; left out for a consumer.</param>
/// <param name="Group">What the row is about; left out when the report is not grouped.</param>
/// <param name="Calls">How many of the events are calls.</param>
/// <param name="Charges">How many of the events are hours of storage, transfers and requests to models; what is neither that nor a call is a task.</param>
/// <param name="ByteHours">Bytes kept, each for an hour, that were paid for.</param>
/// <param name="TransferBytes">Bytes sent that were paid for.</param>
/// <param name="Requests">Requests to models that were paid for.</param>
/// <param name="InputTokens">Tokens that models have read for them.</param>
/// <param name="OutputTokens">Tokens that models have written for them.</param>
public sealed record UsageResponse(
    DateTimeOffset Start,
    long Events,
    long Fuel,
    long InputBytes,
    long OutputBytes,
    long DurationMs,
    string Paid,
    string? Earned = null,
    string? Group = null,
    long Calls = 0,
    long Charges = 0,
    long ByteHours = 0,
    long TransferBytes = 0,
    long Requests = 0,
    long InputTokens = 0,
    long OutputTokens = 0);

/// <summary>What a node takes for keeping and sending content.</summary>
/// <param name="StorageGibMonth">US dollars for a GiB that is kept for 730 hours; it is paid by the hour, in advance. Zero for nothing.</param>
/// <param name="FreeStorageBytes">Bytes that each person keeps for nothing; organisations keep none.</param>
/// <param name="TransferGib">US dollars for a GiB that is sent. Zero for nothing.</param>
/// <param name="FreeTransferBytes">Bytes that are sent to each person for nothing in a calendar month of UTC; to organisations none.</param>
public sealed record UsagePricesBody(string StorageGibMonth, long FreeStorageBytes, string TransferGib, long FreeTransferBytes);

/// <summary>What came of adding up all usage anew and comparing it with the totals.</summary>
/// <param name="Holds">Whether every total is what the journal comes to.</param>
/// <param name="Block">The last block of the journal that is in the totals.</param>
/// <param name="Totals">How many totals were compared.</param>
/// <param name="Events">How many usage events there are in them.</param>
/// <param name="Paid">What they come to.</param>
/// <param name="Findings">The first totals that differ, in words; left out when none does.</param>
public sealed record UsageAuditResponse(bool Holds, long Block, long Totals, long Events, string Paid, IReadOnlyList<string>? Findings = null);

/// <summary>A report that is asked for. What is left out is the node's choice: your own spending, by day, of the last month.</summary>
public sealed record UsageQuery
{
    /// <summary><c>consumer</c>, <c>creator</c> or <c>operator</c> (for administrators).</summary>
    public string? Role { get; init; }

    /// <summary><c>hour</c>, <c>day</c> or <c>month</c>.</summary>
    public string? By { get; init; }

    /// <summary><c>none</c>, <c>agent</c>, <c>version</c>, <c>node</c>, <c>kind</c> or <c>consumer</c> (for operators).</summary>
    public string? GroupBy { get; init; }

    /// <summary>Only this agent, as <c>publisher/name</c>.</summary>
    public string? Agent { get; init; }

    /// <summary>Periods that begin then or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>And before then.</summary>
    public DateTimeOffset? To { get; init; }
}

/// <summary>A budget: the most that your tasks and requests to models, and with all of them storage and transfer, may cost in a day or a month of UTC.</summary>
/// <param name="Id">The budget.</param>
/// <param name="Amount">What is spent and held in a period together stays within it.</param>
/// <param name="Per"><c>day</c> or <c>month</c>.</param>
/// <param name="Spent">By tasks and requests to models that have ended, and for storage and transfer where they count.</param>
/// <param name="Held">For tasks and downloads that have not, and for requests to models.</param>
/// <param name="Left">What may still be held.</param>
/// <param name="PeriodStart">When its period began.</param>
/// <param name="RenewsAt">When it begins anew.</param>
/// <param name="AlertAt">Percentages whose passing is told, once a period each.</param>
/// <param name="Mail">Whether it is told by e-mail too, where the node sends any.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Agent">Only tasks of this agent count.</param>
/// <param name="Publisher">Only tasks of this publisher's agents count.</param>
public sealed record BudgetResponse(
    string Id,
    string Amount,
    string Per,
    string Spent,
    string Held,
    string Left,
    DateTimeOffset PeriodStart,
    DateTimeOffset RenewsAt,
    IReadOnlyList<int> AlertAt,
    bool Mail,
    DateTimeOffset CreatedAt,
    string? Agent = null,
    string? Publisher = null);

/// <summary><c>PUT /api/v1/budgets</c>. There is one budget for each period and agent, publisher or all of them: setting it again changes its amount.</summary>
/// <param name="Amount">In US dollars, above zero.</param>
/// <param name="Per"><c>day</c> or <c>month</c>.</param>
/// <param name="Agent">Only tasks of this agent count, as <c>publisher/name</c>.</param>
/// <param name="Publisher">Only tasks of this publisher's agents count.</param>
/// <param name="AlertAt">Percentages whose passing is told; 80 and 100 when left out of a new one, unchanged of one that is there.</param>
/// <param name="Mail">By e-mail too; true when left out of a new one, unchanged of one that is there.</param>
public sealed record SetBudgetRequest(
    string Amount, string Per, string? Agent = null, string? Publisher = null, IReadOnlyList<int>? AlertAt = null, bool? Mail = null);

/// <summary><c>PUT /api/v1/budgets/{id}/alerts</c>: what is told of a budget.</summary>
/// <param name="AlertAt">Percentages from 1 to 100, none to be told of nothing; unchanged when left out.</param>
/// <param name="Mail">By e-mail too; unchanged when left out.</param>
public sealed record SetBudgetAlertsRequest(IReadOnlyList<int>? AlertAt = null, bool? Mail = null);

/// <summary>When you are told that your wallet has little left.</summary>
/// <param name="Mail">By e-mail too, where the node sends any.</param>
/// <param name="Told">It was told, and the wallet has not had as much again since.</param>
/// <param name="Below">When there is less than this in it, with what is held; left out for never.</param>
public sealed record BalanceAlertResponse(bool Mail, bool Told, string? Below = null);

/// <summary><c>PUT /api/v1/balance-alert</c>.</summary>
/// <param name="Below">In US dollars, above zero; left out to be told no more.</param>
/// <param name="Mail">By e-mail too; true when left out.</param>
public sealed record SetBalanceAlertRequest(string? Below = null, bool? Mail = null);
