using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>One reader over a WebSocket: takes subscriptions, sends events. One subscription is in force at a time.</summary>
public sealed class EventSocket(WebSocket socket, EventFeed feed, Caller caller, PeerId node) : IDisposable
{
    private const int MessageBytesMax = 16 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _sending = new(1);

    /// <summary>Serves the reader until it goes or the token ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        CancellationTokenSource? subscription = null;
        var serving = Task.CompletedTask;
        try
        {
            while (await ReceiveAsync(connection.Token) is { } message)
            {
                var (request, problem) = Read(message);
                if (problem is not null)
                {
                    await SendAsync(new RefusedMessage(problem), StoaJson.Default.RefusedMessage, connection.Token);
                    continue;
                }

                await StopAsync(subscription, serving);
                subscription = CancellationTokenSource.CreateLinkedTokenSource(connection.Token);
                var after = request!.After ?? await feed.LastSequenceAsync(connection.Token);
                await SendAsync(
                    new SubscribedResponse(request.Entries, after.ToString(CultureInfo.InvariantCulture)), StoaJson.Default.SubscribedResponse, connection.Token);
                serving = ServeAsync(request.Patterns, after, subscription.Token);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or WebSocketException)
        {
            // The reader has gone without a word, was too slow, or the node stops.
        }
        finally
        {
            await connection.CancelAsync();
            await StopAsync(subscription, serving);
            await CloseAsync();
        }
    }

    public void Dispose() => _sending.Dispose();

    private static async Task StopAsync(CancellationTokenSource? subscription, Task serving)
    {
        if (subscription is null)
            return;
        await subscription.CancelAsync();
        await serving;
        subscription.Dispose();
    }

    private async Task ServeAsync(EventPatterns patterns, long after, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var happened in feed.ReadAsync(patterns.ToFilter(caller.UserId), after, cancellationToken))
            {
                if (patterns.Wants(happened.Event))
                    await SendAsync(happened.ToContract(node), StoaJson.Default.CloudEvent, cancellationToken);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or WebSocketException)
        {
            // Another subscription has taken its place, or the connection is gone.
        }
    }

    private static (Subscription? Request, Problem? Problem) Read(ReadOnlyMemory<byte> message)
    {
        try
        {
            var request = Body<SubscribeRequest>.Read(message);
            var patterns = EventPatterns.Parse(request.Subscribe, "/subscribe");
            return (new Subscription(request.Subscribe, patterns, EventPosition.Parse(request.After, "/after")), null);
        }
        catch (RequestRefusedException refused)
        {
            return (null, refused.Problem.ToContract(traceId: null));
        }
    }

    /// <summary>The next whole message; null when the reader has said goodbye.</summary>
    private async Task<ReadOnlyMemory<byte>?> ReceiveAsync(CancellationToken cancellationToken)
    {
        var message = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            var received = await socket.ReceiveAsync(message.GetMemory(1024), cancellationToken);
            if (received.MessageType is WebSocketMessageType.Close)
                return null;
            message.Advance(received.Count);
            if (message.WrittenCount > MessageBytesMax || received.MessageType is WebSocketMessageType.Binary)
            {
                await CloseAsync(WebSocketCloseStatus.PolicyViolation, $"A message is JSON text of at most {MessageBytesMax} bytes.");
                return null;
            }

            if (received.EndOfMessage)
                return message.WrittenMemory;
        }
    }

    private async Task SendAsync<T>(T message, JsonTypeInfo<T> contract, CancellationToken cancellationToken)
    {
        var utf8 = JsonSerializer.SerializeToUtf8Bytes(message, contract);
        await _sending.WaitAsync(cancellationToken);
        try
        {
            // A reader who takes nothing for so long is cut off: cancelling a send aborts the socket.
            using var slow = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            slow.CancelAfter(s_patience);
            await socket.SendAsync(utf8, WebSocketMessageType.Text, endOfMessage: true, slow.Token);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task CloseAsync(WebSocketCloseStatus status = WebSocketCloseStatus.NormalClosure, string? reason = null)
    {
        if (socket.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
            return;
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await socket.CloseOutputAsync(status, reason, soon.Token);
        }
        catch (Exception gone) when (gone is OperationCanceledException or WebSocketException)
        {
            // Nobody is there to hear it.
        }
    }

    private sealed record Subscription(IReadOnlyList<string> Entries, EventPatterns Patterns, long? After);
}
