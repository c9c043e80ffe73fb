using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Identity;
using Stoa.Node.Messages;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Messages;

[Trait("needs", "postgres")]
public sealed class MailboxBellTests(PostgresCluster cluster) : DatabaseTest(new PostgresSource(cluster))
{
    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());

    [Fact]
    public async Task ReceiverThatWaits_IsWokenByWhoeverSendsAtAnotherNode()
    {
        var options = new MessagesOptions();
        var owner = new User(_ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, TimeProvider.System.GetUtcNow());
        await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(new StoredUser(owner, "hash"), Stop);
        var mailbox = (await new SqlMailboxStore(Database, options).AddAsync(
            new Mailbox(_ids.Next<Mailbox>(), owner.Id, "jobs", SenderRule.Owner, 600, 5, 3_600, TimeProvider.System.GetUtcNow()), [], Stop)).Value;
        await using var other = await Source.OpenAsync();
        using var bell = NewBell(Database);
        using var otherBell = NewBell(other);
        await otherBell.StartAsync(Stop);
        // From here on it relies on being told.
        await Eventually.IsSoAsync(() => otherBell.LookAfter is null);
        var receiver = new MailboxReceiver(NewMessages(other, otherBell), otherBell, TimeProvider.System, new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance));
        var waiting = receiver.ReceiveAsync(mailbox, 1, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(2), Stop);

        var sent = (await NewMessages(Database, bell).SendAsync(MailboxAddress.Parse("ada/jobs"), owner.Id, [new NewMessage("x"u8.ToArray(), MessageRules.Bytes)], Stop)).Value;

        (await waiting).ShouldHaveSingleItem().Message.Id.ShouldBe(sent[0].Id);
        await otherBell.StopAsync(Stop);

        SqlMessages NewMessages(Database database, MailboxBell ofIt) => new(database, ofIt, options, _ids, new SecureRandom(), TimeProvider.System);
    }

    private static MailboxBell NewBell(Database database) => new(database, TimeProvider.System, NullLogger<MailboxBell>.Instance);
}
