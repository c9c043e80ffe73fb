using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What of the newest version of an agent is kept in memory to choose by.</summary>
/// <param name="Id">The version.</param>
/// <param name="Listing">Its full name.</param>
/// <param name="PublisherId">Who published it.</param>
/// <param name="Capabilities">What it can do.</param>
/// <param name="Price">What it costs.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Input">What it reads.</param>
/// <param name="Parameters">Its settings.</param>
public sealed record IndexedAgent(
    Id<AgentVersion> Id,
    ListingName Listing,
    Id<User> PublisherId,
    IReadOnlyList<string> Capabilities,
    AgentPrice Price,
    AgentLimits Limits,
    AgentPort Input,
    IReadOnlyList<AgentParameter> Parameters)
{
    /// <summary><c>publisher/name</c>: the agent in all of its versions.</summary>
    public string Name { get; } = $"{Listing.Publisher}/{Listing.Name}";

    /// <summary>What its price is multiplied by.</summary>
    public PriceFactors Factors { get; init; } = PriceFactors.None;

    /// <summary>The most that the agents which it calls cost in one task. It has no factors.</summary>
    public Money MostForCalls { get; init; }

    /// <summary>Whether it calls other agents: then it takes no part in auctions.</summary>
    public bool HasCalls { get; init; }

    public static IndexedAgent Of(AgentVersion version) => new(
        version.Id,
        version.Listing,
        version.PublisherId,
        version.Manifest.Capabilities,
        version.Manifest.Price,
        version.Manifest.Limits,
        version.Manifest.Input,
        version.Manifest.Parameters)
    {
        Factors = version.Manifest.Factors,
        MostForCalls = version.Manifest.MostForCalls,
        HasCalls = !version.Manifest.IsAlone,
    };

    /// <summary>What a task of this size costs when it burns and holds nothing.</summary>
    public Money LeastPrice(long inputBytes, PriceFactor factor) =>
        Price.TryPrice(new PricedWork(inputBytes, 0, 0, 0), factor, out var parts) ? parts.Total : new Money(long.MaxValue);

    /// <summary>The most that a task of this size can cost, with all that it calls; null when that is beyond any amount of money.</summary>
    public Money? PriceAtLimits(long inputBytes, LimitCaps caps, PriceFactor factor) => Price.TryPrice(
        new PricedWork(
            inputBytes,
            Math.Min(Limits.Fuel, caps.Fuel ?? long.MaxValue),
            Math.Min(Limits.MemoryBytes, caps.MemoryBytes ?? long.MaxValue),
            Math.Min(Limits.TimeoutMs, caps.TimeoutMs ?? long.MaxValue)),
        factor,
        out var parts) && MostForCalls <= new Money(long.MaxValue) - parts.Total ? parts.Total + MostForCalls : null;
}
