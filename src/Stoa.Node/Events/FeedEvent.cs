using System.Globalization;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Events;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>An event on its way to a reader.</summary>
/// <param name="Sequence">Its position in the stream; null when it is live only.</param>
/// <param name="Event">What happened.</param>
public sealed record FeedEvent(long? Sequence, NewEvent Event)
{
    private static long s_liveCount;

    /// <summary>The event as it is on the wire, the same over every transport.</summary>
    /// <param name="node">The node that tells it.</param>
    public CloudEvent ToContract(PeerId node)
    {
        using var data = JsonDocument.Parse(Event.DataJson);
        var id = Sequence is { } sequence
            ? sequence.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"live-{Interlocked.Increment(ref s_liveCount)}");
        return new CloudEvent("1.0", id, $"stoa://{node}", Event.Type, Event.Subject, Event.Time, data.RootElement.Clone());
    }
}
