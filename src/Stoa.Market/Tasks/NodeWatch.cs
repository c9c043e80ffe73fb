namespace Stoa.Market.Tasks;

/// <summary>Tells from the beats of nodes, as one of them sees them, which of them are dead.</summary>
/// <remarks>
/// It counts its own looks, not time: a process that was paused, or a machine whose clock jumped, looks once when it goes on and finds what
/// it finds; only a number that stands still over several looks is a dead node's.
/// </remarks>
/// <param name="misses">How many looks in a row have to find the same number.</param>
public sealed class NodeWatch(int misses)
{
    private Dictionary<LeaseHolder, (long Beat, int Misses)> _seen = [];

    /// <summary>One look.</summary>
    /// <param name="beats">Of all nodes that are listed.</param>
    /// <returns>Those that are dead.</returns>
    public IReadOnlyList<NodeBeat> Look(IReadOnlyList<NodeBeat> beats)
    {
        var seen = new Dictionary<LeaseHolder, (long Beat, int Misses)>();
        var dead = new List<NodeBeat>();
        foreach (var beat in beats)
        {
            var missed = _seen.TryGetValue(beat.Holder, out var before) && before.Beat == beat.Beat ? before.Misses + 1 : 0;
            seen[beat.Holder] = (beat.Beat, missed);
            if (missed >= misses)
                dead.Add(beat);
        }

        _seen = seen;
        return dead;
    }
}
