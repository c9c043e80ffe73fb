using System.Text;
using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Node.Workflows.Durable;

/// <summary>How a run has ended, as it is kept.</summary>
/// <param name="State">Where.</param>
/// <param name="Output">JSON; null when it gives nothing.</param>
/// <param name="Error">Why it has failed; null when it has not.</param>
internal sealed record RunEnd(RunState State, string? Output, StepError? Error)
{
    /// <summary>The longest output of a run, in bytes of JSON: what is larger is passed on by its digest.</summary>
    public const int MaxOutputBytes = 1 << 20;

    /// <summary>The error as it is kept; null when there is none.</summary>
    public string? ErrorJson => Error is null ? null : JsonSerializer.Serialize(Error);

    /// <summary>The end of a run that is over.</summary>
    public static RunEnd Of(WorkflowRun machine)
    {
        if (machine.State is not RunState.Succeeded)
            return new RunEnd(machine.State, null, machine.Error);
        // A value may hold another one many times over, and be far longer as a text: writing it is stopped where it is too long.
        return machine.Output.TryToJson(new ExpressionBudget(MaxOutputBytes), out var json, out _) && (json.ValueKind is JsonValueKind.Undefined || Encoding.UTF8.GetByteCount(json.GetRawText()) <= MaxOutputBytes)
            ? new RunEnd(RunState.Succeeded, json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : json.GetRawText(), null)
            : new RunEnd(RunState.Failed, null, new StepError("outputTooLarge", $"The output of the run has more than {MaxOutputBytes} bytes of JSON: give digests of what is large.", ""));
    }

    public static StepError? ReadError(string? json) => json is null ? null : JsonSerializer.Deserialize<StepError>(json);
}
