using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>The event stream over HTTP: server-sent events, and a WebSocket.</summary>
public static class EventsEndpoints
{
    /// <summary>The subprotocol that a client of the WebSocket may ask for.</summary>
    public const string SubProtocol = "stoa.v1";

    private const int SubjectLengthMax = 100;

    public static void MapEvents(this IEndpointRouteBuilder api)
    {
        api.MapGet("/events", Watch)
            .Needs(Permission.TasksRead)
            .WithName("watchEvents").WithTags("Events").WithSummary("Watch events")
            .WithDescription("Server-sent events, each a CloudEvent: those that everybody may see and your own. The stream does not end. To resume without a gap, send the id of the last event as Last-Event-ID or as after.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream");
        api.MapGet("/ws", ServeSocketAsync)
            .Needs(Permission.TasksRead)
            .WithName("openEventSocket").WithTags("Events").WithSummary("Watch events over a WebSocket")
            .WithDescription("Send {\"subscribe\": [\"stoa.task.*\", \"task_…\"], \"after\": \"…\"}: the node answers with the position it begins at and then sends CloudEvents. A later message takes the place of the one before. A browser, which cannot set headers here, offers the subprotocols stoa.v1 and stoa.bearer.<token>.")
            .Produces(StatusCodes.Status101SwitchingProtocols)
            .Refuses(RequestRefusal.RequestInvalid);
    }

    private static EventStreamResult Watch(
        Caller caller,
        [FromQuery(Name = "type"), Description("Event types to be sent, such as stoa.task.succeeded or stoa.task.*; may be repeated. All when left out.")] string[]? types,
        [FromQuery, Description("Only events about this id.")] string? subject,
        [FromQuery, Description("Id of the last event that you have, 0 for all events; left out for events from now on. The header Last-Event-ID is heeded first.")] string? after,
        [FromHeader(Name = "Last-Event-ID"), Description("As after; browsers send it by themselves when they reconnect.")] string? lastEventId)
    {
        if (subject is { Length: 0 or > SubjectLengthMax })
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter subject is an id.")]);
        // Refused here, before the stream begins.
        EventPosition.Parse(lastEventId);
        EventPosition.Parse(after);
        var patterns = EventPatterns.Parse(types ?? [], "");
        if (patterns.Subjects.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter type is an event type; give the id as subject.")]);
        return new EventStreamResult(new EventFilter(caller.UserId, subject, patterns.Types), DefaultAfter: null, EndsWith: null);
    }

    private static async Task<IResult> ServeSocketAsync(
        HttpContext context, Caller caller, EventFeed feed, RateLimits limits, PublicKey node, IHostApplicationLifetime lifetime)
    {
        if (!context.WebSockets.IsWebSocketRequest)
            return RequestRefusal.RequestInvalid.ToProblem("This resource is a WebSocket: open it with ws:// or wss://, not with a plain request.");
        var refusal = limits.RefuseStream(context, out var place);
        using var _ = place;
        if (refusal is not null)
            return refusal;
        var protocol = context.WebSockets.WebSocketRequestedProtocols.Contains(SubProtocol) ? SubProtocol : null;
        using var webSocket = await context.WebSockets.AcceptWebSocketAsync(protocol);
        await using var right = StandingRight.Watch(context);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping, right.Gone);
        using var reader = new EventSocket(webSocket, feed, caller, node.PeerId);
        await reader.RunAsync(ending.Token);
        return Results.Empty;
    }
}
