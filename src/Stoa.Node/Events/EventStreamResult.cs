using System.Runtime.CompilerServices;
using Stoa.Market.Events;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>Answers with events as they happen: server-sent events, each with a CloudEvent as its data.</summary>
/// <param name="Filter">Which events; holds the reader to what the reader may see.</param>
/// <param name="DefaultAfter">Where to begin when the request does not say: a position, or null for now.</param>
/// <param name="EndsWith">The stream ends after an event for which this is true; null: it does not end.</param>
public sealed record EventStreamResult(EventFilter Filter, long? DefaultAfter, Func<NewEvent, bool>? EndsWith) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext) => ServerSentEvents.SendAsync(httpContext, async cancellationToken =>
    {
        var services = httpContext.RequestServices;
        var feed = services.GetRequiredService<EventFeed>();
        var asked = EventPosition.Parse(httpContext.Request.Headers["Last-Event-ID"]) ?? EventPosition.Parse(httpContext.Request.Query["after"]);
        var after = asked ?? DefaultAfter ?? await feed.LastSequenceAsync(cancellationToken);
        return ReadAsync(feed, after, services.GetRequiredService<PublicKey>().PeerId, cancellationToken);
    });

    private async IAsyncEnumerable<ServerSentEvents.Frame> ReadAsync(
        EventFeed feed, long after, PeerId node, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var happened in feed.ReadAsync(Filter, after, cancellationToken))
        {
            var told = happened.ToContract(node);
            // Without an id the reader keeps the last one: a live event cannot be resumed from.
            yield return new ServerSentEvents.Frame(happened.Sequence is null ? null : told.Id, told);
            if (EndsWith?.Invoke(happened.Event) == true)
                yield break;
        }
    }
}
