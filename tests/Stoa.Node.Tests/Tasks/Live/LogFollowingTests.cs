using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tasks;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks.Live;

/// <summary>Logs and progress of tasks that run, on one node.</summary>
public sealed class LogFollowingTests(TaskNodeFixture fixture) : IClassFixture<TaskNodeFixture>
{
    private static readonly AgentLimitsBody s_endless = new(1_000_000_000_000, 8 << 20, 600_000, 1_000, 4_096);

    private StoaClient Client => fixture.Node.Client;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_OfARunningTask_IsThereWhileItRunsAndStaysWhenItIsCancelled()
    {
        var task = await SubmitAsync("worker", GuestPrograms.LogAndLoop("größe ✓\nworking\n"));
        await using var log = Client.FollowTaskLogAsync(task.Id, cancellationToken: Stop).GetAsyncEnumerator(Stop);

        (await log.MoveNextAsync()).ShouldBeTrue();

        log.Current.Data.ShouldBe(new TaskLogData(task.Id, 1, 1, 0, 0, "größe ✓\nworking\n"));
        (await Client.GetTaskAsync(task.Id, Stop)).State.ShouldBe("running");
        (await Client.GetTaskLogAsync(task.Id, Stop)).ShouldBe(new TaskLog("größe ✓\nworking\n", 0));
        await Client.CancelTaskAsync(task.Id, Stop);
        (await log.MoveNextAsync()).ShouldBeFalse();
        (await Client.GetTaskAsync(task.Id, Stop)).State.ShouldBe("cancelled");
        (await Client.GetTaskLogAsync(task.Id, Stop)).Text.ShouldEndWith("working\n");
    }

