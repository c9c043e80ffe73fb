using System.Buffers.Binary;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>In which regions which content is at hand, by what nodes offer: a bit for each region. It never changes.</summary>
/// <remarks>
/// A region keeps its bit as long as anybody offers something there, so that a search which read the table a moment ago is not answered by another region. Regions are words of strangers: of more than
/// <see cref="Most"/> those come first that have one already, then those where most is offered.
/// </remarks>
public sealed class ListingRegions
{
    /// <summary>The most regions that are told apart.</summary>
    public const int Most = 64;

    private readonly string?[] _names;
    private readonly Dictionary<ulong, ulong> _masks;

    private ListingRegions(string?[] names, Dictionary<ulong, ulong> masks) => (_names, _masks) = (names, masks);

    /// <summary>Nothing is offered anywhere.</summary>
    public static ListingRegions None { get; } = new(new string?[Most], []);

    /// <summary>What is offered now.</summary>
    /// <param name="offers">Each region with what is at hand there.</param>
    public ListingRegions Next(IEnumerable<(string Region, ContentHash Content)> offers)
    {
        ArgumentNullException.ThrowIfNull(offers);
        var byRegion = offers.ToLookup(offer => offer.Region, offer => KeyOf(offer.Content), StringComparer.Ordinal);
        var names = (string?[])_names.Clone();
        for (var bit = 0; bit < Most; bit++)
        {
            if (names[bit] is { } name && !byRegion.Contains(name))
                names[bit] = null;
        }

        // A bit that was somebody's until now is free from the next time on: agents may still have it.
        var free = new Queue<int>(Enumerable.Range(0, Most).Where(bit => _names[bit] is null));
        foreach (var region in byRegion.OrderByDescending(region => region.Count()).ThenBy(region => region.Key, StringComparer.Ordinal))
        {
            if (free.Count > 0 && !names.Contains(region.Key))
                names[free.Dequeue()] = region.Key;
        }

        var masks = new Dictionary<ulong, ulong>();
        for (var bit = 0; bit < Most; bit++)
        {
            foreach (var content in names[bit] is { } name ? byRegion[name] : [])
                masks[content] = masks.GetValueOrDefault(content) | (1UL << bit);
        }

        return new ListingRegions(names, masks);
    }

    /// <summary>Whether two say the same.</summary>
    public bool Says(ListingRegions other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return _names.SequenceEqual(other._names) && _masks.Count == other._masks.Count && _masks.All(mask => other._masks.GetValueOrDefault(mask.Key) == mask.Value);
    }

    /// <summary>The bit of a region; 0 where nothing is offered.</summary>
    internal ulong BitOf(string region) => Array.IndexOf(_names, region) is >= 0 and var bit ? 1UL << bit : 0;

    /// <summary>The regions of some content.</summary>
    internal ulong MaskOf(ulong content) => _masks.GetValueOrDefault(content);

    /// <summary>The region of a bit; null of one that nobody has.</summary>
    internal string? NameOf(int bit) => _names[bit];

    /// <summary>What content is told apart by: enough of its digest for some million.</summary>
    internal static ulong KeyOf(ContentHash content)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        content.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
