using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>A model whose answers a supplier sells, as its list has it.</summary>
/// <param name="Name">As requests name it there, with its version.</param>
/// <param name="Publisher">Key of its publisher: the same at every node.</param>
/// <param name="Weights">Digest of its weights.</param>
/// <param name="Region">Where it is answered; null when it is not said.</param>
/// <param name="Price">All that it costs there.</param>
public sealed record SoldModel(ListingName Name, PeerId Publisher, ContentHash Weights, string? Region, ModelPrice Price)
{
    /// <summary>The most of a list that are looked at.</summary>
    public const int MostModels = 1_000;

    /// <summary>Its name at every node but those of its publisher's cell.</summary>
    public ListingName Listing => new(Publisher.ToString(), Name.Name, Name.Version);

    /// <summary>Reads a row of a list, which comes from a stranger.</summary>
    /// <returns>Null when it is none.</returns>
    public static SoldModel? TryRead(string? name, string? publisher, string? weights, string? region, string? inputPrice, string? outputPrice)
    {
        var errors = new List<FieldError>();
        if (!ListingName.TryParse(name, null, out var listing) || listing.Version is null
            || !PeerId.TryParse(publisher, null, out var key)
            || !ContentHash.TryParse(weights, null, out var digest)
            || (region is not null && !Names.IsRegion(region)))
        {
            return null;
        }

        var (input, output) = (ReplicaRules.ReadPrice(inputPrice ?? "", "/inputPrice", errors), ReplicaRules.ReadPrice(outputPrice ?? "", "/outputPrice", errors));
        return errors.Count == 0 ? new SoldModel(listing, key, digest, region, new ModelPrice(input, output)) : null;
    }
}
