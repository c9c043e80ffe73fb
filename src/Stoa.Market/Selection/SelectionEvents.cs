using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What is told about agents that are chosen, or are not.</summary>
public static class SelectionEvents
{
    /// <summary>An agent is not chosen for a while; its publisher is told until when and why.</summary>
    /// <remarks>Data members: <c>agent</c>, <c>until</c>, <c>reason</c>, <c>suspensions</c>.</remarks>
    public static NewEvent Suspended(AgentStats stats, Id<User> publisher, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("agent", stats.Agent);
            json.WriteString("until", stats.SuspendedUntil?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("reason", stats.SuspendedFor);
            json.WriteNumber("suspensions", stats.Suspensions);
            json.WriteEndObject();
        }

        return new NewEvent(EventTypes.AgentSuspended, stats.Agent, publisher, now, Encoding.UTF8.GetString(buffer.WrittenSpan));
    }
}
