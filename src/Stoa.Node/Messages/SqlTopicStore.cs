using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>Topics, who may publish and subscribe to them, and which mailboxes do.</summary>
public sealed class SqlTopicStore(Database database, MessagesOptions options, TimeProvider time)
{
    private const string Columns = "t.id, t.owner_id, t.name, t.senders, t.subscribers, t.created_at";
    private const string SubscriptionSelect = """
        SELECT u.handle, t.name, o.handle, m.name, s.created_at, s.missed
        FROM topic_subscriptions AS s JOIN topics AS t ON t.id = s.topic_id JOIN users AS u ON u.id = t.owner_id
        JOIN mailboxes AS m ON m.id = s.mailbox_id JOIN users AS o ON o.id = m.owner_id
        """;

    /// <summary>Adds a topic; the same id again changes nothing.</summary>
    /// <param name="topic">As it shall be.</param>
    /// <param name="senders">The handles of the accounts that may publish to it.</param>
    /// <param name="subscribers">The handles of the accounts that may subscribe to it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<Topic, MessageRefusal>> AddAsync(
        Topic topic, IReadOnlyCollection<string> senders, IReadOnlyCollection<string> subscribers, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var kind = await session.QueryFirstOrDefaultAsync<UserKind>("SELECT kind FROM users WHERE id = @OwnerId {for update}", new { topic.OwnerId });
            var accounts = (await session.QueryAsync<(string Id, string Handle)>("SELECT id, handle FROM users WHERE handle IN @named", new { named = senders.Concat(subscribers).ToArray() }))
                .ToDictionary(account => account.Handle, account => account.Id, StringComparer.Ordinal);
            List<FieldError> errors = [.. topic.Check(senders.Count, subscribers.Count, kind is UserKind.Organisation)];
            errors.AddRange(senders.Where(handle => !accounts.ContainsKey(handle)).Select(handle => new FieldError("/senderAccounts", $"Nobody here has the handle '{handle}'.")));
            errors.AddRange(subscribers.Where(handle => !accounts.ContainsKey(handle)).Select(handle => new FieldError("/subscriberAccounts", $"Nobody here has the handle '{handle}'.")));
            if (errors.Count > 0)
                return new Refusal<MessageRefusal>(MessageRefusal.TopicInvalid, "Correct what is listed in errors and try again.", errors);
            var others = await session.QueryAsync<string>("SELECT name FROM topics WHERE owner_id = @OwnerId AND id <> @Id", new { topic.OwnerId, topic.Id });
            if (others.Contains(topic.Name))
                return new Refusal<MessageRefusal>(MessageRefusal.TopicTaken, $"You have a topic {topic.Name}. Choose another name, or use that one.");
            if (others.Count >= options.TopicsPerAccount)
                return new Refusal<MessageRefusal>(MessageRefusal.TopicsTooMany, $"You have {options.TopicsPerAccount} topics. Delete those that are not used any more.");
            await session.ExecuteAsync(
                """
                INSERT INTO topics (id, owner_id, name, senders, subscribers, created_at) VALUES (@Id, @OwnerId, @Name, @Senders, @Subscribers, @CreatedAt)
                ON CONFLICT (id) DO NOTHING
                """,
                topic);
            await session.SendEachAsync(
                "INSERT INTO topic_accounts (topic_id, is_sender, account_id) VALUES (@topic, @isSender, @account) ON CONFLICT (topic_id, is_sender, account_id) DO NOTHING",
                senders.Select(handle => (object)new { topic = topic.Id, isSender = true, account = accounts[handle] })
                    .Concat(subscribers.Select(handle => (object)new { topic = topic.Id, isSender = false, account = accounts[handle] })));
            return (Outcome<Topic, MessageRefusal>)topic;
        },
        cancellationToken);

    /// <summary>A topic of an account with who may do what; null when it has none of this name.</summary>
    public Task<ShownTopic?> ShowAsync(Id<User> owner, string name, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<Topic>($"SELECT {Columns} FROM topics AS t WHERE t.owner_id = @owner AND t.name = @name", new { owner, name }) is { } topic
            ? (await ShowAsync(session, [topic]))[0]
            : null,
        cancellationToken);

    /// <summary>The topics of an account, by their names.</summary>
    public Task<Page<ShownTopic>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<Topic>(
                $"SELECT {Columns} FROM topics AS t WHERE t.owner_id = @owner AND t.name > @after ORDER BY t.name LIMIT @limit", new { owner, after = page.Cursor ?? "", limit = page.Limit + 1 });
            return new Page<ShownTopic>(await ShowAsync(session, [.. rows.Take(page.Limit)]), rows.Count <= page.Limit ? null : rows[page.Limit - 1].Name);
        },
        cancellationToken);

    /// <summary>Deletes a topic with its subscriptions. What was published stays in the mailboxes.</summary>
    /// <returns>False when the account has none of this name.</returns>
    public Task<bool> DeleteAsync(Id<User> owner, string name, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM topics WHERE owner_id = @owner AND name = @name {for update}", new { owner, name }) is not { } topic)
                return false;
            await session.ExecuteAsync("DELETE FROM topic_subscriptions WHERE topic_id = @topic", new { topic });
            await session.ExecuteAsync("DELETE FROM topic_accounts WHERE topic_id = @topic", new { topic });
            await session.ExecuteAsync("DELETE FROM topics WHERE id = @topic", new { topic });
            return true;
        },
        cancellationToken);

    /// <summary>Subscribes a mailbox to a topic; again it changes nothing.</summary>
    /// <param name="to">The topic.</param>
    /// <param name="mailbox">Of the account that subscribes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<bool, MessageRefusal>> SubscribeAsync(MailboxAddress to, Mailbox mailbox, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await FindAsync(session, to, mailbox.OwnerId, isSender: false) is not { } topic)
                return Unknown(to);
            // First the topic, then the mailbox, here and nowhere otherwise; both so that what is counted stays so and neither goes meanwhile.
            var topicThere = await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM topics WHERE id = @Id {for update}", new { topic.Id });
            var mailboxThere = await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM mailboxes WHERE id = @Id {for update}", new { mailbox.Id });
            if (topicThere is null || mailboxThere is null)
                return Unknown(to);
            var (ofTopic, ofMailbox) = await session.QuerySingleAsync<(long OfTopic, long OfMailbox)>(
                """
                SELECT (SELECT count(*) FROM topic_subscriptions WHERE topic_id = @topic AND mailbox_id <> @mailbox),
                    (SELECT count(*) FROM topic_subscriptions WHERE mailbox_id = @mailbox AND topic_id <> @topic)
                """,
                new { topic = topic.Id, mailbox = mailbox.Id });
            if (ofTopic >= MessageRules.MaxSubscriptions || ofMailbox >= MessageRules.MaxTopicsOfMailbox)
            {
                return new Refusal<MessageRefusal>(
                    MessageRefusal.SubscriptionsTooMany,
                    $"A topic has at most {MessageRules.MaxSubscriptions} mailboxes, and a mailbox {MessageRules.MaxTopicsOfMailbox} topics. End subscriptions that are not used any more, or have one mailbox pass messages on.");
            }

            await session.ExecuteAsync(
                "INSERT INTO topic_subscriptions (topic_id, mailbox_id, created_at, missed) VALUES (@topic, @mailbox, @now, 0) ON CONFLICT (topic_id, mailbox_id) DO NOTHING",
                new { topic = topic.Id, mailbox = mailbox.Id, now = time.GetUtcNow() });
            return (Outcome<bool, MessageRefusal>)true;
        },
        cancellationToken);

    /// <summary>Ends a subscription.</summary>
    /// <returns>False when there is none.</returns>
    public Task<bool> UnsubscribeAsync(MailboxAddress to, Id<Mailbox> mailbox, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            """
            DELETE FROM topic_subscriptions WHERE mailbox_id = @mailbox
                AND topic_id IN (SELECT t.id FROM topics AS t JOIN users AS u ON u.id = t.owner_id WHERE u.handle = @Owner AND t.name = @Name)
            """,
            new { mailbox, to.Owner, to.Name }) > 0,
        cancellationToken);

    /// <summary>All mailboxes that subscribe to a topic; at most <see cref="MessageRules.MaxSubscriptions"/>.</summary>
    public Task<IReadOnlyList<Subscription>> ListOfTopicAsync(Id<Topic> topic, CancellationToken cancellationToken) =>
        ListAsync(SubscriptionSelect + " WHERE s.topic_id = @topic ORDER BY o.handle, m.name", new { topic }, cancellationToken);

    /// <summary>All topics that a mailbox subscribes to; at most <see cref="MessageRules.MaxTopicsOfMailbox"/>.</summary>
    public Task<IReadOnlyList<Subscription>> ListOfMailboxAsync(Id<Mailbox> mailbox, CancellationToken cancellationToken) =>
        ListAsync(SubscriptionSelect + " WHERE s.mailbox_id = @mailbox ORDER BY u.handle, t.name", new { mailbox }, cancellationToken);

    /// <summary>A topic to which an account may publish, or subscribe; null when there is none such.</summary>
    internal static async Task<Topic?> FindAsync(SqlSession session, MailboxAddress to, Id<User> account, bool isSender)
    {
        var topic = await session.QueryFirstOrDefaultAsync<Topic>(
            $"SELECT {Columns} FROM users AS u JOIN topics AS t ON t.owner_id = u.id WHERE u.handle = @Owner AND t.name = @Name", new { to.Owner, to.Name });
        if (topic is null)
            return null;
        var (named, memberships) = await session.QuerySingleAsync<(long Named, long Memberships)>(
            """
            SELECT (SELECT count(*) FROM topic_accounts WHERE topic_id = @Id AND is_sender = @isSender AND account_id = @account),
                (SELECT count(*) FROM memberships WHERE organisation_id = @OwnerId AND member_id = @account)
            """,
            new { topic.Id, topic.OwnerId, account, isSender });
        return (isSender ? topic.Senders : topic.Subscribers).Admits(topic.OwnerId == account, named > 0, memberships > 0) ? topic : null;
    }

    internal static Refusal<MessageRefusal> Unknown(MailboxAddress to) => new(
        MessageRefusal.TopicUnknown, $"There is no topic {to}, or you may not do this with it. Check the address, or ask its owner to let your account.");

    private Task<IReadOnlyList<Subscription>> ListAsync(string select, object parameters, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (IReadOnlyList<Subscription>)
        [
            .. (await session.QueryAsync<(string Owner, string Topic, string MailboxOwner, string Mailbox, DateTimeOffset CreatedAt, long Missed)>(select, parameters))
                .Select(row => new Subscription($"{row.Owner}/{row.Topic}", $"{row.MailboxOwner}/{row.Mailbox}", row.CreatedAt, row.Missed)),
        ],
        cancellationToken);

    private static async Task<IReadOnlyList<ShownTopic>> ShowAsync(SqlSession session, IReadOnlyList<Topic> topics)
    {
        var ids = topics.Select(topic => topic.Id.ToString()).ToArray();
        var owners = (await session.QueryAsync<(string Id, string Handle)>("SELECT t.id, u.handle FROM topics AS t JOIN users AS u ON u.id = t.owner_id WHERE t.id IN @ids", new { ids }))
            .ToDictionary(one => one.Id, one => one.Handle, StringComparer.Ordinal);
        var counts = (await session.QueryAsync<(string Id, long Count)>("SELECT topic_id, count(*) FROM topic_subscriptions WHERE topic_id IN @ids GROUP BY topic_id", new { ids }))
            .ToDictionary(one => one.Id, one => one.Count, StringComparer.Ordinal);
        var named = (await session.QueryAsync<(string Id, bool IsSender, string Handle)>(
            "SELECT a.topic_id, a.is_sender, u.handle FROM topic_accounts AS a JOIN users AS u ON u.id = a.account_id WHERE a.topic_id IN @ids ORDER BY u.handle", new { ids }))
            .ToLookup(one => (one.Id, one.IsSender), one => one.Handle);
        return
        [
            .. topics.Select(topic =>
            {
                var id = topic.Id.ToString();
                return new ShownTopic(topic, owners[id], [.. named[(id, true)]], [.. named[(id, false)]], counts.GetValueOrDefault(id));
            }),
        ];
    }
}

/// <summary>A topic with who may do what.</summary>
/// <param name="Topic">It.</param>
/// <param name="Owner">The owner's handle.</param>
/// <param name="Senders">The handles of the accounts that it names as senders.</param>
/// <param name="Subscribers">And as subscribers.</param>
/// <param name="Subscriptions">How many mailboxes subscribe to it.</param>
public sealed record ShownTopic(Topic Topic, string Owner, IReadOnlyList<string> Senders, IReadOnlyList<string> Subscribers, long Subscriptions);
