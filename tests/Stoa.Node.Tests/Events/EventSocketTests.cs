using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Events;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Events;

/// <summary>The event stream over a WebSocket.</summary>
public sealed class EventSocketTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public async Task Subscription_GivesWhatWasMissedAndWhatHappens()
    {
        var subject = NewSubject();
        await AppendAsync(subject, EventTypes.TaskQueued);
        using var socket = await ConnectAsync();

        await SendAsync(socket, $$"""{"subscribe":["{{subject}}"],"after":"0"}""");

        var subscribed = await ReceiveAsync<SubscribedResponse>(socket);
        (subscribed.Subscribed.Single(), subscribed.After).ShouldBe((subject, "0"));
        (await ReceiveAsync<CloudEvent>(socket)).Type.ShouldBe(EventTypes.TaskQueued);
        await AppendAsync(subject, EventTypes.TaskStarted);
        (await ReceiveAsync<CloudEvent>(socket)).Type.ShouldBe(EventTypes.TaskStarted);
    }

    [Fact]
    public async Task Subscription_MixesTypesAndSubjects()
    {
        var (wanted, other) = (NewSubject(), NewSubject());
        await AppendAsync(wanted, EventTypes.TaskStarted);
        using var socket = await ConnectAsync();
        await SendAsync(socket, $$"""{"subscribe":["{{wanted}}","stoa.agent.*"]}""");
        var start = (await ReceiveAsync<SubscribedResponse>(socket)).After;

        await AppendAsync(other, EventTypes.TaskQueued);
        await AppendAsync(other, EventTypes.AgentPublished);
        await AppendAsync(wanted, EventTypes.TaskQueued);

        (await ReceiveAsync<CloudEvent>(socket)).Type.ShouldBe(EventTypes.AgentPublished);
        var last = await ReceiveAsync<CloudEvent>(socket);
        (last.Subject, last.Type).ShouldBe((wanted, EventTypes.TaskQueued));
        start.ShouldNotBe("0");
    }

    [Fact]
    public async Task LaterSubscription_TakesThePlaceOfTheEarlier()
    {
        var (first, second) = (NewSubject(), NewSubject());
        using var socket = await ConnectAsync();
        await SendAsync(socket, $$"""{"subscribe":["{{first}}"]}""");
        await ReceiveAsync<SubscribedResponse>(socket);
        await SendAsync(socket, $$"""{"subscribe":["{{second}}"]}""");
        await ReceiveAsync<SubscribedResponse>(socket);

        await AppendAsync(first, EventTypes.TaskQueued);
        await AppendAsync(second, EventTypes.TaskQueued);

        (await ReceiveAsync<CloudEvent>(socket)).Subject.ShouldBe(second);
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("{}")]
    [InlineData("""{"subscribe":["stoa.nonsense"]}""")]
    [InlineData("""{"subscribe":["stoa.task.*"],"after":"live-3"}""")]
    [InlineData("""{"subscribe":["stoa.task.*"],"more":1}""")]
    public async Task BadMessage_IsRefusedAndTheConnectionStays(string message)
    {
        using var socket = await ConnectAsync();

        await SendAsync(socket, message);

        (await ReceiveAsync<RefusedMessage>(socket)).Problem.Code.ShouldBe("requestInvalid");
        await SendAsync(socket, """{"subscribe":["*"]}""");
        (await ReceiveAsync<SubscribedResponse>(socket)).Subscribed.ShouldBe(["*"]);
    }

    [Fact]
    public async Task MessageWithoutEnd_ClosesTheConnection()
    {
        using var socket = await ConnectAsync();

        await SendAsync(socket, new string(' ', 40_000));

        var received = await socket.ReceiveAsync(new byte[100], Stop);
        (received.MessageType, received.CloseStatus).ShouldBe((WebSocketMessageType.Close, WebSocketCloseStatus.PolicyViolation));
    }

    [Fact]
    public async Task Browser_IsRecognisedByASubprotocol()
    {
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(EventsEndpoints.SubProtocol);
        socket.Options.AddSubProtocol("stoa.bearer." + Node.AdminKey);

        await socket.ConnectAsync(Address, Stop);

        socket.SubProtocol.ShouldBe(EventsEndpoints.SubProtocol);
    }

    [Fact]
    public async Task AnonymousReader_IsRefused()
    {
        using var socket = new ClientWebSocket();

        await Should.ThrowAsync<WebSocketException>(() => socket.ConnectAsync(Address, Stop));
    }

    private Uri Address => new UriBuilder(Node.Started.Address) { Scheme = "ws", Path = "/api/v1/ws" }.Uri;

    private async Task<ClientWebSocket> ConnectAsync()
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + Node.AdminKey);
        await socket.ConnectAsync(Address, Stop);
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Stop);

    private static async Task<T> ReceiveAsync<T>(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        var received = await socket.ReceiveAsync(buffer, Stop);
        received.EndOfMessage.ShouldBeTrue();
        return (T)JsonSerializer.Deserialize(buffer.AsSpan(0, received.Count), StoaJson.Default.GetTypeInfo(typeof(T))!)!;
    }

    private string NewSubject() => Node.Service<IdSource>().Next<Market.Tasks.AgentTask>().ToString();

    private Task AppendAsync(string subject, string type) => Node.Service<Database>().WriteAsync(
        session => SqlEvents.AppendAsync(session, [new NewEvent(type, subject, null, DateTimeOffset.UtcNow, "{}")]), Stop);
}
