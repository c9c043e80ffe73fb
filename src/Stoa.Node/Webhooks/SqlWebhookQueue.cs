using System.Collections.Concurrent;
using System.Text.Json;
using Stoa.Client;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Webhooks;
using Stoa.Node.Events;
using Stoa.Node.Membership;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Webhooks;

/// <summary>Makes deliveries of events and hands them out under leases, so that several nodes send each once in the normal course.</summary>
/// <remarks>
/// Deliveries are made of the event stream by a cursor that moves in the transaction that writes them: an event that is committed
/// is taken up, whichever node dies when. A webhook is leased as a whole, by one node at a time.
/// </remarks>
public sealed class SqlWebhookQueue(
    Database database, LeaseHolder self, IdSource ids, PublicKey node, WebhookRetries retries, Random random, TimeProvider time)
{
    private const int EventsOfABatch = 1_000;
    private const int DeliveriesOfALease = 16;
    private const string FirstDue = "(SELECT MIN(d.due_at) FROM webhook_deliveries AS d WHERE d.webhook_id = webhooks.id AND d.state = 'Pending')";

    // What this node works under, so that a lease of which it never heard, or that it could not give back, holds nothing up.
    private readonly ConcurrentDictionary<string, byte> _working = new(StringComparer.Ordinal);

    /// <summary>Makes deliveries of the events that came since.</summary>
    /// <returns>Up to which event all is taken up, and whether there may be more; null when nobody is to be told of anything.</returns>
    public async Task<FannedOut?> FanOutAsync(CancellationToken cancellationToken)
    {
        // One snapshot: an event that is in it happened before any webhook that is not.
        var found = await database.ReadAsync(ReadEventsAsync, cancellationToken);
        if (found is null || found.To == found.From)
            return found is null ? null : new FannedOut(found.To, HasMore: false);
        return await database.WriteAsync(
            async session =>
            {
                var moved = await session.ExecuteAsync(
                    "UPDATE webhook_cursor SET sequence = @To WHERE id = 1 AND sequence = @Stored", new { found.To, found.Stored });
                // Another node was faster: its deliveries are the same.
                if (moved == 0)
                    return new FannedOut(found.From, HasMore: true);
                await InsertAsync(session, found.Deliveries);
                var now = time.GetUtcNow();
                await MakeDueAsync(session, [.. found.Deliveries.Select(delivery => delivery.WebhookId).Distinct()], now);
                return new FannedOut(found.To, found.HasMore);
            },
            cancellationToken);
    }

    /// <summary>When the earliest delivery is due that nobody works on; null when there is none.</summary>
    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
            $"SELECT next_due_at FROM webhooks WHERE next_due_at IS NOT NULL AND {HolderLease.IsFree} ORDER BY next_due_at LIMIT 1",
            new { self = self.ToString(), working = _working.Keys.ToArray() }),
        cancellationToken);

    /// <summary>Takes webhooks that something is due for, each with its first due deliveries.</summary>
    public async Task<IReadOnlyList<WebhookLease>> ClaimAsync(int count, CancellationToken cancellationToken)
    {
        var held = _working.Keys.ToArray();
        var claimed = await database.WriteAsync(
            async session =>
            {
                var now = time.GetUtcNow();
                var due = await session.QueryAsync<string>(
                    $$"""
                    SELECT id FROM webhooks WHERE next_due_at <= @now AND disabled_at IS NULL AND {{HolderLease.IsFree}}
                    ORDER BY next_due_at LIMIT @count {for update skip locked}
                    """,
                    new { now, count, self = self.ToString(), working = held });
                if (due.Count == 0)
                    return [];
                var rows = await session.QueryAsync<WebhookRow>($"SELECT {SqlWebhookStore.Columns} FROM webhooks WHERE id IN @due", new { due });
                List<WebhookLease> leases = [];
                foreach (var row in rows)
                {
                    var token = HolderLease.NewToken(self, ids);
                    await session.ExecuteAsync("UPDATE webhooks SET lease_token = @token WHERE id = @Id", new { row.Id, token });
                    var deliveries = await session.QueryAsync<WebhookDelivery>(
                        $"""
                        SELECT {SqlWebhookStore.DeliveryColumns} FROM webhook_deliveries
                        WHERE webhook_id = @Id AND state = 'Pending' AND due_at <= @now ORDER BY due_at, id LIMIT {DeliveriesOfALease}
                        """,
                        new { row.Id, now });
                    leases.Add(new WebhookLease(row.ToWebhook(), token, deliveries));
                }

                return (IReadOnlyList<WebhookLease>)leases;
            },
            cancellationToken);
        foreach (var lease in claimed)
            _working.TryAdd(lease.Token, 0);
        return claimed;
    }

    /// <summary>Says that this node does not work on a lease any more, whether that could be written or not.</summary>
    public void Drop(WebhookLease lease) => _working.TryRemove(lease.Token, out _);

    /// <summary>Writes what came of a lease's deliveries and gives the webhook back. A lease that was lost changes nothing: its deliveries are another's.</summary>
    public Task FinishAsync(
        WebhookLease lease, IReadOnlyList<(WebhookDelivery Delivery, DeliveryAttempt Attempt)> attempts, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var id = lease.Webhook.Id;
            var row = await session.QueryFirstOrDefaultAsync<WebhookRow>(
                $"SELECT {SqlWebhookStore.Columns} FROM webhooks WHERE id = @id AND lease_token = @Token {{for update}}", new { id, lease.Token });
            if (row is null)
                return;
            var now = time.GetUtcNow();
            foreach (var (delivery, attempt) in attempts)
                await WriteAsync(session, delivery, attempt, now);
            var failingSince = attempts.Any(pair => pair.Attempt.IsSuccess)
                ? null
                : row.FailingSince ?? (attempts.Count == 0 ? null : (DateTimeOffset?)attempts.Min(pair => pair.Attempt.At));
            await session.ExecuteAsync("UPDATE webhooks SET failing_since = @failingSince WHERE id = @id", new { id, failingSince });
            var reason = attempts.Any(pair => pair.Attempt.IsGone) ? "The receiver answered 410: there is nobody any more."
                : failingSince <= now - retries.DisableAfter ? $"Every attempt failed since {failingSince:yyyy-MM-dd HH:mm} UTC. The last: {attempts[^1].Attempt.Error}"
                : null;
            if (reason is not null && row.DisabledAt is null)
                await DisableAsync(session, row, reason, now);
            // What is left goes behind what others are due by now: else whose receiver is slow, and whose backlog is old, would always be first.
            await session.ExecuteAsync(
                $"""
                UPDATE webhooks SET lease_token = NULL, next_due_at = CASE WHEN disabled_at IS NOT NULL THEN NULL
                    WHEN {FirstDue} < @now THEN @now ELSE {FirstDue} END
                WHERE id = @id
                """,
                new { id, now });
        },
        cancellationToken);

    /// <summary>Has deliveries wait no longer whose last attempt, or making, lies ahead: the clock was set back since, or it was another node's.</summary>
    public Task BringForwardAsync(CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            var webhooks = await session.QueryAsync<Id<Webhook>>(
                """
                UPDATE webhook_deliveries SET due_at = @now
                WHERE state = 'Pending' AND due_at > @now AND COALESCE(attempted_at, created_at) > @now
                RETURNING webhook_id
                """,
                new { now });
            if (webhooks.Count > 0)
                await MakeDueAsync(session, [.. webhooks.Distinct()], now);
            await session.ExecuteAsync($"UPDATE webhooks SET next_due_at = {FirstDue} WHERE next_due_at > @now", new { now });
        },
        cancellationToken);

    /// <summary>Deletes deliveries that ended before an instant; how many.</summary>
    public Task<int> ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM webhook_deliveries WHERE finished_at < @before", new { before }), cancellationToken);

    internal static Task InsertAsync(SqlSession session, IReadOnlyList<WebhookDelivery> deliveries) => session.ExecuteEachAsync(
        $"""
        INSERT INTO webhook_deliveries ({SqlWebhookStore.DeliveryColumns})
        VALUES (@Id, @WebhookId, @Sequence, @Type, @Subject, @Body, @State, @Attempts, @DueAt, @AttemptedAt, @Status, @Error, @DurationMs, @CreatedAt, @FinishedAt)
        """,
        deliveries);

    internal static Task<int> MakeDueAsync(SqlSession session, IReadOnlyList<Id<Webhook>> webhooks, DateTimeOffset at) => session.ExecuteAsync(
        "UPDATE webhooks SET next_due_at = CASE WHEN next_due_at < @at THEN next_due_at ELSE @at END WHERE id IN @webhooks AND disabled_at IS NULL",
        new { at, webhooks });

    internal static async Task GiveUpAsync(SqlSession session, Id<Webhook> id, string error, DateTimeOffset at)
    {
        await session.ExecuteAsync(
            "UPDATE webhook_deliveries SET state = @state, error = @error, finished_at = @at WHERE webhook_id = @id AND state = 'Pending'",
            new { id, error, at, state = DeliveryState.Failed });
        await session.ExecuteAsync("UPDATE webhooks SET next_due_at = NULL WHERE id = @id", new { id });
    }

    private static async Task DisableAsync(SqlSession session, WebhookRow row, string reason, DateTimeOffset now)
    {
        await session.ExecuteAsync(
            "UPDATE webhooks SET disabled_at = @now, disabled_reason = @reason WHERE id = @Id", new { row.Id, now, reason });
        await GiveUpAsync(session, row.Id, "The webhook was disabled.", now);
        var data = JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["webhookId"] = row.Id.ToString(),
            ["url"] = row.Url,
            ["reason"] = reason,
        });
        await SqlEvents.AppendAsync(session, [new NewEvent(EventTypes.WebhookDisabled, row.Id.ToString(), row.OwnerId, now, data)]);
    }

    private async Task<Found?> ReadEventsAsync(SqlSession session)
    {
        var active = await session.QueryAsync<ActiveRow>("SELECT id, owner_id, types, after_sequence FROM webhooks WHERE disabled_at IS NULL");
        if (active.Count == 0)
            return null;
        var stored = await session.QuerySingleAsync<long>("SELECT sequence FROM webhook_cursor WHERE id = 1");
        // While nobody listened the cursor stood still.
        var from = Math.Max(stored, active.Min(webhook => webhook.AfterSequence));
        var upTo = await SqlEvents.LastSequenceAsync(session);
        if (upTo <= from)
            return new Found(stored, from, from, false, []);
        var webhooks = active.Select(row => (row.Id, row.OwnerId, row.AfterSequence, Types: JsonSerializer.Deserialize<string[]>(row.Types)!)).ToLookup(row => row.OwnerId);
        var rows = await session.QueryAsync<EventRow>(
            $"""
            SELECT sequence, type, subject, audience, time, data FROM events
            WHERE sequence > @from AND sequence <= @upTo AND audience IN @owners AND type IN @types
            ORDER BY sequence LIMIT {EventsOfABatch}
            """,
            new { from, upTo, owners = webhooks.Select(group => group.Key).ToArray(), types = webhooks.SelectMany(group => group).SelectMany(row => row.Types).Distinct().ToArray() });
        var now = time.GetUtcNow();
        var deliveries = (
            from row in rows
            from webhook in webhooks[row.Audience]
            where row.Sequence > webhook.AfterSequence && webhook.Types.Contains(row.Type)
            select Make(webhook.Id, row, now)).ToList();
        var hasMore = rows.Count == EventsOfABatch;
        return new Found(stored, from, hasMore ? rows[^1].Sequence : upTo, hasMore, deliveries);
    }

    private WebhookDelivery Make(Id<Webhook> webhook, EventRow row, DateTimeOffset now)
    {
        var happened = new FeedEvent(row.Sequence, new NewEvent(row.Type, row.Subject, row.Audience, row.Time, row.Data));
        return New(
            ids.Next<WebhookDelivery>(), webhook, row.Sequence, row.Type, row.Subject, JsonSerializer.Serialize(happened.ToContract(node.PeerId), StoaJson.Default.CloudEvent), now);
    }

    internal static WebhookDelivery New(
        Id<WebhookDelivery> id, Id<Webhook> webhook, long? sequence, string type, string subject, string body, DateTimeOffset now) =>
        new(id, webhook, sequence, type, subject, body, DeliveryState.Pending, 0, now, null, null, null, null, now, null);

    private Task<int> WriteAsync(SqlSession session, WebhookDelivery delivery, DeliveryAttempt attempt, DateTimeOffset now)
    {
        var attempts = delivery.Attempts + 1;
        var wait = attempt.IsSuccess ? null : retries.AfterFailure(attempts, random);
        var state = attempt.IsSuccess ? DeliveryState.Delivered : wait is null ? DeliveryState.Failed : DeliveryState.Pending;
        // One that was asked for again meanwhile keeps its new due time and count.
        return session.ExecuteAsync(
            """
            UPDATE webhook_deliveries SET state = @state, attempts = @attempts, due_at = @dueAt, attempted_at = @At, status = @Status, error = @Error,
                duration_ms = @DurationMs, finished_at = @finishedAt
            WHERE id = @Id AND state = 'Pending' AND attempts = @before AND due_at = @DueBefore
            """,
            new
            {
                delivery.Id,
                state,
                attempts,
                before = delivery.Attempts,
                DueBefore = delivery.DueAt,
                dueAt = wait is { } time ? now + time : delivery.DueAt,
                attempt.At,
                attempt.Status,
                attempt.Error,
                attempt.DurationMs,
                finishedAt = state is DeliveryState.Pending ? (DateTimeOffset?)null : now,
            });
    }

    private sealed record ActiveRow(Id<Webhook> Id, Id<User> OwnerId, string Types, long AfterSequence);

    private sealed record EventRow(long Sequence, string Type, string Subject, Id<User> Audience, DateTimeOffset Time, string Data);

    private sealed record Found(long Stored, long From, long To, bool HasMore, IReadOnlyList<WebhookDelivery> Deliveries);
}

/// <summary>What a round of making deliveries has come to.</summary>
/// <param name="Position">Up to which event all is taken up.</param>
/// <param name="HasMore">Whether to go on at once.</param>
public sealed record FannedOut(long Position, bool HasMore);

/// <summary>A webhook that this node sends to, until the lease ends.</summary>
/// <param name="Webhook">The receiver.</param>
/// <param name="Token">Of the lease.</param>
/// <param name="Deliveries">What is due, oldest first.</param>
public sealed record WebhookLease(Webhook Webhook, string Token, IReadOnlyList<WebhookDelivery> Deliveries);
