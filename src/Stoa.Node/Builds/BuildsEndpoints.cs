using Stoa.Client.Contracts;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Metering;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Publishing agents, and blobs by digest, over HTTP.</summary>
public static class BuildsEndpoints
{
    public static void MapBuilds(this IEndpointRouteBuilder api, BuildsOptions options)
    {
        api.MapPost("/agents/upload", (HttpRequest request, Caller caller, AgentPublications publications, CancellationToken cancellationToken) =>
                publications.PublishAsync(request, caller, cancellationToken))
            .Needs(Permission.AgentsPublish)
            .WithName("publishAgent").WithTags("Agents").WithSummary("Publish a version of an agent")
            .WithDescription("Takes agent.json (part manifest) and the WebAssembly program (part program), checks both and lists the version under your handle. All faults are told at once. The same content again answers the version that is there. A few publications come at a time, of one user and of all; more are refused with the time after which to try again.")
            .Accepts<AgentUploadForm>("multipart/form-data")
            .TakesAtMost(AgentPublications.MaxBytes(options))
            .Produces<AgentResponse>(StatusCodes.Status201Created)
            .Refuses(Enum.GetValues<PublishRefusal>())
            .Refuses(ContentRefusal.StorageQuotaExceeded, ContentRefusal.StorageUnpaid);
        api.MapPost("/blobs", (HttpRequest request, Caller caller, ContentUploads uploads, CancellationToken cancellationToken) =>
                PutAsync(null, request, caller, uploads, cancellationToken))
            .Needs(Permission.TasksSubmit)
            .WithName("createBlob").AuditedInBulk().WithTags("Blobs").WithSummary("Upload content")
            .WithDescription("Streams the body into the content store and answers its digest. Use it as the input of tasks.")
            .Accepts<Stream>("application/octet-stream")
            .TakesAtMost(options.MaxBlobBytes)
            .Produces<BlobResponse>(StatusCodes.Status201Created)
            .Refuses(ContentRefusal.TooLarge, ContentRefusal.StorageQuotaExceeded, ContentRefusal.StorageUnpaid, ContentRefusal.UploadsTooMany);
        api.MapPut("/blobs/{digest}", (ContentHash digest, HttpRequest request, Caller caller, ContentUploads uploads, CancellationToken cancellationToken) =>
                PutAsync(digest, request, caller, uploads, cancellationToken))
            .Needs(Permission.TasksSubmit)
            .WithName("putBlob").AuditedInBulk().WithTags("Blobs").WithSummary("Upload content under its digest")
            .WithDescription("As creating a blob, but refused when the bytes do not have the digest. What you have already is answered at once, and the body is not read.")
            .Accepts<Stream>("application/octet-stream")
            .TakesAtMost(options.MaxBlobBytes)
            .Produces<BlobResponse>(StatusCodes.Status201Created)
            .Refuses(ContentRefusal.TooLarge, ContentRefusal.DigestMismatch, ContentRefusal.StorageQuotaExceeded, ContentRefusal.StorageUnpaid, ContentRefusal.UploadsTooMany);
        api.MapGet("/blobs", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listBlobs").WithTags("Blobs").WithSummary("List your content")
            .WithDescription("Uploads and outputs above 64 KiB that you have in the content store, the largest first. Programs of agents that you have published count too, and are not listed: they stay.")
            .Produces<ListResponse<BlobResponse>>();
        api.MapDelete("/blobs/{digest}", DeleteAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("deleteBlob").WithTags("Blobs").WithSummary("Delete content of yours")
            .WithDescription("It is yours no more, and is paid for no more from the next hour on. Nobody can get it back: results that were stored there can be downloaded no more, while their receipts stay; templates and schedules that name it are refused. Its bytes are deleted when nobody else has them, at once or, when they came a moment ago, after some minutes; until then they count for your quota. Tasks that wait or run keep their input.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(RequestRefusal.NotFound)
            .Refuses(ContentRefusal.ContentInUse);
        api.MapMethods("/blobs/{digest}", ["HEAD"], GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("headBlob").WithTags("Blobs").WithSummary("Is it there?")
            .WithDescription("Answers the size of content that you may read.")
            .AllowAnonymous()
            .Produces(StatusCodes.Status200OK)
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/blobs/{digest}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getBlob").WithTags("Blobs").WithSummary("Download content")
            .WithDescription("Your own content, or what is public such as an agent's program. Ranges are served; content by digest never changes. What is yours alone counts as transfer: beyond what is free in a month it is paid, before the first byte, and what was not sent is given back.")
            .AllowAnonymous()
            .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
            .Refuses(RequestRefusal.NotFound, RequestRefusal.RangeNotSatisfiable)
            .Refuses(ContentRefusal.StorageUnpaid)
            .Refuses(Enum.GetValues<TransferFeeRefusal>());
    }

    private static async Task<IResult> PutAsync(ContentHash? expected, HttpRequest request, Caller caller, ContentUploads uploads, CancellationToken cancellationToken) =>
        (await uploads.PutAsync(caller.UserId, expected, request.Body, request.ContentLength, cancellationToken)).Match<IResult>(
            stored => TypedResults.Created($"/api/v1/blobs/{stored.Digest}", new BlobResponse(stored.Digest.ToString(), stored.SizeBytes)),
            refusal => refusal.ToProblem());

    private static async Task<IResult> ListAsync([AsParameters] ListQuery list, Caller caller, SqlContentOwners owners, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(
            await owners.ListAsync(caller.UserId, list.ToPage(), cancellationToken), content => new BlobResponse(content.Digest.ToString(), content.SizeBytes)));

    private static async Task<IResult> DeleteAsync(ContentHash digest, Caller caller, ReleasedContent released, CancellationToken cancellationToken) =>
        (await released.GiveUpAsync(caller.UserId, digest, cancellationToken)).Match<IResult>(
            wasOwn => wasOwn ? TypedResults.NoContent() : RequestRefusal.NotFound.ToProblem($"You have no content {digest} here."),
            refusal => refusal.ToProblem());

    private static async Task<IResult> GetAsync(
        ContentHash digest, Caller? caller, HttpContext context, IContentStore content, IContentOwners owners, CancellationToken cancellationToken)
    {
        if (!await owners.MayReadAsync(digest, caller?.UserId, cancellationToken) || await content.OpenAsync(digest, cancellationToken) is not { } stream)
            return RequestRefusal.NotFound.ToProblem($"No content {digest} is here, or it belongs to somebody else.");
        context.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        var answer = TypedResults.Stream(
            stream,
            "application/octet-stream",
            entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{digest}\""),
            enableRangeProcessing: true);
        // Whoever signs out has what is public for nothing; so has whoever does not.
        return new MeteredContentResult(answer, caller is null || await owners.MayReadAsync(digest, null, cancellationToken) ? null : caller);
    }

    /// <summary>The form of a publication, for the OpenAPI document.</summary>
    /// <param name="Manifest">agent.json.</param>
    /// <param name="Program">The WebAssembly program.</param>
    private sealed record AgentUploadForm(AgentManifestBody Manifest, IFormFile Program);
}
