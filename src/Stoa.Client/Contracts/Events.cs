using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary>A CloudEvents 1.0 event, the same over SSE, WebSocket and webhooks.</summary>
/// <param name="SpecVersion">Always <c>1.0</c>; on the wire <c>specversion</c>.</param>
/// <param name="Id">Position in the stream; send the last one back as <c>Last-Event-ID</c>. Progress is live only: its id starts with <c>live-</c> and cannot be resumed from.</param>
/// <param name="Source">The node, as <c>stoa://peer-id</c>.</param>
/// <param name="Type">Such as <c>stoa.task.succeeded</c>.</param>
/// <param name="Subject">What it is about.</param>
/// <param name="Time">UTC.</param>
/// <param name="Data">By type.</param>
public sealed record CloudEvent(
    [property: System.Text.Json.Serialization.JsonPropertyName("specversion")] string SpecVersion,
    string Id,
    string Source,
    string Type,
    string Subject,
    DateTimeOffset Time,
    JsonElement Data);

/// <summary>Data of <c>stoa.task.*</c> events.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Agent">Full name of the agent.</param>
/// <param name="State">As in <see cref="TaskResponse"/>.</param>
/// <param name="Attempt">Which execution, from 1.</param>
/// <param name="Price">Charged, of a success.</param>
/// <param name="Code">Of a failure.</param>
/// <param name="Detail">Of a failure.</param>
public sealed record TaskEventData(
    string TaskId, string Agent, string State, int Attempt, string? Price = null, string? Code = null, string? Detail = null);

/// <summary>Data of <c>stoa.task.progress</c>: measured by the sandbox, live only.</summary>
public sealed record TaskProgressData(
    string TaskId, long InputBytesRead, long InputBytesTotal, long OutputBytesWritten, long Fuel, long FuelLimit, long ElapsedMs);

/// <summary>What a client sends over <c>/api/v1/ws</c>. A later one takes the place of the one before.</summary>
/// <param name="Subscribe">Event types, names such as <c>stoa.task.*</c>, ids of subjects: an event that meets any of them is sent. At most 100.</param>
/// <param name="After">Id of the last event that the client has; null for events from now on.</param>
public sealed record SubscribeRequest(IReadOnlyList<string> Subscribe, string? After = null);

/// <summary>What the node answers to a subscription, before its events.</summary>
/// <param name="Subscribed">As asked.</param>
/// <param name="After">The position from which events are sent.</param>
public sealed record SubscribedResponse(IReadOnlyList<string> Subscribed, string After);

/// <summary>What the node answers to a message that it refuses.</summary>
public sealed record RefusedMessage(Problem Problem);
