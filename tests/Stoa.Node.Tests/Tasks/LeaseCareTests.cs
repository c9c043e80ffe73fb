using Microsoft.Extensions.DependencyInjection;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

public sealed class LeaseCareTests : IAsyncLifetime
{
    private static readonly LeaseHolder s_gone = new("gone", "boot");
    private static readonly TimeSpan s_longEnough = TimeSpan.FromSeconds(30);

    private TestNode _node = null!;
    private string _echo = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IServiceProvider Services => _node.Host.Services;

    private ITaskStore Tasks => Services.GetRequiredService<ITaskStore>();

    public async ValueTask InitializeAsync()
    {
        // Its own pulse and care look once, at the start.
        _node = await TestNode.StartAsync(null, "--Tasks:BeatMs", "60000");
        _echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData(nameof(ITaskStore.GetAsync))]
    [InlineData(nameof(ITaskStore.EndAttemptAsync))]
    public async Task TakeOver_WithATaskThatFails_TakesTheOthersOverAndGoesOn(string failing)
    {
        var bad = await SubmitForAsync(s_gone);
        var good = await SubmitForAsync(s_gone);
        var calls = 0;
        var store = FaultyStore.Before(Tasks, (method, arguments) =>
        {
            if (method == nameof(ITaskStore.BringForwardAsync))
                Interlocked.Increment(ref calls);
            return method == failing && (Equals(arguments[0], bad) || arguments[0] is AttemptEnd end && end.Task.Id == bad)
                ? throw new InvalidDataException("a row that cannot be read")
                : null;
        });
        var care = CareOver(store);

        await care.TakeOverAsync(Stop);
        await care.LookAsync(Stop);

        (await _node.Client.WaitForTaskAsync(good.ToString(), cancellationToken: Stop)).State.ShouldBe("succeeded");
        (await Tasks.GetAsync(bad, Stop))!.State.ShouldBeOfType<TaskState.Running>();
        calls.ShouldBe(1, "retries are brought forward at the first turn");
    }

    [Fact]
    public async Task TakeOver_OfATaskThatFails_IsNotTriedAtEachTurn()
    {
        var bad = await SubmitForAsync(s_gone);
        var tries = 0;
        var store = FaultyStore.Before(Tasks, (method, arguments) =>
        {
            if (method != nameof(ITaskStore.GetAsync) || !Equals(arguments[0], bad))
                return null;
            tries++;
            throw new InvalidDataException("a row that cannot be read");
        });
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var care = CareOver(store, time);

        for (var turn = 0; turn < 600; turn++)
        {
            await care.TakeOverAsync(Stop);
            time.Advance(TimeSpan.FromMilliseconds(500));
        }

        // After 0.5, 1, 2 and so on up to 60 seconds.
        tries.ShouldBeInRange(9, 13);
    }

