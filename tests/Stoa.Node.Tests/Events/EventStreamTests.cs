using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Events;

/// <summary>The event stream as a client meets it: server-sent events over HTTP.</summary>
public sealed class EventStreamTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public async Task Stream_GivesWhatHappensFromNowOn()
    {
        var subject = NewSubject();
        await AppendAsync(subject, EventTypes.TaskQueued);
        await using var stream = await OpenAsync($"/api/v1/events?subject={subject}");

        await AppendAsync(subject, EventTypes.TaskStarted);

        var happened = await stream.NextAsync();
        happened.Type.ShouldBe(EventTypes.TaskStarted);
        happened.SpecVersion.ShouldBe("1.0");
        happened.Subject.ShouldBe(subject);
        happened.Source.ShouldBe($"stoa://{Node.Service<PublicKey>().PeerId}");
        happened.Data.GetProperty("n").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task Stream_TakenUpAfterAnEvent_HasNoGapAndNoRepetition()
    {
        var subject = NewSubject();
        const int count = 250;
        for (var index = 0; index < count; index++)
            await AppendAsync(subject, EventTypes.TaskQueued);
        var ids = new List<string>();
        string? last = "0";
        while (ids.Count < count)
        {
            await using var stream = await OpenAsync($"/api/v1/events?subject={subject}", last);
            for (var taken = 0; taken < 60 && ids.Count < count; taken++)
                ids.Add(last = (await stream.NextAsync()).Id);
        }

        ids.ShouldBeUnique();
        ids.Select(long.Parse).ShouldBeInOrder();
    }

    [Fact]
    public async Task Stream_HoldsBackWhatOthersMaySeeOnly()
    {
        using var ada = await Node.NewMemberAsync("ada-sse");
        var adaId = Id<User>.Parse((await RunningNode.ReadAsync<UserResponse>(await ada.GetAsync("/api/v1/users/me", Stop))).Id);
        var subject = NewSubject();
        await AppendAsync(subject, EventTypes.TaskQueued, audience: adaId);
        await AppendAsync(subject, EventTypes.TaskSucceeded);

        await using var ofAdmin = await OpenAsync($"/api/v1/events?subject={subject}&after=0");
        await using var ofAda = await OpenAsync($"/api/v1/events?subject={subject}&after=0", client: ada);

        (await ofAdmin.NextAsync()).Type.ShouldBe(EventTypes.TaskSucceeded);
        (await ofAda.NextAsync()).Type.ShouldBe(EventTypes.TaskQueued);
        (await ofAda.NextAsync()).Type.ShouldBe(EventTypes.TaskSucceeded);
    }

    [Fact]
    public async Task Stream_OfSomeTypes_LeavesOutTheOthers()
    {
        var subject = NewSubject();
        await AppendAsync(subject, EventTypes.TaskQueued);
        await AppendAsync(subject, EventTypes.AgentPublished);
        await AppendAsync(subject, EventTypes.TaskFailed);

        await using var stream = await OpenAsync($"/api/v1/events?subject={subject}&after=0&type=stoa.agent.*&type=stoa.task.failed");

        (await stream.NextAsync()).Type.ShouldBe(EventTypes.AgentPublished);
        (await stream.NextAsync()).Type.ShouldBe(EventTypes.TaskFailed);
    }

    [Fact]
    public async Task LiveEvent_ArrivesWithoutAPositionToResumeFrom()
    {
        var subject = NewSubject();
        await using var stream = await OpenAsync($"/api/v1/events?subject={subject}");
        await AppendAsync(subject, EventTypes.TaskStarted);
        var stored = await stream.NextAsync();

        Node.Service<LiveEvents>().Publish(new NewEvent(EventTypes.TaskProgress, subject, null, DateTimeOffset.UtcNow, """{"n":2}"""));

        var live = await stream.NextAsync();
        live.Id.ShouldStartWith("live-");
        stream.LastEventId.ShouldBe(stored.Id);
    }

    [Fact]
    public async Task Stream_EndsWhenTheNodeStops()
    {
        var node = await RunningNode.StartAsync();
        var response = await node.Admin.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var reading = response.Content.ReadAsStringAsync(Stop);

        await node.DisposeAsync();

        (await reading).ShouldContain("the stream begins");
    }

    [Fact]
    public async Task Streams_BeyondTheMostOfOneCaller_AreRefused()
    {
        await using var node = await RunningNode.StartAsync("--http:streamsPerCaller", "2");
        using var ada = await node.NewMemberAsync("ada");
        using var first = await node.Admin.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);
        using var second = await node.Admin.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);

        using var third = await node.Admin.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);
        using var ofAda = await ada.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);

        (await RunningNode.ReadProblemAsync(third)).Code.ShouldBe("rateLimited");
        new[] { first, second, ofAda }.ShouldAllBe(response => response.StatusCode == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Stream_ForAnAnonymousReader_IsRefused() =>
        (await Node.Anonymous.GetAsync("/api/v1/events", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

    private string NewSubject() => Node.Service<IdSource>().Next<Market.Tasks.AgentTask>().ToString();

    private Task AppendAsync(string subject, string type, Id<User>? audience = null) => Node.Service<Database>().WriteAsync(
        session => SqlEvents.AppendAsync(session, [new NewEvent(type, subject, audience, DateTimeOffset.UtcNow, """{"n":1}""")]), Stop);

    private async Task<OpenStream> OpenAsync(string path, string? lastEventId = null, HttpClient? client = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        var response = await (client ?? Node.Admin).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var parser = SseParser.Create(await response.Content.ReadAsStreamAsync(Stop), (_, data) => JsonSerializer.Deserialize(data, StoaJson.Default.CloudEvent)!);
        return new OpenStream(response, parser);
    }

    private sealed class OpenStream(HttpResponseMessage response, SseParser<CloudEvent> parser) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<SseItem<CloudEvent>> _events = parser.EnumerateAsync(Stop).GetAsyncEnumerator(Stop);

        public string LastEventId => parser.LastEventId;

        public async Task<CloudEvent> NextAsync()
        {
            (await _events.MoveNextAsync()).ShouldBeTrue();
            _events.Current.EventType.ShouldBe(_events.Current.Data.Type);
            return _events.Current.Data;
        }

        public ValueTask DisposeAsync()
        {
            // The enumerator is within a read; the end of the response ends it.
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
