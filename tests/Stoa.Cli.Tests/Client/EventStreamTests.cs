using Microsoft.AspNetCore.Http;
using Stoa.Client;

namespace Stoa.Cli.Tests.Client;

public sealed class EventStreamTests() : FakeNodeClientTest(new StoaClientOptions { MaxAttempts = 3 })
{
    private const string Path = $"GET /api/v1/tasks/{Samples.TaskId}/events";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_Broken_IsTakenUpAfterTheLastEventThatIsKept()
    {
        var progressArrived = new TaskCompletionSource();
        Node.On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("running"))
            .On(Path, Stream(progressArrived.Task, Samples.Event("7", "stoa.task.started"), Samples.Event("live-1", "stoa.task.progress", Samples.Progress(10))))
            .On(Path, Stream(null, Samples.Event("9", "stoa.task.succeeded", Samples.TaskData("succeeded"))));

        var types = new List<string>();
        await foreach (var happened in Client.WatchTaskAsync(Samples.TaskId, cancellationToken: Cancellation))
        {
            types.Add(happened.Type);
            if (StoaClient.TryReadProgress(happened, out _))
                progressArrived.SetResult();
        }

        types.ShouldBe(["stoa.task.started", "stoa.task.progress", "stoa.task.succeeded"]);
        var openings = Node.SeenOf(Path);
        openings[0].Headers.ContainsKey("Last-Event-ID").ShouldBeFalse();
        openings[1].Headers["Last-Event-ID"].ShouldBe("7");
    }

    [Fact]
    public async Task Stream_EndsWithTheTask_ThoughTheNodeKeepsItOpen()
    {
        Node.On(Path, async context =>
        {
            await Write(context, Samples.Event("1", "stoa.task.failed", Samples.TaskData("failed")));
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        (await Client.WatchTaskAsync(Samples.TaskId, cancellationToken: Cancellation).CountAsync(Cancellation)).ShouldBe(1);
    }

    [Fact]
    public async Task Stream_OfATaskThatIsOver_EndsWithoutItsLastEvent()
    {
        Node.On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("succeeded", "HI")).On(Path, Stream(null));

        (await Client.WatchTaskAsync(Samples.TaskId, "99", Cancellation).CountAsync(Cancellation)).ShouldBe(0);

        Node.SeenOf(Path).Single().Headers["Last-Event-ID"].ShouldBe("99");
    }

    [Fact]
    public async Task Stream_ThatBringsNothingAgainAndAgain_IsGivenUp()
    {
        Node.On("GET /api/v1/events", Stream(Task.CompletedTask));

        await Should.ThrowAsync<NodeUnreachableException>(async () => await Client.WatchEventsAsync(cancellationToken: Cancellation).CountAsync(Cancellation));
    }

    [Fact]
    public async Task Waiting_TellsOfMeasuredProgress()
    {
        Node.On($"GET /api/v1/tasks/{Samples.TaskId}", 200, Samples.Task("succeeded", "HI"))
            .On(Path, Stream(
                null,
                Samples.Event("live-1", "stoa.task.progress", Samples.Progress(10)),
                Samples.Event("live-2", "stoa.task.progress", Samples.Progress(60)),
                Samples.Event("3", "stoa.task.succeeded", Samples.TaskData("succeeded"))));
        var read = new List<long>();

        var task = await Client.WaitForTaskAsync(Samples.TaskId, new Recorder(read), Cancellation);

        task.State.ShouldBe("succeeded");
        read.ShouldBe([10, 60]);
    }

    private static RequestDelegate Stream(Task? abortAfter, params string[] events) => async context =>
    {
        context.Response.ContentType = "text/event-stream";
        foreach (var text in events)
            await Write(context, text);
        await context.Response.Body.FlushAsync();
        if (abortAfter is null)
            return;
        await abortAfter;
        context.Abort();
    };

    private static async Task Write(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text);
        await context.Response.Body.FlushAsync();
    }

    private sealed class Recorder(List<long> read) : IProgress<Stoa.Client.Contracts.TaskProgressData>
    {
        public void Report(Stoa.Client.Contracts.TaskProgressData value) => read.Add(value.InputBytesRead);
    }
}
