using Stoa.Market.Registry.Goods;

namespace Stoa.Market.Registry;

/// <summary>A model that an agent needs beside it: an entry of <c>models</c> in its manifest.</summary>
/// <param name="Model">A listing of the kind <see cref="ListingKind.Model"/>, with the versions that will do.</param>
/// <param name="IsPreferred">Whether the agent also does without: then it is taken where it fits with all else.</param>
public sealed record AgentModel(ListingDemand Model, bool IsPreferred)
{
    /// <summary>Most entries of a manifest.</summary>
    public const int MostModels = 16;
}
