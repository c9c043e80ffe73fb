using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Stoa.Market.Registry.Discovery;

/// <summary>The agents of one segment that a search finds, ascending, with how well each fits. Its arrays are borrowed.</summary>
/// <remarks>A block at a time goes through all that is asked for: it stays near the processor, and who only wants to know whether many are found stops at the block that says so.</remarks>
internal ref struct SegmentFinder : IDisposable
{
    // How many times longer a list has to be for its agents to be looked up one by one instead of passing over it.
    private const int MuchLonger = 16;

    // A whole number of words of the live bits.
    private const int BlockSize = 4_096;

    private readonly SegmentView _view;
    private readonly SearchPlan _plan;
    private readonly int[] _agents;
    private readonly int[] _scores;
    private int _count;

    /// <summary>Finds them.</summary>
    /// <param name="view">Where.</param>
    /// <param name="plan">What.</param>
    /// <param name="enough">With more than so many found it may stop. Only for a plan without words.</param>
    public SegmentFinder(SegmentView view, SearchPlan plan, int enough = int.MaxValue)
    {
        (_view, _plan) = (view, plan);
        var most = (int)Math.Min(view.Segment.Count, (long)enough + BlockSize);
        _agents = ArrayPool<int>.Shared.Rent(most);
        _scores = ArrayPool<int>.Shared.Rent(plan.Words.Count == 0 ? 0 : most);
        Find(enough);
    }

    /// <summary>Those that were found.</summary>
    public readonly ReadOnlySpan<int> Agents => _agents.AsSpan(0, _count);

    /// <summary>How well each fits; nothing when there are no words.</summary>
    public readonly ReadOnlySpan<int> Scores => _plan.Words.Count == 0 ? [] : _scores.AsSpan(0, _count);

    public readonly void Dispose()
    {
        ArrayPool<int>.Shared.Return(_agents);
        ArrayPool<int>.Shared.Return(_scores);
    }

    private void Find(int enough)
    {
        var segment = _view.Segment;
        var lists = Lists();
        if (lists.Exists(list => list.First < 0))
            return;
        lists.Sort((left, right) => left.Length(segment).CompareTo(right.Length(segment)));
        using var best = lists.Find(list => list.IsBeginning) is { IsBeginning: true } beginning ? new BestImpacts(segment, beginning, _plan.Words[^1]) : default;
        var (first, end) = _plan.Publisher is null ? (0, segment.Count) : segment.AgentsOf(_plan.Publisher);
        var isPart = end - first < segment.Count;
        // Where each list is read on.
        Span<int> next = stackalloc int[lists.Count];
        var source = lists switch
        {
            [] => end,
            [{ IsBeginning: true }, ..] => segment.Count,
            [var shortest, ..] => shortest.Length(segment),
        };
        for (var from = lists.Count == 0 ? first / BlockSize * BlockSize : 0; from < source && _count <= enough; from += BlockSize)
        {
            var to = Math.Min(source, from + BlockSize);
            var agents = _agents.AsSpan(_count);
            var scores = _plan.Words.Count == 0 ? [] : _scores.AsSpan(_count);
            var count = lists switch
            {
                [] => TakeLive(from, to, agents),
                [{ IsBeginning: true } list, ..] => Take(best.Impacts, list.Weight, from, to, agents, scores),
                [var list, ..] => Take(list, from, to, agents, scores),
            };
            for (var index = 1; index < lists.Count && count > 0; index++)
            {
                count = lists[index].IsBeginning
                    ? Keep(best.Impacts, lists[index].Weight, agents[..count], scores)
                    : Keep(lists[index], ref next[index], (long)(to - from) * lists[index].Length(segment) / source, agents[..count], scores);
            }

            if (isPart)
                count = KeepBetween(first, end, agents[..count], scores);
            if (lists.Count > 0 && _view.LiveCount < segment.Count)
                count = KeepLive(agents[..count], scores);
            if (_plan.HasNumbers && count > 0)
                count = KeepWanted(count, agents, scores);
            _count += count;
        }
    }

    private readonly List<PostingList> Lists()
    {
        var segment = _view.Segment;
        var lists = new List<PostingList>(_plan.Words.Count + _plan.Filters.Count);
        foreach (var filter in _plan.Filters)
        {
            var term = segment.FindTerm(filter);
            lists.Add(new PostingList(term, term + 1, 0));
        }

        for (var word = 0; word < _plan.Words.Count; word++)
        {
            var (first, end) = _plan.TermsOf(segment, word);
            lists.Add(new PostingList(first == end ? -1 : first, end, _plan.Weights[word])
            {
                // What is only a beginning says less, so that even a single such term is not the word.
                IsBeginning = _plan.LastIsBeginning && word == _plan.Words.Count - 1,
            });
        }

        return lists;
    }

    /// <summary>Takes those that are still there.</summary>
    private readonly int TakeLive(int from, int end, Span<int> agents)
    {
        var count = 0;
        for (var first = from; first < end; first += 64)
        {
            var bits = _view.Live[first / 64];
            if (end - first < 64)
                bits &= (1UL << (end - first)) - 1;
            for (; bits != 0; bits &= bits - 1)
                agents[count++] = first + BitOperations.TrailingZeroCount(bits);
        }

        return count;
    }

    private readonly int Take(PostingList list, int from, int to, Span<int> agents, Span<int> scores)
    {
        list.Postings(_view.Segment)[from..to].CopyTo(agents);
        if (scores.IsEmpty)
            return to - from;
        var said = list.Impacts(_view.Segment)[from..to];
        scores = scores[..said.Length];
        for (var index = 0; index < said.Length; index++)
            scores[index] = said[index] * list.Weight;
        return to - from;
    }

    private static int Take(ReadOnlySpan<byte> impacts, int weight, int from, int to, Span<int> agents, Span<int> scores)
    {
        var count = 0;
        while (from < to)
        {
            // Where they are few, eight that are none are one step.
            if (to - from >= sizeof(ulong) && MemoryMarshal.Read<ulong>(impacts[from..]) == 0)
            {
                from += sizeof(ulong);
                continue;
            }

            // Written in any case, and kept or written over: a processor guesses wrong which of them are found, and that would cost most.
            for (var end = Math.Min(to, from + sizeof(ulong)); from < end; from++)
            {
                (agents[count], scores[count]) = (from, impacts[from] * weight);
                count += impacts[from] == 0 ? 0 : 1;
            }
        }

        return count;
    }

    /// <summary>Keeps those of whom a beginning says something.</summary>
    private static int Keep(ReadOnlySpan<byte> impacts, int weight, Span<int> agents, Span<int> scores)
    {
        var kept = 0;
        for (var index = 0; index < agents.Length; index++)
        {
            var (agent, impact) = (agents[index], impacts[agents[index]]);
            (agents[kept], scores[kept]) = (agent, scores[index] + (impact * weight));
            kept += impact == 0 ? 0 : 1;
        }

        return kept;
    }

    /// <summary>Keeps those that are in a list as well.</summary>
    /// <param name="list">Which.</param>
    /// <param name="next">Where it is read on.</param>
    /// <param name="spanned">About how many of the list stand between the first of the block and its last.</param>
    /// <param name="agents">The block.</param>
    /// <param name="scores">How well each fits so far.</param>
    private readonly int Keep(PostingList list, ref int next, long spanned, Span<int> agents, Span<int> scores)
    {
        var postings = list.Postings(_view.Segment);
        var said = list.Impacts(_view.Segment);
        var looksUp = spanned / MuchLonger > agents.Length;
        var (kept, at) = (0, next);
        for (var index = 0; index < agents.Length; index++)
        {
            var agent = agents[index];
            if (looksUp)
            {
                at = Find(postings, at, agent);
            }
            else
            {
                while (at < postings.Length && postings[at] < agent)
                    at++;
            }

            if (at == postings.Length)
                break;
            if (postings[at] != agent)
                continue;
            agents[kept] = agent;
            if (!scores.IsEmpty)
                scores[kept] = scores[index] + (said[at] * list.Weight);
            kept++;
        }

        next = at;
        return kept;
    }

    /// <summary>The first posting from a place on that is not less than an agent: by steps that double, since the next is not far.</summary>
    private static int Find(ReadOnlySpan<int> postings, int from, int agent)
    {
        var (low, step) = (from, 1);
        while (low + step < postings.Length && postings[low + step] < agent)
        {
            low += step;
            step *= 2;
        }

        var found = postings[low..Math.Min(postings.Length, low + step + 1)].BinarySearch(agent);
        return low + (found < 0 ? ~found : found);
    }

    private static int KeepBetween(int first, int end, Span<int> agents, Span<int> scores)
    {
        var kept = 0;
        for (var index = 0; index < agents.Length; index++)
            kept += Keep(index, kept, agents[index] >= first && agents[index] < end, agents, scores);
        return kept;
    }

    private readonly int KeepLive(Span<int> agents, Span<int> scores)
    {
        var kept = 0;
        for (var index = 0; index < agents.Length; index++)
            kept += Keep(index, kept, _view.IsLive(agents[index]), agents, scores);
        return kept;
    }

    /// <summary>Keeps those whose numbers are as they are asked for: column by column, each of which is a short loop.</summary>
    private readonly int KeepWanted(int count, Span<int> agents, Span<int> scores)
    {
        var (segment, search) = (_view.Segment, _plan.Search);
        if (search.MinPrice is not null || search.MaxPrice is not null)
            count = KeepBetween(segment.Prices, _plan.MinPrice, _plan.MaxPrice, agents[..count], scores);
        if (search.Kind is { } kind)
            count = KeepBetween(segment.Kinds, (byte)kind, (byte)kind, agents[..count], scores);
        if (search.MinContextLength is { } tokens)
            count = KeepBetween(segment.ContextLengths, tokens, int.MaxValue, agents[..count], scores);
        if (search.MaxProgramBytes is { } bytes)
            count = KeepBetween(segment.SizesBytes, long.MinValue, bytes, agents[..count], scores);
        if (search.Region is null && search.MinRatingHundredths is null)
            return count;
        var kept = 0;
        for (var index = 0; index < count; index++)
            kept += Keep(index, kept, _plan.IsInRegion(segment, agents[index]) && _plan.IsRatedAsWanted(segment, agents[index]), agents, scores);
        return kept;
    }

    private static int KeepBetween<T>(ReadOnlySpan<T> column, T least, T most, Span<int> agents, Span<int> scores)
        where T : struct, IComparisonOperators<T, T, bool>
    {
        var kept = 0;
        for (var index = 0; index < agents.Length; index++)
        {
            var number = column[agents[index]];
            kept += Keep(index, kept, number >= least & number <= most, agents, scores);
        }

        return kept;
    }

    /// <summary>Moves one of a block to the front, where the next one is written over it when it is not to be kept.</summary>
    /// <returns>1 when it is kept.</returns>
    private static int Keep(int index, int kept, bool isKept, Span<int> agents, Span<int> scores)
    {
        agents[kept] = agents[index];
        if (!scores.IsEmpty)
            scores[kept] = scores[index];
        return isKept ? 1 : 0;
    }
}

