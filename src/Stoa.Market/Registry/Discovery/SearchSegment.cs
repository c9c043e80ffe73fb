using System.Numerics;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>A part of an index: some agents, in the order of their keys, and for each term which of them have it. Nothing in it changes but what consumers made of the agents.</summary>
/// <remarks>
/// All is in flat arrays: a million agents are few objects, and a term is a place in one of them. Terms are in the order of their bytes, so those that begin alike stand together, as their postings do. The first
/// byte of a term is its <see cref="TermKind"/>.
/// </remarks>
internal sealed class SearchSegment
{
    // Where each publisher is, 1 for the first, at the place that the hash of its text gives or behind it; 0 for none. A power of two of them, so a third or more are none.
    private readonly int[] _placesOfPublishers = [];

    /// <param name="terms">With all their postings.</param>
    /// <param name="agents">How many agents.</param>
    public SearchSegment(TermWriter terms, int agents)
    {
        (Terms, TermStarts, ValueTerms) = (terms.Terms, terms.TermStarts, terms.ValueTerms);
        (PostingStarts, Postings, Impacts) = (terms.PostingStarts, terms.Postings, terms.Impacts);
        (ValueStarts, Values) = TurnRound(agents);
    }

    /// <summary>How many agents.</summary>
    public int Count => Prices.Length;

    /// <summary>The publishers, in the order of their texts.</summary>
    public required PeerId[] Publishers
    {
        get;
        init
        {
            field = value;
            _placesOfPublishers = PlacePublishers(value);
        }
    }

    /// <summary>The first agent of each publisher, and the count of all agents behind the last.</summary>
    public required int[] PublisherStarts { get; init; }

    /// <summary>The names of the agents, one behind the other.</summary>
    public required byte[] Names { get; init; }

    /// <summary>Where each name begins, and where the last one ends.</summary>
    public required int[] NameStarts { get; init; }

    /// <summary>The price of what has none: behind all others.</summary>
    public const long NoPrice = long.MaxValue - 1;

    /// <summary>Nanodollars, or <see cref="NoPrice"/>.</summary>
    public required long[] Prices { get; init; }

    /// <summary>Each a <see cref="ListingKind"/>.</summary>
    public required byte[] Kinds { get; init; }

    /// <summary>Tokens; 0 of what is no model.</summary>
    public required int[] ContextLengths { get; init; }

    /// <summary>What each consists of, by <see cref="ListingRegions.KeyOf"/>; 0 for nothing.</summary>
    public required ulong[] Contents { get; init; }

    /// <summary>Bits of <see cref="ListingRegions"/>. Written while others read.</summary>
    public required ulong[] Regions { get; init; }

    /// <summary>Of programs, or of what else each consists of.</summary>
    public required long[] SizesBytes { get; init; }

    /// <summary>Milliseconds of Unix time.</summary>
    public required long[] StatedAt { get; init; }

    /// <summary>Tasks done well. Written while others read.</summary>
    public required int[] Succeeded { get; init; }

    /// <summary>Reviews in the upper half, their stars in the lower. Written while others read, both at once.</summary>
    public required long[] Ratings { get; init; }

    /// <summary>The terms, one behind the other.</summary>
    public byte[] Terms { get; }

    /// <summary>Where each term begins, and where the last one ends.</summary>
    public int[] TermStarts { get; }

    /// <summary>How many terms are no words: they come first.</summary>
    public int ValueTerms { get; }

    /// <summary>Where the postings of each term begin, and where the last ones end.</summary>
    public int[] PostingStarts { get; }

    /// <summary>Agents that have a term, ascending for each term.</summary>
    public int[] Postings { get; }

    /// <summary>How much the term says of the agent, beside each posting: <see cref="Impact"/>.</summary>
    public byte[] Impacts { get; }

    /// <summary>Where the terms of each agent that are no words begin, and where the last ones end.</summary>
    public int[] ValueStarts { get; }

    /// <summary>Terms of agents that are no words.</summary>
    public int[] Values { get; }

    /// <summary>How many terms.</summary>
    public int TermCount => TermStarts.Length - 1;

    public ReadOnlySpan<byte> TermOf(int term) => Terms.AsSpan(TermStarts[term]..TermStarts[term + 1]);

    public ReadOnlySpan<byte> NameOf(int agent) => Names.AsSpan(NameStarts[agent]..NameStarts[agent + 1]);

    public int PublisherOf(int agent)
    {
        var found = Array.BinarySearch(PublisherStarts, agent);
        // No publisher is without an agent, so no two begin at the same one.
        return found >= 0 ? found : ~found - 1;
    }

    public ListingKey KeyOf(int agent) => new(Publishers[PublisherOf(agent)], Encoding.ASCII.GetString(NameOf(agent)));

    public ListingStanding StandingOf(int agent)
    {
        var rating = Volatile.Read(ref Ratings[agent]);
        return new ListingStanding(Volatile.Read(ref Succeeded[agent]), (int)(rating >> 32), (uint)rating);
    }

    public void SetStanding(int agent, ListingStanding standing)
    {
        Volatile.Write(ref Succeeded[agent], PackSucceeded(standing));
        Volatile.Write(ref Ratings[agent], PackRating(standing));
    }

    /// <summary>Says anew where what is offered.</summary>
    public void SetRegions(ListingRegions regions)
    {
        for (var agent = 0; agent < Count; agent++)
        {
            var mask = Contents[agent] == 0 ? 0 : regions.MaskOf(Contents[agent]);
            if (Regions[agent] != mask)
                Volatile.Write(ref Regions[agent], mask);
        }
    }

