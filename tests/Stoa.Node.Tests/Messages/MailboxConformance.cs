using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Identity;
using Stoa.Node.Messages;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Messages;

/// <summary>What holds of mailboxes whatever the database: nothing that was sent is lost, order per sender, one holder at a time, fences.</summary>
public abstract class MailboxConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly TimeSpan s_visibility = TimeSpan.FromSeconds(30);
    private static readonly MailboxAddress s_jobs = MailboxAddress.Parse("ada/jobs");

    private readonly SettableTime _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000));
    private MessagesOptions _options = new() { MailboxesPerAccount = 3, MessagesPerMailbox = 1_000, BytesPerMailbox = 1 << 20, DedupeMinutes = 10 };
    private IdSource _ids = null!;
    private SqlMailboxStore _store = null!;
    private SqlMessages _messages = null!;
    private User _ada = null!;
    private User _bob = null!;
    private User _cleo = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _ids = new IdSource(_time, new SecureRandom());
        Open();
        (_ada, _bob, _cleo) = (await AddUserAsync("ada"), await AddUserAsync("bob"), await AddUserAsync("cleo"));
    }

    [Fact]
    public async Task Message_ComesAsItWasSentAndIsGoneOnceAcknowledged()
    {
        var box = await AddAsync();
        var sent = await SendAsync(_bob, new NewMessage("hello"u8.ToArray(), "text/plain", null, "q1", MailboxAddress.Parse("bob/answers"), 60));

        var got = (await ReceiveAsync(box)).ShouldHaveSingleItem();

        var message = got.Message;
        (message.Id, message.Sender, Text(got), message.ContentType, message.CorrelationId, message.ReplyTo, message.Deliveries)
            .ShouldBe((sent, "bob", "hello", "text/plain", "q1", "bob/answers", 1));
        (message.SentAt, message.ExpiresAt, got.HeldUntil).ShouldBe((_time.GetUtcNow(), _time.GetUtcNow().AddSeconds(60), _time.GetUtcNow() + s_visibility));
        (await AcknowledgeAsync(box, got)).ShouldBeNull();
        await ShouldBeEmptyAsync();
        (await AcknowledgeAsync(box, got)).ShouldBe(MessageRefusal.MessageUnknown);
    }

    [Fact]
    public async Task DeliveryThatIsNotAcknowledged_ComesAgainAfterItsTimeAndTheOldTokenIsWorthNothing()
    {
        var box = await AddAsync();
        await SendAsync(_bob, "one");
        var first = (await ReceiveAsync(box)).Single();

        (await ReceiveAsync(box)).ShouldBeEmpty();
        (await _messages.NextReadyAsync(box.Id, Stop)).ShouldBe(first.HeldUntil);
        _time.Advance(s_visibility);
        var second = (await ReceiveAsync(box)).Single();

        second.Message.Id.ShouldBe(first.Message.Id);
        second.Message.Deliveries.ShouldBe(2);
        (await AcknowledgeAsync(box, first)).ShouldBe(MessageRefusal.DeliveryOver);
        (await ExtendAsync(box, first)).ShouldBe(MessageRefusal.DeliveryOver);
        (await ReturnAsync(box, first)).ShouldBe(MessageRefusal.DeliveryOver);
        (await AcknowledgeAsync(box, second)).ShouldBeNull();
    }

    [Fact]
    public async Task AcknowledgementThatComesLate_CountsWhileNobodyElseHasTheMessage()
    {
        var box = await AddAsync();
        await SendAsync(_bob, "one");
        var got = (await ReceiveAsync(box)).Single();

        _time.Advance(s_visibility * 2);

        (await AcknowledgeAsync(box, got)).ShouldBeNull();
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task Restart_LosesNothingAndKeepsHolds()
    {
        var box = await AddAsync();
        await SendAsync(_bob, "held");
        var held = (await ReceiveAsync(box)).Single();
        await SendAsync(_cleo, "waits");

        await ReopenAsync();
        Open();

        var other = (await ReceiveAsync(box)).Single();
        Text(other).ShouldBe("waits");
        _time.Advance(s_visibility);
        var again = await ReceiveAsync(box);
        again.Select(Text).Order().ShouldBe(["held", "waits"]);
        again.ShouldAllBe(delivery => delivery.Message.Deliveries == 2);
        (await AcknowledgeAsync(box, held)).ShouldBe(MessageRefusal.DeliveryOver);
        foreach (var delivery in again)
            (await AcknowledgeAsync(box, delivery)).ShouldBeNull();
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task LaterMessagesOfASender_WaitForAnEarlierOneThatIsHeldAndThoseOfOthersDoNot()
    {
        var box = await AddAsync();
        await SendAsync(_bob, "b1");
        await SendAsync(_bob, "b2");
        var first = (await ReceiveAsync(box, 1)).Single();
        await SendAsync(_cleo, "c1");

        (await ReceiveAsync(box)).Select(Text).ShouldBe(["c1"]);
        await AcknowledgeAsync(box, first);
        (await ReceiveAsync(box)).Select(Text).ShouldBe(["b2"]);
    }

    [Fact]
    public async Task MessagesOfASender_ComeInOneRunAndIsReturnedFromOneOnInOrder()
    {
        var box = await AddAsync();
        for (var number = 1; number <= 4; number++)
            await SendAsync(_bob, $"b{number}");
        var run = await ReceiveAsync(box, 3);
        run.Select(Text).ShouldBe(["b1", "b2", "b3"]);

        (await AcknowledgeAsync(box, run[0])).ShouldBeNull();
        (await _messages.ReturnAsync(box, Mark(run[1]), TimeSpan.FromSeconds(5), Stop)).Value.ShouldBeFalse();

        (await AcknowledgeAsync(box, run[2])).ShouldBe(MessageRefusal.DeliveryOver, "it went back with the one before it");
        (await ReceiveAsync(box)).ShouldBeEmpty();
        (await _messages.NextReadyAsync(box.Id, Stop)).ShouldBe(_time.GetUtcNow().AddSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));
        foreach (var expected in new[] { "b2", "b3", "b4" })
        {
            var alone = await ReceiveAsync(box);
            alone.Select(Text).ShouldBe([expected], "what was handed out before goes alone");
            await AcknowledgeAsync(box, alone[0]);
        }

        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task Extension_HoldsTheWholeRun()
    {
        var box = await AddAsync();
        await SendAsync(_bob, "b1");
        await SendAsync(_bob, "b2");
        var run = await ReceiveAsync(box);
        _time.Advance(s_visibility - TimeSpan.FromSeconds(1));

        (await _messages.ExtendAsync(box.Id, Mark(run[1]), TimeSpan.FromMinutes(5), Stop)).Value.ShouldBe(_time.GetUtcNow().AddMinutes(5));

        _time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        (await ReceiveAsync(box)).ShouldBeEmpty();
        (await AcknowledgeAllAsync(box, run)).ShouldAllBe(refusal => refusal == null);
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task MessageThatNobodyAcknowledges_DiesAloneAndItsSendersNextGoOn()
    {
        var box = await AddAsync(deliveries: 3);
        await SendAsync(_bob, "poison");
        await SendAsync(_bob, "good");
        (await ReceiveAsync(box)).Count.ShouldBe(2);
        for (var delivery = 2; delivery <= 3; delivery++)
        {
            _time.Advance(s_visibility);
            (await ReceiveAsync(box)).Single().Message.Deliveries.ShouldBe(delivery);
        }

        _time.Advance(s_visibility);
        var good = (await ReceiveAsync(box)).Single();

        Text(good).ShouldBe("good");
        var dead = (await DeadAsync(box)).ShouldHaveSingleItem();
        (Encoding.UTF8.GetString(dead.Message.Body.Span), dead.Message.Deliveries, dead.DeadAt).ShouldBe(("poison", 3, _time.GetUtcNow()));
        dead.Message.ExpiresAt.ShouldBe(_time.GetUtcNow().AddSeconds(box.RetentionSeconds));
        await AcknowledgeAsync(box, good);
        var shown = await ShowAsync();
        (shown.Messages, shown.Dead, shown.Bytes).ShouldBe((0, 1, 6));
    }

    [Fact]
    public async Task MessageThatIsReturnedTheLastTime_IsDeadAtOnceAndComesBackByRedriving()
    {
        var box = await AddAsync(deliveries: 1);
        var id = await SendAsync(_bob, "one");
        var got = (await ReceiveAsync(box)).Single();
        (await _messages.ReturnAsync(box, Mark(got), TimeSpan.Zero, Stop)).Value.ShouldBeTrue();
        (await ReceiveAsync(box)).ShouldBeEmpty();
        (await AcknowledgeAsync(box, got)).ShouldBe(MessageRefusal.DeliveryOver);
        await SendAsync(_bob, "two");

        (await _messages.RedriveAsync(box, [_ids.Next<Message>()], Stop)).ShouldBe(0);
        (await _messages.RedriveAsync(box, [id], Stop)).ShouldBe(1);

        (await DeadAsync(box)).ShouldBeEmpty();
        var two = (await ReceiveAsync(box)).Single();
        Text(two).ShouldBe("two", "it waits behind what was sent meanwhile");
        await AcknowledgeAsync(box, two);
        var again = (await ReceiveAsync(box)).Single();
        (again.Message.Id, again.Message.Deliveries).ShouldBe((id, 1));
        await AcknowledgeAsync(box, again);
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task DedupeKey_StandsForOneMessageOfItsSenderUntilItIsForgotten()
    {
        var box = await AddAsync();
        var message = new NewMessage("x"u8.ToArray(), MessageRules.Bytes, "order-17");
        var first = (await TrySendAsync(_bob, message)).Value[0];
        await AcknowledgeAsync(box, (await ReceiveAsync(box)).Single());

        var again = (await TrySendAsync(_bob, message)).Value[0];
        var other = (await TrySendAsync(_bob, message with { Body = "y"u8.ToArray() })).Refusal;
        var ofAnother = (await TrySendAsync(_cleo, message)).Value[0];

        again.ShouldBe(new SentMessage(first.Id, IsDuplicate: true), "also when the first is gone");
        other!.Code.ShouldBe(MessageRefusal.DedupeKeyReused);
        ofAnother.IsDuplicate.ShouldBeFalse();
        (await ShowAsync()).Messages.ShouldBe(1);
        _time.Advance(TimeSpan.FromMinutes(10));
        (await TrySendAsync(_bob, message)).Value[0].IsDuplicate.ShouldBeFalse();
    }

    [Fact]
    public async Task SameKeyAtTheSameTime_SendsOnce()
    {
        var box = await AddAsync();
        var message = new NewMessage("x"u8.ToArray(), MessageRules.Bytes, "order-17");

        var sent = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => TrySendAsync(_bob, message))));

        sent.Select(outcome => outcome.Value[0].Id).Distinct().ShouldHaveSingleItem();
        sent.Count(outcome => !outcome.Value[0].IsDuplicate).ShouldBe(1);
        (await ReceiveAsync(box)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task WhatHasExpired_IsNotHandedOutAndIsClearedAway()
    {
        var box = await AddAsync();
        await SendAsync(_bob, new NewMessage("short"u8.ToArray(), MessageRules.Bytes, "key", ExpiresInSeconds: 10));
        await SendAsync(_bob, "long");
        await SendAsync(_cleo, new NewMessage("short"u8.ToArray(), MessageRules.Bytes, ExpiresInSeconds: 10));
        _time.Advance(TimeSpan.FromSeconds(10));

        var got = (await ReceiveAsync(box)).Single();
        Text(got).ShouldBe("long");
        (await _messages.ClearAsync(Stop)).ShouldBeFalse();

        var shown = await ShowAsync();
        (shown.Messages, shown.Bytes).ShouldBe((1, 4));
        await AcknowledgeAsync(box, got);
        await ShouldBeEmptyAsync();
        _time.Advance(TimeSpan.FromMinutes(10));
        await _messages.ClearAsync(Stop);
        (await CountAsync("mailbox_dedupes")).ShouldBe(0);
    }

    [Fact]
    public async Task WhatExpiresWhileItIsHeld_StaysItsReceiversUntilThatIsOver()
    {
        var box = await AddAsync();
        await SendAsync(_bob, new NewMessage("short"u8.ToArray(), MessageRules.Bytes, ExpiresInSeconds: 10));
        await SendAsync(_bob, "next");
        var run = await ReceiveAsync(box);
        _time.Advance(TimeSpan.FromSeconds(20));

        await _messages.ClearAsync(Stop);
        (await AcknowledgeAsync(box, run[0])).ShouldBeNull();
        (await AcknowledgeAsync(box, run[1])).ShouldBeNull();
        await SendAsync(_bob, new NewMessage("short"u8.ToArray(), MessageRules.Bytes, ExpiresInSeconds: 10));
        var left = (await ReceiveAsync(box)).Single();
        _time.Advance(s_visibility);
        await _messages.ClearAsync(Stop);

        (await AcknowledgeAsync(box, left)).ShouldBe(MessageRefusal.MessageUnknown);
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task FullMailbox_TakesNothingMoreUntilSomethingIsAcknowledged()
    {
        _options = _options with { MessagesPerMailbox = 2, BytesPerMailbox = 10 };
        Open();
        var box = await AddAsync();
        await SendAsync(_bob, "12345");
        (await TrySendAsync(_bob, New("123456"))).Refusal!.Code.ShouldBe(MessageRefusal.MailboxFull, "of bytes");
        await SendAsync(_bob, "12345");
        (await TrySendAsync(_cleo, New(""))).Refusal!.Code.ShouldBe(MessageRefusal.MailboxFull, "of messages");

        await AcknowledgeAsync(box, (await ReceiveAsync(box, 1)).Single());

        (await TrySendAsync(_cleo, New(""))).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task SeveralMessages_AreSentInOrderAllOrNone()
    {
        _options = _options with { MessagesPerMailbox = 4 };
        Open();
        var box = await AddAsync();
        var keyed = New("b2") with { DedupeKey = "two" };

        var sent = (await TrySendAsync(_bob, New("b1"), keyed, keyed, New("b3"))).Value;
        (await TrySendAsync(_bob, New("b4"), New("b5"))).Refusal!.Code.ShouldBe(MessageRefusal.MailboxFull);
        (await TrySendAsync(_bob, New("b4"), New("other") with { DedupeKey = "two" })).Refusal!.Code.ShouldBe(MessageRefusal.DedupeKeyReused);

        sent.Select(one => one.IsDuplicate).ShouldBe([false, false, true, false]);
        sent[2].Id.ShouldBe(sent[1].Id);
        var got = await ReceiveAsync(box);
        got.Select(Text).ShouldBe(["b1", "b2", "b3"]);
        got.Select(delivery => delivery.Message.Id).ShouldBe([sent[0].Id, sent[1].Id, sent[3].Id]);
        (await ShowAsync()).Messages.ShouldBe(3);
        await AcknowledgeAllAsync(box, got);
        await ShouldBeEmptyAsync();
    }

    [Fact]
    public async Task Sender_IsWhomTheMailboxAdmits()
    {
        var organisation = await AddUserAsync("acme", UserKind.Organisation);
        await Database.WriteAsync(
            async session =>
            {
                var row = new { organisation = organisation.Id, member = _bob.Id };
                await session.ExecuteAsync("INSERT INTO organisations (id, name) VALUES (@organisation, 'Acme')", row);
                await session.ExecuteAsync("INSERT INTO memberships (organisation_id, member_id, role, joined_at) VALUES (@organisation, @member, 'Viewer', 0)", row);
            },
            Stop);
        await AddAsync(SenderRule.Owner, "own");
        await AddAsync(SenderRule.Accounts, "named", named: ["bob"]);
        await AddAsync(SenderRule.Anyone, "open");
        await AddAsync(SenderRule.Organisation, "team", owner: organisation);

        foreach (var (address, sender, admitted) in new[]
        {
            ("ada/own", _ada, true), ("ada/own", _bob, false),
            ("ada/named", _bob, true), ("ada/named", _cleo, false), ("ada/named", _ada, true),
            ("ada/open", _cleo, true),
            ("acme/team", _bob, true), ("acme/team", _cleo, false), ("acme/team", organisation, true),
            ("ada/none", _ada, false), ("nobody/own", _ada, false),
        })
        {
            var refusal = (await _messages.SendAsync(MailboxAddress.Parse(address), sender.Id, [New("x")], Stop)).Refusal;
            refusal?.Code.ShouldBe(MessageRefusal.MailboxUnknown, $"{sender.Handle} to {address}");
            (refusal is null).ShouldBe(admitted, $"{sender.Handle} to {address}");
        }

        (await ShowAsync("named")).Named.ShouldBe(["bob"]);
    }

    [Fact]
    public async Task Mailbox_IsRefusedForEveryReason()
    {
        await AddAsync(name: "one");
        (await TryAddAsync("one")).ShouldBe(MessageRefusal.MailboxTaken);
        (await TryAddAsync("Two")).ShouldBe(MessageRefusal.MailboxInvalid);
        (await TryAddAsync("two", SenderRule.Accounts, "nobody-here")).ShouldBe(MessageRefusal.MailboxInvalid);
        (await TryAddAsync("two", SenderRule.Organisation)).ShouldBe(MessageRefusal.MailboxInvalid);
        await AddAsync(name: "two");
        await AddAsync(name: "three");
        (await TryAddAsync("four")).ShouldBe(MessageRefusal.MailboxesTooMany);
        (await _store.ListAsync(_ada.Id, new PageRequest(2), Stop)).NextCursor.ShouldBe("three", "by names: one, three, two");
        (await _store.ListAsync(_ada.Id, new PageRequest(2, "three"), Stop)).Items.Select(shown => shown.Mailbox.Name).ShouldBe(["two"]);
    }

    [Fact]
    public async Task DeletedMailbox_TakesAllThatIsInItAlong()
    {
        _options = _options with { MessagesPerMailbox = 5_000 };
        Open();
        await AddAsync(SenderRule.Accounts, named: ["bob"]);
        await Task.WhenAll(Enumerable.Range(0, 1_100).Select(number => SendAsync(_bob, new NewMessage("x"u8.ToArray(), MessageRules.Bytes, $"key{number}"))));

        (await _store.DeleteAsync(_bob.Id, "jobs", Stop)).ShouldBeFalse("it is not his");
        (await _store.DeleteAsync(_ada.Id, "jobs", Stop)).ShouldBeTrue();

        (await _store.DeleteAsync(_ada.Id, "jobs", Stop)).ShouldBeFalse();
        foreach (var table in new[] { "mailboxes", "mailbox_messages", "mailbox_lanes", "mailbox_dedupes", "mailbox_senders" })
            (await CountAsync(table)).ShouldBe(0, table);
    }

    [Fact]
    public async Task ManyReceiversAtOnce_KeepTheOrderOfEachSenderAndGetEachMessageOnce()
    {
        const int senders = 6, each = 40, receivers = 5;
        var box = await AddAsync(deliveries: 100);
        List<User> users = [];
        for (var number = 0; number < senders; number++)
            users.Add(await AddUserAsync($"sender{number}"));
        var held = new ConcurrentDictionary<string, int>();
        var done = new ConcurrentDictionary<string, ConcurrentQueue<int>>();
        var left = senders * each;
        var faults = new ConcurrentQueue<string>();

        var sending = users.Select(user => Task.Run(async () =>
        {
            for (var number = 0; number < each; number++)
                await SendAsync(user, number.ToString(CultureInfo.InvariantCulture));
        }));
        var receiving = Enumerable.Range(0, receivers).Select(receiver => Task.Run(async () =>
        {
            var chance = new Random(receiver);
            while (Volatile.Read(ref left) > 0)
            {
                var got = await ReceiveAsync(box, 7);
                foreach (var sender in got.GroupBy(delivery => delivery.Message.Sender))
                {
                    if (!held.TryAdd(sender.Key, receiver))
                        faults.Enqueue($"{sender.Key} is held by {held[sender.Key]} and by {receiver}.");
                    var deliveries = sender.ToList();
                    // Some of each run come back, from one in its middle on.
                    var kept = chance.Next(3) == 0 ? chance.Next(deliveries.Count) : deliveries.Count;
                    foreach (var delivery in deliveries.Take(kept))
                        done.GetOrAdd(sender.Key, _ => new ConcurrentQueue<int>()).Enqueue(int.Parse(Text(delivery), CultureInfo.InvariantCulture));
                    held.TryRemove(sender.Key, out _);
                    foreach (var refusal in await AcknowledgeAllAsync(box, [.. deliveries.Take(kept)]))
                    {
                        if (refusal is not null)
                            faults.Enqueue($"{refusal}");
                    }

                    Interlocked.Add(ref left, -kept);
                    if (kept < deliveries.Count && await ReturnAsync(box, deliveries[kept]) is { } notReturned)
                        faults.Enqueue($"{notReturned}");
                }

                if (got.Count == 0)
                    await Task.Yield();
            }
        }));
        await Task.WhenAll([.. sending, .. receiving]);

        faults.ShouldBeEmpty();
        done.Count.ShouldBe(senders);
        foreach (var (sender, order) in done)
            order.ShouldBe(Enumerable.Range(0, each), sender);
        await ShouldBeEmptyAsync();
    }

    private void Open()
    {
        _store = new SqlMailboxStore(Database, _options);
        _messages = new SqlMessages(Database, new MailboxBell(Database, _time, NullLogger<MailboxBell>.Instance), _options, _ids, new SecureRandom(), _time);
    }

    private async Task<User> AddUserAsync(string handle, UserKind kind = UserKind.Person)
    {
        var user = new User(_ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, _time.GetUtcNow(), kind);
        return (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(new StoredUser(user, "hash"), Stop)).Value;
    }

    private Mailbox NewMailbox(User owner, string name, SenderRule senders, int deliveries) => new(
        _ids.Next<Mailbox>(), owner.Id, name, senders, (int)s_visibility.TotalSeconds, deliveries, MessageRules.DefaultRetentionSeconds, _time.GetUtcNow());

    private async Task<Mailbox> AddAsync(SenderRule senders = SenderRule.Anyone, string name = "jobs", int deliveries = 5, User? owner = null, string[]? named = null) =>
        (await _store.AddAsync(NewMailbox(owner ?? _ada, name, senders, deliveries), named ?? [], Stop)).Value;

    private async Task<MessageRefusal?> TryAddAsync(string name, SenderRule senders = SenderRule.Owner, params string[] named) =>
        (await _store.AddAsync(NewMailbox(_ada, name, senders, 5), named, Stop)).Refusal?.Code;

    private static NewMessage New(string text) => new(Encoding.UTF8.GetBytes(text), "text/plain");

    private Task<Id<Message>> SendAsync(User sender, string text) => SendAsync(sender, New(text));

    private async Task<Id<Message>> SendAsync(User sender, NewMessage message) => (await TrySendAsync(sender, message)).Value[0].Id;

    private Task<Outcome<SentMessage[], MessageRefusal>> TrySendAsync(User sender, params NewMessage[] messages) => _messages.SendAsync(s_jobs, sender.Id, messages, Stop);

    private Task<IReadOnlyList<Delivery>> ReceiveAsync(Mailbox box, int count = 10) => _messages.ReceiveAsync(box, count, s_visibility, Stop);

    private async Task<IReadOnlyList<MessageRefusal?>> AcknowledgeAllAsync(Mailbox box, IReadOnlyList<Delivery> deliveries) =>
        [.. (await _messages.AcknowledgeAsync(box.Id, [.. deliveries.Select(Mark)], Stop)).Select(refusal => refusal?.Code)];

    private async Task<MessageRefusal?> AcknowledgeAsync(Mailbox box, Delivery delivery) => (await AcknowledgeAllAsync(box, [delivery]))[0];

    private async Task<MessageRefusal?> ExtendAsync(Mailbox box, Delivery delivery) => (await _messages.ExtendAsync(box.Id, Mark(delivery), s_visibility, Stop)).Refusal?.Code;

    private async Task<MessageRefusal?> ReturnAsync(Mailbox box, Delivery delivery) => (await _messages.ReturnAsync(box, Mark(delivery), TimeSpan.Zero, Stop)).Refusal?.Code;

    private async Task<IReadOnlyList<DeadLetter>> DeadAsync(Mailbox box) => (await _messages.ListDeadAsync(box.Id, new PageRequest(), Stop)).Items;

    private async Task<ShownMailbox> ShowAsync(string name = "jobs") => (await _store.ShowAsync(_ada.Id, name, Stop)).ShouldNotBeNull();

    private async Task ShouldBeEmptyAsync()
    {
        var shown = await ShowAsync();
        (shown.Messages, shown.Dead, shown.Bytes).ShouldBe((0, 0, 0));
        (await CountAsync("mailbox_messages")).ShouldBe(0);
        (await CountAsync("mailbox_lanes")).ShouldBe(0);
    }

    private Task<long> CountAsync(string table) => Database.ReadAsync(session => session.QuerySingleAsync<long>($"SELECT count(*) FROM {table}"), Stop);

    private static DeliveryMark Mark(Delivery delivery) => new(delivery.Message.Id, delivery.Token);

    private static string Text(Delivery delivery) => Encoding.UTF8.GetString(delivery.Message.Body.Span);
}

public sealed class SqliteMailboxTests() : MailboxConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresMailboxTests(PostgresCluster cluster) : MailboxConformance(new PostgresSource(cluster));
