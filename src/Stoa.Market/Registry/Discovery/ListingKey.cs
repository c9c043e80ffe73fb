using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>What a publisher lists in the network under one name, an agent or goods, with all of its versions.</summary>
/// <param name="Publisher">The publisher's key.</param>
/// <param name="Name">Its name: a publisher has one listing of a name, of whatever kind.</param>
public readonly record struct ListingKey(PeerId Publisher, string Name) : IComparable<ListingKey>
{
    /// <summary>By the text of the publisher's key, then by name; both by their bytes.</summary>
    public int CompareTo(ListingKey other) =>
        string.CompareOrdinal(Publisher.ToString(), other.Publisher.ToString()) is not 0 and var order ? order : string.CompareOrdinal(Name, other.Name);

    public static bool operator <(ListingKey left, ListingKey right) => left.CompareTo(right) < 0;
    public static bool operator >(ListingKey left, ListingKey right) => left.CompareTo(right) > 0;
    public static bool operator <=(ListingKey left, ListingKey right) => left.CompareTo(right) <= 0;
    public static bool operator >=(ListingKey left, ListingKey right) => left.CompareTo(right) >= 0;

    /// <summary><c>key/name</c>.</summary>
    public override string ToString() => $"{Publisher}/{Name}";
}
