using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>A task as people read it.</summary>
internal static class TaskView
{
    public static string State(TaskResponse task) =>
        $"[{Format.StateColour(task.State)}]{Format.Escaped(task.State)}[/]"
        + (task.CancelRequestedAt is not null && task.FinishedAt is null ? " (asked to stop)" : "");

    /// <summary>From the submission to the end.</summary>
    public static string Elapsed(TaskResponse task) =>
        task.FinishedAt is { } end ? Format.Duration(end - task.CreatedAt) : "";

    /// <summary>What was charged; before the end what is held.</summary>
    public static string Price(TaskResponse task) => task switch
    {
        { Result.Price: { } price } => Format.Money(price),
        { FinishedAt: null } => $"≤ {Format.Money(task.Hold)}",
        { Charged: { } charged } => Format.Money(charged),
        _ => Format.Money("0"),
    };

    public static IReadOnlyList<(string Name, string? Markup)> Facts(TaskResponse task) =>
    [
        ("State", State(task) + (task.Attempts > 1 ? $" after {task.Attempts} attempts" : "")),
        ("Agent", Format.Escaped(task.Agent)),
        ("Input", $"{Format.Size(task.InputBytes)}, [grey]{Format.Escaped(task.InputDigest)}[/]"),
        ("Parameters", task.Parameters.Count == 0 ? null : Format.Escaped(string.Join(" ", task.Parameters.Select(parameter => $"{parameter.Key}={parameter.Value}")))),
        ("Auction", task.Auction is { } auction ? $"{Format.Escaped(auction.State)}, see stoa task auction {Format.Escaped(task.Id)}" : null),
        ("Executors", task.Redundancy is { } redundancy ? Format.Invariant($"{redundancy.Runs}, of whom {redundancy.Agree} have to agree; see stoa task runs") : null),
        ("Regions", task.Regions is { } regions ? Format.Escaped(string.Join(", ", regions)) : null),
        ("Sealed", task.SealedTo is { } key ? $"to the key {Format.Escaped(key)}: no log, no progress" : null),
        ("Submitted", Format.Time(task.CreatedAt)),
        ("Due", task.Auction?.State != "open" && task.DueAt is { } due && due > task.CreatedAt ? $"{Format.Time(due)}{(task.Attempts > 0 ? " (another attempt)" : "")}" : null),
        ("Ended", task.FinishedAt is { } end ? $"{Format.Time(end)}, after {Elapsed(task)}" : null),
        .. task.Result is { } result ? ResultFacts(task, result) : [],
        .. task.Failure is { } failure ? FailureFacts(failure, task.Charged) : [],
        ("Price", task is { Failure: null, Charged: { } charged } ? Format.Money(charged) : null),
        ("Held", task.FinishedAt is null ? Format.Money(task.Hold) : null),
    ];

    public static IReadOnlyList<(string Name, string? Markup)> ResultFacts(TaskResponse task, TaskResultBody result) =>
    [
        ("Result", $"{Format.Size(result.SizeBytes)} of {Format.Escaped(result.MediaType)}, [grey]{Format.Escaped(result.Digest)}[/]"),
        ("Ran at", result.Supplied is { } supplied ? $"node {Format.Escaped(supplied.Node)}, as {Format.Escaped(supplied.TaskId)}" : null),
        ("Used", Usage(result.Usage)),
        ("Price", $"[bold]{Format.Money(result.Price)}[/] of {Format.Money(task.Hold)} that were held"),
        ("Calls", result.Calls is { } calls ? string.Join(", ", calls.Select(Call)) : null),
        ("Models", result.Models is { } models ? string.Join(", ", models.Select(Request)) : null),
        ("Receipt", Format.Escaped(result.ReceiptId)),
        ("Check it", $"stoa receipt verify {Format.Escaped(task.Id)}"),
    ];

    public static string Usage(UsageBody usage) =>
        $"{Format.Fuel(usage.Fuel)}, {Format.Size(usage.PeakMemoryBytes)} memory, {Format.Duration(TimeSpan.FromMilliseconds(usage.DurationMs))}, "
        + $"{Format.Size(usage.InputBytes)} in, {Format.Size(usage.OutputBytes)} out";

    private static string Call(TaskCallBody call) => $"{call.Number} {Format.Escaped(call.Agent)}"
        + (call.Parent is { } parent ? $" for {parent}" : "")
        + (call.Failure is { } failure ? $" failed ({Format.Escaped(failure)})" : $" {Format.Money(call.Price)}");

    private static string Request(TaskModelRequestBody request) => $"{request.Number} {Format.Escaped(request.Model ?? request.Asked)}"
        + (request.Call is { } call ? $" for {call}" : "")
        + (request.Failure is { } failure ? $" failed ({Format.Escaped(failure)})" : Format.Invariant($" {request.InputTokens} + {request.OutputTokens} tokens {Format.Money(request.Price)}"));

    private static IReadOnlyList<(string Name, string? Markup)> FailureFacts(TaskFailureBody failure, string? charged) =>
    [
        ("Failure", $"[red]{Format.Escaped(failure.Code)}[/]: {Format.Escaped(CommandWords.OfTasks.Text(failure.Detail))}"),
        ("Used", failure.Usage is { } usage ? Usage(usage) : null),
        ("Price", charged is null ? "nothing was charged" : Format.Money(charged)),
        ("Log", string.IsNullOrWhiteSpace(failure.Log) ? null : Format.Escaped(failure.Log.TrimEnd())),
    ];
}
