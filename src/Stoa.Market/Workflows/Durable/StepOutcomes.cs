using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Stoa.Market.Expressions;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>What tasks and requests come to for the run that they are steps of.</summary>
/// <remarks>What expressions can read of an output is what is kept beside its task, so nothing that is large goes through a run: it is passed on by its digest.</remarks>
public static class StepOutcomes
{
    private const string Json = "application/json";
    private const int MaxDetail = 1_000;

    private static readonly JsonDocumentOptions s_strict = new() { MaxDepth = ExpressionValue.MaxDepth, AllowDuplicateProperties = false };

    /// <summary>What a task came to.</summary>
    /// <param name="ended">In its final state.</param>
    /// <param name="inline">The output's bytes, when they are kept beside the task.</param>
    public static WorkOutcome Of(AgentTask ended, ReadOnlyMemory<byte>? inline)
    {
        ArgumentNullException.ThrowIfNull(ended);
        return ended.State switch
        {
            TaskState.Succeeded { Result: var result } => new WorkOutcome.Done(
                inline is { } bytes && ended.Input.SealedTo is null ? ValueOf(bytes, result.MediaType) : default,
                ExpressionValue.Of(new OrderedDictionary<string, ExpressionValue>
                {
                    ["digest"] = ExpressionValue.Of(result.Output.ToString()),
                    ["size"] = ExpressionValue.Of(result.OutputBytes),
                    ["mediaType"] = ExpressionValue.Of(result.MediaType),
                })),
            TaskState.Failed { Failure: var failure } => new WorkOutcome.Failed(
                EnumWord.Of(failure.Code), Short(failure.Detail), failure.Code is FailureCode.NotStartable or FailureCode.SealBroken or FailureCode.SealingKeyUnknown),
            TaskState.Cancelled => new WorkOutcome.Failed("cancelled", "The task was cancelled.", IsFinal: true),
            _ => throw new ArgumentException($"{ended.Id} is {ended.State.Name}, which is not an end.", nameof(ended)),
        };
    }

    /// <summary>What a submission that was refused came to.</summary>
    public static WorkOutcome Of(Refusal<TaskRefusal> refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return new WorkOutcome.Failed(EnumWord.Of(refusal.Code), Detail(refusal.Detail, refusal.Errors), IsFinal: !MayPass(refusal.Code));
    }

    /// <summary>What a body came to that is no submission or request.</summary>
    public static WorkOutcome Malformed(string detail, IReadOnlyList<FieldError> errors) => new WorkOutcome.Failed("requestInvalid", Detail(detail, errors), IsFinal: true);

    /// <summary>What expressions can read of bytes: JSON, a text, or nothing.</summary>
    public static ExpressionValue ValueOf(ReadOnlyMemory<byte> bytes, string mediaType)
    {
        ArgumentNullException.ThrowIfNull(mediaType);
        var type = mediaType.Split(';')[0].Trim();
        if (type == Json || type.EndsWith("+json", StringComparison.Ordinal))
            return TryJson(bytes, out var json) ? json : default;
        return type.StartsWith("text/", StringComparison.Ordinal) && Utf8.IsValid(bytes.Span) ? ExpressionValue.Of(Encoding.UTF8.GetString(bytes.Span)) : default;
    }

    /// <summary>Whether a value from outside is one that a run keeps: JSON, not too deep, each member once and of no long name, and all of its texts Unicode.</summary>
    public static bool TryJson(ReadOnlyMemory<byte> bytes, out ExpressionValue value)
    {
        value = default;
        try
        {
            var element = JsonElement.Parse(bytes.Span, s_strict);
            if (MemberNames.HasLong(element))
                return false;
            value = ExpressionValue.Of(element);
            using var nowhere = new Utf8JsonWriter(Stream.Null);
            return value.TryWrite(nowhere, new ExpressionBudget(long.MaxValue), out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // What the consumer can mend, or time: another attempt may end otherwise.
    private static bool MayPass(TaskRefusal code) => code is TaskRefusal.InsufficientFunds or TaskRefusal.BudgetExhausted or TaskRefusal.SpendingLimitReached
        or TaskRefusal.NoCandidate or TaskRefusal.RegionUnserved or TaskRefusal.SupplierUnavailable or TaskRefusal.ExecutorsTooFew or TaskRefusal.StorageUnpaid or TaskRefusal.AuctionsTooMany;

    private static string Detail(string detail, IReadOnlyList<FieldError> errors) => Short(errors.Count == 0
        ? detail
        : $"{detail} {string.Join(" ", errors.Take(5).Select(error => error.Pointer.Length == 0 ? error.Reason : $"{error.Pointer}: {error.Reason}"))}");

    private static string Short(string detail) => detail.Length <= MaxDetail ? detail : string.Concat(detail.AsSpan(0, MaxDetail), "…");
}
