using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What a consumer asks for.</summary>
/// <param name="Agent">Without a version: the newest. Null when a requirement is given in its place.</param>
/// <param name="Input">What the agent is to read.</param>
/// <param name="Parameters">Settings by name.</param>
/// <param name="Limits">Lower limits than the agent's own.</param>
/// <param name="MaxPrice">Refuse when the hold would be above this; null for any.</param>
/// <param name="Priority">Among the consumer's own tasks.</param>
/// <param name="DueAt">Not before this instant; null, or one that is past, for at once.</param>
public sealed record TaskRequest(
    ListingName? Agent,
    RequestedInput Input,
    IReadOnlyDictionary<string, string> Parameters,
    RequestedLimits Limits,
    Money? MaxPrice,
    TaskPriority Priority = TaskPriority.Normal,
    DateTimeOffset? DueAt = null)
{
    /// <summary>What must be done, in place of who does it; null when an agent is named.</summary>
    public Requirement? Requirement { get; init; }

    /// <summary>How the task is put out to bids; null for not at all. Goes with a requirement, and not with a due time.</summary>
    public AuctionTerms? Auction { get; init; }

    /// <summary>Only nodes that stand in one of these may run it, each once and in the order of the alphabet; empty: any node.</summary>
    public IReadOnlyList<string> Regions { get; init; } = [];

    /// <summary>Better a node that stands in one of these, each once and in the order of the alphabet; empty: no matter.</summary>
    public IReadOnlyList<string> PreferredRegions { get; init; } = [];

    /// <summary>Where suppliers stand that may run it.</summary>
    public SupplyPlaces Places => new(Regions, PreferredRegions);

    /// <summary>What the API key that it came with may spend; null for no limit. Not a part of what is asked for.</summary>
    public SpendingAllowance? Allowance { get; init; }

    /// <summary>Fixes what is chance otherwise; null to have it drawn.</summary>
    public TaskWorld? World { get; init; }

    /// <summary>How many executors run it, and how many have to agree; null for one. Goes with an agent by name.</summary>
    public Redundancy? Redundancy { get; init; }

    /// <summary>The most regions that a request names.</summary>
    public const int MaxRegions = 8;

    /// <summary>The same for the same request, however it was written down: what an idempotency key stands for.</summary>
    public ContentHash Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(Agent?.ToString() ?? Requirement!.Canonical());
        Add(Input.Digest.ToString());
        foreach (var (name, value) in Parameters.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
        {
            Add(name);
            Add(value);
        }

        Add(FormattableString.Invariant($"{Limits.Fuel},{Limits.MemoryBytes},{Limits.TimeoutMs},{Limits.OutputBytes},{Limits.LogBytes}"));
        Add(MaxPrice?.ToString() ?? "");
        // Only when they say something: requests of before they were there keep their hashes.
        if (Priority is not TaskPriority.Normal || DueAt is not null)
            Add(FormattableString.Invariant($"{(int)Priority},{DueAt?.ToUnixTimeMilliseconds()}"));
        if (Auction is not null)
            Add(Auction.Canonical());
        if (Regions.Count > 0)
            Add($"regions {string.Join(' ', Regions)}");
        if (PreferredRegions.Count > 0)
            Add($"preferred {string.Join(' ', PreferredRegions)}");
        if (Input.IsSealed)
            Add("sealed");
        if (World is not null)
            Add(FormattableString.Invariant($"world {World.Seed} {World.ClockMs}"));
        if (Redundancy is not null)
            Add(FormattableString.Invariant($"redundancy {Redundancy.Runs} {Redundancy.Agree}"));
        return ContentHash.FromBytes(hash.GetHashAndReset());

        // Each text goes in behind its length, so that no two lists of texts give the same bytes.
        void Add(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }
    }

    /// <summary>The failed task that it does again; null for none. Not part of the hash.</summary>
    public Id<AgentTask>? ReplayOf { get; init; }

    /// <summary>The schedule that submits it; null for none. Not part of the hash.</summary>
    public string? ScheduleId { get; init; }
}

/// <summary>The input of a request.</summary>
public abstract record RequestedInput
{
    private RequestedInput()
    {
    }

    /// <summary>SHA-256 of the bytes.</summary>
    public abstract ContentHash Digest { get; }

    /// <summary>They are sealed to the node's key, and the output is to be.</summary>
    public bool IsSealed { get; init; }

    /// <summary>Bytes that come with the request.</summary>
    public sealed record Inline(ReadOnlyMemory<byte> Bytes) : RequestedInput
    {
        public override ContentHash Digest { get; } = ContentHash.Of(Bytes.Span);
    }

    /// <summary>Bytes that come once it is known what they cost: good for a quote, and for no submission.</summary>
    public sealed record Announced(ContentHash Content, long SizeBytes) : RequestedInput
    {
        public override ContentHash Digest => Content;
    }

    /// <summary>Bytes that were uploaded before.</summary>
    public sealed record Stored(ContentHash Content) : RequestedInput
    {
        public override ContentHash Digest => Content;
    }
}

/// <summary>Limits of a request; each null takes the agent's.</summary>
public sealed record RequestedLimits(
    long? Fuel = null, long? MemoryBytes = null, long? TimeoutMs = null, long? OutputBytes = null, long? LogBytes = null)
{
    /// <summary>All of the agent's.</summary>
    public static RequestedLimits None { get; } = new();
}

/// <summary>What a submission would hold, and the range in which its price will be.</summary>
/// <param name="Agent">Full name of the version that would do it.</param>
/// <param name="Limits">That would be in force.</param>
/// <param name="Parts">The price at those limits.</param>
/// <param name="Hold">The most that it can cost: of the dearest agent that may get it.</param>
/// <param name="Least">The least that it can cost: of the cheapest one, when it burns and holds nothing.</param>
/// <param name="CandidateCount">How many agents could do it.</param>
public sealed record Quote(ListingName Agent, AgentLimits Limits, PriceParts Parts, Money Hold, Money Least, int CandidateCount)
{
    /// <summary>The most that the calls of other agents cost; a part of the hold.</summary>
    public Money Calls { get; init; }
}
