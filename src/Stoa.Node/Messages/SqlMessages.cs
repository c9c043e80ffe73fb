using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>What is in mailboxes: sent, handed out, and got rid of.</summary>
/// <remarks>
/// Who adds to a mailbox or takes out of it locks its row, then the lanes that it concerns; so its messages have one order, and it is never fuller than it may be.
/// Who hands out locks lanes alone, and leaves out those that another has locked: receivers do not wait for each other, and neither waits in a circle.
/// <para>A message that is not dead is in a lane, which is there as long as one is. A lane is held while its <c>hold</c> is not 0 and its <c>ready_at</c> is to
/// come, and of its messages those are held that bear the same token.</para>
/// </remarks>
public sealed partial class SqlMessages(Database database, MailboxBell bell, MessagesOptions options, IdSource ids, Random random, TimeProvider time)
{
    private const string KeptColumns = "k.id, u.handle AS sender, k.body, k.content_type, k.correlation_id, k.reply_to, k.sent_at, k.expires_at, k.deliveries, k.dead_at, k.sequence, t.handle AS topic_owner, p.name AS topic_name";

    private const string KeptTables =
        "mailbox_messages AS k JOIN users AS u ON u.id = k.sender_id LEFT JOIN topics AS p ON p.id = k.topic_id LEFT JOIN users AS t ON t.id = p.owner_id";

