using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Events;

/// <summary>Sends CloudEvents as server-sent events, for as long as there are any and the reader takes them.</summary>
/// <remarks>A comment line every <see cref="EventsOptions.KeepAliveSeconds"/> keeps the connection alive. A reader who takes nothing for 30 seconds is cut off and resumes by <c>Last-Event-ID</c>.</remarks>
internal static class ServerSentEvents
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>One event.</summary>
    /// <param name="Id">What the reader resumes from; null for one that cannot be resumed from.</param>
    /// <param name="Event">The event.</param>
    public sealed record Frame(string? Id, CloudEvent Event);

    /// <summary>Sends a stream to its end, unless the reader goes or may it no more, the node stops, or the reader has too many streams.</summary>
    /// <param name="context">The request.</param>
    /// <param name="open">Opens the stream: what happens after it has been awaited is in the stream.</param>
    public static async Task SendAsync(HttpContext context, Func<CancellationToken, Task<IAsyncEnumerable<Frame>>> open)
    {
        var services = context.RequestServices;
        var refusal = services.GetRequiredService<RateLimits>().RefuseStream(context, out var place);
        using var _ = place;
        if (refusal is not null)
        {
            await refusal.ExecuteAsync(context);
            return;
        }

        await using var right = StandingRight.Watch(context);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping, right.Gone);
        var frames = await open(ending.Token);
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        // Reverse proxies of the nginx kind hold back streams unless told not to.
        response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await SendAsync(context, ": the stream begins\nretry: 2000\n\n", ending.Token);
            await PassOnAsync(context, frames, ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The reader has gone, or the node stops: the reader resumes where it was. Or the reader may it no more, and hears so when it tries.
        }
    }

    private static async Task PassOnAsync(HttpContext context, IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        var services = context.RequestServices;
        var time = services.GetRequiredService<TimeProvider>();
        var silence = TimeSpan.FromSeconds(services.GetRequiredService<EventsOptions>().KeepAliveSeconds);
        var reader = frames.GetAsyncEnumerator(cancellationToken);
        var next = reader.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                while (!await IsDoneWithinAsync(next, silence, time, cancellationToken))
                    await SendAsync(context, ":\n\n", cancellationToken);
                if (!await next)
                    return;
                await SendAsync(context, Format(reader.Current), cancellationToken);
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

    private static async Task<bool> IsDoneWithinAsync(Task next, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await next.WaitAsync(timeout, time, cancellationToken);
            return true;
        }
        catch (TimeoutException) when (!next.IsCompleted)
        {
            return false;
        }
    }

    private static string Format(Frame frame)
    {
        var text = new StringBuilder();
        if (frame.Id is { } id)
            text.Append(CultureInfo.InvariantCulture, $"id: {id}\n");
        text.Append(CultureInfo.InvariantCulture, $"event: {frame.Event.Type}\n");
        text.Append("data: ").Append(JsonSerializer.Serialize(frame.Event, StoaJson.Default.CloudEvent)).Append("\n\n");
        return text.ToString();
    }

    private static async Task SendAsync(HttpContext context, string text, CancellationToken cancellationToken)
    {
        using var slow = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        slow.CancelAfter(s_patience);
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
