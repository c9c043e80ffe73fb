namespace Stoa.Market.Registry.Discovery;

/// <summary>What a node has at hand in a region.</summary>
/// <param name="Region">Where it stands, as it says.</param>
/// <param name="IsKnown">Whether it is of this cell, or somebody here vouches for it.</param>
/// <param name="Contents">What it has, by <see cref="ListingRegions.KeyOf"/>.</param>
public sealed record RegionOffer(string Region, bool IsKnown, IReadOnlyList<ulong> Contents);
