using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>What a supplier was asked to do, and for how much: what its receipt has to say.</summary>
/// <param name="Node">Whose signature is expected.</param>
/// <param name="Program">The program of the listing.</param>
/// <param name="Input">Digest of the input.</param>
/// <param name="InputBytes">Its size.</param>
/// <param name="Parameters">Settings.</param>
/// <param name="Limits">The most that it may use.</param>
/// <param name="Amount">The most that it may cost.</param>
public sealed record ExpectedReceipt(
    PeerId Node, ContentHash Program, ContentHash Input, long InputBytes, IReadOnlyList<TaskParameter> Parameters, AgentLimits Limits, Money Amount)
{
    /// <summary>What is chance otherwise; null where it was left to the supplier.</summary>
    public TaskWorld? World { get; init; }

    /// <summary>Name of the agent in the quote, which a program is told; null where it was not noted.</summary>
    public string? Agent { get; init; }

    /// <summary>How much longer than its time limit a run may have taken by the supplier's clock.</summary>
    public TimeSpan Patience { get; init; }
}

/// <summary>What came back beside the receipt.</summary>
/// <param name="Task">Id of the task there.</param>
/// <param name="Output">Digest of the output that came.</param>
/// <param name="OutputBytes">Its size.</param>
/// <param name="Charged">What the supplier says that it has charged.</param>
public sealed record SupplyAnswer(string Task, ContentHash Output, long OutputBytes, Money Charged);

/// <summary>Why what a supplier gave back is not to be believed.</summary>
public enum SupplyFault
{
    /// <summary>The receipt does not hold by itself, or another node has signed it.</summary>
    ReceiptInvalid,

    /// <summary>The receipt is of another task than the one that was paid for.</summary>
    OtherTask,

    /// <summary>Another program has run, or it called others.</summary>
    OtherProgram,

    /// <summary>It ran as another agent than the one of the quote: under a name of its own nobody else could be asked to run it again.</summary>
    OtherAgent,

    /// <summary>More was measured than can have been: longer than the limit and the patience, or more read than there was.</summary>
    OtherUsage,

    /// <summary>It ran on another input.</summary>
    OtherInput,

    /// <summary>It ran with other parameters, limits, seed or clock.</summary>
    OtherTerms,

    /// <summary>The output that came is not the one that the receipt swears to.</summary>
    OtherOutput,

    /// <summary>The price is above the quote, or not the one that was charged.</summary>
    OtherPrice,
}

/// <summary>Checks what a supplier gave back against what was ordered.</summary>
/// <remarks>What is left is whether the receipt is true. That costs a run: the consumer, or anybody, can do it again with the receipt.</remarks>
public static class SupplyCheck
{
    /// <summary>The receipt, if all of it fits.</summary>
    public static Outcome<Receipt, SupplyFault> Check(DsseEnvelope envelope, ExpectedReceipt expected, SupplyAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(answer);
        if (!ReceiptVerifier.Verify(envelope, expected.Node).TryGet(out var receipt, out var fault))
            return Fault(SupplyFault.ReceiptInvalid, fault.Detail);
        if (receipt.TaskId.ToString() != answer.Task)
            return Fault(SupplyFault.OtherTask, $"The receipt is of {receipt.TaskId}, and {answer.Task} was paid for.");
        if (receipt.ProgramDigest != expected.Program || receipt.Calls.Count > 0 || !receipt.IsRepeatable)
            return Fault(SupplyFault.OtherProgram, $"The program {receipt.ProgramDigest} has run, with {receipt.Calls.Count} calls of others and {receipt.ModelRequests.Count} requests to models; the agent's is {expected.Program}.");
        if (expected.Agent is { } agent && receipt.Agent.Name != agent)
            return Fault(SupplyFault.OtherAgent, $"It ran as {receipt.Agent}, and the quote was {agent}'s.");
        if (receipt.InputDigest != expected.Input || receipt.SealedTo is not null || (receipt.Pricing is { } pricing && pricing.InputBytes != expected.InputBytes))
            return Fault(SupplyFault.OtherInput, $"It ran on the input {receipt.InputDigest}, not on {expected.Input}.");
        if (receipt.Limits != expected.Limits || !Same(receipt.Parameters, expected.Parameters) || (expected.World is { } world && new TaskWorld(receipt.Seed, receipt.ClockMs) != world))
            return Fault(SupplyFault.OtherTerms, "It ran with other parameters, limits, seed or clock than it was given.");
        // What is measured goes into sums over all tasks.
        if (receipt.Usage.InputBytes < 0 || receipt.Usage.InputBytes > expected.InputBytes
            || receipt.Usage.DurationMs < 0 || receipt.Usage.DurationMs > expected.Limits.TimeoutMs + expected.Patience.TotalMilliseconds)
        {
            return Fault(SupplyFault.OtherUsage, $"It swears to have read {receipt.Usage.InputBytes} bytes of {expected.InputBytes}, in {receipt.Usage.DurationMs} ms of at most {expected.Limits.TimeoutMs}.");
        }

        if (receipt.OutputDigest != answer.Output || receipt.Usage.OutputBytes != answer.OutputBytes)
            return Fault(SupplyFault.OtherOutput, $"The output {answer.Output} came, and the receipt swears to {receipt.OutputDigest}.");
        if (receipt.Price > expected.Amount)
            return Fault(SupplyFault.OtherPrice, $"It cost {receipt.Price} USD, and the quote was {expected.Amount} USD.");
        return receipt.Price == answer.Charged
            ? receipt
            : Fault(SupplyFault.OtherPrice, $"{answer.Charged} USD were charged, and the receipt says {receipt.Price} USD.");
    }

    // The order is that of a manifest, and the supplier's may be another one of the same program.
    private static bool Same(IReadOnlyList<TaskParameter> there, IReadOnlyList<TaskParameter> here) =>
        there.Count == here.Count && there.ToHashSet().SetEquals(here);

    private static Refusal<SupplyFault> Fault(SupplyFault fault, string detail) => new(fault, detail);
}
