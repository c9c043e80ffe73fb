namespace Stoa.Market.Membership;

/// <summary>Tells from the beats of nodes, as one of them sees them, which of them are dead.</summary>
/// <remarks>
/// It asks two things of a dead node's number: that it stood still for long enough, by the watcher's own monotonic time, and over several looks.
/// A process that was paused looks once when it goes on and finds what it finds, so the time alone would have it bury the whole cell; and looks
/// alone would come slowly where the machine is busy. No two clocks are compared, and no clock on the wall is read.
/// </remarks>
/// <param name="silence">How long the same number has to be found.</param>
/// <param name="misses">In how many looks after the first.</param>
public sealed class NodeWatch(TimeSpan silence, int misses)
{
    private Dictionary<LeaseHolder, Seen> _seen = [];

    /// <summary>One look.</summary>
    /// <param name="beats">Of all nodes that are listed.</param>
    /// <param name="at">The watcher's monotonic time; only differences count.</param>
    /// <returns>Those that are dead. They are forgotten: one that is still listed at the next look is new, whether it has come back under the number with
    /// which it died or could not be struck off.</returns>
    public IReadOnlyList<NodeBeat> Look(IReadOnlyList<NodeBeat> beats, TimeSpan at)
    {
        var seen = new Dictionary<LeaseHolder, Seen>();
        var dead = new List<NodeBeat>();
        foreach (var beat in beats)
        {
            var now = _seen.TryGetValue(beat.Holder, out var before) && before.Beat == beat.Beat
                ? before with { Misses = before.Misses + 1 }
                : new Seen(beat.Beat, at, 0);
            if (now.Misses >= misses && at - now.Since >= silence)
                dead.Add(beat);
            else
                seen[beat.Holder] = now;
        }

        _seen = seen;
        return dead;
    }

    private readonly record struct Seen(long Beat, TimeSpan Since, int Misses);
}
