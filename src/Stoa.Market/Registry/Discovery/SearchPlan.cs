namespace Stoa.Market.Registry.Discovery;

/// <summary>A search as segments are asked it.</summary>
internal sealed class SearchPlan
{
    public SearchPlan(ListingSearch search, ListingRegions regions)
    {
        Search = search;
        Words = [.. search.Words.Select(word => Terms.Of(TermKind.Word, word))];
        LastIsBeginning = search.LastIsBeginning;
        Filters =
        [
            .. search.Capabilities.Select(capability => Terms.Of(TermKind.Capability, capability)),
            .. search.Tags.Select(tag => Terms.Of(TermKind.Tag, SearchWords.FoldTag(tag))),
            .. search.Input is null ? (byte[][])[] : [Terms.Of(TermKind.Input, search.Input)],
            .. search.Output is null ? (byte[][])[] : [Terms.Of(TermKind.Output, search.Output)],
            .. search.Category is null ? (byte[][])[] : [Terms.Of(TermKind.Category, search.Category)],
            .. search.License is null ? (byte[][])[] : [Terms.Of(TermKind.License, SearchWords.FoldTag(search.License))],
            .. search.Framework is null ? (byte[][])[] : [Terms.Of(TermKind.Framework, search.Framework)],
            .. search.Quantisation is null ? (byte[][])[] : [Terms.Of(TermKind.Quantisation, SearchWords.FoldTag(search.Quantisation))],
        ];
        Publisher = search.Publisher?.ToString();
        (MinPrice, MaxPrice) = (search.MinPrice?.Nanodollars ?? long.MinValue, search.MaxPrice?.Nanodollars ?? long.MaxValue);
        if (search.MinPrice is not null || search.MaxPrice is not null)
            MaxPrice = Math.Min(MaxPrice, SearchSegment.NoPrice - 1);
        Region = search.Region is null ? 0 : regions.BitOf(search.Region);
        RegionContents = search.Region is null || Region != 0 ? null : regions.ContentsOf(search.Region);
        HasNumbers = search.MinPrice is not null || search.MaxPrice is not null || search.MaxProgramBytes is not null || search.MinRatingHundredths is not null
            || search.Kind is not null || search.Region is not null || search.MinContextLength is not null;
    }

    public ListingSearch Search { get; }

    /// <summary>Terms that are found in every agent; the last one see <see cref="LastIsBeginning"/>.</summary>
    public IReadOnlyList<byte[]> Words { get; }

    public bool LastIsBeginning { get; }

    /// <summary>Terms that every agent has, and that say nothing of how well it fits.</summary>
    public IReadOnlyList<byte[]> Filters { get; }

    public string? Publisher { get; }

    public long MinPrice { get; }

    public long MaxPrice { get; }

    /// <summary>The bit of the region that is asked for; 0 when none is, or nothing is offered there.</summary>
    public ulong Region { get; }

    /// <summary>What is at hand in the region that is asked for, where it has no bit.</summary>
    public IReadOnlySet<ulong>? RegionContents { get; }

    /// <summary>Whether a number, or what is kept as one, is asked for.</summary>
    public bool HasNumbers { get; }

    /// <summary>How much each word counts.</summary>
    public int[] Weights { get; set; } = [];

    /// <summary>Where the last page ended; null on the first.</summary>
    public SearchCursor? After { get; set; }

    /// <summary>How many postings of a segment a word has.</summary>
    public int CountPostings(SearchSegment segment, int word)
    {
        var (first, end) = TermsOf(segment, word);
        return segment.PostingStarts[end] - segment.PostingStarts[first];
    }

    /// <summary>The terms of a segment that a word may be.</summary>
    public (int First, int End) TermsOf(SearchSegment segment, int word)
    {
        if (LastIsBeginning && word == Words.Count - 1)
            return segment.TermsThatBegin(Words[word]);
        var term = segment.FindTerm(Words[word]);
        return term < 0 ? (0, 0) : (term, term + 1);
    }

    /// <summary>Whether an agent has all that is asked for but words.</summary>
    /// <param name="segment">Where it is.</param>
    /// <param name="agent">Which.</param>
    /// <param name="filters">The terms of <see cref="Filters"/> in that segment; −1 for one that nobody has there.</param>
    public bool Fits(SearchSegment segment, int agent, ReadOnlySpan<int> filters)
    {
        var values = segment.Values.AsSpan(segment.ValueStarts[agent]..segment.ValueStarts[agent + 1]);
        foreach (var filter in filters)
        {
            if (filter < 0 || !values.Contains(filter))
                return false;
        }

        return (Publisher is null || segment.Publishers[segment.PublisherOf(agent)].ToString() == Publisher) && HasWantedNumbers(segment, agent);
    }

    /// <summary>Whether the numbers of an agent are as they are asked for.</summary>
    public bool HasWantedNumbers(SearchSegment segment, int agent) =>
        segment.Prices[agent] >= MinPrice && segment.Prices[agent] <= MaxPrice
        && (Search.Kind is not { } kind || segment.Kinds[agent] == (byte)kind)
        && IsInRegion(segment, agent)
        && (Search.MinContextLength is not { } tokens || segment.ContextLengths[agent] >= tokens)
        && (Search.MaxProgramBytes is not { } most || segment.SizesBytes[agent] <= most)
        && IsRatedAsWanted(segment, agent);

    /// <summary>Whether an agent is offered where it is asked for. By the bit where the region has one, which is one look.</summary>
    public bool IsInRegion(SearchSegment segment, int agent) =>
        Search.Region is null
        || (Region != 0 ? (Volatile.Read(ref segment.Regions[agent]) & Region) != 0 : segment.Contents[agent] != 0 && RegionContents?.Contains(segment.Contents[agent]) is true);

    /// <summary>Whether the reviews of an agent are as good as they are asked for.</summary>
    public bool IsRatedAsWanted(SearchSegment segment, int agent) =>
        Search.MinRatingHundredths is not { } least || (segment.StandingOf(agent) is { Reviews: > 0 } standing && standing.AverageHundredths >= least);
}