    /// <summary>Sends messages to a mailbox, all of them or none.</summary>
    /// <param name="to">Where they go.</param>
    /// <param name="sender">The account that sends them.</param>
    /// <param name="messages">In their order, each as <see cref="MessageRules"/> has it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<SentMessage[], MessageRefusal>> SendAsync(
        MailboxAddress to, Id<User> sender, IReadOnlyList<NewMessage> messages, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var found = await session.QueryFirstOrDefaultAsync<Destination>(
                """
                SELECT m.id, m.owner_id, m.senders,
                    (SELECT count(*) FROM mailbox_senders AS s WHERE s.mailbox_id = m.id AND s.account_id = @sender) AS named,
                    (SELECT count(*) FROM memberships AS g WHERE g.organisation_id = m.owner_id AND g.member_id = @sender) AS memberships
                FROM users AS u JOIN mailboxes AS m ON m.owner_id = u.id WHERE u.handle = @Owner AND m.name = @Name
                """,
                new { sender, to.Owner, to.Name });
            if (found is null || !found.Senders.Admits(found.OwnerId == sender, found.Named > 0, found.Memberships > 0))
                return Unknown(to);
            var put = await PutAsync(session, found.Id, sender, messages, topic: null);
            if (put?.Refusal is not null)
                session.Abandon();
            return put ?? Unknown(to);
        },
        cancellationToken);

    /// <summary>Hands out messages that wait, as <see cref="LaneTurn"/> has it.</summary>
    /// <param name="mailbox">Out of which.</param>
    /// <param name="count">At most so many, 1 to <see cref="MessageRules.MaxReceived"/>.</param>
    /// <param name="visibility">For how long they are held.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Delivery>> ReceiveAsync(Mailbox mailbox, int count, TimeSpan visibility, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            var senders = await session.QueryAsync<string>(
                "SELECT sender_id FROM mailbox_lanes WHERE mailbox_id = @Id AND ready_at <= @now ORDER BY ready_at, sender_id LIMIT @count {for update skip locked}",
                new { mailbox.Id, now, count });
            var (token, heldUntil) = (DeliveryToken.Draw(random), now + visibility);
            List<Delivery> got = [];
            var bytesLeft = MessageRules.MaxReceivedBytes;
            foreach (var sender in senders)
            {
                if (got.Count == count || bytesLeft <= 0)
                    break;
                foreach (var kept in await TakeAsync(session, mailbox, sender, new Portion(count - got.Count, bytesLeft, got.Count == 0, token, heldUntil, now)))
                {
                    got.Add(new Delivery(kept, token, heldUntil));
                    bytesLeft -= kept.Body.Length;
                }
            }

            return (IReadOnlyList<Delivery>)got;
        },
        cancellationToken);

    /// <summary>When something of a mailbox may be handed out: in the past when that is so now; null when it has nothing.</summary>
    public Task<DateTimeOffset?> NextReadyAsync(Id<Mailbox> mailbox, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>("SELECT ready_at FROM mailbox_lanes WHERE mailbox_id = @mailbox ORDER BY ready_at LIMIT 1", new { mailbox }),
        cancellationToken);

    /// <summary>Adds messages to a mailbox whose sender may. Whoever gets a refusal abandons the act, unless nothing was to be added before.</summary>
    /// <returns>Null when the mailbox is gone.</returns>
    private async Task<Outcome<SentMessage[], MessageRefusal>?> PutAsync(
        SqlSession session, Id<Mailbox> mailbox, Id<User> sender, IReadOnlyList<NewMessage> messages, Id<Topic>? topic)
    {
        var box = await session.QueryFirstOrDefaultAsync<Fill>(
            "SELECT messages, bytes, last_sequence, retention_seconds FROM mailboxes WHERE id = @mailbox {for update}", new { mailbox });
        if (box is null)
            return null;
        var now = time.GetUtcNow();
        List<SentMessage> sent = [];
        var filled = box;
        foreach (var message in messages)
        {
            var fingerprint = message.DedupeKey is null ? default : message.Fingerprint();
            if (message.DedupeKey is { } key
                && await session.QueryFirstOrDefaultAsync<Remembered>(
                    "SELECT message_id, fingerprint FROM mailbox_dedupes WHERE mailbox_id = @mailbox AND sender_id = @sender AND dedupe_key = @key AND expires_at > @now",
                    new { mailbox, sender, key, now }) is { } first)
            {
                if (first.Fingerprint != fingerprint)
                    return Reused(key);
                sent.Add(new SentMessage(first.MessageId, IsDuplicate: true));
                continue;
            }

            if (filled.Messages >= options.MessagesPerMailbox || filled.Bytes + message.Body.Length > options.BytesPerMailbox)
                return Full(filled);
            var id = ids.Next<Message>();
            filled = filled with { Messages = filled.Messages + 1, Bytes = filled.Bytes + message.Body.Length, LastSequence = filled.LastSequence + 1 };
            await AddAsync(session, mailbox, sender, id, filled, message, topic, now);
            if (message.DedupeKey is not null)
            {
                await session.SendAsync(
                    """
                    INSERT INTO mailbox_dedupes (mailbox_id, sender_id, dedupe_key, message_id, fingerprint, expires_at) VALUES (@mailbox, @sender, @DedupeKey, @id, @fingerprint, @until)
                    ON CONFLICT (mailbox_id, sender_id, dedupe_key) DO UPDATE SET message_id = @id, fingerprint = @fingerprint, expires_at = @until
                    """,
                    new { mailbox, sender, message.DedupeKey, id, fingerprint, until = now + options.DedupeWindow });
            }

            sent.Add(new SentMessage(id, IsDuplicate: false));
        }

        if (filled == box)
            return sent.ToArray();
        await session.SendAsync(
            "UPDATE mailboxes SET messages = @Messages, bytes = @Bytes, last_sequence = @LastSequence WHERE id = @mailbox", new { mailbox, filled.Messages, filled.Bytes, filled.LastSequence });
        await EnsureLaneAsync(session, mailbox, sender.ToString(), now);
        return sent.ToArray();
    }

    private static Task AddAsync(SqlSession session, Id<Mailbox> mailbox, Id<User> sender, Id<Message> id, Fill filled, NewMessage message, Id<Topic>? topic, DateTimeOffset now) => session.SendAsync(
        """
        INSERT INTO mailbox_messages (mailbox_id, sequence, id, sender_id, content_type, body, bytes, correlation_id, reply_to, topic_id, sent_at, expires_at, ready_at, deliveries, hold)
        VALUES (@mailbox, @LastSequence, @id, @sender, @ContentType, @body, @bytes, @CorrelationId, @replyTo, @topic, @now, @expiresAt, @now, 0, 0)
        """,
        new
        {
            mailbox,
            filled.LastSequence,
            id,
            sender,
            message.ContentType,
            body = message.Body.ToArray(),
            bytes = (long)message.Body.Length,
            message.CorrelationId,
            replyTo = message.ReplyTo?.ToString(),
            topic = topic?.ToString(),
            now,
            expiresAt = MessageRules.ExpiryOf(message, filled.RetentionSeconds, now),
        });

    /// <summary>Makes the lane of a message that was added, unless it is there. Its row is locked before, so that nobody who finds the lane empty takes it away meanwhile.</summary>
    private async Task EnsureLaneAsync(SqlSession session, Id<Mailbox> mailbox, string sender, DateTimeOffset now)
    {
        if (await session.QueryFirstOrDefaultAsync<long?>("SELECT hold FROM mailbox_lanes WHERE mailbox_id = @mailbox AND sender_id = @sender {for update}", new { mailbox, sender }) is not null)
            return;
        await session.SendAsync("INSERT INTO mailbox_lanes (mailbox_id, sender_id, ready_at, hold) VALUES (@mailbox, @sender, @now, 0)", new { mailbox, sender, now });
        await bell.RingAsync(session, mailbox);
    }

    /// <summary>Hands out of a lane that this act has locked and nobody holds.</summary>
    private static async Task<IReadOnlyList<KeptMessage>> TakeAsync(SqlSession session, Mailbox mailbox, string sender, Portion portion)
    {
        while (true)
        {
            var lane = new { mailbox.Id, sender, now = portion.Now, limit = portion.Count };
            var heads = await session.QueryAsync<LaneHead>(
                """
                SELECT sequence, deliveries, bytes, ready_at FROM mailbox_messages
                WHERE mailbox_id = @Id AND sender_id = @sender AND dead_at IS NULL AND expires_at > @now ORDER BY sequence LIMIT @limit
                """,
                lane);
            if (heads.Count == 0)
            {
                // What has expired is cleared away later; nothing of it is handed out.
                await session.SendAsync("DELETE FROM mailbox_lanes WHERE mailbox_id = @Id AND sender_id = @sender", lane);
                return [];
            }

            var turn = LaneTurn.Decide(heads, mailbox.MaxDeliveries, portion.Count, portion.BytesLeft, portion.IsFirst, portion.Now);
            await BuryAsync(session, mailbox, turn.Dead, portion.Now);
            if (turn.Run.Count == 0)
            {
                if (turn.NotBefore is { } later)
                    await session.SendAsync("UPDATE mailbox_lanes SET ready_at = @later, hold = 0 WHERE mailbox_id = @Id AND sender_id = @sender", new { mailbox.Id, sender, later });
                if (turn.Dead.Count < heads.Count)
                    return [];
                continue;
            }

            var taken = new { mailbox.Id, sender, first = turn.Run[0], last = turn.Run[^1], hold = portion.Token.Number, portion.HeldUntil, now = portion.Now };
            await session.SendAsync(
                """
                UPDATE mailbox_messages SET hold = @hold, deliveries = deliveries + 1
                WHERE mailbox_id = @Id AND sender_id = @sender AND dead_at IS NULL AND expires_at > @now AND sequence >= @first AND sequence <= @last
                """,
                taken);
            await session.SendAsync("UPDATE mailbox_lanes SET ready_at = @HeldUntil, hold = @hold WHERE mailbox_id = @Id AND sender_id = @sender", taken);
            var rows = await session.QueryAsync<KeptRow>(
                $"""
                SELECT {KeptColumns} FROM {KeptTables}
                WHERE k.mailbox_id = @Id AND k.sender_id = @sender AND k.dead_at IS NULL AND k.sequence >= @first AND k.sequence <= @last AND k.hold = @hold ORDER BY k.sequence
                """,
                taken);
            return [.. rows.Select(row => row.ToMessage())];
        }
    }

    private static async Task BuryAsync(SqlSession session, Mailbox mailbox, IReadOnlyList<long> sequences, DateTimeOffset now)
    {
        foreach (var sequence in sequences)
        {
            await session.SendAsync(
                "UPDATE mailbox_messages SET dead_at = @now, hold = 0, expires_at = @until WHERE mailbox_id = @Id AND sequence = @sequence",
                new { mailbox.Id, sequence, now, until = now.AddSeconds(mailbox.RetentionSeconds) });
        }
    }

    private static Refusal<MessageRefusal> Unknown(MailboxAddress to) => new(
        MessageRefusal.MailboxUnknown, $"There is no mailbox {to}, or you may not send to it. Check the address, or ask its owner to let your account send.");

    private static Outcome<SentMessage[], MessageRefusal> Reused(string key) => new Refusal<MessageRefusal>(
        MessageRefusal.DedupeKeyReused, $"The dedupe key '{key}' came before with another message. Repeat that one exactly as it was, or give this one a key of its own.");

    private Outcome<SentMessage[], MessageRefusal> Full(Fill filled) => new Refusal<MessageRefusal>(
        MessageRefusal.MailboxFull,
        $"The mailbox takes {options.MessagesPerMailbox} messages and {options.BytesPerMailbox} bytes, and would have {filled.Messages} with {filled.Bytes} before this one. Send again once its owner has acknowledged some, or they have expired.");

    private sealed record Portion(int Count, long BytesLeft, bool IsFirst, DeliveryToken Token, DateTimeOffset HeldUntil, DateTimeOffset Now);

    private sealed record Destination(Id<Mailbox> Id, Id<User> OwnerId, SenderRule Senders, long Named, long Memberships);

    private sealed record Fill(long Messages, long Bytes, long LastSequence, int RetentionSeconds);

    private sealed record Remembered(Id<Message> MessageId, ContentHash Fingerprint);

    private sealed record KeptRow(
        Id<Message> Id,
        string Sender,
        byte[] Body,
        string ContentType,
        string? CorrelationId,
        string? ReplyTo,
        DateTimeOffset SentAt,
        DateTimeOffset ExpiresAt,
        int Deliveries,
        DateTimeOffset? DeadAt,
        long Sequence,
        string? TopicOwner,
        string? TopicName)
    {
        public KeptMessage ToMessage() =>
            new(Id, Sender, Body, ContentType, CorrelationId, ReplyTo, SentAt, ExpiresAt, Deliveries, TopicName is null ? null : $"{TopicOwner}/{TopicName}");
    }
}