    public static int PackSucceeded(ListingStanding standing) => (int)Math.Clamp(standing.Succeeded, 0, int.MaxValue);

    public static long PackRating(ListingStanding standing) => ((long)Math.Max(0, standing.Reviews) << 32) | (uint)Math.Clamp(standing.Stars, 0, uint.MaxValue);

    /// <summary>The agents of a publisher.</summary>
    public (int First, int End) AgentsOf(string publisher)
    {
        var found = FindPublisher(publisher);
        return found < 0 ? (0, 0) : (PublisherStarts[found], PublisherStarts[found + 1]);
    }

    /// <summary>The first agent whose key is not less than another.</summary>
    public int LowerBound(string publisher, ReadOnlySpan<byte> name)
    {
        var found = FindPublisher(publisher);
        if (found < 0)
            return PublisherStarts[~found];
        return LowerBound(found, name);
    }

    /// <summary>Where an agent is; −1 where it is not.</summary>
    public int Find(string publisher, ReadOnlySpan<byte> name)
    {
        if (PlaceOfPublisher(publisher) is not (>= 0 and var place))
            return -1;
        var at = LowerBound(place, name);
        return at < PublisherStarts[place + 1] && NameOf(at).SequenceEqual(name) ? at : -1;
    }

    /// <summary>Where a publisher is; where there is none, the complement of where it would be.</summary>
    public int FindPublisher(string publisher)
    {
        if (PlaceOfPublisher(publisher) is >= 0 and var place)
            return place;
        var (low, high) = (0, Publishers.Length);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (string.CompareOrdinal(Publishers[middle].ToString(), publisher) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return ~low;
    }

    /// <summary>The first term that is not less than some bytes.</summary>
    public int LowerBoundOfTerm(ReadOnlySpan<byte> bytes)
    {
        var (low, high) = (0, TermCount);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (TermOf(middle).SequenceCompareTo(bytes) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>The term that is some bytes; −1 where there is none.</summary>
    public int FindTerm(ReadOnlySpan<byte> bytes)
    {
        var at = LowerBoundOfTerm(bytes);
        return at < TermCount && TermOf(at).SequenceEqual(bytes) ? at : -1;
    }

    /// <summary>The terms that begin with some bytes, none of which is 255.</summary>
    public (int First, int End) TermsThatBegin(ReadOnlySpan<byte> bytes)
    {
        Span<byte> behind = stackalloc byte[bytes.Length];
        bytes.CopyTo(behind);
        behind[^1]++;
        return (LowerBoundOfTerm(bytes), LowerBoundOfTerm(behind));
    }

    private int LowerBound(int publisher, ReadOnlySpan<byte> name)
    {
        var (low, high) = (PublisherStarts[publisher], PublisherStarts[publisher + 1]);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (NameOf(middle).SequenceCompareTo(name) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Where a publisher is; −1 where there is none.</summary>
    private int PlaceOfPublisher(string publisher)
    {
        var mask = _placesOfPublishers.Length - 1;
        for (var at = HashOf(publisher) & mask; _placesOfPublishers[at] is not 0 and var place; at = (at + 1) & mask)
        {
            if (Publishers[place - 1].ToString() == publisher)
                return place - 1;
        }

        return -1;
    }

    private static int[] PlacePublishers(PeerId[] publishers)
    {
        var places = new int[BitOperations.RoundUpToPowerOf2((uint)(publishers.Length + (publishers.Length / 2) + 1))];
        for (var publisher = 0; publisher < publishers.Length; publisher++)
        {
            var at = HashOf(publishers[publisher].ToString()) & (places.Length - 1);
            while (places[at] != 0)
                at = (at + 1) & (places.Length - 1);
            places[at] = publisher + 1;
        }

        return places;
    }

    // With the seed of the process, so nobody can make keys that all have one place.
    private static int HashOf(string publisher) => string.GetHashCode(publisher, StringComparison.Ordinal);

    /// <summary>Turns the postings of the terms that are no words round: for each agent which it has.</summary>
    private (int[] Starts, int[] Values) TurnRound(int agents)
    {
        var starts = new int[agents + 1];
        var postings = Postings.AsSpan(0, PostingStarts[ValueTerms]);
        foreach (var agent in postings)
            starts[agent + 1]++;
        for (var agent = 0; agent < agents; agent++)
            starts[agent + 1] += starts[agent];
        var (values, next) = (new int[postings.Length], starts.AsSpan(0, agents).ToArray());
        for (var term = 0; term < ValueTerms; term++)
        {
            foreach (var agent in Postings.AsSpan(PostingStarts[term]..PostingStarts[term + 1]))
                values[next[agent]++] = term;
        }

        return (starts, values);
    }
}

/// <summary>What a term is. It is the first byte of the term; words come last.</summary>
internal enum TermKind : byte
{
    Category = (byte)'a',
    Capability = (byte)'c',
    Framework = (byte)'f',
    Input = (byte)'i',
    License = (byte)'l',
    Output = (byte)'o',
    Quantisation = (byte)'q',
    Tag = (byte)'t',
    Word = (byte)'w',
}

/// <summary>Terms as bytes.</summary>
internal static class Terms
{
    public static byte[] Of(TermKind kind, string text) => [(byte)kind, .. Encoding.UTF8.GetBytes(text)];

    public static string TextOf(ReadOnlySpan<byte> term) => Encoding.UTF8.GetString(term[1..]);
}
