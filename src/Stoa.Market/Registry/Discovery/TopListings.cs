using System.Text;

namespace Stoa.Market.Registry.Discovery;

/// <summary>The first so many of what a search finds, in its order, over several segments.</summary>
/// <param name="plan">The search.</param>
/// <param name="limit">How many.</param>
internal sealed class TopListings(SearchPlan plan, int limit)
{
    private const int BlockSize = 1_024;

    // A heap whose root is the last one of those that are kept.
    private readonly PriorityQueue<Found, Found> _kept = new(limit + 1, LastFirst.Instance);

    /// <summary>One that was found.</summary>
    /// <param name="SortKey">What it is put in order by, ascending.</param>
    /// <param name="Segment">Where.</param>
    /// <param name="Agent">Which.</param>
    public readonly record struct Found(long SortKey, SearchSegment Segment, int Agent);

    /// <summary>Takes what was found in a segment.</summary>
    public void Take(SearchSegment segment, ReadOnlySpan<int> agents, ReadOnlySpan<int> scores)
    {
        if (plan.Search.Sort is ListingSort.Relevance && !scores.IsEmpty)
        {
            TakeBest(segment, agents, scores);
            return;
        }

        var keys = new long[Math.Min(BlockSize, agents.Length)];
        var (afterKey, afterAgent) = plan.After is { } after ? (after.SortKey, FirstBehind(segment, after.Last)) : (long.MinValue, 0);
        var (leastKey, leastAgent) = Bar(segment);
        for (var begin = 0; begin < agents.Length; begin += BlockSize)
        {
            var block = agents.Slice(begin, Math.Min(BlockSize, agents.Length - begin));
            WriteKeys(segment, block, scores.IsEmpty ? [] : scores.Slice(begin, block.Length), keys);
            for (var index = 0; index < block.Length; index++)
            {
                var (key, agent) = (keys[index], block[index]);
                if (key > leastKey || (key == leastKey && agent >= leastAgent) || key < afterKey || (key == afterKey && agent < afterAgent))
                    continue;
                Keep(new Found(key, segment, agent));
                (leastKey, leastAgent) = Bar(segment);
            }
        }
    }

    /// <summary>Takes those with the greatest scores: nearly all are passed over, many at once.</summary>
    private void TakeBest(SearchSegment segment, ReadOnlySpan<int> agents, ReadOnlySpan<int> scores)
    {
        var (afterKey, afterAgent) = plan.After is { } after ? (after.SortKey, FirstBehind(segment, after.Last)) : (long.MinValue, 0);
        var (leastKey, leastAgent) = Bar(segment);
        for (var index = 0; index < agents.Length; index++)
        {
            // With as great a score as the last one only those are kept that stand before it.
            var wanted = leastKey == long.MaxValue ? 0 : agents[index] < leastAgent ? -leastKey : 1 - leastKey;
            var next = scores[index..].IndexOfAnyInRange((int)Math.Min(wanted, int.MaxValue), int.MaxValue);
            if (next < 0)
                return;
            index += next;
            var (key, agent) = (-(long)scores[index], agents[index]);
            if ((key == leastKey && agent >= leastAgent) || key < afterKey || (key == afterKey && agent < afterAgent))
                continue;
            Keep(new Found(key, segment, agent));
            (leastKey, leastAgent) = Bar(segment);
        }
    }

    private void Keep(Found found)
    {
        if (_kept.Count < limit)
            _kept.Enqueue(found, found);
        else
            _kept.EnqueueDequeue(found, found);
    }

    /// <summary>Those that are kept, in order. Nothing is kept any more.</summary>
    public IReadOnlyList<Found> TakeOut()
    {
        var found = new Found[_kept.Count];
        for (var index = found.Length - 1; index >= 0; index--)
            found[index] = _kept.Dequeue();
        return found;
    }

    /// <summary>From where on agents of a segment are not kept: greater keys, and with the same key this agent and those behind it.</summary>
    private (long Key, int Agent) Bar(SearchSegment segment)
    {
        if (_kept.Count < limit)
            return (long.MaxValue, int.MaxValue);
        var last = _kept.Peek();
        return (last.SortKey, last.Segment == segment ? last.Agent : segment.LowerBound(last.Segment.Publishers[last.Segment.PublisherOf(last.Agent)].ToString(), last.Segment.NameOf(last.Agent)));
    }

    private static int FirstBehind(SearchSegment segment, ListingKey key)
    {
        var (publisher, name) = (key.Publisher.ToString(), Encoding.ASCII.GetBytes(key.Name));
        var at = segment.LowerBound(publisher, name);
        return at == segment.Find(publisher, name) ? at + 1 : at;
    }

    private void WriteKeys(SearchSegment segment, ReadOnlySpan<int> agents, ReadOnlySpan<int> scores, long[] keys)
    {
        for (var index = 0; index < agents.Length; index++)
        {
            var agent = agents[index];
            keys[index] = plan.Search.Sort switch
            {
                ListingSort.Relevance => scores.IsEmpty ? 0 : -scores[index],
                ListingSort.Rating => -segment.StandingOf(agent).Rank,
                ListingSort.Tasks => -Volatile.Read(ref segment.Succeeded[agent]),
                ListingSort.Price => segment.Prices[agent],
                ListingSort.Newest => -segment.StatedAt[agent],
                _ => throw new ArgumentOutOfRangeException(nameof(agents), plan.Search.Sort, "An order is expected."),
            };
        }
    }

    private sealed class LastFirst : IComparer<Found>
    {
        public static readonly LastFirst Instance = new();

        public int Compare(Found x, Found y)
        {
            if (x.SortKey != y.SortKey)
                return y.SortKey.CompareTo(x.SortKey);
            if (x.Segment == y.Segment)
                return y.Agent.CompareTo(x.Agent);
            var publishers = string.CompareOrdinal(y.Segment.Publishers[y.Segment.PublisherOf(y.Agent)].ToString(), x.Segment.Publishers[x.Segment.PublisherOf(x.Agent)].ToString());
            return publishers != 0 ? publishers : y.Segment.NameOf(y.Agent).SequenceCompareTo(x.Segment.NameOf(x.Agent));
        }
    }
}
