using System.ComponentModel;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Privacy;

/// <summary>What a person may ask of the node about themselves, over HTTP.</summary>
public static class PrivacyEndpoints
{
    private const string JsonLines = "application/jsonl";

    private static readonly TimeSpan s_untilItEnds = TimeSpan.FromSeconds(5);

    public static void MapPrivacy(this IEndpointRouteBuilder api)
    {
        api.MapErasure();
        api.MapPost("/users/me/export", ExportAsync)
            .Needs(Permission.AccountManage)
            .WithName("exportMe").AuditedInBulk().WithTags("Identity").WithSummary("Export all that is stored about you")
            .WithDescription("Lines of JSON, each { kind, value }: profile, keys without their secrets, tasks with inputs, outputs, logs and receipts, templates, schedules, webhooks, reviews, agents, channels, transfers, audit entries and stored content. It is read while it is sent and may be long. One at a time, and one with stored content a day; content=false leaves that out, and is answered as often as you ask.")
            .Produces<string>(StatusCodes.Status200OK, JsonLines)
            .Refuses(RequestRefusal.RateLimited);
    }

    private static async Task<IResult> ExportAsync(
        [FromQuery, Description("Whether stored content is part of it. Left out: true.")] bool? content,
        Caller caller,
        PersonalExport export,
        ExportTurns turns,
        RateLimits limits,
        HttpContext context,
        CancellationToken cancellationToken)
    {
        // It takes as long as a stream, and counts as one.
        var refused = limits.RefuseStream(context, out var place);
        context.Response.RegisterForDispose(place);
        if (refused is not null)
            return refused;
        if (turns.TryBegin(caller.UserId) is not { } turn)
            return TooSoon(context, s_untilItEnds, "An export of yours is under way: wait until it has ended, or end it.");
        context.Response.RegisterForDispose(turn);
        var withContent = content ?? true;
        if (withContent && await turns.TakeContentAsync(caller.UserId, cancellationToken) is { } wait)
            return TooSoon(context, wait, "An export with stored content began less than a day ago. Wait, or leave content out with content=false; GET /api/v1/blobs/{digest} has single pieces.");
        context.Response.Headers.ContentDisposition = "attachment; filename=\"stoa-export.jsonl\"";
        return TypedResults.Stream(
            async stream =>
            {
                // Given back before the answer is complete: whoever has all of it may ask for the next.
                using var over = turn;
                await using var right = StandingRight.Watch(context);
                using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, right.Gone);
                try
                {
                    await export.WriteAsync(caller.UserId, withContent, stream, ending.Token);
                }
                catch (OperationCanceledException) when (right.Gone.IsCancellationRequested)
                {
                    // What ends in order would look whole.
                    context.Abort();
                }
            },
            JsonLines);
    }

    private static ProblemResult TooSoon(HttpContext context, TimeSpan wait, string why)
    {
        context.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return RequestRefusal.RateLimited.ToProblem(why);
    }
}
