using System.Diagnostics;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Membership;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

[Trait("speed", "slow")]
public sealed class TaskWorkersTests
{
    private static readonly AgentLimitsBody s_endless = new(1_000_000_000_000, 8 << 20, 600_000, 1_000, 1_000);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_StoppedWhileATaskRuns_HandsItBackAndTheNextStartTakesItUp()
    {
        var node = await TestNode.StartAsync(null, "--Tasks:StopGraceMs", "0");
        var agent = await node.PublishAsync("forever", GuestPrograms.EndlessLoop, s_endless);
        var task = await SubmitEndlessAsync(node, agent);
        await RunningAsync(node, task);

        var folder = await node.StopAsync();
        await using (node = await TestNode.StartAsync(folder))
        {
            var events = await TypesUntilAsync(node, task.Id, "stoa.task.started", times: 2);
            events.ShouldBe(["stoa.task.queued", "stoa.task.started", "stoa.task.retried", "stoa.task.started"]);
            var again = await node.Client.GetTaskAsync(task.Id, Stop);
            (again.State, again.Attempts).ShouldBe(("running", 0));
            (await RetryCodesAsync(node)).ShouldBe(["nodeStopping"]);
            await node.Client.CancelTaskAsync(task.Id, Stop);
            (await node.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop)).State.ShouldBe("cancelled");
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Task_ThatStillWaitsForAThreadAtTheSecondLook_GoesBackToTheQueue()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:Workers", "1", "--Tasks:BeatMs", "60000");
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);
        var keeper = node.Host.Services.GetRequiredService<LeaseKeeper>();
        using var gate = new ManualResetEventSlim();
        node.Host.Services.GetRequiredService<GuestThreads>().Start(gate.Wait);
        try
        {
            var task = await node.Client.SubmitTextAsync(echo, "hello", cancellationToken: Stop);
            task.State.ShouldBe("running");
            await keeper.LookAsync(Stop);
            (await RetryCodesAsync(node)).ShouldBeEmpty();
            await keeper.LookAsync(Stop);
            gate.Set();

            var ended = await node.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
            (ended.State, ended.Attempts).ShouldBe(("succeeded", 1));
            (await RetryCodesAsync(node)).ShouldBe(["nodeBusy"]);
        }
        finally
        {
            gate.Set();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 << 10)]
    [InlineData((64 << 10) + 1)]
    [InlineData(1_000_000)]
    public async Task Task_ThatHasWaited_RunsOnAllOfItsInput(int bytes)
    {
        await using var node = await TestNode.StartAsync(null);
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo, new AgentLimitsBody(1_000_000_000, 8 << 20, 60_000, 2_000_000, 1_000));
        var input = new string('x', bytes);

        var task = await node.Client.SubmitAsync(
            new SubmitTaskRequest(echo, new TaskInputBody(Text: input), DueAt: DateTimeOffset.UtcNow.AddMilliseconds(300)), cancellationToken: Stop);

        var ended = await node.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        (ended.State, ended.Result?.Usage.InputBytes, ended.Result?.Usage.OutputBytes).ShouldBe(("succeeded", bytes, bytes));
    }

    [Fact]
    public async Task Stop_WhileAClaimIsUnderWay_WaitsForWhatItBrings()
    {
        // The node's own workers are busy, and its pulse leaves the leases of the workers under test alone.
        await using var node = await TestNode.StartAsync(null, "--Tasks:Workers", "1", "--Tasks:BeatMs", "60000", "--Tasks:StopGraceMs", "0");
        var endless = await node.PublishAsync("forever", GuestPrograms.EndlessLoop, s_endless);
        await RunningAsync(node, await SubmitEndlessAsync(node, endless));
        var services = node.Host.Services;
        var store = DispatchProxy.Create<ITaskStore, HeldUpClaims>();
        var claims = (HeldUpClaims)(object)store;
        claims.Inner = services.GetRequiredService<ITaskStore>();
        using var threads = new GuestThreads(2);
        // On threads of its own too: that of the node's workers has its endless task.
        var execute = ActivatorUtilities.CreateInstance<ExecuteTask>(services, threads);
        using var workers = ActivatorUtilities.CreateInstance<TaskWorkers>(services, store, execute, threads, new TasksOptions { Workers = 2, StopGraceMs = 60_000 });
        var first = await SubmitEndlessAsync(node, endless);
        await workers.StartAsync(Stop);
        await RunningAsync(node, first);
        claims.MayEnd = new TaskCompletionSource();
        await SubmitEndlessAsync(node, endless);
        workers.Wake();
        await claims.IsHeldUp.Task;

        var stopping = workers.StopAsync(Stop);
        await node.Client.CancelTaskAsync(first.Id, Stop);
        foreach (var attempt in workers.Running)
            attempt.Stop(StopReason.Cancelled);
        (await node.Client.WaitForTaskAsync(first.Id, cancellationToken: Stop)).State.ShouldBe("cancelled");
        claims.MayEnd.SetResult();
        await claims.HasEnded.Task;
        while (workers.Running.Count == 0)
            await Task.Yield();

        stopping.IsCompleted.ShouldBeFalse("the claim has brought another task");
        foreach (var attempt in workers.Running)
            attempt.Stop(StopReason.NodeStopping);
        await stopping;
        workers.Running.ShouldBeEmpty();
    }

    [Fact]
    public async Task Load_WhileManyEndsWaitToBeWritten_IsNeverMoreThanThereIs()
    {
        const int tasks = 5;
        // The node's own workers are busy: those under test get what is submitted.
        await using var node = await TestNode.StartAsync(null, "--Tasks:Workers", "1", "--Tasks:BeatMs", "60000", "--Tasks:StopGraceMs", "0");
        await RunningAsync(node, await SubmitEndlessAsync(node, await node.PublishAsync("forever", GuestPrograms.EndlessLoop, s_endless)));
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);
        var services = node.Host.Services;
        var inner = services.GetRequiredService<ITaskStore>();
        using var ended = new SemaphoreSlim(0);
        var mayBeWritten = new TaskCompletionSource();
        var store = FaultyStore.Before(inner, (method, arguments) => method == nameof(ITaskStore.EndAttemptAsync) ? EndAsync((AttemptEnd)arguments[0]!) : null);
        using var threads = new GuestThreads(1);
        var execute = ActivatorUtilities.CreateInstance<ExecuteTask>(services, threads, store);
        using var workers = ActivatorUtilities.CreateInstance<TaskWorkers>(
            services, store, execute, threads, new TasksOptions { Workers = 1, MaxMemoryBytes = 8 << 20, StopGraceMs = 60_000 });
        await workers.StartAsync(Stop);
        for (var task = 0; task < tasks; task++)
        {
            await node.Client.SubmitTextAsync(echo, "hello", cancellationToken: Stop);
            workers.Wake();
            await ended.WaitAsync(Stop);
        }

        var load = workers.Load;
        mayBeWritten.SetResult();
        await workers.StopAsync(Stop);
        (load.BusyWorkers, load.BusyMemoryBytes, load.HeldTasks).ShouldBe((0, 0L, tasks));

        async Task<AttemptEndOutcome> EndAsync(AttemptEnd end)
        {
            ended.Release();
            await mayBeWritten.Task;
            return await inner.EndAttemptAsync(end, Stop);
        }
    }

    [Fact]
    public async Task Execute_WhileTheOnlyWorkerIsBusy_GoesAheadOfTheQueue()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:Workers", "1");
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);
        var blocking = await SubmitEndlessAsync(node, await node.PublishAsync("forever", GuestPrograms.EndlessLoop, s_endless));
        await RunningAsync(node, blocking);
        var first = await node.Client.SubmitTextAsync(echo, "first", cancellationToken: Stop);
        var hurried = await node.Client.SubmitTextAsync(echo, "hurried", cancellationToken: Stop);

        (await node.Client.ExecuteTaskAsync(hurried.Id, TimeSpan.FromMilliseconds(1), Stop)).State.ShouldBe("queued");
        await node.Client.CancelTaskAsync(blocking.Id, Stop);

        var ended = new[] { await node.Client.WaitForTaskAsync(first.Id, cancellationToken: Stop), await node.Client.WaitForTaskAsync(hurried.Id, cancellationToken: Stop) };
        ended.ShouldAllBe(task => task.State == "succeeded");
        var started = await StartedInOrderAsync(node);
        started.IndexOf(hurried.Id).ShouldBeLessThan(started.IndexOf(first.Id));
    }

    [Fact]
    public async Task Workers_WithLittleMemory_RunOneLargeTaskAtATimeAndRefuseALargerOne()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:Workers", "4", "--Tasks:MaxMemoryBytes", $"{64 << 20}");
        var limits = new AgentLimitsBody(1_000_000_000, 40 << 20, 60_000, 1_000, 1_000);
        var agent = await node.PublishAsync("large", GuestPrograms.Echo, limits);
        var larger = await node.PublishAsync("larger", GuestPrograms.Echo, limits with { MemoryBytes = 65 << 20 });

        (await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => node.RunAsync(agent)))).ShouldAllBe(task => task.State == "succeeded");
        (await Should.ThrowAsync<Stoa.Client.StoaException>(() => node.RunAsync(larger))).Code.ShouldBe("limitsInvalid");
        node.Host.Services.GetRequiredService<TaskWorkers>().Running.ShouldBeEmpty();
    }

    [Fact]
    public async Task Task_WhoseAgentAsksToBeTriedAgain_GetsThreeAttemptsAsTheClockMoves()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(null, new NodePhysics(time, new SecureRandom()));
        var agent = await node.PublishAsync("busy", GuestPrograms.Exit(75, "no licence free"));
        var task = await node.Client.SubmitTextAsync(agent, "x", cancellationToken: Stop);

        var delays = new List<TimeSpan>();
        await foreach (var told in node.Client.WatchTaskAsync(task.Id, cancellationToken: Stop))
        {
            if (told.Type != "stoa.task.retried")
                continue;
            told.Data.GetProperty("code").GetString().ShouldBe("agentUnavailable");
            delays.Add(told.Data.GetProperty("dueAt").GetDateTimeOffset() - told.Time);
            time.Advance(delays[^1] + TimeSpan.FromMilliseconds(1));
        }

        delays.Count.ShouldBe(2);
        delays[0].ShouldBeInRange(TimeSpan.Zero, TimeSpan.FromSeconds(1));
        delays[1].ShouldBeInRange(TimeSpan.Zero, TimeSpan.FromSeconds(2));
        var failed = await node.Client.GetTaskAsync(task.Id, Stop);
        (failed.State, failed.Attempts, failed.Failure?.Code, failed.Failure?.Log).ShouldBe(("failed", 3, "agentUnavailable", "no licence free"));
    }

    [Fact]
    public async Task Task_WhoseInputHasVanished_IsTriedThreeTimesAndCostsNothing()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(null, new NodePhysics(time, new SecureRandom()));
        var agent = await node.PublishAsync("echo", GuestPrograms.Echo);
        var blob = await node.Client.UploadAsync(new MemoryStream("a blob"u8.ToArray()), cancellationToken: Stop);
        var request = new TaskRequest(
            Market.Registry.ListingName.Parse(agent), new RequestedInput.Stored(ContentHash.Parse(blob.Digest)), new Dictionary<string, string>(), RequestedLimits.None, null);
        var owner = Id<Market.Identity.User>.Parse((await node.Client.GetMeAsync(Stop)).Id);
        var services = node.Host.Services;
        var task = (await services.GetRequiredService<SubmitTask>().SubmitAsync(owner, request, null, _ => null, null, Stop)).Value.Task;
        await services.GetRequiredService<Market.Builds.IContentStore>().DeleteAsync(ContentHash.Parse(blob.Digest), Stop);
        services.GetRequiredService<TaskWorkers>().Wake();

        await foreach (var told in node.Client.WatchTaskAsync(task.Id.ToString(), cancellationToken: Stop))
        {
            if (told.Type == "stoa.task.retried")
                time.Advance(TimeSpan.FromSeconds(3));
        }

        var failed = await node.Client.GetTaskAsync(task.Id.ToString(), Stop);
        (failed.State, failed.Attempts, failed.Failure?.Code).ShouldBe(("failed", 3, "storageUnavailable"));
        (await node.Client.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Lease_OfANodeThatIsNotAlive_IsTakenOver()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(null, new NodePhysics(time, new SecureRandom()));
        var agent = await node.PublishAsync("echo", GuestPrograms.Echo);
        var submit = node.Host.Services.GetRequiredService<SubmitTask>();
        var request = new TaskRequest(
            Market.Registry.ListingName.Parse(agent), new RequestedInput.Inline("x"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, null);
        var owner = Id<Market.Identity.User>.Parse((await node.Client.GetMeAsync(Stop)).Id);
        var gone = new ImmediateClaim(new LeaseHolder("gone", "boot"));
        var task = (await submit.SubmitAsync(owner, request, null, _ => gone, null, Stop)).Value.Task;

        time.Advance(TimeSpan.FromSeconds(2));

        (await node.Client.WaitForTaskAsync(task.Id.ToString(), cancellationToken: Stop)).State.ShouldBe("succeeded");
        (await TypesUntilAsync(node, task.Id.ToString(), "stoa.task.succeeded", times: 1)).ShouldBe(
            ["stoa.task.queued", "stoa.task.started", "stoa.task.retried", "stoa.task.started", "stoa.task.succeeded"]);
    }

    [Fact]
    public async Task Progress_OfARunningTask_IsToldLive()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:ProgressMs", "50");
        var task = await SubmitEndlessAsync(node, await node.PublishAsync("chatty", GuestPrograms.EndlessOutput(2), s_endless));

        await foreach (var told in node.Client.WatchTaskAsync(task.Id, cancellationToken: Stop))
        {
            if (told.Type == "stoa.task.progress" && told.Data.GetProperty("fuel").GetInt64() > 0)
                break;
        }

        await node.Client.CancelTaskAsync(task.Id, Stop);
        (await node.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop)).State.ShouldBe("cancelled");
    }

    [Fact]
    public async Task Trace_OfASubmission_ReachesThroughTheQueueIntoTheExecution()
    {
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TaskTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                lock (spans)
                    spans.Add(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var node = await TestNode.StartAsync();
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);
        using var submission = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();

        var task = await node.RunAsync(echo);
        await node.StopAsync();

        lock (spans)
        {
            var mine = spans.Where(span => Equals(span.GetTagItem("stoa.task.id"), task.Id)).ToList();
            mine.Select(span => span.OperationName).ShouldBe(["task queue", "task execute"]);
            mine.ShouldAllBe(span => span.TraceId == submission.TraceId);
        }
    }

    [Fact]
    public async Task Rescue_OfTasksLostAgainAndAgain_GivesUpAndReleasesTheHold()
    {
        await using var node = await TestNode.StartAsync();
        var services = node.Host.Services;
        var tasks = services.GetRequiredService<ITaskStore>();
        var execute = services.GetRequiredService<ExecuteTask>();
        var gone = new LeaseHolder("gone", "boot");
        var agent = await node.PublishAsync("echo", GuestPrograms.Echo);
        var submit = services.GetRequiredService<SubmitTask>();
        var owner = Id<Market.Identity.User>.Parse((await node.Client.GetMeAsync(Stop)).Id);
        var request = new TaskRequest(
            Market.Registry.ListingName.Parse(agent), new RequestedInput.Inline("x"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, null);
        var offer = new ImmediateClaim(gone);
        // Listed, so that this node leaves it alone.
        await services.GetRequiredService<INodeStore>().BeatAsync(gone, NodeStoreConformance.Silent, DateTimeOffset.UtcNow, Stop);
        var task = (await submit.SubmitAsync(owner, request, null, _ => offer, null, Stop)).Value.Task;

        // Lost five times, each time claimed again by the same vanished node before anybody else can.
        for (var loss = 1; loss <= 5; loss++)
        {
            var end = new AttemptEnd(task.Lose(DateTimeOffset.UtcNow.AddSeconds(50)), [], null, null, ReadOnlyMemory<byte>.Empty, []);
            (await tasks.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.Written);
            task = (await tasks.ClaimAsync(gone, new ClaimRoom(1, 1L << 40, 1L << 40), DateTimeOffset.UtcNow.AddHours(2), Stop)).ShouldHaveSingleItem();
        }

        var after = (await execute.RescueAsync(task)).ShouldNotBeNull();

        after.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.NodeLost);
        (await node.Client.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
        (await execute.RescueAsync(task)).ShouldBeNull();
    }

    private static Task<TaskResponse> SubmitEndlessAsync(TestNode node, string agent) => node.Client.SubmitAsync(
        new SubmitTaskRequest(agent, new TaskInputBody(Text: ""), Limits: new TaskLimitsBody(Fuel: 1_000_000_000_000)), cancellationToken: Stop);

    private static Task<List<string>> RunningAsync(TestNode node, TaskResponse task) => TypesUntilAsync(node, task.Id, "stoa.task.started", times: 1);

    private static async Task<List<string>> TypesUntilAsync(TestNode node, string taskId, string type, int times)
    {
        var types = new List<string>();
        await foreach (var told in node.Client.WatchTaskAsync(taskId, cancellationToken: Stop))
        {
            if (told.Type != "stoa.task.progress")
                types.Add(told.Type);
            if (types.Count(told => told == type) == times)
                break;
        }

        return types;
    }

    private static async Task<List<string>> StartedInOrderAsync(TestNode node) =>
        [.. (await EventsAsync(node, "stoa.task.started")).Select(told => told.Subject)];

    private static async Task<IEnumerable<string?>> RetryCodesAsync(TestNode node) =>
        (await EventsAsync(node, "stoa.task.retried")).Select(told => System.Text.Json.JsonDocument.Parse(told.DataJson).RootElement.GetProperty("code").GetString());

    private static async Task<IEnumerable<Market.Events.NewEvent>> EventsAsync(TestNode node, string type)
    {
        var store = node.Host.Services.GetRequiredService<Market.Events.IEventStore>();
        var owner = Id<Market.Identity.User>.Parse((await node.Client.GetMeAsync(Stop)).Id);
        return (await store.ReadAfterAsync(0, new Market.Events.EventFilter(owner, null, [type]), 100, Stop)).Events.Select(told => told.Event);
    }

    /// <summary>A task store whose claims, done, can be held up on their way back.</summary>
    public class HeldUpClaims : DispatchProxy
    {
        public ITaskStore Inner { get; set; } = null!;

        public TaskCompletionSource? MayEnd { get; set; }

        public TaskCompletionSource IsHeldUp { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource HasEnded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            var answer = targetMethod!.Invoke(Inner, args);
            return targetMethod.Name == nameof(ITaskStore.ClaimAsync) && MayEnd is { } mayEnd
                ? HoldUpAsync((Task<IReadOnlyList<AgentTask>>)answer!, mayEnd.Task)
                : answer;
        }

        private async Task<IReadOnlyList<AgentTask>> HoldUpAsync(Task<IReadOnlyList<AgentTask>> claim, Task mayEnd)
        {
            var claimed = await claim;
            if (claimed.Count == 0)
                return claimed;
            IsHeldUp.TrySetResult();
            await mayEnd;
            HasEnded.TrySetResult();
            return claimed;
        }
    }
}
