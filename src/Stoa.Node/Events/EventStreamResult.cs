using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Stoa.Client;
using Stoa.Market.Events;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>Answers with events as they happen: server-sent events, each with a CloudEvent as its data.</summary>
/// <remarks>A comment every 15 seconds keeps the connection alive. A reader who takes nothing for 30 seconds is cut off and resumes by <c>Last-Event-ID</c>.</remarks>
/// <param name="Filter">Which events; holds the reader to what the reader may see.</param>
/// <param name="DefaultAfter">Where to begin when the request does not say: a position, or null for now.</param>
/// <param name="EndsWith">The stream ends after an event for which this is true; null: it does not end.</param>
public sealed record EventStreamResult(EventFilter Filter, long? DefaultAfter, Func<NewEvent, bool>? EndsWith) : IResult
{
    private static readonly TimeSpan heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var services = httpContext.RequestServices;
        var refusal = services.GetRequiredService<RateLimits>().RefuseStream(httpContext, out var place);
        using var _ = place;
        if (refusal is not null)
        {
            await refusal.ExecuteAsync(httpContext);
            return;
        }

        var feed = services.GetRequiredService<EventFeed>();
        var node = services.GetRequiredService<PublicKey>().PeerId;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            httpContext.RequestAborted, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);

        var asked = EventPosition.Parse(httpContext.Request.Headers["Last-Event-ID"]) ?? EventPosition.Parse(httpContext.Request.Query["after"]);
        var after = asked ?? DefaultAfter ?? await feed.LastSequenceAsync(ending.Token);
        var response = httpContext.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        // Reverse proxies of the nginx kind hold back streams unless told not to.
        response.Headers["X-Accel-Buffering"] = "no";
        httpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await SendAsync(httpContext, ": the stream begins\nretry: 2000\n\n", ending.Token);
            await PassOnAsync(httpContext, feed.ReadAsync(Filter, after, ending.Token), node, ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The reader has gone, or the node stops: the reader resumes where it was.
        }
    }

    private async Task PassOnAsync(
        HttpContext context, IAsyncEnumerable<FeedEvent> events, PeerId node, CancellationToken cancellationToken)
    {
        var time = context.RequestServices.GetRequiredService<TimeProvider>();
        var reader = events.GetAsyncEnumerator(cancellationToken);
        var next = reader.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                while (!await IsDoneWithinAsync(next, time, cancellationToken))
                    await SendAsync(context, ":\n\n", cancellationToken);
                if (!await next)
                    return;
                var happened = reader.Current;
                await SendAsync(context, Format(happened, node), cancellationToken);
                if (EndsWith?.Invoke(happened.Event) == true)
                    return;
                next = reader.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // An enumerator cannot be disposed of in the middle of a step; the token ends the step.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await reader.DisposeAsync();
        }
    }

    private static async Task<bool> IsDoneWithinAsync(Task next, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await next.WaitAsync(heartbeat, time, cancellationToken);
            return true;
        }
        catch (TimeoutException) when (!next.IsCompleted)
        {
            return false;
        }
    }

    private static string Format(FeedEvent happened, PeerId node)
    {
        var frame = new StringBuilder();
        // Without an id the reader keeps the last one: a live event cannot be resumed from.
        if (happened.Sequence is { } sequence)
            frame.Append(CultureInfo.InvariantCulture, $"id: {sequence}\n");
        frame.Append(CultureInfo.InvariantCulture, $"event: {happened.Event.Type}\n");
        frame.Append("data: ").Append(JsonSerializer.Serialize(happened.ToContract(node), StoaJson.Default.CloudEvent)).Append("\n\n");
        return frame.ToString();
    }

    private static async Task SendAsync(HttpContext context, string text, CancellationToken cancellationToken)
    {
        using var slow = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        slow.CancelAfter(patience);
        try
        {
            await context.Response.WriteAsync(text, slow.Token);
            await context.Response.Body.FlushAsync(slow.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            context.Abort();
            throw new OperationCanceledException("The reader was too slow.", context.RequestAborted);
        }
    }
}
