namespace Stoa.Market.Registry.Discovery;

/// <summary>How much a word says of an agent: BM25 without the part that depends on all other agents, in a byte.</summary>
/// <remarks>
/// Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), with fields as in BM25F. The length that texts are compared with is fixed, so what a word says of an agent changes with the
/// agent alone; how rare a word is comes with the search. Sums of products of small whole numbers are the same in whatever order they are made.
/// </remarks>
internal static class Impact
{
    /// <summary>The greatest.</summary>
    public const int Most = 255;

    private const int OfName = 6;
    private const int OfCapability = 3;
    private const int OfTag = 3;
    private const int OfDescription = 1;
    private const double Saturation = 1.2;
    private const double LengthPart = 0.75;
    private const double TypicalLength = 60;

    /// <summary>The words of an agent, each with what it says.</summary>
    public static Dictionary<string, byte> Of(ListingDocument document)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var length = 0;
        Add(document.Key.Name, OfName);
        Add(document.Description, OfDescription);
        foreach (var capability in document.Capabilities)
            Add(capability, OfCapability);
        foreach (var tag in document.Tags)
            Add(tag, OfTag);
        foreach (var mark in (string?[])[document.Category, document.Framework, document.Architecture, document.Quantisation])
            Add(mark ?? "", OfTag);
        return counts.ToDictionary(count => count.Key, count => Of(count.Value, length), StringComparer.Ordinal);

        void Add(string text, int weight)
        {
            foreach (var word in SearchWords.Split(text))
            {
                counts[word] = counts.GetValueOrDefault(word) + weight;
                length += weight;
            }
        }
    }

    /// <summary>That of the beginning of a word: half of what the word says.</summary>
    public static byte OfBeginning(byte impact) => (byte)((impact + 1) / 2);

    /// <summary>How much a word counts, by how many of all agents have it: 1 to some hundreds.</summary>
    /// <param name="agents">All, at least 1.</param>
    /// <param name="having">Those that have it.</param>
    public static int WeightOf(long agents, long having) => 1 + (int)(16 * Math.Log2(1 + (agents / (double)Math.Max(1, having))));

    private static byte Of(int count, int length) =>
        (byte)Math.Clamp(Math.Round(Most * count / (count + (Saturation * (1 - LengthPart + (LengthPart * length / TypicalLength))))), 1, Most);
}
