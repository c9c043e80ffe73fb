using System.Buffers.Binary;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>In which regions which content is at hand, by what nodes offer. It never changes.</summary>
/// <remarks>
/// <para>Any region can be searched for. <see cref="Most"/> of them have a bit beside that, by which searches go faster and findings are counted. Regions are words of strangers, and keys of strangers are free: whoever
/// makes up regions must not take the bits of those that there are. So a bit says nothing about how much is offered, or by how many. It goes first to regions where nodes offer something that is listed and that
/// somebody here knows, by how many these are; then to those where strangers do, and who has been here longest comes first, which cannot be made up afterwards; and last to regions of which nothing is listed.</para>
/// <para>Among those of one such class a region keeps its bit as long as anybody offers something there, so that a search which read the table a moment ago is not answered by another region.</para>
/// </remarks>
public sealed class ListingRegions
{
    /// <summary>The most regions that have a bit.</summary>
    public const int Most = 64;

    private readonly string?[] _names;
    private readonly Dictionary<ulong, ulong> _masks;
    private readonly Dictionary<string, HashSet<ulong>> _contents;

    private ListingRegions(string?[] names, Dictionary<ulong, ulong> masks, Dictionary<string, HashSet<ulong>> contents) => (_names, _masks, _contents) = (names, masks, contents);

    /// <summary>Nothing is offered anywhere.</summary>
    public static ListingRegions None { get; } = new(new string?[Most], [], []);

    /// <summary>What is offered now.</summary>
    /// <param name="offers">Those of whoever has been here longest first.</param>
    /// <param name="listed">Which of the contents are listed.</param>
    public ListingRegions Next(IReadOnlyList<RegionOffer> offers, IReadOnlySet<ulong> listed)
    {
        ArgumentNullException.ThrowIfNull(offers);
        ArgumentNullException.ThrowIfNull(listed);
        var regions = new Dictionary<string, Region>(StringComparer.Ordinal);
        foreach (var offer in offers.Where(offer => offer.Contents.Count > 0))
        {
            if (!regions.TryGetValue(offer.Region, out var region))
                regions[offer.Region] = region = new Region(regions.Count);
            region.Contents.UnionWith(offer.Contents);
            if (!offer.Contents.Any(listed.Contains))
                continue;
            region.HasListed = true;
            region.KnownSigners += offer.IsKnown ? 1 : 0;
        }

        var best = regions
            .OrderByDescending(region => region.Value.KnownSigners > 0).ThenByDescending(region => region.Value.HasListed)
            .ThenByDescending(region => _names.Contains(region.Key)).ThenByDescending(region => region.Value.KnownSigners).ThenBy(region => region.Value.Place)
            .Take(Most).Select(region => region.Key).ToList();
        var names = new string?[Most];
        for (var bit = 0; bit < Most; bit++)
            names[bit] = _names[bit] is { } name && best.Contains(name) ? name : null;
        // A bit that was somebody's until now is free from the next time on: agents may still have it.
        var free = new Queue<int>(Enumerable.Range(0, Most).Where(bit => _names[bit] is null));
        foreach (var name in best.Where(name => !names.Contains(name)))
        {
            if (free.TryDequeue(out var bit))
                names[bit] = name;
        }

        var masks = new Dictionary<ulong, ulong>();
        for (var bit = 0; bit < Most; bit++)
        {
            foreach (var content in names[bit] is { } name ? regions[name].Contents : [])
                masks[content] = masks.GetValueOrDefault(content) | (1UL << bit);
        }

        return new ListingRegions(names, masks, regions.ToDictionary(region => region.Key, region => region.Value.Contents, StringComparer.Ordinal));
    }

    /// <summary>What content is told apart by: enough of its digest for some million.</summary>
    public static ulong KeyOf(ContentHash content)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        content.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    /// <summary>Whether content has the same bits in both.</summary>
    internal bool HasMasksOf(ListingRegions other) => _masks.Count == other._masks.Count && _masks.All(mask => other._masks.GetValueOrDefault(mask.Key) == mask.Value);

    /// <summary>The bit of a region; 0 of one that has none.</summary>
    internal ulong BitOf(string region) => Array.IndexOf(_names, region) is >= 0 and var bit ? 1UL << bit : 0;

    /// <summary>What is at hand in a region; null where nothing is.</summary>
    internal IReadOnlySet<ulong>? ContentsOf(string region) => _contents.GetValueOrDefault(region);

    /// <summary>The regions of some content.</summary>
    internal ulong MaskOf(ulong content) => _masks.GetValueOrDefault(content);

    /// <summary>The region of a bit; null of one that nobody has.</summary>
    internal string? NameOf(int bit) => _names[bit];

    /// <summary>A region while it is added up.</summary>
    /// <param name="place">Its place in the order in which the first of its signers came.</param>
    private sealed class Region(int place)
    {
        public int Place { get; } = place;

        public HashSet<ulong> Contents { get; } = [];

        public bool HasListed { get; set; }

        public int KnownSigners { get; set; }
    }
}
