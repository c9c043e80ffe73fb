using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>Mailboxes and who may send to them. What is in them is <see cref="SqlMessages"/>'s.</summary>
public sealed class SqlMailboxStore(Database database, MessagesOptions options)
{
    private const string Columns = "m.id, m.owner_id, m.name, m.senders, m.visibility_seconds, m.max_deliveries, m.retention_seconds, m.created_at";
    private const string ShownColumns =
        $"{Columns}, u.handle AS owner, m.messages, m.bytes, (SELECT count(*) FROM mailbox_messages AS d WHERE d.mailbox_id = m.id AND d.dead_at IS NOT NULL) AS dead";

    // All writing waits for one act on an embedded database.
    private const int DeletedAtOnce = 1_000;

    private static readonly string[] s_parts = ["mailbox_lanes", "mailbox_dedupes", "mailbox_senders", "topic_subscriptions"];

    /// <summary>Adds a mailbox; the same id again changes nothing.</summary>
    /// <param name="mailbox">As <see cref="MessageRules"/> has it.</param>
    /// <param name="named">The handles of the accounts that may send to it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<Mailbox, MessageRefusal>> AddAsync(Mailbox mailbox, IReadOnlyCollection<string> named, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // Of two at once one waits here, so that what is counted stays so.
            var kind = await session.QueryFirstOrDefaultAsync<UserKind>("SELECT kind FROM users WHERE id = @OwnerId {for update}", new { mailbox.OwnerId });
            var accounts = await session.QueryAsync<(string Id, string Handle)>("SELECT id, handle FROM users WHERE handle IN @named", new { named });
            List<FieldError> errors = [.. MessageRules.Check(mailbox, named.Count, kind is UserKind.Organisation)];
            errors.AddRange(named.Except(accounts.Select(account => account.Handle), StringComparer.Ordinal).Select(handle => new FieldError("/accounts", $"Nobody here has the handle '{handle}'.")));
            if (errors.Count > 0)
                return new Refusal<MessageRefusal>(MessageRefusal.MailboxInvalid, "Correct what is listed in errors and try again.", errors);
            var others = await session.QueryAsync<(string Id, string Name)>("SELECT id, name FROM mailboxes WHERE owner_id = @OwnerId AND id <> @Id", new { mailbox.OwnerId, mailbox.Id });
            if (others.Any(other => other.Name == mailbox.Name))
                return new Refusal<MessageRefusal>(MessageRefusal.MailboxTaken, $"You have a mailbox {mailbox.Name}. Choose another name, or use that one.");
            if (others.Count >= options.MailboxesPerAccount)
                return new Refusal<MessageRefusal>(MessageRefusal.MailboxesTooMany, $"You have {options.MailboxesPerAccount} mailboxes. Delete those that are not used any more.");
            await session.ExecuteAsync(
                """
                INSERT INTO mailboxes (id, owner_id, name, senders, visibility_seconds, max_deliveries, retention_seconds, messages, bytes, last_sequence, created_at)
                VALUES (@Id, @OwnerId, @Name, @Senders, @VisibilitySeconds, @MaxDeliveries, @RetentionSeconds, 0, 0, 0, @CreatedAt)
                ON CONFLICT (id) DO NOTHING
                """,
                mailbox);
            await session.SendEachAsync(
                "INSERT INTO mailbox_senders (mailbox_id, account_id) VALUES (@mailbox, @account) ON CONFLICT (mailbox_id, account_id) DO NOTHING",
                accounts.Select(account => (object)new { mailbox = mailbox.Id, account = account.Id }));
            return (Outcome<Mailbox, MessageRefusal>)mailbox;
        },
        cancellationToken);

    /// <summary>A mailbox of an account; null when it has none of this name.</summary>
    public Task<Mailbox?> FindAsync(Id<User> owner, string name, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Mailbox>($"SELECT {Columns} FROM mailboxes AS m WHERE m.owner_id = @owner AND m.name = @name", new { owner, name }),
        cancellationToken);

    /// <summary>The same with how full it is.</summary>
    public Task<ShownMailbox?> ShowAsync(Id<User> owner, string name, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<MailboxRow>(
                $"SELECT {ShownColumns} FROM mailboxes AS m JOIN users AS u ON u.id = m.owner_id WHERE m.owner_id = @owner AND m.name = @name", new { owner, name }) is { } row
            ? (await WithNamedAsync(session, [row]))[0]
            : null,
        cancellationToken);

    /// <summary>The mailboxes of an account, by their names.</summary>
    public Task<Page<ShownMailbox>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<MailboxRow>(
                $"SELECT {ShownColumns} FROM mailboxes AS m JOIN users AS u ON u.id = m.owner_id WHERE m.owner_id = @owner AND m.name > @after ORDER BY m.name LIMIT @limit",
                new { owner, after = page.Cursor ?? "", limit = page.Limit + 1 });
            return new Page<ShownMailbox>(await WithNamedAsync(session, [.. rows.Take(page.Limit)]), rows.Count <= page.Limit ? null : rows[page.Limit - 1].Name);
        },
        cancellationToken);

    /// <summary>Deletes a mailbox with all that is in it, a portion at a time: should that end early, the mailbox is there with what is left.</summary>
    /// <returns>False when the account has none of this name.</returns>
    public async Task<bool> DeleteAsync(Id<User> owner, string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (isThere, isGone) = await database.WriteAsync(
                async session =>
                {
                    var box = await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM mailboxes WHERE owner_id = @owner AND name = @name {for update}", new { owner, name });
                    if (box is null)
                        return (false, false);
                    var (messages, bytes) = await session.QuerySingleAsync<(long Messages, long Bytes)>(
                        """
                        SELECT count(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT)
                        FROM (SELECT bytes FROM mailbox_messages WHERE mailbox_id = @box ORDER BY sequence LIMIT @count) AS first
                        """,
                        new { box, count = DeletedAtOnce });
                    await session.ExecuteAsync(
                        """
                        DELETE FROM mailbox_messages WHERE mailbox_id = @box
                            AND sequence IN (SELECT sequence FROM mailbox_messages WHERE mailbox_id = @box ORDER BY sequence LIMIT @count)
                        """,
                        new { box, count = DeletedAtOnce });
                    if (messages == DeletedAtOnce)
                    {
                        await session.ExecuteAsync("UPDATE mailboxes SET messages = messages - @messages, bytes = bytes - @bytes WHERE id = @box", new { box, messages, bytes });
                        return (true, false);
                    }

                    foreach (var table in s_parts)
                        await session.ExecuteAsync($"DELETE FROM {table} WHERE mailbox_id = @box", new { box });
                    await session.ExecuteAsync("DELETE FROM mailboxes WHERE id = @box", new { box });
                    return (true, true);
                },
                cancellationToken);
            if (!isThere || isGone)
                return isThere;
        }
    }

    private static async Task<IReadOnlyList<ShownMailbox>> WithNamedAsync(SqlSession session, IReadOnlyList<MailboxRow> rows)
    {
        var named = (await session.QueryAsync<(string Mailbox, string Handle)>(
            "SELECT s.mailbox_id, u.handle FROM mailbox_senders AS s JOIN users AS u ON u.id = s.account_id WHERE s.mailbox_id IN @ids ORDER BY u.handle",
            new { ids = rows.Select(row => row.Id).ToArray() })).ToLookup(one => one.Mailbox, one => one.Handle);
        return [.. rows.Select(row => new ShownMailbox(row.ToMailbox(), row.Owner, [.. named[row.Id.ToString()]], row.Messages - row.Dead, row.Dead, row.Bytes))];
    }

    private sealed record MailboxRow(
        Id<Mailbox> Id,
        Id<User> OwnerId,
        string Name,
        SenderRule Senders,
        int VisibilitySeconds,
        int MaxDeliveries,
        int RetentionSeconds,
        DateTimeOffset CreatedAt,
        string Owner,
        long Messages,
        long Bytes,
        long Dead)
    {
        public Mailbox ToMailbox() => new(Id, OwnerId, Name, Senders, VisibilitySeconds, MaxDeliveries, RetentionSeconds, CreatedAt);
    }
}

/// <summary>A mailbox with how full it is.</summary>
/// <param name="Mailbox">It.</param>
/// <param name="Owner">The owner's handle.</param>
/// <param name="Named">The handles of the accounts that it names.</param>
/// <param name="Messages">That wait or are held.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Bytes">Of the bodies of both.</param>
public sealed record ShownMailbox(Mailbox Mailbox, string Owner, IReadOnlyList<string> Named, long Messages, long Dead, long Bytes);
