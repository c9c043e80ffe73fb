using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Privacy;

/// <summary>What a person may ask of the node about themselves, over HTTP.</summary>
public static class PrivacyEndpoints
{
    private const string JsonLines = "application/jsonl";

    public static void MapPrivacy(this IEndpointRouteBuilder api)
    {
        api.MapErasure();
        api.MapPost("/users/me/export", Export)
            .Needs(Permission.AccountManage)
            .WithName("exportMe").AuditedInBulk().WithTags("Identity").WithSummary("Export all that is stored about you")
            .WithDescription("Lines of JSON, each { kind, value }: profile, keys without their secrets, tasks with inputs, outputs, logs and receipts, templates, schedules, webhooks, reviews, agents, channels, transfers, audit entries and stored content. It is read while it is sent and may be long.")
            .Produces<string>(StatusCodes.Status200OK, JsonLines)
            .Refuses(RequestRefusal.RateLimited);
    }

    private static IResult Export(Caller caller, PersonalExport export, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        // It takes as long as a stream, and counts as one.
        if (limits.RefuseStream(context, out var place) is { } refused)
            return refused;
        context.Response.Headers.ContentDisposition = "attachment; filename=\"stoa-export.jsonl\"";
        return TypedResults.Stream(
            async stream =>
            {
                using (place)
                    await export.WriteAsync(caller.UserId, stream, cancellationToken);
            },
            JsonLines);
    }
}
