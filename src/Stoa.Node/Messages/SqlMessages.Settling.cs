using System.Globalization;
using Stoa.Market;
using Stoa.Market.Messages;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>What becomes of messages that were handed out: acknowledged, held for longer, given back, or dead letters.</summary>
public sealed partial class SqlMessages
{
    private const int ClearedAtOnce = 500;

    private const string ExpiredAndFree = """
        FROM mailbox_messages AS m LEFT JOIN mailbox_lanes AS l ON l.mailbox_id = m.mailbox_id AND l.sender_id = m.sender_id
        WHERE m.expires_at <= @now AND NOT (m.hold <> 0 AND m.hold = COALESCE(l.hold, 0) AND COALESCE(l.ready_at, 0) > @now)
        """;

    /// <summary>Takes messages that their receiver is done with out of the mailbox.</summary>
    /// <remarks>A delivery whose time is over counts as long as the message was not handed out anew: what was done is done.</remarks>
    /// <param name="mailbox">Out of which.</param>
    /// <param name="marks">Which deliveries.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>For each of them, in order, why nothing came of it; null when the message is gone.</returns>
    public Task<IReadOnlyList<Refusal<MessageRefusal>?>> AcknowledgeAsync(Id<Mailbox> mailbox, IReadOnlyList<DeliveryMark> marks, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, mailbox);
            var asked = marks.Select(mark => mark.Id.ToString()).ToArray();
            var senders = await session.QueryAsync<string>("SELECT DISTINCT sender_id FROM mailbox_messages WHERE mailbox_id = @mailbox AND id IN @asked ORDER BY sender_id", new { mailbox, asked });
            var holds = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var sender in senders)
                holds[sender] = await LockLaneAsync(session, mailbox, sender);
            // Only what is read behind the locks stays so.
            var there = (await session.QueryAsync<Held>("SELECT id, sequence, sender_id, bytes, hold, dead_at, deliveries FROM mailbox_messages WHERE mailbox_id = @mailbox AND id IN @asked", new { mailbox, asked }))
                .ToDictionary(held => held.Id);
            List<Held> gone = [];
            var results = new List<Refusal<MessageRefusal>?>(marks.Count);
            foreach (var mark in marks)
            {
                var refusal = !there.TryGetValue(mark.Id, out var held) ? UnknownMessage(mark.Id) : held.Check(mark.Token);
                results.Add(refusal);
                if (refusal is null)
                {
                    gone.Add(held!);
                    there.Remove(mark.Id);
                }
            }

            if (gone.Count == 0)
                return results;
            await RemoveAsync(session, mailbox, gone);
            foreach (var sender in gone.Select(held => held.SenderId).Distinct(StringComparer.Ordinal))
                await ReleaseAsync(session, mailbox, sender, holds[sender], time.GetUtcNow());
            return (IReadOnlyList<Refusal<MessageRefusal>?>)results;
        },
        cancellationToken);

    /// <summary>Has a delivery, and all others of the same sender that were handed out with it, held from now on for so long.</summary>
    /// <returns>Until when, or why not.</returns>
    public Task<Outcome<DateTimeOffset, MessageRefusal>> ExtendAsync(Id<Mailbox> mailbox, DeliveryMark mark, TimeSpan visibility, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var (held, laneHold, refusal) = await FindHeldAsync(session, mailbox, mark);
            if (held is null)
                return refusal!;
            if (laneHold != mark.Token.Number)
                return Over(mark.Id);
            var until = time.GetUtcNow() + visibility;
            await session.ExecuteAsync("UPDATE mailbox_lanes SET ready_at = @until WHERE mailbox_id = @mailbox AND sender_id = @SenderId", new { mailbox, held.SenderId, until });
            return (Outcome<DateTimeOffset, MessageRefusal>)until;
        },
        cancellationToken);

    /// <summary>Gives a delivery back, and with it all later ones of the same sender that were handed out with it, so that their order stays.</summary>
    /// <param name="mailbox">Whose they are.</param>
    /// <param name="mark">Which delivery.</param>
    /// <param name="delay">For how long nothing of this sender is handed out.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether the message is a dead letter now, or why nothing came of it.</returns>
    public Task<Outcome<bool, MessageRefusal>> ReturnAsync(Mailbox mailbox, DeliveryMark mark, TimeSpan delay, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var (held, laneHold, refusal) = await FindHeldAsync(session, mailbox.Id, mark);
            if (held is null)
                return refusal!;
            var now = time.GetUtcNow();
            await session.SendAsync(
                """
                UPDATE mailbox_messages SET hold = 0
                WHERE mailbox_id = @Id AND sender_id = @SenderId AND dead_at IS NULL AND hold = @hold AND sequence >= @Sequence
                """,
                new { mailbox.Id, held.SenderId, hold = mark.Token.Number, held.Sequence });
            await session.SendAsync(
                "UPDATE mailbox_messages SET ready_at = @readyAt WHERE mailbox_id = @Id AND sequence = @Sequence", new { mailbox.Id, held.Sequence, readyAt = now + delay });
            var isDead = held.Deliveries >= mailbox.MaxDeliveries;
            if (isDead)
                await BuryAsync(session, mailbox, [held.Sequence], now);
            await ReleaseAsync(session, mailbox.Id, held.SenderId, laneHold, now);
            return (Outcome<bool, MessageRefusal>)isDead;
        },
        cancellationToken);

    /// <summary>The dead letters of a mailbox, those that were sent first at first.</summary>
    public Task<Page<DeadLetter>> ListDeadAsync(Id<Mailbox> mailbox, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var after = long.TryParse(page.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last : 0;
            var rows = await session.QueryAsync<KeptRow>(
                $"""
                SELECT {KeptColumns} FROM {KeptTables}
                WHERE k.mailbox_id = @mailbox AND k.dead_at IS NOT NULL AND k.expires_at > @now AND k.sequence > @after ORDER BY k.sequence LIMIT @limit
                """,
                new { mailbox, after, now = time.GetUtcNow(), limit = page.Limit + 1 });
            return new Page<DeadLetter>(
                [.. rows.Take(page.Limit).Select(row => new DeadLetter(row.ToMessage(), row.DeadAt!.Value))],
                rows.Count <= page.Limit ? null : rows[page.Limit - 1].Sequence.ToString(CultureInfo.InvariantCulture));
        },
        cancellationToken);

    /// <summary>Lets dead letters wait again, behind all that waits, as if they had just been sent.</summary>
    /// <param name="mailbox">Whose they are.</param>
    /// <param name="messages">Which; null for the first of all, at most <see cref="MessageRules.MaxRedriven"/>. Those that are no dead letters are left out.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many.</returns>
    public Task<int> RedriveAsync(Mailbox mailbox, IReadOnlyList<Id<Message>>? messages, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var lastSequence = await LockAsync(session, mailbox.Id);
            var now = time.GetUtcNow();
            var dead = await session.QueryAsync<(long Sequence, string Sender)>(
                $"""
                SELECT sequence, sender_id FROM mailbox_messages WHERE mailbox_id = @Id AND dead_at IS NOT NULL AND expires_at > @now
                    {(messages is null ? "" : "AND id IN @asked")} ORDER BY sequence LIMIT @limit
                """,
                new { mailbox.Id, now, asked = (messages ?? []).Select(message => message.ToString()).ToArray(), limit = MessageRules.MaxRedriven });
            if (dead.Count == 0 || lastSequence is null)
                return 0;
            var next = lastSequence.Value;
            var until = now.AddSeconds(mailbox.RetentionSeconds);
            await session.SendEachAsync(
                """
                UPDATE mailbox_messages SET sequence = @next, dead_at = NULL, hold = 0, deliveries = 0, ready_at = @now, expires_at = @until WHERE mailbox_id = @Id AND sequence = @Sequence
                """,
                dead.Select(one => (object)new { mailbox.Id, one.Sequence, next = ++next, now, until }));
            await session.SendAsync("UPDATE mailboxes SET last_sequence = @next WHERE id = @Id", new { mailbox.Id, next });
            foreach (var sender in dead.Select(one => one.Sender).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                await EnsureLaneAsync(session, mailbox.Id, sender, now);
            return dead.Count;
        },
        cancellationToken);

    /// <summary>Clears away a portion of what has expired: messages that nobody holds, and keys that are not remembered any more.</summary>
    /// <returns>Whether there may be more.</returns>
    public async Task<bool> ClearAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var expired = await database.ReadAsync(
            session => session.QueryAsync<(Id<Mailbox> Mailbox, long Sequence, string Sender)>(
                $"SELECT m.mailbox_id, m.sequence, m.sender_id {ExpiredAndFree} ORDER BY m.expires_at LIMIT @limit", new { now, limit = ClearedAtOnce }),
            cancellationToken);
        foreach (var box in expired.GroupBy(one => one.Mailbox))
            await database.WriteAsync(session => ClearAsync(session, box.Key, [.. box.Select(one => one.Sender).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], now), cancellationToken);
        var keys = await database.WriteAsync(
            session => session.ExecuteAsync(
                """
                DELETE FROM mailbox_dedupes WHERE (mailbox_id, sender_id, dedupe_key) IN
                    (SELECT mailbox_id, sender_id, dedupe_key FROM mailbox_dedupes WHERE expires_at <= @now ORDER BY expires_at LIMIT @limit)
                """,
                new { now, limit = ClearedAtOnce }),
            cancellationToken);
        return expired.Count == ClearedAtOnce || keys == ClearedAtOnce;
    }

    private async Task ClearAsync(SqlSession session, Id<Mailbox> mailbox, IReadOnlyList<string> senders, DateTimeOffset now)
    {
        await LockAsync(session, mailbox);
        foreach (var sender in senders)
        {
            var hold = await LockLaneAsync(session, mailbox, sender);
            var gone = await session.QueryAsync<Held>(
                $"SELECT m.id, m.sequence, m.sender_id, m.bytes, m.hold, m.dead_at, m.deliveries {ExpiredAndFree} AND m.mailbox_id = @mailbox AND m.sender_id = @sender ORDER BY m.sequence LIMIT @limit",
                new { mailbox, sender, now, limit = ClearedAtOnce });
            await RemoveAsync(session, mailbox, gone);
            // One that is held stays so: it has what is held.
            var isHeld = await session.QueryFirstOrDefaultAsync<long?>(
                "SELECT hold FROM mailbox_lanes WHERE mailbox_id = @mailbox AND sender_id = @sender AND hold <> 0 AND ready_at > @now", new { mailbox, sender, now }) is not null;
            if (!isHeld)
                await ReleaseAsync(session, mailbox, sender, hold, now);
        }
    }

    /// <summary>Locks a mailbox; its last sequence, or null when it is gone.</summary>
    private static Task<long?> LockAsync(SqlSession session, Id<Mailbox> mailbox) =>
        session.QueryFirstOrDefaultAsync<long?>("SELECT last_sequence FROM mailboxes WHERE id = @mailbox {for update}", new { mailbox });

    /// <summary>Locks a lane; the token of its hold, 0 when there is none.</summary>
    private static async Task<long> LockLaneAsync(SqlSession session, Id<Mailbox> mailbox, string sender) =>
        await session.QueryFirstOrDefaultAsync<long?>("SELECT hold FROM mailbox_lanes WHERE mailbox_id = @mailbox AND sender_id = @sender {for update}", new { mailbox, sender }) ?? 0;

    private static async Task RemoveAsync(SqlSession session, Id<Mailbox> mailbox, IReadOnlyList<Held> gone)
    {
        if (gone.Count == 0)
            return;
        await session.SendAsync("DELETE FROM mailbox_messages WHERE mailbox_id = @mailbox AND sequence IN @sequences", new { mailbox, sequences = gone.Select(held => held.Sequence).ToArray() });
        await session.SendAsync(
            "UPDATE mailboxes SET messages = messages - @count, bytes = bytes - @bytes WHERE id = @mailbox", new { mailbox, count = (long)gone.Count, bytes = gone.Sum(held => held.Bytes) });
    }

    /// <summary>Looks at a lane of which messages went or came back: while any is held under its token it stays held; else the next may have its turn, or the lane goes.</summary>
    private async Task ReleaseAsync(SqlSession session, Id<Mailbox> mailbox, string sender, long hold, DateTimeOffset now)
    {
        var lane = new { mailbox, sender, hold };
        if (hold != 0 && await session.QueryFirstOrDefaultAsync<long?>(
            "SELECT sequence FROM mailbox_messages WHERE mailbox_id = @mailbox AND sender_id = @sender AND dead_at IS NULL AND hold = @hold LIMIT 1", lane) is not null)
        {
            return;
        }

        var first = await session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
            "SELECT ready_at FROM mailbox_messages WHERE mailbox_id = @mailbox AND sender_id = @sender AND dead_at IS NULL ORDER BY sequence LIMIT 1", lane);
        if (first is null)
        {
            await session.SendAsync("DELETE FROM mailbox_lanes WHERE mailbox_id = @mailbox AND sender_id = @sender", lane);
            return;
        }

        // Not before now: it goes behind those that have waited meanwhile.
        var readyAt = first > now ? first : now;
        await session.SendAsync("UPDATE mailbox_lanes SET hold = 0, ready_at = @readyAt WHERE mailbox_id = @mailbox AND sender_id = @sender", new { mailbox, sender, readyAt });
        await bell.RingAsync(session, mailbox);
    }

    /// <summary>A message whose delivery a token stands for, with its lane locked; else why not.</summary>
    private static async Task<(Held? Held, long LaneHold, Refusal<MessageRefusal>? Refusal)> FindHeldAsync(SqlSession session, Id<Mailbox> mailbox, DeliveryMark mark)
    {
        var sender = await session.QueryFirstOrDefaultAsync<string>("SELECT sender_id FROM mailbox_messages WHERE mailbox_id = @mailbox AND id = @Id", new { mailbox, mark.Id });
        if (sender is null)
            return (null, 0, UnknownMessage(mark.Id));
        var laneHold = await LockLaneAsync(session, mailbox, sender);
        var held = await session.QueryFirstOrDefaultAsync<Held>(
            "SELECT id, sequence, sender_id, bytes, hold, dead_at, deliveries FROM mailbox_messages WHERE mailbox_id = @mailbox AND id = @Id", new { mailbox, mark.Id });
        var refusal = held is null ? UnknownMessage(mark.Id) : held.Check(mark.Token);
        return refusal is null ? (held, laneHold, null) : (null, laneHold, refusal);
    }

    private static Refusal<MessageRefusal> UnknownMessage(Id<Message> id) =>
        new(MessageRefusal.MessageUnknown, $"The mailbox has no message {id}: it was acknowledged, has expired, or never was there. There is nothing left to do with it.");

    private static Refusal<MessageRefusal> Over(Id<Message> id) => new(
        MessageRefusal.DeliveryOver,
        $"This delivery of {id} is over: the message was returned, handed out again after its time, or is a dead letter. Receive it again, and acknowledge it with the token that comes with it.");

    private sealed record Held(Id<Message> Id, long Sequence, string SenderId, long Bytes, long Hold, DateTimeOffset? DeadAt, int Deliveries)
    {
        /// <summary>Why a token is not that of its delivery; null when it is.</summary>
        public Refusal<MessageRefusal>? Check(DeliveryToken token) => DeadAt is null && Hold == token.Number ? null : Over(Id);
    }
}
