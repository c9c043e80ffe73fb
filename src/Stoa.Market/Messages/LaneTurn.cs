namespace Stoa.Market.Messages;

/// <summary>The first messages of one sender to one mailbox, as far as they are looked at, in the order in which they were sent.</summary>
/// <param name="Sequence">Their order.</param>
/// <param name="Deliveries">How often it was handed out.</param>
/// <param name="Bytes">Of its body.</param>
/// <param name="ReadyAt">It is not handed out before.</param>
public sealed record LaneHead(long Sequence, int Deliveries, long Bytes, DateTimeOffset ReadyAt);

/// <summary>What a receiver gets of one lane: of what one sender has sent to one mailbox, where nobody holds any of it.</summary>
/// <remarks>
/// A lane is held as a whole, by one receiver. What was never handed out goes in a run, several in one answer; what was handed out before goes alone, so that a
/// message over which receivers die takes no others with it: of a run that comes back each is tried by itself. Of what nobody has acknowledged in
/// all of its deliveries a dead letter is made, and the lane goes on.
/// </remarks>
/// <param name="Dead">Sequences of those that become dead letters.</param>
/// <param name="Run">Sequences of those that are handed out, in order.</param>
/// <param name="NotBefore">When the first may be handed out, if that is later; null otherwise.</param>
public sealed record LaneTurn(IReadOnlyList<long> Dead, IReadOnlyList<long> Run, DateTimeOffset? NotBefore)
{
    /// <summary>Decides.</summary>
    /// <param name="heads">The first ones, none of them expired.</param>
    /// <param name="maxDeliveries">Of the mailbox.</param>
    /// <param name="room">How many may be handed out, at least 1.</param>
    /// <param name="bytesLeft">How many bytes their bodies may have.</param>
    /// <param name="isFirst">Whether nothing is in the answer yet: then one goes whatever its size.</param>
    /// <param name="now">UTC.</param>
    public static LaneTurn Decide(IReadOnlyList<LaneHead> heads, int maxDeliveries, int room, long bytesLeft, bool isFirst, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(heads);
        List<long> dead = [];
        List<long> run = [];
        foreach (var head in heads)
        {
            if (head.Deliveries >= maxDeliveries && run.Count == 0)
            {
                dead.Add(head.Sequence);
                continue;
            }

            // The last delivery of one is its own, too: of a mailbox that hands out once no whole run may die.
            var goesInRuns = head.Deliveries == 0 && maxDeliveries > 1;
            if (run.Count > 0 && !goesInRuns)
                break;
            if (head.ReadyAt > now)
                return new LaneTurn(dead, run, run.Count == 0 ? head.ReadyAt : null);
            if (head.Bytes > bytesLeft && !(isFirst && run.Count == 0))
                break;
            run.Add(head.Sequence);
            bytesLeft -= head.Bytes;
            if (!goesInRuns || run.Count == room)
                break;
        }

        return new LaneTurn(dead, run, null);
    }
}
