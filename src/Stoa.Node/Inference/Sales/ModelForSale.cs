using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>A model whose answers are sold.</summary>
/// <param name="Listing">As requests name it.</param>
/// <param name="Publisher">Of its listing, by key.</param>
/// <param name="Weights">Digest of its file.</param>
/// <param name="Model">What is known of it.</param>
/// <param name="Price">All that is paid, at the dearest of its servers.</param>
/// <param name="Region">Where it is answered; null when it is not said, or in several.</param>
/// <param name="TokensPerSecond">How fast an answer is written; null when it was not measured.</param>
public sealed record ModelForSale(ListingName Listing, PeerId Publisher, ContentHash Weights, ReplicaModel Model, ModelPrice Price, string? Region, double? TokensPerSecond);
