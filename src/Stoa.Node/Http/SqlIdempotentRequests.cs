using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>How a request with an idempotency key begins.</summary>
public abstract record IdempotencyStart
{
    private IdempotencyStart()
    {
    }

    /// <summary>The request is to be done, and what it makes has this id.</summary>
    public sealed record Reserved(Guid MadeId) : IdempotencyStart;

    /// <summary>It was done before.</summary>
    public sealed record Answered(StoredAnswer Answer) : IdempotencyStart;

    /// <summary>It is being done.</summary>
    public sealed record Busy : IdempotencyStart;

    /// <summary>The key came before with other content.</summary>
    public sealed record Reused : IdempotencyStart;
}

/// <summary>Keeps requests with an idempotency key, and their answers, for a day.</summary>
/// <remarks>How old a key is says the clock of the database, where nodes share one: a node whose clock is wrong forgets nobody's keys.</remarks>
public sealed class SqlIdempotentRequests(Database database, TimeProvider time)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromDays(1);

    // Whoever works on a request renews the mark; when it was not renewed for so long, the node that did is taken to be gone.
    private static readonly TimeSpan s_busy = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_renewEvery = TimeSpan.FromSeconds(1);

    /// <summary>Reserves the key, or tells what became of it.</summary>
    public Task<IdempotencyStart> BeginAsync(
        IdempotencyTicket ticket, ContentHash content, Guid madeId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var keyHash = ticket.Hash;
        var fingerprint = ticket.Fingerprint(content);
        return database.WriteAsync<IdempotencyStart>(
            async session =>
            {
                await session.ExecuteAsync(
                    "DELETE FROM idempotent_requests WHERE created_at < {clock} - @keptMs", new { now, keptMs = (long)s_kept.TotalMilliseconds });
                var inserted = await session.ExecuteAsync(
                    """
                    INSERT INTO idempotent_requests (key_hash, fingerprint, made_id, busy_until, created_at)
                    VALUES (@keyHash, @fingerprint, @madeId, @busyUntil, {clock})
                    ON CONFLICT (key_hash) DO NOTHING
                    """,
                    new { keyHash, fingerprint, madeId = madeId.ToString(), busyUntil = now + s_busy, now });
                if (inserted == 1)
                    return new IdempotencyStart.Reserved(madeId);

                var stored = await session.QuerySingleAsync<StoredRequest>(
                    "SELECT fingerprint, made_id, busy_until, sealed_answer FROM idempotent_requests WHERE key_hash = @keyHash {for update}",
                    new { keyHash });
                if (stored.Fingerprint != fingerprint)
                    return new IdempotencyStart.Reused();
                if (stored.SealedAnswer is not null)
                    return new IdempotencyStart.Answered(ticket.Open(stored.SealedAnswer));
                // A mark of later than it could be is of before the clock was set back.
                if (stored.BusyUntil > now && stored.BusyUntil <= now + s_busy)
                    return new IdempotencyStart.Busy();
                await session.ExecuteAsync(
                    "UPDATE idempotent_requests SET busy_until = @busyUntil WHERE key_hash = @keyHash", new { keyHash, busyUntil = now + s_busy });
                return new IdempotencyStart.Reserved(Guid.Parse(stored.MadeId));
            },
            cancellationToken);
    }

    /// <summary>Says again and again that the request is being worked on, until it is cancelled.</summary>
    public async Task KeepBusyAsync(IdempotencyTicket ticket, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(s_renewEvery, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
                return;
            try
            {
                await ChangeAsync(
                    "UPDATE idempotent_requests SET busy_until = @busyUntil WHERE key_hash = @keyHash AND sealed_answer IS NULL",
                    new { keyHash = ticket.Hash, busyUntil = time.GetUtcNow() + s_busy },
                    cancellationToken);
            }
            catch (Exception away) when (away.MayPass() || cancellationToken.IsCancellationRequested)
            {
                // The worst that can come of it is that a repetition acts too, under the same id.
            }
        }
    }

    /// <summary>Keeps the answer.</summary>
    public Task AnswerAsync(IdempotencyTicket ticket, StoredAnswer answer, CancellationToken cancellationToken) =>
        ChangeAsync(
            "UPDATE idempotent_requests SET sealed_answer = @sealedAnswer WHERE key_hash = @keyHash",
            new { keyHash = ticket.Hash, sealedAnswer = ticket.Seal(answer) },
            cancellationToken);

    /// <summary>Lets a repetition act at once, under the same id.</summary>
    public Task HandBackAsync(IdempotencyTicket ticket, CancellationToken cancellationToken) =>
        ChangeAsync("UPDATE idempotent_requests SET busy_until = 0 WHERE key_hash = @keyHash", new { keyHash = ticket.Hash }, cancellationToken);

    /// <summary>Frees the key of a request that was refused, so that it may be sent again corrected.</summary>
    public Task ForgetAsync(IdempotencyTicket ticket, CancellationToken cancellationToken) =>
        ChangeAsync("DELETE FROM idempotent_requests WHERE key_hash = @keyHash", new { keyHash = ticket.Hash }, cancellationToken);

    private Task<int> ChangeAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync(session => session.ExecuteAsync(sql, parameters), cancellationToken);

    private sealed record StoredRequest(ContentHash Fingerprint, string MadeId, DateTimeOffset BusyUntil, byte[]? SealedAnswer);
}
