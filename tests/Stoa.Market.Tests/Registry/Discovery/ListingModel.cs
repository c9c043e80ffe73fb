using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Discovery;

/// <summary>What an index has to answer, found by looking at every agent.</summary>
internal sealed class ListingModel
{
    public Dictionary<ListingKey, ListingDocument> Documents { get; } = [];

    /// <summary>What is at hand where.</summary>
    public List<(string Region, ContentHash Content)> Offers { get; set; } = [];

    /// <summary>All that is found, in order.</summary>
    /// <param name="search">Its words are ASCII.</param>
    /// <param name="weights">How much each word counts, as the index says.</param>
    public List<ListingDocument> Find(ListingSearch search, IReadOnlyList<int> weights) =>
        [.. Documents.Values.Where(document => Fits(document, search))
            .Select(document => (Document: document, Score: Score(document, search, weights)))
            .Where(found => found.Score >= 0)
            .OrderBy(found => search.Sort switch
            {
                ListingSort.Relevance => -found.Score,
                ListingSort.Rating => -found.Document.Standing.Rank,
                ListingSort.Tasks => -found.Document.Standing.Succeeded,
                ListingSort.Price => found.Document.Price?.Nanodollars ?? long.MaxValue,
                _ => -found.Document.StatedAt,
            })
            .ThenBy(found => found.Document.Key)
            .Select(found => found.Document)];

    /// <summary>How many of what is found have each value.</summary>
    public Dictionary<string, long> Count(IEnumerable<ListingDocument> found, ListingFacet facet) => found
        .SelectMany(document => facet switch
        {
            ListingFacet.Capability => document.Capabilities.Distinct(),
            ListingFacet.Tag => document.Tags.Select(tag => tag.ToLowerInvariant()).Distinct(),
            ListingFacet.Input => One(document.Input),
            ListingFacet.Output => One(document.Output),
            ListingFacet.Kind => [document.Kind.ToString().ToLowerInvariant()],
            ListingFacet.Category => One(document.Category),
            ListingFacet.License => LicencesOf(document),
            ListingFacet.Region => RegionsOf(document),
            ListingFacet.Framework => One(document.Framework),
            ListingFacet.Quantisation => One(document.Quantisation?.ToLowerInvariant()),
            _ => [document.Key.Publisher.ToString()],
        })
        .GroupBy(value => value).ToDictionary(values => values.Key, values => values.LongCount());

    private static IEnumerable<string> One(string? value) => value is null ? [] : [value];

    private static IEnumerable<string> LicencesOf(ListingDocument document) => document.License switch
    {
        null => [],
        "MIT" => ["mit"],
        "MIT OR Apache-2.0" => ["mit", "apache-2.0"],
        _ => ["gpl-2.0-only", "mit"],
    };

    private IEnumerable<string> RegionsOf(ListingDocument document) => Offers.Where(offer => offer.Content == document.Content).Select(offer => offer.Region).Distinct();

    private bool Fits(ListingDocument document, ListingSearch search) =>
        search.Capabilities.All(document.Capabilities.Contains)
        && search.Tags.All(tag => document.Tags.Any(one => string.Equals(one, tag, StringComparison.OrdinalIgnoreCase)))
        && (search.Publisher is null || document.Key.Publisher == search.Publisher)
        && (search.Input is null || document.Input == search.Input)
        && (search.Output is null || document.Output == search.Output)
        && (search.Kind is null || document.Kind == search.Kind)
        && (search.Category is null || document.Category == search.Category)
        && (search.License is null || LicencesOf(document).Contains(search.License.ToLowerInvariant()))
        && (search.Region is null || RegionsOf(document).Contains(search.Region))
        && (search.Framework is null || document.Framework == search.Framework)
        && (search.Quantisation is null || string.Equals(document.Quantisation, search.Quantisation, StringComparison.OrdinalIgnoreCase))
        && (search.MinContextLength is not { } tokens || document.ContextLength >= tokens)
        && (search.MinPrice is not { } least || document.Price >= least)
        && (search.MaxPrice is not { } most || document.Price <= most)
        && (search.MaxProgramBytes is not { } bytes || document.ProgramBytes <= bytes)
        && (search.MinRatingHundredths is not { } rating || (document.Standing.Reviews > 0 && document.Standing.Stars * 100 / document.Standing.Reviews >= rating));

    /// <summary>How well the words fit; −1 when one is missing.</summary>
    private static int Score(ListingDocument document, ListingSearch search, IReadOnlyList<int> weights)
    {
        var wanted = WordsOf(search.Text ?? "");
        var words = new (string Text, int Weight)[] { (document.Key.Name, 6), (document.Description, 1) }
            .Concat(document.Capabilities.Select(capability => (capability, 3))).Concat(document.Tags.Select(tag => (tag, 3)))
            .Concat(((string?[])[document.Category, document.Framework, document.Architecture, document.Quantisation?.Replace('_', ' ')]).OfType<string>().Select(mark => (mark, 3)))
            .SelectMany(field => WordsOf(field.Item1).Select(word => (Word: word, Weight: field.Item2))).ToList();
        var length = words.Sum(word => word.Weight);
        var counts = words.GroupBy(word => word.Word).ToDictionary(group => group.Key, group => group.Sum(word => word.Weight));
        var score = 0;
        for (var index = 0; index < wanted.Count; index++)
        {
            var isBeginning = index == wanted.Count - 1 && wanted[index].Length > 1 && !search.Text!.EndsWith(' ');
            var best = counts.Where(count => count.Key == wanted[index]).Select(count => Impact(count.Value))
                .Concat(isBeginning ? counts.Where(count => count.Key != wanted[index] && count.Key.StartsWith(wanted[index], StringComparison.Ordinal)).Select(count => (Impact(count.Value) + 1) / 2) : [])
                .DefaultIfEmpty(0).Max();
            if (best == 0)
                return -1;
            score += best * weights[index];
        }

        return score;

        int Impact(int count) => (int)Math.Clamp(Math.Round(255.0 * count / (count + (1.2 * (0.25 + (0.75 * length / 60))))), 1, 255);
    }

    private static List<string> WordsOf(string text) => [.. text.ToLowerInvariant().Split(' ', '.', '-', ',').Where(word => word.Length > 0)];
}
