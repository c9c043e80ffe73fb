using Stoa.Market.Registry.Discovery;
using Stoa.Node.Storage;

namespace Stoa.Node.Registry.Statements;

/// <summary>How a table names a listing: by its publisher's key in <c>signer</c>, and by its name in <c>agent</c>.</summary>
internal static class ListingFields
{
    public static IReadOnlyList<SqlField<ListingKey>> All { get; } =
        [SqlField<ListingKey>.OfText("signer", listing => listing.Publisher), SqlField<ListingKey>.OfText("agent", listing => listing.Name)];
}
