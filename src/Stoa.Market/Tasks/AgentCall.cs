using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A call of one agent by another, as it was run within an attempt.</summary>
/// <param name="Number">From 1 in the order in which the calls of the task began.</param>
/// <param name="Parent">The number of the call that made it; 0 for the task's own agent.</param>
/// <param name="Agent">The version that was called.</param>
/// <param name="Limits">In force.</param>
/// <param name="Input">SHA-256 of what it was given.</param>
/// <param name="InputBytes">The size of that, read or not.</param>
/// <param name="Output">SHA-256 of what it wrote; null when it failed.</param>
/// <param name="Usage">What was measured; zeros where it could not even start.</param>
/// <param name="Failure">How it failed; null when it succeeded.</param>
/// <param name="Price">By its own rates, without the calls that it made: nothing when it, or the call that it was made for, failed.</param>
public sealed record AgentCall(
    int Number,
    int Parent,
    AgentVersion Agent,
    AgentLimits Limits,
    ContentHash Input,
    long InputBytes,
    ContentHash? Output,
    Usage Usage,
    FailureCode? Failure,
    Money Price);
