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
/// <param name="Price">Charged; of a failure and a cancellation only where something was.</param>
/// <param name="Code">Of a failure.</param>
/// <param name="Detail">Of a failure.</param>
public sealed record TaskEventData(
    string TaskId, string Agent, string State, int Attempt, string? Price = null, string? Code = null, string? Detail = null);

/// <summary>Data of <c>stoa.task.progress</c>: measured by the sandbox, and said by the agent; live only.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="InputBytesRead">Of the input.</param>
/// <param name="InputBytesTotal">Its size.</param>
/// <param name="OutputBytesWritten">Of the output.</param>
/// <param name="Fuel">Burnt so far.</param>
/// <param name="FuelLimit">The most that it may burn.</param>
/// <param name="ElapsedMs">Since the program began.</param>
/// <param name="Attempt">Which execution, from 1.</param>
/// <param name="Done">How far the agent says that it is, in units of its own; null when it says nothing.</param>
/// <param name="Total">How many of those there will be; null when it does not know.</param>
/// <param name="Message">What the agent says that it does, at most 200 characters of a stranger's text.</param>
/// <param name="Elsewhere">How it stands at the other operator's node that runs it, <c>queued</c> or <c>running</c>, all else being that node's word; null when it runs here.</param>
public sealed record TaskProgressData(
    string TaskId,
    long InputBytesRead,
    long InputBytesTotal,
    long OutputBytesWritten,
    long Fuel,
    long FuelLimit,
    long ElapsedMs,
    int? Attempt = null,
    long? Done = null,
    long? Total = null,
    string? Message = null,
    string? Elsewhere = null);

/// <summary>Data of <c>stoa.task.log</c>: a piece of what an agent wrote to stderr.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Attempt">Which execution wrote it, from 1.</param>
/// <param name="Lease">Counts the times that a node took the task: a greater one begins a log of its own, at offset 0.</param>
/// <param name="Offset">How many bytes of the log lie before it.</param>
/// <param name="SkippedBytes">How many of those a reader of this stream was not given: they came faster than they were read, and are kept no more.</param>
/// <param name="Text">Whole characters of a stranger's text, control characters and all; bytes that are not UTF-8 are U+FFFD.</param>
public sealed record TaskLogData(string TaskId, int Attempt, long Lease, long Offset, long SkippedBytes, string Text);

/// <summary>A piece of a log as it comes.</summary>
/// <param name="Position">Where the next piece begins: follow from there to go on after this one.</param>
/// <param name="Data">The piece.</param>
public sealed record TaskLogPiece(string Position, TaskLogData Data);

/// <summary>What there is of a log: its end.</summary>
/// <param name="Text">A stranger's text, control characters and all; bytes that are not UTF-8 are U+FFFD.</param>
/// <param name="SkippedBytes">How many bytes came before it and are kept no more.</param>
public sealed record TaskLog(string Text, long SkippedBytes);

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
