using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Webhooks;
using Stoa.Node.Events;
using Stoa.Node.Identity;
using Stoa.Node.Membership;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Webhooks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Webhooks;

/// <summary>What holds of deliveries whatever the database: none lost, each handed out once in the normal course.</summary>
public abstract class WebhookQueueConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly WebhookRetries s_retries = new(MaxAttempts: 3, DisableAfter: TimeSpan.FromDays(5));
    private readonly SettableTime _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000));
    private readonly PrivateKey _key = PrivateKey.Generate();

    private SqlWebhookStore _store = null!;
    private SqlWebhookQueue _queue = null!;
    private IdSource _ids = null!;
    private User _ada = null!;
    private User _bob = null!;

    private DateTimeOffset Now => _time.GetUtcNow();

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _ids = new IdSource(_time, new SecureRandom());
        _store = new SqlWebhookStore(Database, _time);
        _queue = await NewQueueAsync("self");
        (_ada, _bob) = (await AddUserAsync("ada"), await AddUserAsync("bob"));
    }

    public override async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Event_OfItsOwnerAndType_IsTakenUpOnce()
    {
        await TellAsync(_ada, EventTypes.TaskSucceeded, "before");
        var webhook = await AddAsync(_ada);
        await TellAsync(_ada, EventTypes.TaskSucceeded, "mine");
        await TellAsync(_ada, EventTypes.TaskQueued, "other type");
        await TellAsync(_bob, EventTypes.TaskSucceeded, "other owner");

        await Task.WhenAll((await NewQueuesAsync(4)).Select(FanOutAsync));

        var delivery = (await DeliveriesAsync(webhook)).ShouldHaveSingleItem();
        (delivery.Subject, delivery.State).ShouldBe(("mine", DeliveryState.Pending));
        delivery.Body.ShouldContain("\"specversion\":\"1.0\"");
    }

    [Fact]
    public async Task Event_ToldWhileNobodyListened_IsNotTold()
    {
        (await _queue.FanOutAsync(Stop)).ShouldBeNull();
        var webhook = await AddAsync(_ada);
        await _store.UpdateAsync(webhook with { DisabledAt = Now, DisabledReason = "test" }, isUsedAgain: false, Stop);
        await TellAsync(_ada, EventTypes.TaskFailed, "asleep");
        await _store.UpdateAsync(webhook, isUsedAgain: true, Stop);
        await TellAsync(_ada, EventTypes.TaskFailed, "awake");

        await FanOutAsync(_queue);

        (await DeliveriesAsync(webhook)).Select(delivery => delivery.Subject).ShouldBe(["awake"]);
    }

    [Fact]
    public async Task ManyEvents_AreAllTakenUp()
    {
        var webhook = await AddAsync(_ada);
        await Database.WriteAsync(session => SqlEvents.AppendAsync(
            session, Enumerable.Range(0, 2_500).Select(number => Make(_ada, EventTypes.TaskSucceeded, $"task{number}"))), Stop);

        await FanOutAsync(_queue);

        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM webhook_deliveries"), Stop)).ShouldBe(2_500);
        (await ClaimAsync()).Deliveries.Select(delivery => delivery.Subject).ShouldBe(Enumerable.Range(0, 16).Select(number => $"task{number}"));
        webhook.Id.IsEmpty.ShouldBeFalse();
    }

    [Fact]
    public async Task Webhook_WithAnOldBacklog_LetsOthersPass()
    {
        var busy = await AddAsync(_ada);
        await Database.WriteAsync(session => SqlEvents.AppendAsync(
            session, Enumerable.Range(0, 40).Select(number => Make(_ada, EventTypes.TaskSucceeded, $"task{number}"))), Stop);
        await FanOutAsync(_queue);
        _time.Advance(TimeSpan.FromSeconds(1));
        var other = await AddAsync(_bob);
        await TellAsync(_bob, EventTypes.TaskSucceeded, "one");
        await FanOutAsync(_queue);
        _time.Advance(TimeSpan.FromSeconds(1));
        var first = await ClaimAsync();
        first.Webhook.Id.ShouldBe(busy.Id);

        await _queue.FinishAsync(first, Failing(first), Stop);
        _queue.Drop(first);

        (await ClaimAsync()).Webhook.Id.ShouldBe(other.Id);
        (await ClaimAsync()).Webhook.Id.ShouldBe(busy.Id, "it is due as well");
    }

    [Fact]
    public async Task EventsThatCannotBeTakenUp_HoldUpNoDeliveryThatIsDue()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var options = new WebhooksOptions { AllowHttp = true, AllowPrivateAddresses = true };
        await _store.PutAsync(NewWebhook(_ada) with { Url = receiver.Url }, Stop);
        await TellAsync(_ada, EventTypes.TaskSucceeded, "due");
        await FanOutAsync(_queue);
        await TellAsync(_ada, EventTypes.TaskSucceeded, "stuck");
        await StuckRows.MakeAsync(Database, "UPDATE", "webhook_cursor", "OLD.id = 1");
        await using var events = new EventSignal(Database, _time, NullLogger<EventSignal>.Instance);
        using var sender = new WebhookSender(options, (_, _) => Task.FromResult<System.Net.IPAddress[]>([System.Net.IPAddress.Loopback]), _time);
        using var worker = new WebhookWorker(_queue, sender, events, options, _time, NullLogger<WebhookWorker>.Instance);

        var (position, isIdle) = await worker.TurnAsync(Stop);

        (position, isIdle).ShouldBe((null, false));
        System.Text.Encoding.UTF8.GetString((await receiver.NextAsync()).Body).ShouldContain("due");
    }

    [Fact]
    public async Task Webhook_IsLeasedToOne()
    {
        await AddWithDeliveryAsync();
        var queues = await NewQueuesAsync(8);

        var claims = await Task.WhenAll(queues.Select(other => other.ClaimAsync(10, Stop)));

        claims.SelectMany(leases => leases).Count().ShouldBe(1);
        (await _queue.NextDueAsync(Stop)).ShouldBeNull();
        await StrikeOffAsync($"node{claims.ToList().FindIndex(leases => leases.Count > 0)}");
        (await _queue.NextDueAsync(Stop)).ShouldBe(Now);
        (await _queue.ClaimAsync(10, Stop)).Count.ShouldBe(1, "of a node that vanished");
    }

    [Fact]
    public async Task Lease_ThatItsNodeCouldNotGiveBack_IsTakenAgainByIt()
    {
        await AddWithDeliveryAsync();
        var lease = await ClaimAsync();
        (await _queue.ClaimAsync(1, Stop)).ShouldBeEmpty();

        _queue.Drop(lease);

        (await ClaimAsync()).Deliveries.Single().Id.ShouldBe(lease.Deliveries.Single().Id);
    }

    [Fact]
    public async Task Delivery_PutOffByAClockThatWasSetBackSince_IsBroughtForward()
    {
        var webhook = await AddWithDeliveryAsync();
        var lease = await ClaimAsync();
        await _queue.FinishAsync(lease, Failing(lease), Stop);
        await _queue.BringForwardAsync(Stop);
        (await _queue.ClaimAsync(1, Stop)).ShouldBeEmpty("it is only put off by its failure");
        _time.Advance(TimeSpan.FromHours(-1));

        await _queue.BringForwardAsync(Stop);

        (await ClaimAsync()).Deliveries.Single().Attempts.ShouldBe(1);
        webhook.Id.IsEmpty.ShouldBeFalse();
    }

    [Fact]
    public async Task LostLease_WritesNothing()
    {
        var webhook = await AddWithDeliveryAsync();
        var paused = await NewQueueAsync("paused");
        var lost = (await paused.ClaimAsync(1, Stop)).Single();
        await StrikeOffAsync("paused");
        var mine = await ClaimAsync();

        await paused.FinishAsync(lost, Failing(lost), Stop);
        await _queue.FinishAsync(mine, Succeeding(mine), Stop);

        var delivery = (await DeliveriesAsync(webhook)).Single();
        (delivery.State, delivery.Attempts, delivery.Status).ShouldBe((DeliveryState.Delivered, 1, 204));
        (await _queue.NextDueAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Failure_IsTriedAgainUntilTheLastAttempt()
    {
        var webhook = await AddWithDeliveryAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            var lease = await ClaimAsync();
            await _queue.FinishAsync(lease, Failing(lease), Stop);
            (await _queue.ClaimAsync(1, Stop)).ShouldBeEmpty();
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        var delivery = (await DeliveriesAsync(webhook)).Single();
        (delivery.State, delivery.Attempts, delivery.Status, delivery.Error).ShouldBe((DeliveryState.Failed, 3, 500, "It failed."));
        (await _store.FindAsync(webhook.Id, _ada.Id, Stop))!.FailingSince.ShouldNotBeNull();
        (await _queue.NextDueAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Redelivery_StartsAnewUnderTheSameId()
    {
        var webhook = await AddWithDeliveryAsync();
        var lease = await ClaimAsync();
        await _queue.FinishAsync(lease, Succeeding(lease), Stop);

        var again = await _store.RedeliverAsync(webhook.Id, lease.Deliveries[0].Id, Stop);

        (again!.State, again.Attempts).ShouldBe((DeliveryState.Pending, 0));
        (await ClaimAsync()).Deliveries.Single().Id.ShouldBe(again.Id);
        (await _store.RedeliverAsync(webhook.Id, _ids.Next<WebhookDelivery>(), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Webhook_ThatFailsForDays_IsDisabledAndItsOwnerTold()
    {
        var webhook = await AddWithDeliveryAsync();
        var first = await ClaimAsync();
        await _queue.FinishAsync(first, Failing(first), Stop);
        _time.Advance(TimeSpan.FromDays(5));
        await TellAsync(_ada, EventTypes.TaskSucceeded, "later");
        await FanOutAsync(_queue);
        var last = await ClaimAsync();

        await _queue.FinishAsync(last, Failing(last), Stop);

        (await _store.FindAsync(webhook.Id, _ada.Id, Stop))!.DisabledReason!.ShouldContain("Every attempt failed since");
        (await DeliveriesAsync(webhook)).ShouldAllBe(delivery => delivery.State == DeliveryState.Failed);
        (await EventsAsync()).ShouldContain(EventTypes.WebhookDisabled);
        (await _queue.NextDueAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Success_EndsARowOfFailures()
    {
        var webhook = await AddWithDeliveryAsync();
        var first = await ClaimAsync();
        await _queue.FinishAsync(first, Failing(first), Stop);
        _time.Advance(TimeSpan.FromDays(6));
        var second = await ClaimAsync();
        await _queue.FinishAsync(second, Succeeding(second), Stop);

        var now = (await _store.FindAsync(webhook.Id, _ada.Id, Stop))!;
        (now.FailingSince, now.DisabledAt).ShouldBe((null, null));
    }

    [Fact]
    public async Task Receiver_ThatIsGone_IsDisabledAtOnce()
    {
        var webhook = await AddWithDeliveryAsync();
        var lease = await ClaimAsync();

        await _queue.FinishAsync(lease, [(lease.Deliveries[0], new DeliveryAttempt(Now, 1, 410, "Gone."))], Stop);

        (await _store.FindAsync(webhook.Id, _ada.Id, Stop))!.DisabledReason!.ShouldContain("410");
    }

    [Fact]
    public async Task Webhook_IsItsOwnersAlone()
    {
        var webhook = await AddWithDeliveryAsync();

        (await _store.FindAsync(webhook.Id, _bob.Id, Stop)).ShouldBeNull();
        (await _store.DeleteAsync(webhook.Id, _bob.Id, Stop)).ShouldBeFalse();
        (await _store.DeleteAsync(webhook.Id, _ada.Id, Stop)).ShouldBeTrue();
        (await _queue.ClaimAsync(1, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Webhooks_OfOneUser_AreLimited()
    {
        for (var number = 0; number < Webhook.MaxPerUser; number++)
            await AddAsync(_ada);

        (await _store.PutAsync(NewWebhook(_ada), Stop)).Refusal!.Code.ShouldBe(WebhookRefusal.WebhooksTooMany);
        await AddAsync(_bob);
    }

    [Fact]
    public async Task OldDeliveries_AreForgotten()
    {
        var webhook = await AddWithDeliveryAsync();
        var lease = await ClaimAsync();
        await _queue.FinishAsync(lease, Succeeding(lease), Stop);

        (await _queue.ForgetAsync(Now, Stop)).ShouldBe(0);
        (await _queue.ForgetAsync(Now + TimeSpan.FromSeconds(1), Stop)).ShouldBe(1);
        (await DeliveriesAsync(webhook)).ShouldBeEmpty();
    }

    private static List<(WebhookDelivery, DeliveryAttempt)> All(WebhookLease lease, DeliveryAttempt attempt) =>
        [.. lease.Deliveries.Select(delivery => (delivery, attempt))];

    private List<(WebhookDelivery, DeliveryAttempt)> Failing(WebhookLease lease) => All(lease, new DeliveryAttempt(Now, 1, 500, "It failed."));

    private List<(WebhookDelivery, DeliveryAttempt)> Succeeding(WebhookLease lease) => All(lease, new DeliveryAttempt(Now, 1, 204, null));

    private async Task<SqlWebhookQueue> NewQueueAsync(string node)
    {
        var holder = new LeaseHolder(node, "1");
        await new SqlNodeStore(Database).BeatAsync(holder, NodeStoreConformance.Silent, Now, Stop);
        return new SqlWebhookQueue(Database, holder, _ids, _key.PublicKey, s_retries, new SecureRandom(), _time);
    }

    private async Task<List<SqlWebhookQueue>> NewQueuesAsync(int count)
    {
        var queues = new List<SqlWebhookQueue>();
        for (var number = 0; number < count; number++)
            queues.Add(await NewQueueAsync($"node{number}"));
        return queues;
    }

    private Task<bool> StrikeOffAsync(string node) => new SqlNodeStore(Database).StrikeOffAsync(new NodeBeat(new LeaseHolder(node, "1"), 1), Stop);

    private static async Task FanOutAsync(SqlWebhookQueue queue)
    {
        while (await queue.FanOutAsync(Stop) is { HasMore: true })
        {
        }
    }

    private async Task<WebhookLease> ClaimAsync() => (await _queue.ClaimAsync(1, Stop)).ShouldHaveSingleItem();

    private async Task<Webhook> AddWithDeliveryAsync()
    {
        var webhook = await AddAsync(_ada);
        await TellAsync(_ada, EventTypes.TaskSucceeded, "one");
        await FanOutAsync(_queue);
        return webhook;
    }

    private Webhook NewWebhook(User owner) => new(
        _ids.Next<Webhook>(), owner.Id, "https://example.org/", "", WebhookEvents.Default, WebhookSecret.Create(new SecureRandom()), Now, null, null, null);

    private async Task<Webhook> AddAsync(User owner) => (await _store.PutAsync(NewWebhook(owner), Stop)).Value;

    private async Task<IReadOnlyList<WebhookDelivery>> DeliveriesAsync(Webhook webhook) =>
        (await _store.ListDeliveriesAsync(webhook.Id, null, new PageRequest(), Stop)).Items;

    private async Task<IReadOnlyList<string>> EventsAsync() =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(_ada.Id, null, []), 1_000, Stop)).Events.Select(told => told.Event.Type)];

    private Task TellAsync(User owner, string type, string subject) =>
        Database.WriteAsync(session => SqlEvents.AppendAsync(session, [Make(owner, type, subject)]), Stop);

    private NewEvent Make(User owner, string type, string subject) => new(type, subject, owner.Id, Now, "{}");

    private async Task<User> AddUserAsync(string handle) => (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(
        new StoredUser(new User(_ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, Now), "hash"), Stop)).Value;
}

public sealed class SqliteWebhookQueueTests() : WebhookQueueConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresWebhookQueueTests(PostgresCluster cluster) : WebhookQueueConformance(new PostgresSource(cluster));
