using Stoa.Market.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What is fixed of the runs of a task, and what each of several executors gave, in every store.</summary>
public abstract class TaskRunsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    [Fact]
    public async Task World_AndRedundancy_StayWithTheTask_WhateverBecomesOfItsAttempts()
    {
        var made = NewTask();
        var redundant = made with { Task = made.Task with { World = new TaskWorld(-7, 1_780_000_000_123), Redundancy = new Redundancy(3, 2) } };
        var single = NewTask();
        var pinned = single with { Task = single.Task with { World = new TaskWorld(long.MaxValue, 0) } };
        foreach (var submission in new[] { redundant, pinned, NewTask() })
            (await Tasks.SubmitAsync(submission, Stop)).Refusal.ShouldBeNull();
        await ReopenAsync();
        Open();

        foreach (var claimed in await Tasks.ClaimAsync(Holder, Room, Now, Stop))
            (await Tasks.EndAttemptAsync(new AttemptEnd(claimed.Retry(Now), [], null, null, ReadOnlyMemory<byte>.Empty, []), Stop)).ShouldBe(AttemptEndOutcome.Written);
        var again = await Tasks.ClaimAsync(Holder, Room, Now.AddMinutes(1), Stop);

        again.Select(task => (task.Id == redundant.Task.Id, task.World, task.Redundancy)).ShouldBe(
            [(true, redundant.Task.World, redundant.Task.Redundancy), (false, pinned.Task.World, null), (false, null, null)], ignoreOrder: true);
        (await Tasks.GetAsync(redundant.Task.Id, Stop))!.Redundancy.ShouldBe(new Redundancy(3, 2));
    }

    [Fact]
    public async Task Runs_AreWrittenWithTheEnd_AndNotWithoutIt()
    {
        var running = await SubmitAndClaimAsync();
        using var key = PrivateKey.Generate();
        var envelope = DsseEnvelope.Sign("text/plain", "said"u8, key);
        TaskRun[] runs =
        [
            new("one", RunStanding.Agreed, ContentHash.Of("HELLO"u8), Money.Parse("0.001"), envelope, null),
            new("two", RunStanding.Failed, null, Money.Zero, null, "It is away."),
        ];

        (await Tasks.EndAttemptAsync(Success(running with { Token = running.Token + 1 }) with { Runs = runs }, Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);
        (await Tasks.ListRunsAsync(running.Id, Stop)).ShouldBeEmpty();
        (await Tasks.EndAttemptAsync(Success(running) with { Runs = runs }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        var kept = await Tasks.ListRunsAsync(running.Id, Stop);
        kept.Select(run => run with { Receipt = null }).ShouldBe(runs.Select(run => run with { Receipt = null }));
        kept[0].Receipt!.ContentHash.ShouldBe(envelope.ContentHash);
        kept[1].Receipt.ShouldBeNull();
    }
}

public sealed class SqliteTaskRunsTests() : TaskRunsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskRunsTests(PostgresCluster cluster) : TaskRunsConformance(new PostgresSource(cluster));
