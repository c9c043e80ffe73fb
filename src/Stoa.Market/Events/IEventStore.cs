using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Events;

/// <summary>Which events a reader wants.</summary>
/// <param name="Viewer">Sees public events and those whose audience is this user; null sees public events only.</param>
/// <param name="Subject">Only events about this id, or null for all.</param>
/// <param name="Types">Only these types, or empty for all.</param>
public sealed record EventFilter(Id<User>? Viewer, string? Subject, IReadOnlyList<string> Types);

/// <summary>Reads the event stream. Events are appended by the stores of the other rooms, inside their own transactions.</summary>
public interface IEventStore
{
    /// <summary>Events after a position, oldest first.</summary>
    Task<IReadOnlyList<MarketEvent>> ReadAfterAsync(long sequence, EventFilter filter, int limit, CancellationToken cancellationToken);

    /// <summary>The position of the newest event; 0 when there is none.</summary>
    Task<long> LastSequenceAsync(CancellationToken cancellationToken);
}
