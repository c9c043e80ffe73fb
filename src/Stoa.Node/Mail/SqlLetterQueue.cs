using Stoa.Node.Storage;

namespace Stoa.Node.Mail;

/// <summary>Letters on their way, in the database: each is there until it is sent or given up.</summary>
/// <remarks>A letter that is taken is due again a little later, so that one whose node dies while it sends is sent again: at least once, not exactly once.</remarks>
public sealed class SqlLetterQueue(Database database, TimeProvider time)
{
    /// <summary>How long a letter that was taken is left to whoever took it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromHours(6);

    /// <summary>When the earliest letter is due; null when there is none.</summary>
    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>("SELECT due_at FROM letters ORDER BY due_at LIMIT 1"), cancellationToken);

    /// <summary>Takes letters that are due, oldest first.</summary>
    public Task<IReadOnlyList<QueuedLetter>> TakeAsync(int limit, CancellationToken cancellationToken) => database.WriteAsync<IReadOnlyList<QueuedLetter>>(
        async session =>
        {
            var now = time.GetUtcNow();
            var due = await session.QueryAsync<QueuedLetter>(
                "SELECT id, recipient, subject, body, attempts FROM letters WHERE due_at <= @now ORDER BY due_at, id LIMIT @limit {for update skip locked}",
                new { now, limit });
            await session.SendAsync(
                "UPDATE letters SET attempts = attempts + 1, due_at = @until WHERE id IN @ids", new { until = now + Patience, ids = due.Select(letter => letter.Id) });
            return [.. due.Select(letter => letter with { Attempts = letter.Attempts + 1 })];
        },
        cancellationToken);

    /// <summary>Forgets a letter that was sent, or that is pointless to send again.</summary>
    public Task RemoveAsync(QueuedLetter letter, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM letters WHERE id = @Id", new { letter.Id }), cancellationToken);

    /// <summary>Puts a letter off that could not be sent: for half a minute at first, then for longer and longer, up to six hours.</summary>
    public Task PutOffAsync(QueuedLetter letter, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("UPDATE letters SET due_at = @dueAt WHERE id = @Id", new { letter.Id, dueAt = time.GetUtcNow() + PauseAfter(letter.Attempts) }),
        cancellationToken);

    /// <summary>How long to wait after so many attempts.</summary>
    public static TimeSpan PauseAfter(int attempts) =>
        attempts >= 11 ? s_longestPause : TimeSpan.FromTicks(Math.Min(s_firstPause.Ticks << Math.Max(0, attempts - 1), s_longestPause.Ticks));

    /// <summary>Has letters wait no longer that are put off for longer than any is: a clock was set back since.</summary>
    public Task BringForwardAsync(CancellationToken cancellationToken) => database.WriteAsync(
        session =>
        {
            var now = time.GetUtcNow();
            return session.ExecuteAsync("UPDATE letters SET due_at = @now WHERE due_at > @latest", new { now, latest = now + s_longestPause });
        },
        cancellationToken);
}
