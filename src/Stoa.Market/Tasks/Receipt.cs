using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What a node swears about one execution; signed as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <remarks>With the same program, input, parameters and fuel anyone can run it again and must get the same output and the same fuel.</remarks>
/// <param name="Id">Of the receipt.</param>
/// <param name="TaskId">The task.</param>
/// <param name="ConsumerId">Who paid.</param>
/// <param name="Agent">Full name of the version.</param>
/// <param name="ArtifactDigest">Its OCI artifact.</param>
/// <param name="ProgramDigest">The program that ran.</param>
/// <param name="Parameters">As given.</param>
/// <param name="Limits">In force.</param>
/// <param name="Seed">Seed of the agent's deterministic random source.</param>
/// <param name="ClockMs">Unix time in milliseconds at which the agent's deterministic clock began.</param>
/// <param name="InputDigest">What it read.</param>
/// <param name="OutputDigest">What it wrote.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Price">What was charged.</param>
/// <param name="Shares">Who got what; sums to the price.</param>
/// <param name="Node">Peer id of the signing node.</param>
/// <param name="FinishedAt">UTC.</param>
public sealed record Receipt(
    Id<Receipt> Id,
    Id<AgentTask> TaskId,
    Id<User> ConsumerId,
    ListingName Agent,
    ContentHash ArtifactDigest,
    ContentHash ProgramDigest,
    IReadOnlyDictionary<string, string> Parameters,
    AgentLimits Limits,
    long Seed,
    long ClockMs,
    ContentHash InputDigest,
    ContentHash OutputDigest,
    Usage Usage,
    Money Price,
    IReadOnlyList<ReceiptShare> Shares,
    PeerId Node,
    DateTimeOffset FinishedAt) : IIdentified
{
    public const string PayloadType = "application/vnd.stoa.receipt.v1+json";

    public static string IdPrefix => "rcpt";
}

/// <summary>One part of a captured price.</summary>
/// <param name="Role"><c>creator</c>, <c>node</c> or <c>platform</c>.</param>
/// <param name="Amount">Its part.</param>
public sealed record ReceiptShare(string Role, Money Amount);
