using System.Security.Cryptography;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>What a search puts in order by. What is equal in it is in the order of keys.</summary>
public enum ListingSort
{
    /// <summary>How well the words fit, best first; without words there is no difference.</summary>
    Relevance,

    /// <summary>By <see cref="ListingStanding.Rank"/>, best first.</summary>
    Rating,

    /// <summary>By tasks done well, most first.</summary>
    Tasks,

    /// <summary>By the price, least first, and what has none last.</summary>
    Price,

    /// <summary>By when the version was published, latest first.</summary>
    Newest,
}

/// <summary>What a search counts its findings by.</summary>
public enum ListingFacet
{
    /// <summary>What they can do.</summary>
    Capability,

    /// <summary>Their tags, in lower case.</summary>
    Tag,

    /// <summary>The media type that they read.</summary>
    Input,

    /// <summary>The media type that they write.</summary>
    Output,

    /// <summary>The key of their publisher.</summary>
    Publisher,

    /// <summary>What they are.</summary>
    Kind,

    /// <summary>The shelf that they stand on.</summary>
    Category,

    /// <summary>The licences that they name, in lower case.</summary>
    License,

    /// <summary>Where nodes offer them.</summary>
    Region,

    /// <summary>Of models, the form of the weights.</summary>
    Framework,

    /// <summary>Of models, how the weights are rounded, in lower case.</summary>
    Quantisation,
}

/// <summary>What somebody looks for. All of it has to hold.</summary>
public sealed record ListingSearch
{
    /// <summary>Most words of a text that are looked for; those behind them are left out.</summary>
    public const int MaxWords = 8;

    /// <summary>Most capabilities, and most tags, that are asked for.</summary>
    public const int MaxValues = 8;

    /// <summary>Most values that a facet is answered with.</summary>
    public const int MaxFacetValues = 10;

    /// <summary>Words of name, description, tags and capabilities, whatever their case. The last one may also be the beginning of a word, from two characters on.</summary>
    public string? Text { get; init; }

    /// <summary>What an agent must be able to do.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = [];

    /// <summary>The tags that it must have, whatever their case.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Who must have published it.</summary>
    public PeerId? Publisher { get; init; }

    /// <summary>Media type that it must read.</summary>
    public string? Input { get; init; }

    /// <summary>Media type that it must write.</summary>
    public string? Output { get; init; }

    /// <summary>What it must be.</summary>
    public ListingKind? Kind { get; init; }

    /// <summary>The shelf that it must stand on.</summary>
    public string? Category { get; init; }

    /// <summary>A licence that it must name, whatever its case.</summary>
    public string? License { get; init; }

    /// <summary>Where a node must offer it.</summary>
    public string? Region { get; init; }

    /// <summary>The form that its weights must have.</summary>
    public string? Framework { get; init; }

    /// <summary>How its weights must be rounded, whatever the case.</summary>
    public string? Quantisation { get; init; }

    /// <summary>The least number of tokens that it must see at once.</summary>
    public int? MinContextLength { get; init; }

    /// <summary>The least price of a task.</summary>
    public Money? MinPrice { get; init; }

    /// <summary>The greatest price of a task.</summary>
    public Money? MaxPrice { get; init; }

    /// <summary>The largest program.</summary>
    public long? MaxProgramBytes { get; init; }

    /// <summary>The least mean of its reviews, in hundredths of a star; then it must have one.</summary>
    public int? MinRatingHundredths { get; init; }

    /// <summary>The order.</summary>
    public ListingSort Sort { get; init; }

    /// <summary>By what the findings are counted.</summary>
    public IReadOnlyList<ListingFacet> Facets { get; init; } = [];

    /// <summary>Whether anything but words is asked for.</summary>
    public bool HasFilters => Capabilities.Count > 0 || Tags.Count > 0 || Publisher is not null || Input is not null || Output is not null || Kind is not null || Category is not null || License is not null
        || Region is not null || Framework is not null || Quantisation is not null || MinContextLength is not null || MinPrice is not null || MaxPrice is not null || MaxProgramBytes is not null
        || MinRatingHundredths is not null;

    /// <summary>The words that are looked for.</summary>
    internal IReadOnlyList<string> Words => [.. SearchWords.Split(Text ?? "").Take(MaxWords)];

    /// <summary>Whether the last word may be the beginning of one: a blank behind it says that it is whole, and with a single character nearly everything would be found.</summary>
    internal bool LastIsBeginning => Words is [.., { Length: > 1 }] && !char.IsWhiteSpace(Text![^1]);

    /// <summary>Says in few bytes which search it is: a cursor belongs to the same one. Facets do not matter.</summary>
    internal long Fingerprint()
    {
        // Lengths stand before texts, so that no two searches are written alike.
        var text = new StringBuilder();
        foreach (var part in (string[])
        [
            Sort.ToString(), Publisher?.ToString() ?? "", Input ?? "", Output ?? "", MinPrice?.ToString() ?? "", MaxPrice?.ToString() ?? "",
            MaxProgramBytes?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "", MinRatingHundredths?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "",
            Kind?.ToString() ?? "", Category ?? "", License?.ToLowerInvariant() ?? "", Region ?? "", Framework ?? "", Quantisation?.ToLowerInvariant() ?? "",
            MinContextLength?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "",
            string.Join(' ', Words), LastIsBeginning ? "…" : "", .. Capabilities.Order(StringComparer.Ordinal).Prepend("capabilities"), .. Tags.Select(SearchWords.FoldTag).Order(StringComparer.Ordinal).Prepend("tags"),
        ])
        {
            text.Append(part.Length).Append(':').Append(part);
        }

        return BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}

/// <summary>An agent that was found.</summary>
/// <param name="Key">Which.</param>
/// <param name="Standing">What consumers made of it.</param>
public sealed record ListingHit(ListingKey Key, ListingStanding Standing);

/// <summary>How many findings have a value.</summary>
/// <param name="Value">As an agent has it; tags in lower case.</param>
/// <param name="Count">How many.</param>
public sealed record FacetCount(string Value, long Count);

/// <summary>A page of what was found.</summary>
/// <param name="Hits">In the order of the search.</param>
/// <param name="Total">How many there are in all pages.</param>
/// <param name="Facets">What was asked for: the most frequent values first, at most <see cref="ListingSearch.MaxFacetValues"/>.</param>
/// <param name="AreCountsEstimated">The counts of the facets were taken of a sample, since very much was found.</param>
/// <param name="NextCursor">Null on the last page.</param>
public sealed record ListingSearchPage(
    IReadOnlyList<ListingHit> Hits,
    long Total,
    IReadOnlyDictionary<ListingFacet, IReadOnlyList<FacetCount>> Facets,
    bool AreCountsEstimated,
    string? NextCursor)
{
    /// <summary>How much each word counts, by how rare it was when the first page was asked for.</summary>
    public IReadOnlyList<int> Weights { get; init; } = [];
}
