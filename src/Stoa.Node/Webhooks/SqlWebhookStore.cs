using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Webhooks;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Webhooks;

/// <summary>Webhooks and their deliveries, as their owners see them. What the sender does is in <see cref="SqlWebhookQueue"/>.</summary>
public sealed class SqlWebhookStore(Database database, TimeProvider time)
{
    internal const string Columns = "id, owner_id, url, name, types, secret, created_at, disabled_at, disabled_reason, failing_since";

    internal const string DeliveryColumns =
        "id, webhook_id, sequence, type, subject, body, state, attempts, due_at, attempted_at, status, error, duration_ms, created_at, finished_at";

    /// <summary>Adds a webhook; one with the same id is there already when a request is repeated, and gets the new secret.</summary>
    public Task<Outcome<Webhook, WebhookRefusal>> PutAsync(Webhook webhook, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // The user's row is locked, so that two webhooks made at once cannot both be the last one.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @OwnerId {for update}", new { webhook.OwnerId });
            var others = await session.QuerySingleAsync<long>(
                "SELECT count(*) FROM webhooks WHERE owner_id = @OwnerId AND id <> @Id", new { webhook.OwnerId, webhook.Id });
            if (others >= Webhook.MaxPerUser)
            {
                return new Refusal<WebhookRefusal>(
                    WebhookRefusal.WebhooksTooMany, $"You have {Webhook.MaxPerUser} webhooks. Delete one that is not used any more; one webhook can be told of many event types.");
            }

            await session.ExecuteAsync(
                """
                INSERT INTO webhooks (id, owner_id, url, name, types, secret, after_sequence, created_at)
                VALUES (@Id, @OwnerId, @Url, @Name, @types, @secret, @after, @CreatedAt)
                ON CONFLICT (id) DO UPDATE SET secret = excluded.secret
                """,
                new
                {
                    webhook.Id,
                    webhook.OwnerId,
                    webhook.Url,
                    webhook.Name,
                    types = WriteTypes(webhook.Types),
                    secret = webhook.Secret.Bytes.ToArray(),
                    after = await SqlEvents.LastSequenceAsync(session),
                    webhook.CreatedAt,
                });
            return (Outcome<Webhook, WebhookRefusal>)webhook;
        },
        cancellationToken);

    /// <summary>A webhook; null when there is none, or it is somebody else's.</summary>
    public Task<Webhook?> FindAsync(Id<Webhook> id, Id<User> owner, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindAsync(session, id, owner), cancellationToken);

    /// <summary>A user's webhooks, newest first.</summary>
    public Task<Page<Webhook>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Webhook>.TryParse(page.Cursor, out var last) ? last : new Id<Webhook>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<WebhookRow>(
                $"SELECT {Columns} FROM webhooks WHERE owner_id = @owner AND id < @before ORDER BY id DESC LIMIT @limit",
                new { owner, before, limit = page.Limit + 1 });
            return PageOf([.. rows.Select(row => row.ToWebhook())], page, webhook => webhook.Id.ToString());
        },
        cancellationToken);

    /// <summary>Writes what its owner may change. One that is put to use again is told of what happens from now on.</summary>
    /// <param name="webhook">As it shall be.</param>
    /// <param name="isUsedAgain">Whether it was disabled.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public Task UpdateAsync(Webhook webhook, bool isUsedAgain, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync(
                """
                UPDATE webhooks SET url = @Url, name = @Name, types = @types, disabled_at = @DisabledAt, disabled_reason = @DisabledReason,
                    failing_since = @FailingSince
                WHERE id = @Id
                """,
                new
                {
                    webhook.Url,
                    webhook.Name,
                    types = WriteTypes(webhook.Types),
                    webhook.DisabledAt,
                    webhook.DisabledReason,
                    webhook.FailingSince,
                    webhook.Id,
                });
            if (isUsedAgain)
            {
                await session.ExecuteAsync(
                    "UPDATE webhooks SET after_sequence = @after WHERE id = @Id",
                    new { webhook.Id, after = await SqlEvents.LastSequenceAsync(session) });
            }
            else if (webhook.DisabledAt is { } at)
            {
                await SqlWebhookQueue.GiveUpAsync(session, webhook.Id, "The webhook was disabled.", at);
            }
        },
        cancellationToken);

    /// <summary>Deletes a webhook with its deliveries; what is being sent just now may still arrive.</summary>
    /// <returns>False when the owner has no such webhook.</returns>
    public Task<bool> DeleteAsync(Id<Webhook> id, Id<User> owner, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM webhooks WHERE id = @id AND owner_id = @owner {for update}", new { id, owner }) is null)
                return false;
            await session.ExecuteAsync("DELETE FROM webhook_deliveries WHERE webhook_id = @id", new { id });
            await session.ExecuteAsync("DELETE FROM webhooks WHERE id = @id", new { id });
            return true;
        },
        cancellationToken);

    /// <summary>A webhook's deliveries, newest first.</summary>
    public Task<Page<WebhookDelivery>> ListDeliveriesAsync(
        Id<Webhook> webhook, DeliveryState? state, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<WebhookDelivery>.TryParse(page.Cursor, out var last) ? last : new Id<WebhookDelivery>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<WebhookDelivery>(
                $"SELECT {DeliveryColumns} FROM webhook_deliveries WHERE webhook_id = @webhook AND id < @before"
                + (state is null ? "" : " AND state = @state") + " ORDER BY id DESC LIMIT @limit",
                new { webhook, before, state, limit = page.Limit + 1 });
            return PageOf(rows, page, delivery => delivery.Id.ToString());
        },
        cancellationToken);

    /// <summary>Has a delivery made that no event is behind.</summary>
    public Task<WebhookDelivery> AddTestAsync(WebhookDelivery test, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlWebhookQueue.InsertAsync(session, [test]);
            await SqlWebhookQueue.MakeDueAsync(session, [test.WebhookId], test.DueAt);
            return test;
        },
        cancellationToken);

    /// <summary>Has a delivery sent again, now and as often as a new one; one that waits is sent now.</summary>
    /// <returns>Null when the webhook has no such delivery.</returns>
    public Task<WebhookDelivery?> RedeliverAsync(Id<Webhook> webhook, Id<WebhookDelivery> id, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM webhooks WHERE id = @webhook {for update}", new { webhook });
            await session.ExecuteAsync(
                "UPDATE webhook_deliveries SET state = @state, attempts = 0, due_at = @now, finished_at = NULL WHERE id = @id AND webhook_id = @webhook",
                new { id, webhook, now, state = DeliveryState.Pending });
            await SqlWebhookQueue.MakeDueAsync(session, [webhook], now);
            return await session.QueryFirstOrDefaultAsync<WebhookDelivery>(
                $"SELECT {DeliveryColumns} FROM webhook_deliveries WHERE id = @id AND webhook_id = @webhook", new { id, webhook });
        },
        cancellationToken);

    private static async Task<Webhook?> FindAsync(SqlSession session, Id<Webhook> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<WebhookRow>($"SELECT {Columns} FROM webhooks WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToWebhook();

    private static Page<T> PageOf<T>(IReadOnlyList<T> rows, PageRequest page, Func<T, string> id) => rows.Count <= page.Limit
        ? new Page<T>(rows, null)
        : new Page<T>([.. rows.Take(page.Limit)], id(rows[page.Limit - 1]));

    private static string WriteTypes(IReadOnlyList<string> types) => JsonSerializer.Serialize(types);
}

/// <summary>A row of <c>webhooks</c>.</summary>
internal sealed record WebhookRow(
    Id<Webhook> Id,
    Id<User> OwnerId,
    string Url,
    string Name,
    string Types,
    byte[] Secret,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt,
    string? DisabledReason,
    DateTimeOffset? FailingSince)
{
    public Webhook ToWebhook() => new(
        Id, OwnerId, Url, Name, JsonSerializer.Deserialize<string[]>(Types)!, new WebhookSecret(Secret), CreatedAt, DisabledAt, DisabledReason, FailingSince);
}
