using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>One piece of work for one agent, from submission to its single final state.</summary>
/// <param name="Id">Made by the node that took the submission.</param>
/// <param name="OwnerId">The consumer, who pays.</param>
/// <param name="AgentId">The version that does it.</param>
/// <param name="Agent">Its full name.</param>
/// <param name="Input">What it reads.</param>
/// <param name="Parameters">Named settings, checked against the manifest.</param>
/// <param name="Limits">The most that one attempt may use; never above the manifest's.</param>
/// <param name="Hold">What is held for it: the price at its limits.</param>
/// <param name="HoldId">The pending transfer.</param>
/// <param name="Attempts">Executions that ended by themselves, well or badly.</param>
/// <param name="Losses">Executions that ended because their node vanished.</param>
/// <param name="State">See <see cref="TaskState"/>.</param>
/// <param name="CancelRequestedAt">When the consumer asked to stop it; null when not.</param>
/// <param name="TraceParent">W3C trace context of the submission, carried through the queue; null when not traced.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record AgentTask(
    Id<AgentTask> Id,
    Id<User> OwnerId,
    Id<AgentVersion> AgentId,
    ListingName Agent,
    TaskInput Input,
    IReadOnlyDictionary<string, string> Parameters,
    AgentLimits Limits,
    Money Hold,
    Id<Transfer> HoldId,
    int Attempts,
    int Losses,
    TaskState State,
    DateTimeOffset? CancelRequestedAt,
    string? TraceParent,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "task";
}

/// <summary>The bytes on the agent's stdin.</summary>
/// <param name="Digest">Their SHA-256.</param>
/// <param name="SizeBytes">Their number.</param>
/// <param name="Inline">The bytes themselves when they came with the submission (at most 1 MiB); null when they are in the content store.</param>
public sealed record TaskInput(ContentHash Digest, long SizeBytes, ReadOnlyMemory<byte>? Inline);
