using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Events;

/// <summary>Which events a reader wants.</summary>
/// <param name="Viewer">Sees public events and those whose audience is this user; null sees public events only.</param>
/// <param name="Subject">Only events about this id, or null for all.</param>
/// <param name="Types">Only these types, or empty for all.</param>
public sealed record EventFilter(Id<User>? Viewer, string? Subject, IReadOnlyList<string> Types);

/// <summary>A part of the stream.</summary>
/// <param name="Events">What was asked for, oldest first.</param>
/// <param name="ContinueAfter">Up to here all has been looked at: the position to go on from. It moves on over events that
/// were not asked for, so that they are not looked at again.</param>
public sealed record EventBatch(IReadOnlyList<MarketEvent> Events, long ContinueAfter);

/// <summary>Reads the event stream. Events are appended by the stores of the other rooms, inside their own transactions.</summary>
public interface IEventStore
{
    /// <summary>Events after a position, at most <paramref name="limit"/> of them.</summary>
    /// <remarks>A reader that goes on from <see cref="EventBatch.ContinueAfter"/> misses none, whoever writes meanwhile.</remarks>
    Task<EventBatch> ReadAfterAsync(long sequence, EventFilter filter, int limit, CancellationToken cancellationToken);

    /// <summary>The position of the newest event; 0 when there is none.</summary>
    Task<long> LastSequenceAsync(CancellationToken cancellationToken);
}
