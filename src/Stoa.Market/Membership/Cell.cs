namespace Stoa.Market.Membership;

/// <summary>What a node knows of the nodes of its cell: as of its last sign of life, so about a second old. Safe for many threads.</summary>
/// <param name="self">This start of this node.</param>
/// <param name="region">Where this node stands; null when it does not say.</param>
/// <param name="startedAt">When this node started, UTC.</param>
public sealed class Cell(LeaseHolder self, string? region, DateTimeOffset startedAt)
{
    private volatile IReadOnlyList<ListedNode> _others = [];

    /// <summary>This start of this node.</summary>
    public LeaseHolder Self => self;

    /// <summary>Where this node stands; null when it does not say.</summary>
    public string? Region => region;

    /// <summary>When this node started, UTC.</summary>
    public DateTimeOffset StartedAt => startedAt;

    /// <summary>The other nodes that are alive.</summary>
    public IReadOnlyList<ListedNode> Others => _others;

    /// <summary>Where nodes stand that are alive, this one's place included.</summary>
    public IReadOnlySet<string> Regions => new SortedSet<string>(
        _others.Select(node => node.Report?.Region).Append(region).OfType<string>(), StringComparer.Ordinal);

    /// <summary>The share of the nodes that are alive, this one among them, that stand in one of some regions: from 0 to 1.</summary>
    public double ShareIn(IReadOnlyList<string> regions)
    {
        var stand = _others.Select(node => node.Report?.Region).Append(region).ToList();
        return (double)stand.Count(where => where is not null && regions.Contains(where)) / stand.Count;
    }

    /// <summary>Whether this node may run what asks for one of these regions; for none of them any node may.</summary>
    public bool MayRun(IReadOnlyList<string> regions) => regions.Count == 0 || (region is not null && regions.Contains(region));

    /// <summary>How many tasks run by agent at the other nodes.</summary>
    public IReadOnlyDictionary<string, int> RunningElsewhere() => _others
        .SelectMany(node => node.Report?.Load.Running ?? Nothing)
        .GroupBy(running => running.Key, running => running.Value, StringComparer.Ordinal)
        .ToDictionary(agent => agent.Key, agent => agent.Sum(), StringComparer.Ordinal);

    /// <summary>Takes what a look at the list of nodes has found.</summary>
    public void Learn(IEnumerable<ListedNode> listed) => _others = [.. listed.Where(node => node.Beat.Holder != self)];

    private static IReadOnlyDictionary<string, int> Nothing { get; } = new Dictionary<string, int>();
}