    [Fact]
    public async Task TakeOver_WhoseEndWaitsForTheDatabase_HoldsUpNothingElse()
    {
        var waiting = await SubmitForAsync(s_gone);
        var mayEnd = new TaskCompletionSource<AttemptEndOutcome>();
        var store = FaultyStore.Before(
            Tasks, (method, arguments) => method == nameof(ITaskStore.EndAttemptAsync) && ((AttemptEnd)arguments[0]!).Task.Id == waiting ? mayEnd.Task : null);
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var care = CareOver(store, time);

        var turn = care.TakeOverAsync(Stop);
        await care.LookAsync(Stop);
        while (!turn.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await turn;
        var other = await SubmitForAsync(s_gone);
        await care.TakeOverAsync(Stop);
        (await _node.Client.WaitForTaskAsync(other.ToString(), cancellationToken: Stop)).State.ShouldBe("succeeded");
        mayEnd.SetResult(AttemptEndOutcome.LeaseLost);
    }

    [Fact]
    public async Task TakeOver_WithAListThatCannotBeRead_BringsRetriesForwardAllTheSame()
    {
        var brought = 0;
        var care = CareOver(FaultyStore.Before(Tasks, (method, _) =>
        {
            if (method == nameof(ITaskStore.BringForwardAsync))
                brought++;
            return method == nameof(ITaskStore.ListAbandonedAsync) ? throw new InvalidDataException("no such table") : null;
        }));

        await care.TakeOverAsync(Stop);
        care.NodeDied();
        await care.TakeOverAsync(Stop);

        brought.ShouldBe(2);
    }

    [Fact]
    public async Task Look_WhileInputsOfClaimedTasksAreRead_FindsNoStrays()
    {
        // Queued and not claimed at once: the node's own workers do not know of them.
        var isReading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayRead = new TaskCompletionSource();
        var (store, task) = (Tasks, await SubmitForAsync(null));
        var slow = FaultyStore.Before(store, (method, arguments) =>
        {
            return method == nameof(ITaskStore.ReadInputsAsync) ? ReadAsync((IReadOnlyCollection<Id<AgentTask>>)arguments[0]!) : null;

            async Task<IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>>> ReadAsync(IReadOnlyCollection<Id<AgentTask>> ids)
            {
                isReading.TrySetResult();
                await mayRead.Task;
                return await store.ReadInputsAsync(ids, Stop);
            }
        });
        using var workers = WorkersOver(slow);
        var keeper = new LeaseKeeper(store, workers, Services.GetRequiredService<LeaseHolder>());
        await workers.StartAsync(Stop);
        await isReading.Task.WaitAsync(s_longEnough, Stop);

        await keeper.LookAsync(Stop);
        (await keeper.LookAsync(Stop)).ShouldBeEmpty();

        mayRead.SetResult();
        (await _node.Client.WaitForTaskAsync(task.ToString(), cancellationToken: Stop)).State.ShouldBe("succeeded");
        await workers.StopAsync(Stop);
    }

    [Fact]
    public async Task Look_WhileTheAnswerToAClaimIsAwaited_FindsNoStraysAndThenThoseThatWereLost()
    {
        var hasClaimed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayAnswer = new TaskCompletionSource();
        var (store, task) = (Tasks, await SubmitForAsync(null));
        var slow = FaultyStore.Before(store, (method, arguments) =>
        {
            return method == nameof(ITaskStore.ClaimAsync) ? ClaimAsync() : null;

            async Task<IReadOnlyList<AgentTask>> ClaimAsync()
            {
                await store.ClaimAsync((LeaseHolder)arguments[0]!, (ClaimRoom)arguments[1]!, (DateTimeOffset)arguments[2]!, Stop);
                hasClaimed.TrySetResult();
                await mayAnswer.Task;
                throw new IOException("the connection is broken");
            }
        });
        using var workers = WorkersOver(slow);
        var keeper = new LeaseKeeper(store, workers, Services.GetRequiredService<LeaseHolder>());
        await workers.StartAsync(Stop);
        await hasClaimed.Task.WaitAsync(s_longEnough, Stop);

        for (var look = 0; look < 3; look++)
            (await keeper.LookAsync(Stop)).ShouldBeEmpty();
        mayAnswer.SetResult();
        await workers.StopAsync(Stop);

        (await keeper.LookAsync(Stop)).Select(lease => lease.TaskId).ShouldBe([task]);
    }

    [Fact]
    public async Task Reservation_IsOfAKnownLeaseFromBeforeItIsWritten()
    {
        var workers = Services.GetRequiredService<TaskWorkers>();
        var submit = Services.GetRequiredService<SubmitTask>();
        TaskWorkers.Reservation? room = null;

        var made = (await submit.SubmitAsync(await OwnerAsync(), Request(), null, task => (room = workers.TryReserve(task))?.Claim, null, Stop)).Value.Task;

        var lease = new LeaseRef(made.Id, made.Token);
        workers.IsOwn(lease).ShouldBeTrue();
        room!.Dispose();
        workers.IsOwn(lease).ShouldBeFalse("the answer was lost: nobody works on it");
    }

    private LeaseCare CareOver(ITaskStore store, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        var execute = ActivatorUtilities.CreateInstance<ExecuteTask>(Services, store);
        var rescuer = ActivatorUtilities.CreateInstance<LeaseRescuer>(Services, store, execute, time);
        return ActivatorUtilities.CreateInstance<LeaseCare>(Services, ActivatorUtilities.CreateInstance<LeaseKeeper>(Services, store), rescuer, time);
    }

    private TaskWorkers WorkersOver(ITaskStore store) =>
        ActivatorUtilities.CreateInstance<TaskWorkers>(Services, store, new TasksOptions { Workers = 2, StopGraceMs = 60_000, PollMs = 60_000 });

    private TaskRequest Request() => new(
        ListingName.Parse(_echo), new RequestedInput.Inline("x"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, null);

    private async Task<Id<Market.Identity.User>> OwnerAsync() => Id<Market.Identity.User>.Parse((await _node.Client.GetMeAsync(Stop)).Id);

    private async Task<Id<AgentTask>> SubmitForAsync(LeaseHolder? holder) =>
        (await Services.GetRequiredService<SubmitTask>().SubmitAsync(
            await OwnerAsync(), Request(), null, _ => holder is null ? null : new ImmediateClaim(holder), null, Stop)).Value.Task.Id;
}
