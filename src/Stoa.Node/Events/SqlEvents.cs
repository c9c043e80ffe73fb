using Stoa.Market.Events;
using Stoa.Node.Storage;

namespace Stoa.Node.Events;

/// <summary>The event stream inside a session: an event is written with the change that it tells of, or not at all.</summary>
public static class SqlEvents
{
    /// <summary>The signal of the database that tells the newest sequence; on PostgreSQL also the channel of its notifications.</summary>
    internal const string Topic = "stoa_events";

    // On PostgreSQL a sequence is drawn when a row is written and seen when it is committed. Two writers could commit in the
    // other order, and a reader that has seen the greater number would never look for the lesser. So whoever appends holds this
    // lock from before it draws until its commit is visible: numbers become visible in the order in which they are drawn.
    // SQLite's acts run one after another anyway. The key is the word "even" in ASCII.
    private const string Lock = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(1702257006)) AS locked";

    private static readonly SqlRows<NewEvent> s_insert = SqlRows<NewEvent>.Insert(
        "events",
        [
            SqlField<NewEvent>.OfText("type", told => told.Type),
            SqlField<NewEvent>.OfText("subject", told => told.Subject),
            SqlField<NewEvent>.OfText("audience", told => told.Audience),
            SqlField<NewEvent>.OfInteger("time", told => told.Time.ToUnixTimeMilliseconds()),
            SqlField<NewEvent>.OfText("data", told => told.DataJson),
        ]);

    /// <summary>Appends events, in order. Wakes live feeds once the act is committed.</summary>
    /// <remarks>Call it last in an act: on PostgreSQL all acts that append wait for each other from here to their commits.</remarks>
    public static async Task AppendAsync(SqlSession session, IEnumerable<NewEvent> events)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(events);
        var appended = events.ToList();
        if (appended.Count == 0)
            return;
        if (!session.Dialect.IsSqlite)
            await session.SendAsync(Lock);
        await session.SendRowsAsync(s_insert, appended);
        session.RaiseOnCommit(Topic, await session.QuerySingleAsync<long>(
            """
            SELECT last FROM (SELECT COALESCE(MAX(sequence), 0) AS last FROM events) AS newest
            {if postgres}, LATERAL pg_notify(@topic, CAST(last AS TEXT)) AS notified{end}
            """,
            new { topic = Topic }));
    }

    internal static Task<long> LastSequenceAsync(SqlSession session) =>
        session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM events");
}
