using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What is told about agents that are chosen, or are not.</summary>
public static class SelectionEvents
{
    /// <summary>An agent is not chosen for a while; its publisher is told until when and why.</summary>
    /// <remarks>Data members: <c>agent</c>, <c>until</c>, <c>reason</c>, <c>suspensions</c>.</remarks>
    public static NewEvent Suspended(AgentStats stats, Id<User> publisher, DateTimeOffset now) => NewEvent.Create(
        EventTypes.AgentSuspended, stats.Agent, publisher, now, json =>
        {
            json.WriteString("agent", stats.Agent);
            json.WriteString("until", stats.SuspendedUntil is { } until ? SignedJson.Text(until) : null);
            json.WriteString("reason", stats.SuspendedFor);
            json.WriteNumber("suspensions", stats.Suspensions);
        });
}
