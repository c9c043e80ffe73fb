using System.Buffers;
using System.Numerics;

namespace Stoa.Market.Registry.Discovery;

/// <summary>The agents of one segment that a search finds, ascending, with how well each fits. Its arrays are borrowed.</summary>
internal ref struct SegmentFinder : IDisposable
{
    // How many times longer a list has to be for its agents to be looked up one by one instead of passing over it.
    private const int MuchLonger = 16;

    private readonly SegmentView _view;
    private readonly SearchPlan _plan;
    private readonly int[] _agents;
    private readonly int[] _scores;
    private int _count;

    /// <summary>Finds them.</summary>
    public SegmentFinder(SegmentView view, SearchPlan plan)
    {
        (_view, _plan) = (view, plan);
        _agents = ArrayPool<int>.Shared.Rent(view.Segment.Count);
        _scores = ArrayPool<int>.Shared.Rent(plan.Words.Count == 0 ? 0 : view.Segment.Count);
        Find();
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

    private void Find()
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

        if (lists.Exists(list => list.First < 0))
            return;
        lists.Sort((left, right) => left.Length(segment).CompareTo(right.Length(segment)));
        if (lists.Count == 0)
            TakeAll();
        else
            TakeFirst(lists[0]);
        for (var index = 1; index < lists.Count && _count > 0; index++)
            Keep(lists[index]);
        if (lists.Count > 0)
            KeepWanted();
    }

    /// <summary>Takes all agents that may be found at all.</summary>
    private void TakeAll()
    {
        var (first, end) = RangeOfAgents();
        for (var word = first / 64; word * 64 < end; word++)
        {
            for (var bits = _view.Live[word]; bits != 0; bits &= bits - 1)
            {
                var agent = (word * 64) + BitOperations.TrailingZeroCount(bits);
                if (agent >= first && agent < end && (!_plan.HasNumbers || _plan.HasWantedNumbers(_view.Segment, agent)))
                    _agents[_count++] = agent;
            }
        }
    }

    private void TakeFirst(PostingList list)
    {
        var segment = _view.Segment;
        if (list.IsBeginning)
        {
            using var best = new BestImpacts(segment, list, _plan.Words[^1]);
            var from = 0;
            for (var impacts = best.Impacts; from < impacts.Length; from++)
            {
                var skipped = impacts[from..].IndexOfAnyExcept((byte)0);
                if (skipped < 0)
                    break;
                from += skipped;
                (_agents[_count], _scores[_count++]) = (from, impacts[from] * list.Weight);
            }

            return;
        }

        var postings = list.Postings(segment);
        postings.CopyTo(_agents);
        _count = postings.Length;
        if (_plan.Words.Count == 0)
            return;
        var said = list.Impacts(segment);
        for (var index = 0; index < said.Length; index++)
            _scores[index] = said[index] * list.Weight;
    }

    /// <summary>Keeps those that are in a list as well.</summary>
    private void Keep(PostingList list)
    {
        var segment = _view.Segment;
        var hasScores = _plan.Words.Count > 0;
        var kept = 0;
        if (list.IsBeginning)
        {
            using var best = new BestImpacts(segment, list, _plan.Words[^1]);
            for (var index = 0; index < _count; index++)
            {
                if (best.Impacts[_agents[index]] is not 0 and var impact)
                    (_agents[kept], _scores[kept++]) = (_agents[index], _scores[index] + (impact * list.Weight));
            }

            _count = kept;
            return;
        }

        var postings = list.Postings(segment);
        var said = list.Impacts(segment);
        var looksUp = postings.Length / MuchLonger > _count;
        for (var (index, at) = (0, 0); index < _count && at < postings.Length; index++)
        {
            var agent = _agents[index];
            if (looksUp)
            {
                var found = postings[at..].BinarySearch(agent);
                at += found < 0 ? ~found : found;
            }
            else
            {
                while (at < postings.Length && postings[at] < agent)
                    at++;
            }

            if (at == postings.Length || postings[at] != agent)
                continue;
            _agents[kept] = agent;
            if (hasScores)
                _scores[kept] = _scores[index] + (said[at] * list.Weight);
            kept++;
        }

        _count = kept;
    }

    /// <summary>Keeps those that are still there, and are as they are asked for.</summary>
    private void KeepWanted()
    {
        var (first, end) = RangeOfAgents();
        var hasScores = _plan.Words.Count > 0;
        var kept = 0;
        for (var index = 0; index < _count; index++)
        {
            var agent = _agents[index];
            if (agent < first || agent >= end || !_view.IsLive(agent) || (_plan.HasNumbers && !_plan.HasWantedNumbers(_view.Segment, agent)))
                continue;
            _agents[kept] = agent;
            if (hasScores)
                _scores[kept] = _scores[index];
            kept++;
        }

        _count = kept;
    }

    private readonly (int First, int End) RangeOfAgents() => _plan.Publisher is null ? (0, _view.Segment.Count) : _view.Segment.AgentsOf(_plan.Publisher);
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
    private readonly byte[] _impacts;
    private readonly int _count;

    public BestImpacts(SearchSegment segment, PostingList list, ReadOnlySpan<byte> word)
    {
        _count = segment.Count;
        _impacts = ArrayPool<byte>.Shared.Rent(_count);
        Array.Clear(_impacts, 0, _count);
        var agents = list.Postings(segment);
        var impacts = list.Impacts(segment);
        // The word itself is the first of those that begin with it.
        var whole = segment.TermOf(list.First).SequenceEqual(word) ? segment.PostingStarts[list.First + 1] - segment.PostingStarts[list.First] : 0;
        for (var index = 0; index < agents.Length; index++)
        {
            var impact = index < whole ? impacts[index] : Impact.OfBeginning(impacts[index]);
            ref var best = ref _impacts[agents[index]];
            if (impact > best)
                best = impact;
        }
    }

    public ReadOnlySpan<byte> Impacts => _impacts.AsSpan(0, _count);

    public void Dispose() => ArrayPool<byte>.Shared.Return(_impacts);
}
