using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>A model that an agent may ask while it works: an entry of <c>asks</c> in its manifest.</summary>
/// <param name="Model">What its requests name as their model: <c>publisher/name</c>, <c>publisher/name@range</c>, <c>auto</c>, <c>auto:capability,…</c>, or the name of a route.</param>
/// <param name="IsRoute">Whether that is a route: what it stands for is up to whoever pays, or to the node.</param>
/// <param name="MaxRequests">How often one task may ask it, for each time that the agent runs in it.</param>
/// <param name="MaxPrice">The most that all these requests cost together.</param>
/// <param name="MaxRequestBytes">The longest request.</param>
/// <param name="MaxAnswerBytes">The longest answer.</param>
public sealed record AgentAsk(string Model, bool IsRoute, int MaxRequests, Money MaxPrice, long MaxRequestBytes, long MaxAnswerBytes)
{
    /// <summary>Most entries of a manifest.</summary>
    public const int MostAsks = 16;

    /// <summary>Most requests of an entry.</summary>
    public const int MostRequests = 64;

    /// <summary>Most capabilities of an entry that leaves the model open.</summary>
    public const int MostCapabilities = 8;

    /// <summary>The longest request, and the longest answer, where the entry does not say: 256 KiB.</summary>
    public const long DefaultBytes = 256 << 10;

    /// <summary>What an entry may say at most: 16 MiB.</summary>
    public const long MostBytes = 16 << 20;

    /// <summary>Memory for one request: its body, and the answer.</summary>
    public long RoomBytes => MaxRequestBytes + MaxAnswerBytes;
}
