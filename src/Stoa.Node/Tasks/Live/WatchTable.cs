namespace Stoa.Node.Tasks.Live;

/// <summary>What is watched at which nodes.</summary>
internal static class WatchTable
{
    /// <summary>One watch of one node.</summary>
    /// <param name="HeardAt">Timestamp of this process's clock.</param>
    /// <param name="Log">Of a log: what was said last.</param>
    public sealed record Watch(long HeardAt, CellMessage.WatchLog? Log);
}

/// <inheritdoc cref="WatchTable"/>
/// <typeparam name="TSubject">By what it is found. Not safe for use by many threads.</typeparam>
internal sealed class WatchTable<TSubject>
    where TSubject : notnull
{
    private readonly Dictionary<TSubject, Dictionary<string, WatchTable.Watch>> _subjects = [];

    public int Count { get; private set; }

    public WatchTable.Watch? Find(TSubject subject, string node) => _subjects.GetValueOrDefault(subject)?.GetValueOrDefault(node);

    public IReadOnlyList<string> ListNodes(TSubject subject) => _subjects.TryGetValue(subject, out var nodes) ? [.. nodes.Keys] : [];

    /// <summary>Replaces a watch, or adds it if that may be.</summary>
    public void Set(TSubject subject, string node, WatchTable.Watch watch, bool mayAdd)
    {
        var isKnown = Find(subject, node) is not null;
        if (!isKnown && !mayAdd)
            return;
        if (!_subjects.TryGetValue(subject, out var nodes))
            _subjects[subject] = nodes = new Dictionary<string, WatchTable.Watch>(StringComparer.Ordinal);
        nodes[node] = watch;
        Count += isKnown ? 0 : 1;
    }

    public void RemoveWhere(Func<WatchTable.Watch, bool> isOver)
    {
        foreach (var (subject, nodes) in _subjects.ToList())
        {
            foreach (var (node, watch) in nodes.ToList())
            {
                if (isOver(watch) && nodes.Remove(node))
                    Count--;
            }

            if (nodes.Count == 0)
                _subjects.Remove(subject);
        }
    }
}
