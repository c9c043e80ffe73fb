using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>Makes a segment of agents.</summary>
internal static class SegmentBuilder
{
    /// <summary>Makes a segment.</summary>
    /// <param name="documents">At least one, and no two of one agent.</param>
    /// <param name="regions">Where what is offered.</param>
    public static SearchSegment Build(IEnumerable<ListingDocument> documents, ListingRegions regions)
    {
        var sorted = documents.OrderBy(document => document.Key).ToArray();
        var publishers = new List<PeerId>();
        var publisherStarts = new List<int>();
        var names = new List<byte>();
        var nameStarts = new List<int> { 0 };
        var terms = new Dictionary<string, List<(int Agent, byte Impact)>>(StringComparer.Ordinal);
        for (var agent = 0; agent < sorted.Length; agent++)
        {
            var document = sorted[agent];
            var publisher = document.Key.Publisher;
            if (publishers.Count == 0 || publishers[^1] != publisher)
            {
                publishers.Add(publisher);
                publisherStarts.Add(agent);
            }

            names.AddRange(Encoding.ASCII.GetBytes(document.Key.Name));
            nameStarts.Add(names.Count);
            foreach (var (word, impact) in Impact.Of(document))
                Add(TermKind.Word, word, agent, impact);
            foreach (var capability in document.Capabilities.Distinct(StringComparer.Ordinal))
                Add(TermKind.Capability, capability, agent, 1);
            foreach (var tag in document.Tags.Select(SearchWords.FoldTag).Distinct(StringComparer.Ordinal))
                Add(TermKind.Tag, tag, agent, 1);
            foreach (var licence in document.License is null ? [] : SpdxExpression.LicencesOf(document.License))
                Add(TermKind.License, licence, agent, 1);
            AddOne(TermKind.Input, document.Input, agent);
            AddOne(TermKind.Output, document.Output, agent);
            AddOne(TermKind.Category, document.Category, agent);
            AddOne(TermKind.Framework, document.Framework, agent);
            AddOne(TermKind.Quantisation, document.Quantisation is null ? null : SearchWords.FoldTag(document.Quantisation), agent);
        }

        publisherStarts.Add(sorted.Length);
        var written = new TermWriter(terms.Values.Sum(postings => postings.Count), terms.Count);
        foreach (var (bytes, postings) in terms.Select(term => (Bytes: Encoding.UTF8.GetBytes(term.Key), term.Value)).Order(ByBytes.Instance))
        {
            foreach (var (agent, impact) in postings)
                written.AddPosting(agent, impact);
            written.EndTerm(bytes);
        }

        ulong[] contents = [.. sorted.Select(document => document.Content is { } content ? ListingRegions.KeyOf(content) : 0)];
        return new SearchSegment(written, sorted.Length)
        {
            Publishers = [.. publishers],
            PublisherStarts = [.. publisherStarts],
            Names = [.. names],
            NameStarts = [.. nameStarts],
            Prices = [.. sorted.Select(document => document.Price?.Nanodollars ?? SearchSegment.NoPrice)],
            Kinds = [.. sorted.Select(document => (byte)document.Kind)],
            ContextLengths = [.. sorted.Select(document => document.ContextLength)],
            Contents = contents,
            Regions = [.. contents.Select(content => content == 0 ? 0 : regions.MaskOf(content))],
            SizesBytes = [.. sorted.Select(document => document.ProgramBytes)],
            StatedAt = [.. sorted.Select(document => document.StatedAt)],
            Succeeded = [.. sorted.Select(document => SearchSegment.PackSucceeded(document.Standing))],
            Ratings = [.. sorted.Select(document => SearchSegment.PackRating(document.Standing))],
        };

        void AddOne(TermKind kind, string? text, int agent)
        {
            if (text is not null)
                Add(kind, text, agent, 1);
        }

        void Add(TermKind kind, string text, int agent, byte impact)
        {
            var term = (char)kind + text;
            if (!terms.TryGetValue(term, out var postings))
                terms[term] = postings = [];
            postings.Add((agent, impact));
        }
    }

    private sealed class ByBytes : IComparer<(byte[] Bytes, List<(int Agent, byte Impact)> Postings)>
    {
        public static readonly ByBytes Instance = new();

        public int Compare((byte[] Bytes, List<(int Agent, byte Impact)> Postings) x, (byte[] Bytes, List<(int Agent, byte Impact)> Postings) y) =>
            x.Bytes.AsSpan().SequenceCompareTo(y.Bytes);
    }
}

/// <summary>Writes terms with their postings, in order.</summary>
/// <param name="postings">As many as there may be.</param>
/// <param name="terms">As many as there may be.</param>
internal sealed class TermWriter(int postings, int terms)
{
    private readonly int[] _termStarts = new int[terms + 1];
    private readonly int[] _postingStarts = new int[terms + 1];
    private int[] _postings = new int[postings];
    private byte[] _impacts = new byte[postings];
    private byte[] _bytes = new byte[terms * 8];
    private int _count;
    private int _terms;

    public int ValueTerms { get; private set; }

    public byte[] Terms => _bytes[.._termStarts[_terms]];

    public int[] TermStarts => _termStarts[..(_terms + 1)];

    public int[] PostingStarts => _postingStarts[..(_terms + 1)];

    /// <summary>Those that were written. The array is handed over.</summary>
    public int[] Postings
    {
        get
        {
            Array.Resize(ref _postings, _count);
            return _postings;
        }
    }

    /// <summary>Those that were written. The array is handed over.</summary>
    public byte[] Impacts
    {
        get
        {
            Array.Resize(ref _impacts, _count);
            return _impacts;
        }
    }

    /// <summary>How many terms have been written.</summary>
    public int TermCount => _terms;

    public void AddPosting(int agent, byte impact) => (_postings[_count], _impacts[_count++]) = (agent, impact);

    /// <summary>Ends a term; one without postings is left out.</summary>
    /// <returns>Whether it was written.</returns>
    public bool EndTerm(ReadOnlySpan<byte> bytes)
    {
        if (_count == _postingStarts[_terms])
            return false;
        var begin = _termStarts[_terms];
        if (begin + bytes.Length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(begin + bytes.Length, _bytes.Length * 2));
        bytes.CopyTo(_bytes.AsSpan(begin));
        if (bytes[0] != (byte)TermKind.Word)
            ValueTerms++;
        _terms++;
        (_termStarts[_terms], _postingStarts[_terms]) = (begin + bytes.Length, _count);
        return true;
    }
}
