namespace Stoa.Market.Registry.Discovery;

/// <summary>A search as segments are asked it.</summary>
internal sealed class SearchPlan
{
    public SearchPlan(ListingSearch search)
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
        ];
        Publisher = search.Publisher?.ToString();
        (MinPrice, MaxPrice) = (search.MinPrice?.Nanodollars ?? long.MinValue, search.MaxPrice?.Nanodollars ?? long.MaxValue);
        HasNumbers = search.MinPrice is not null || search.MaxPrice is not null || search.MaxProgramBytes is not null || search.MinRatingHundredths is not null;
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

    /// <summary>Whether a number is asked for.</summary>
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

    /// <summary>Whether the numbers of an agent are as they are asked for.</summary>
    public bool HasWantedNumbers(SearchSegment segment, int agent) =>
        segment.Prices[agent] >= MinPrice && segment.Prices[agent] <= MaxPrice
        && (Search.MaxProgramBytes is not { } most || segment.SizesBytes[agent] <= most)
        && (Search.MinRatingHundredths is not { } least || segment.StandingOf(agent) is { Reviews: > 0 } standing && standing.AverageHundredths >= least);
}
