using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>What is published to a topic, which is sent to all mailboxes that subscribe to it in one transaction.</summary>
public sealed partial class SqlMessages
{
    /// <summary>Publishes a message to a topic.</summary>
    /// <remarks>A mailbox that is full, or whose owner may not subscribe any more, misses it and holds up no other.</remarks>
    /// <param name="to">The topic, which is written as a mailbox is.</param>
    /// <param name="sender">The account that publishes.</param>
    /// <param name="message">As <see cref="MessageRules"/> has it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<PublishedMessage, MessageRefusal>> PublishAsync(MailboxAddress to, Id<User> sender, NewMessage message, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await SqlTopicStore.FindAsync(session, to, sender, isSender: true) is not { } topic)
                return SqlTopicStore.Unknown(to);
            // In one order, so that two who publish at the same time do not wait for each other in a circle.
            var subscribers = await session.QueryAsync<Subscriber>(
                """
                SELECT s.mailbox_id, m.owner_id,
                    (SELECT count(*) FROM topic_accounts AS a WHERE a.topic_id = s.topic_id AND a.is_sender = FALSE AND a.account_id = m.owner_id) AS named,
                    (SELECT count(*) FROM memberships AS g WHERE g.organisation_id = @OwnerId AND g.member_id = m.owner_id) AS memberships
                FROM topic_subscriptions AS s JOIN mailboxes AS m ON m.id = s.mailbox_id WHERE s.topic_id = @Id ORDER BY s.mailbox_id
                """,
                new { topic.OwnerId, topic.Id });
            var (delivered, duplicates) = (0, 0);
            List<string> missed = [];
            foreach (var one in subscribers)
            {
                var put = topic.Subscribers.Admits(one.OwnerId == topic.OwnerId, one.Named > 0, one.Memberships > 0)
                    ? await PutAsync(session, one.MailboxId, sender, [message], topic.Id)
                    : null;
                if (put?.Refusal is { Code: MessageRefusal.DedupeKeyReused } reused)
                {
                    session.Abandon();
                    return reused;
                }

                if (put is not { Refusal: null } sent)
                    missed.Add(one.MailboxId.ToString());
                else if (sent.Value[0].IsDuplicate)
                    duplicates++;
                else
                    delivered++;
            }

            if (missed.Count > 0)
                await session.SendAsync("UPDATE topic_subscriptions SET missed = missed + 1 WHERE topic_id = @Id AND mailbox_id IN @missed", new { topic.Id, missed });
            return (Outcome<PublishedMessage, MessageRefusal>)new PublishedMessage(delivered, duplicates, missed.Count);
        },
        cancellationToken);

    private sealed record Subscriber(Id<Mailbox> MailboxId, Id<User> OwnerId, long Named, long Memberships);
}