    [Fact]
    public async Task Log_OfATaskThatHasEnded_IsGivenFromAnyPosition()
    {
        var agent = await fixture.Node.PublishAsync("refuser", GuestPrograms.Exit(1, "no such column: größe"));
        var task = await fixture.Node.RunAsync(agent);

        (await ReadAsync(task.Id)).ShouldHaveSingleItem().Data.ShouldBe(new TaskLogData(task.Id, 1, 1, 0, 0, "no such column: größe"));
        (await ReadAsync(task.Id, "1-16")).ShouldHaveSingleItem().Data.ShouldBe(new TaskLogData(task.Id, 1, 1, 16, 0, "größe"));
        (await ReadAsync(task.Id, "1-23")).ShouldBeEmpty();
        // Positions that no stream has given: of another log, or beyond the end.
        (await ReadAsync(task.Id, "7-3")).ShouldHaveSingleItem().Data.Offset.ShouldBe(0);
        (await ReadAsync(task.Id, "0-3")).ShouldHaveSingleItem().Data.Offset.ShouldBe(0);
        (await ReadAsync(task.Id, "1-9999999")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("x")]
    [InlineData("1")]
    [InlineData("1-2-3")]
    [InlineData("-1-2")]
    [InlineData("99999999999999999999-1")]
    public async Task Position_ThatIsNone_IsRefused(string after)
    {
        var task = await fixture.Node.RunAsync(fixture.Echo);

        (await Should.ThrowAsync<StoaException>(() => ReadAsync(task.Id, after))).Code.ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task Log_OfSomebodyElse_DoesNotExist()
    {
        var task = await fixture.Node.RunAsync(fixture.Echo);
        using var anonymous = new StoaClient(Client.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest("log-reader", "log-reader@example.org", "a long enough password"), Stop);
        var session = await anonymous.LoginAsync(new LoginRequest("log-reader", "a long enough password"), Stop);
        using var http = new HttpClient { BaseAddress = Client.Options.Address, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", session.Token) } };

        foreach (var path in new[] { "log", "log/events" })
        {
            using var response = await http.GetAsync($"/api/v1/tasks/{task.Id}/{path}", Stop);
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }
    }

    [Fact]
    public async Task Follower_WhoIsSlow_MissesTheOldestIsToldHowMuchAndHoldsNobodyUp()
    {
        var task = await SubmitAsync("chatterbox", GuestPrograms.EndlessOutput(2), s_endless with { LogBytes = 65_536 });
        var services = fixture.Node.Host.Services;
        await using var log = services.GetRequiredService<LogFollower>().FollowAsync(Id<AgentTask>.Parse(task.Id), default, Stop).GetAsyncEnumerator(Stop);
        (await log.MoveNextAsync()).ShouldBeTrue();
        var first = log.Current.ShouldBeOfType<LogStep.Piece>();

        // The reader takes nothing, and the agent writes on all the same.
        var live = services.GetRequiredService<TaskWorkers>().Find(new LeaseRef(Id<AgentTask>.Parse(task.Id), 1)).ShouldNotBeNull().Progress.Log;
        await live.WaitBeyondAsync(first.End.Offset + (10 << 20), Stop);
        (await log.MoveNextAsync()).ShouldBeTrue();

        var second = log.Current.ShouldBeOfType<LogStep.Piece>();
        second.SkippedBytes.ShouldBeGreaterThanOrEqualTo((10 << 20) - LiveLog.MaxBytes);
        second.Start.Offset.ShouldBe(first.End.Offset + second.SkippedBytes);
        live.Keep().Bytes.Length.ShouldBe(LiveLog.MaxBytes);
        await Client.CancelTaskAsync(task.Id, Stop);
        while (log.Current is not LogStep.Ended)
            (await log.MoveNextAsync()).ShouldBeTrue();
        var kept = await Client.GetTaskLogAsync(task.Id, Stop);
        (kept.Text.Length, kept.SkippedBytes > 10 << 20).ShouldBe((65_536, true));
    }

    [Fact]
    public async Task Log_OfSeveralAttempts_BeginsAnewWithEach()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(null, new NodePhysics(time, new SecureRandom()));
        var agent = await node.PublishAsync("busy", GuestPrograms.Exit(75, "no licence free"));
        var task = await node.Client.SubmitAsync(
            new SubmitTaskRequest(agent, new TaskInputBody(Text: ""), DueAt: time.GetUtcNow().AddMinutes(1)), cancellationToken: Stop);
        var pieces = new List<TaskLogPiece>();
        var following = FollowAsync();
        var moving = MoveAsync(following);

        await following;
        await moving;

        pieces.Select(piece => (piece.Data.Attempt, piece.Data.Offset, piece.Data.Text)).ShouldBe(
            [(1, 0, "no licence free"), (2, 0, "no licence free"), (3, 0, "no licence free")]);
        // A lease that is handed back before its attempt begins has a number, too.
        pieces.Select(piece => piece.Data.Lease).ShouldBeInOrder();
        pieces.Select(piece => piece.Data.Lease).ShouldBeUnique();
        pieces.ShouldAllBe(piece => piece.Position == $"{piece.Data.Lease}-15");

        async Task FollowAsync()
        {
            await foreach (var piece in node.Client.FollowTaskLogAsync(task.Id, cancellationToken: Stop))
                pieces.Add(piece);
        }

        // The clock goes on for as long as somebody waits for it.
        async Task MoveAsync(Task end)
        {
            while (!end.IsCompleted)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.WhenAny(end, Task.Delay(5, Stop));
            }
        }
    }

    [Fact]
    public async Task Progress_AsAnAgentTellsIt_ReachesTheWatcherOfTheTask()
    {
        var task = await SubmitAsync("teller", GuestPrograms.AskAndLoop("""{"op":"progress","done":3,"total":10,"message":"rows"}"""));

        await foreach (var happened in Client.WatchTaskAsync(task.Id, cancellationToken: Stop))
        {
            if (!StoaClient.TryReadProgress(happened, out var progress) || progress.Done is null)
                continue;
            (progress.Attempt, progress.Done, progress.Total, progress.Message).ShouldBe((1, 3, 10, "rows"));
            progress.Fuel.ShouldBePositive();
            break;
        }

        await Client.CancelTaskAsync(task.Id, Stop);
    }

    [Fact]
    public async Task Attempts_ThatNobodyWatches_LeaveNothingBehind()
    {
        await fixture.Node.RunAsync(fixture.Echo);
        var task = await fixture.Node.RunAsync(fixture.Echo);

        (await ReadAsync(task.Id)).ShouldBeEmpty();

        // The node learns that its reader is gone behind the end of the answer.
        await Eventually.IsSoAsync(() =>
            !fixture.Node.Host.Services.GetRequiredService<LiveTasks>().ListMissing(isAgain: false).Any(asked => asked.Message.ToString().Contains(task.Id, StringComparison.Ordinal))
            && fixture.Node.Host.Services.GetRequiredService<RemoteWatchers>().IsEmpty);
    }

    private Task<List<TaskLogPiece>> ReadAsync(string id, string? after = null) =>
        Client.FollowTaskLogAsync(id, after, Stop).ToListAsync(Stop).AsTask();

    private async Task<TaskResponse> SubmitAsync(string name, byte[] program, AgentLimitsBody? limits = null)
    {
        var agent = await fixture.Node.PublishAsync(name, program, limits ?? s_endless);
        return await Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "")), cancellationToken: Stop);
    }
}