/// <summary>The postings of some terms that stand together.</summary>
/// <param name="First">The first term; −1 for none.</param>
/// <param name="End">The term behind the last.</param>
/// <param name="Weight">How much it counts.</param>
internal readonly record struct PostingList(int First, int End, int Weight)
{
    /// <summary>Whether there may be several terms, whose postings are not in order, and an agent may have more than one.</summary>
    public bool IsBeginning { get; init; }

    public int Length(SearchSegment segment) => segment.PostingStarts[End] - segment.PostingStarts[First];

    public ReadOnlySpan<int> Postings(SearchSegment segment) => segment.Postings.AsSpan(segment.PostingStarts[First]..segment.PostingStarts[End]);

    public ReadOnlySpan<byte> Impacts(SearchSegment segment) => segment.Impacts.AsSpan(segment.PostingStarts[First]..segment.PostingStarts[End]);
}

/// <summary>For each agent of a segment the most that one of some terms says of it; 0 when it has none. The array is borrowed.</summary>
internal readonly ref struct BestImpacts : IDisposable
{
    private readonly byte[]? _impacts;
    private readonly int _count;

    public BestImpacts(SearchSegment segment, PostingList list, ReadOnlySpan<byte> word)
    {
        _count = segment.Count;
        _impacts = ArrayPool<byte>.Shared.Rent(_count);
        Array.Clear(_impacts, 0, _count);
        var best = _impacts.AsSpan(0, _count);
        var agents = list.Postings(segment);
        var impacts = list.Impacts(segment);
        // The word itself is the first of those that begin with it.
        var whole = segment.TermOf(list.First).SequenceEqual(word) ? segment.PostingStarts[list.First + 1] - segment.PostingStarts[list.First] : 0;
        for (var index = 0; index < whole; index++)
            best[agents[index]] = impacts[index];
        // Written whether it is more or not: which it is cannot be guessed.
        for (var index = whole; index < agents.Length; index++)
            best[agents[index]] = Math.Max(best[agents[index]], Impact.OfBeginning(impacts[index]));
    }

    public ReadOnlySpan<byte> Impacts => _impacts.AsSpan(0, _count);

    public void Dispose()
    {
        if (_impacts is not null)
            ArrayPool<byte>.Shared.Return(_impacts);
    }
}
