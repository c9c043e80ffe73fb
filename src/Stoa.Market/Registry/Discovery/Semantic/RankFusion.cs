namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Blends two orders into one: what stands high in both stands highest.</summary>
/// <remarks>Cormack, Clarke and Büttcher, Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods (SIGIR 2009): the sum of 1 ÷ (60 + place). It needs no common scale of the two.</remarks>
public static class RankFusion
{
    private const int Dampening = 60;
    private const long Whole = 1_000_000_000;

    /// <summary>All that are in one of them or in both, best first, equal ones in the order of keys.</summary>
    /// <param name="first">Best first, each once.</param>
    /// <param name="second">Best first, each once.</param>
    public static IReadOnlyList<(ListingKey Key, long Score)> Blend(IReadOnlyList<ListingKey> first, IReadOnlyList<ListingKey> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var scores = new Dictionary<ListingKey, long>();
        foreach (var order in (IReadOnlyList<ListingKey>[])[first, second])
        {
            for (var place = 0; place < order.Count; place++)
                scores[order[place]] = scores.GetValueOrDefault(order[place]) + (Whole / (Dampening + place + 1));
        }

        return [.. scores.OrderByDescending(score => score.Value).ThenBy(score => score.Key).Select(score => (score.Key, score.Value))];
    }
}
