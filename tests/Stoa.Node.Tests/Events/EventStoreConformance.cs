using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Node.Events;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Events;

/// <summary>What every event store does.</summary>
public abstract class EventStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private protected static readonly EventFilter Everything = new(null, null, []);

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private protected SqlEventStore Events => new(Database);

    [Fact]
    public async Task Stream_AtFirst_IsEmpty()
    {
        var batch = await Events.ReadAfterAsync(0, Everything, 10, Stop);

        batch.Events.ShouldBeEmpty();
        batch.ContinueAfter.ShouldBe(0);
        (await Events.LastSequenceAsync(Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Events_Appended_AreReadInOrderAsTheyWere()
    {
        NewEvent[] written = [Make("one"), Make("two", _ids.Next<User>()), Make("three")];
        await AppendAsync(written);

        var batch = await Events.ReadAfterAsync(0, Everything with { Viewer = written[1].Audience }, 10, Stop);

        batch.Events.Select(read => read.Event).ShouldBe(written);
        batch.Events.Select(read => read.Sequence).ShouldBeInOrder(SortDirection.Ascending);
        batch.ContinueAfter.ShouldBe(batch.Events[^1].Sequence);
        (await Events.LastSequenceAsync(Stop)).ShouldBe(batch.Events[^1].Sequence);
    }

    [Fact]
    public async Task Events_OfAnActThatIsUndone_AreNotThere()
    {
        await Should.ThrowAsync<InvalidDataException>(() => Database.WriteAsync(
            async session =>
            {
                await SqlEvents.AppendAsync(session, [Make("one")]);
                throw new InvalidDataException();
            },
            Stop));

        (await Events.LastSequenceAsync(Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Reader_SeesPublicEventsAndItsOwn()
    {
        var (ann, bob) = (_ids.Next<User>(), _ids.Next<User>());
        await AppendAsync(Make("public"), Make("ann's", ann), Make("bob's", bob));

        (await ReadSubjectsAsync(Everything)).ShouldBe(["public"]);
        (await ReadSubjectsAsync(Everything with { Viewer = ann })).ShouldBe(["public", "ann's"]);
        (await ReadSubjectsAsync(Everything with { Viewer = bob })).ShouldBe(["public", "bob's"]);
    }

    [Fact]
    public async Task Reader_WithAFilter_SeesWhatMatchesAndGoesOnAfterAll()
    {
        await AppendAsync(Make("a", type: "x"), Make("b", type: "y"), Make("a", type: "z"), Make("b", type: "z"));

        (await ReadTypesAsync(Everything with { Subject = "a" })).ShouldBe(["x", "z"]);
        (await ReadTypesAsync(Everything with { Types = ["y", "z"] })).ShouldBe(["y", "z", "z"]);
        (await ReadTypesAsync(new EventFilter(null, "b", ["z", "x"]))).ShouldBe(["z"]);
        var none = await Events.ReadAfterAsync(0, Everything with { Subject = "c" }, 10, Stop);
        none.Events.ShouldBeEmpty();
        none.ContinueAfter.ShouldBe(await Events.LastSequenceAsync(Stop));
        (await Events.ReadAfterAsync(100, Everything, 10, Stop)).ContinueAfter.ShouldBe(100);
    }

    [Fact]
    public async Task Reader_WithALimit_GoesOnWhereItStopped()
    {
        await AppendAsync([.. Enumerable.Range(0, 25).Select(number => Make($"n{number}"))]);

        var read = new List<string>();
        var sizes = new List<int>();
        long position = 0;
        do
        {
            var batch = await Events.ReadAfterAsync(position, Everything, 10, Stop);
            read.AddRange(batch.Events.Select(one => one.Event.Subject));
            sizes.Add(batch.Events.Count);
            position = batch.ContinueAfter;
        }
        while (sizes[^1] > 0);

        sizes.ShouldBe([10, 10, 5, 0]);
        read.ShouldBe(Enumerable.Range(0, 25).Select(number => $"n{number}"));
    }

    [Fact]
    public async Task Reader_FollowingManyWriters_MissesNone()
    {
        const int writers = 8;
        const int actsEach = 25;
        await using var signal = new EventSignal(Database, TimeProvider.System, NullLogger<EventSignal>.Instance);
        var expected = Enumerable.Range(0, writers).SelectMany(writer => Enumerable.Range(0, actsEach).SelectMany(
            act => new[] { $"{writer}.{act}.first", $"{writer}.{act}.second" })).ToHashSet();

        var reading = FollowAsync(signal, expected.Count);
        await Task.WhenAll(Enumerable.Range(0, writers).Select(async writer =>
        {
            for (var act = 0; act < actsEach; act++)
                await AppendAsync(Make($"{writer}.{act}.first"), Make($"{writer}.{act}.second"));
        }));

        var read = await reading;
        read.Count.ShouldBe(expected.Count);
        read.ToHashSet().SetEquals(expected).ShouldBeTrue();
    }

    [Fact]
    public async Task Signal_OfACommittedEvent_EndsTheWait()
    {
        await using var signal = new EventSignal(Database, TimeProvider.System, NullLogger<EventSignal>.Instance);
        var waiting = signal.WaitBeyondAsync(0, Stop);
        waiting.IsCompleted.ShouldBeFalse();

        await AppendAsync(Make("one"));

        await waiting;
        var last = await Events.LastSequenceAsync(Stop);
        signal.WaitBeyondAsync(last - 1, Stop).IsCompletedSuccessfully.ShouldBeTrue();
        signal.WaitBeyondAsync(last, Stop).IsCompleted.ShouldBeFalse();
    }

    private async Task<List<string>> FollowAsync(EventSignal signal, int count)
    {
        var read = new List<string>();
        long position = 0;
        while (read.Count < count)
        {
            await signal.WaitBeyondAsync(position, Stop);
            var batch = await Events.ReadAfterAsync(position, Everything, 7, Stop);
            read.AddRange(batch.Events.Select(one => one.Event.Subject));
            position = batch.ContinueAfter;
        }
        return read;
    }

    private protected Task AppendAsync(params NewEvent[] events) =>
        Database.WriteAsync(session => SqlEvents.AppendAsync(session, events), Stop);

    private protected static NewEvent Make(string subject, Id<User>? audience = null, string type = "stoa.test") =>
        new(type, subject, audience, s_now, """{"n":1}""");

    private async Task<IEnumerable<string>> ReadSubjectsAsync(EventFilter filter) =>
        (await Events.ReadAfterAsync(0, filter, 100, Stop)).Events.Select(read => read.Event.Subject);

    private async Task<IEnumerable<string>> ReadTypesAsync(EventFilter filter) =>
        (await Events.ReadAfterAsync(0, filter, 100, Stop)).Events.Select(read => read.Event.Type);
}

public sealed class SqliteEventStoreTests() : EventStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresEventStoreTests(PostgresCluster cluster) : EventStoreConformance(new PostgresSource(cluster))
{
    [Fact]
    public async Task Reader_BetweenTwoCommits_MissesNeitherEvent()
    {
        var hasAppended = new TaskCompletionSource();
        var mayCommit = new TaskCompletionSource();
        var slow = Database.WriteAsync(
            async session =>
            {
                await SqlEvents.AppendAsync(session, [Make("slow")]);
                hasAppended.SetResult();
                await mayCommit.Task;
            },
            Stop);
        await hasAppended.Task;
        var fast = AppendAsync(Make("fast"));

        // The second writer either waits for the first, or would have committed the greater sequence before the lesser.
        while (!fast.IsCompleted && await CountWaitingAsync() == 0)
        {
        }
        var first = await Events.ReadAfterAsync(0, Everything, 10, Stop);
        mayCommit.SetResult();
        await Task.WhenAll(slow, fast);
        var second = await Events.ReadAfterAsync(first.ContinueAfter, Everything, 10, Stop);

        first.Events.Concat(second.Events).Select(read => read.Event.Subject).ShouldBe(["slow", "fast"]);
    }

    [Fact]
    public async Task Signal_OfAnotherNodesEvent_ComesByNotification()
    {
        await using var other = await Source.OpenAsync();
        // Time stands still here, so only a notification can end the wait, not the look at the stream each second.
        await using var signal = new EventSignal(other, new StoppedTime(), NullLogger<EventSignal>.Instance);
        var waiting = signal.WaitBeyondAsync(0, Stop);

        // The listening connection opens by itself some time after the signal is made; what is told before that is not heard.
        while (!waiting.IsCompleted)
        {
            await AppendAsync(Make("one"));
            await Task.WhenAny(waiting, Database.ReadAsync(session => session.QuerySingleAsync<int>("SELECT 1 FROM (SELECT pg_sleep(0.05)) AS slept"), Stop));
        }

        await waiting;
    }

    [Fact]
    public async Task Signal_WithoutNotifications_ComesByALookEachSecond()
    {
        await using var other = await Source.OpenAsync();
        await using var signal = new EventSignal(other, TimeProvider.System, NullLogger<EventSignal>.Instance);

        await Database.WriteAsync(
            session => session.ExecuteAsync("INSERT INTO events (type, subject, time, data) VALUES ('stoa.test', 'one', 0, '{}')"), Stop);

        await signal.WaitBeyondAsync(0, Stop);
    }

    private Task<long> CountWaitingAsync() => Database.ReadAsync(
        session => session.QuerySingleAsync<long>("""
            SELECT COUNT(*) FROM pg_locks
            WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """),
        Stop);

    private sealed class StoppedTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
