using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>The event stream in a database.</summary>
public sealed class SqlEventStore(Database database) : IEventStore
{
    /// <inheritdoc/>
    public Task<EventBatch> ReadAfterAsync(long sequence, EventFilter filter, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        var query = "SELECT sequence, type, subject, audience, time, data FROM events WHERE sequence > @sequence"
            + (filter.Viewer is null ? " AND audience IS NULL" : " AND (audience IS NULL OR audience = @viewer)")
            + (filter.Subject is null ? "" : " AND subject = @subject")
            + (filter.Types.Count == 0 ? "" : " AND type IN @types")
            + " ORDER BY sequence LIMIT @limit";
        return database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<EventRow>(
                    query, new { sequence, limit, viewer = filter.Viewer, subject = filter.Subject, types = filter.Types });
                var events = rows.Select(row => row.ToEvent()).ToList();
                return events.Count == limit
                    ? new EventBatch(events, events[^1].Sequence)
                    : new EventBatch(events, Math.Max(sequence, await SqlEvents.LastSequenceAsync(session)));
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<long> LastSequenceAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(SqlEvents.LastSequenceAsync, cancellationToken);

    private sealed record EventRow(long Sequence, string Type, string Subject, Id<User>? Audience, DateTimeOffset Time, string Data)
    {
        public MarketEvent ToEvent() => new(Sequence, new NewEvent(Type, Subject, Audience, Time, Data));
    }
}
