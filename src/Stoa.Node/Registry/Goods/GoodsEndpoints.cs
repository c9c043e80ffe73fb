using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Metering;
using Stoa.Node.Registry.Statements;

namespace Stoa.Node.Registry.Goods;

/// <summary>Publishing models, templates, bundles and datasets over HTTP, withdrawing them, and getting their bytes.</summary>
public static class GoodsEndpoints
{
    public static void MapGoods(this IEndpointRouteBuilder api)
    {
        api.MapPost("/listings/manifests", PublishAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("publishListing").WithTags("Listings").WithSummary("Publish a version of a model, a template, a bundle or a dataset")
            .WithDescription("Takes the manifest, checks it and lists the version under your handle, signed with the key that the cell keeps for you. All faults are told at once. What it names by a digest is content of yours: upload it first with POST /api/v1/blobs, and keep it as long as others are to get it. The same manifest again answers the version that is there. Agents are published with POST /api/v1/agents/upload.")
            .Accepts<GoodsManifestBody>("application/json")
            .TakesAtMost(ManifestReader.MaxBytes)
            .Produces<ListingResponse>(StatusCodes.Status201Created)
            .Refuses(GoodsRefusal.GoodsInvalid, GoodsRefusal.NameOfOtherKind, GoodsRefusal.ListingExists, GoodsRefusal.ContentNotYours, GoodsRefusal.ListingsTooMany, GoodsRefusal.ListingWithdrawn);
        api.MapPut("/listings/{publisher}/{name}/withdrawal", WithdrawAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("withdrawListing").WithTags("Listings").WithSummary("Withdraw a model, a template, a bundle or a dataset of yours")
            .WithDescription("All versions that are offered now are offered no more: no search finds them, and their bytes are handed out no more. Who has them keeps them. A version that is published afterwards is offered.")
            .Produces<AgentOfferResponse>()
            .Refuses(GoodsRefusal.ListingNotYours, GoodsRefusal.ReasonInvalid);
        api.MapPut("/listings/{publisher}/{name}/{version}/withdrawal", WithdrawVersionAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("withdrawListingVersion").WithTags("Listings").WithSummary("Withdraw a version of a model, a template, a bundle or a dataset of yours")
            .WithDescription("As withdrawing all of it, of one version. Doing it again changes the reason.")
            .Produces<AgentOfferResponse>()
            .Refuses(GoodsRefusal.ListingNotYours, GoodsRefusal.ReasonInvalid);
        api.MapDelete("/listings/{publisher}/{name}/{version}/withdrawal", ReinstateAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("reinstateListingVersion").WithTags("Listings").WithSummary("Offer a version of a model, a template, a bundle or a dataset of yours again")
            .WithDescription("What was withdrawn is offered again. Doing it again changes nothing.")
            .Produces<AgentOfferResponse>()
            .Refuses(GoodsRefusal.ListingNotYours);
        api.MapGet("/listings/{publisher}/{name}/{version}/content", GetContentAsync)
            .Needs(Permission.TasksRead)
            .WithName("getListingContent").WithTags("Listings").WithSummary("Download what a model, a template or a dataset consists of")
            .WithDescription("The bytes that the manifest names, as long as their publisher, who is of this cell, keeps them here and offers the version. Ranges are served. It counts as transfer of whoever asks: beyond what is free in a month it is paid, before the first byte, and what was not sent is given back.")
            .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
            .Refuses(RequestRefusal.RangeNotSatisfiable)
            .Refuses(GoodsRefusal.ListingContentGone, GoodsRefusal.ListingWithdrawn, GoodsRefusal.ListingContradicted)
            .Refuses(ContentRefusal.StorageUnpaid)
            .Refuses(Enum.GetValues<TransferFeeRefusal>());
    }

    private static async Task<IResult> PublishAsync(
        HttpRequest request, Caller caller, IUserStore users, GoodsPublications publications, SqlListings listings, CancellationToken cancellationToken)
    {
        var manifest = await RequestBody.ReadJsonAsync(request, cancellationToken);
        if (await users.GetAsync(caller.UserId, cancellationToken) is not { } user)
            return RequestRefusal.Unauthenticated.ToProblem();
        if (!(await publications.PublishAsync(user, manifest, cancellationToken)).TryGet(out var statement, out var refusal))
            return refusal.ToProblem();
        var listed = await listings.ShowAsync(statement, cancellationToken);
        return TypedResults.Created($"/api/v1/listings/{user.Handle}/{listed.Name}", listed);
    }

    private static Task<IResult> WithdrawAsync(
        string publisher, string name, Body<WithdrawAgentRequest> body, Caller caller, GoodsPublications publications, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}", listing => publications.WithdrawAsync(caller.UserId, listing, body.Value.Reason, cancellationToken));

    private static Task<IResult> WithdrawVersionAsync(
        string publisher, string name, string version, Body<WithdrawAgentRequest> body, Caller caller, GoodsPublications publications, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}@{version}", listing => publications.WithdrawAsync(caller.UserId, listing, body.Value.Reason, cancellationToken));

    private static Task<IResult> ReinstateAsync(
        string publisher, string name, string version, Caller caller, GoodsPublications publications, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}@{version}", listing => publications.ReinstateAsync(caller.UserId, listing, cancellationToken));

    private static async Task<IResult> ActAsync(string named, Func<ListingName, Task<Outcome<AgentOffer, GoodsRefusal>>> act) =>
        ListingName.TryParse(named, null, out var listing)
            ? (await act(listing)).Match<IResult>(
                offer => TypedResults.Ok(new AgentOfferResponse(offer.Agent.ToString(), [.. offer.Changed.Select(version => version.ToString())], offer.Newest?.ToString())),
                refusal => refusal.ToProblem())
            : new Refusal<GoodsRefusal>(GoodsRefusal.ListingNotYours, $"{named} is not the name of a listing.").ToProblem();

    private static async Task<IResult> GetContentAsync(
        string publisher, string name, string version, Caller caller, HttpContext context, GoodsPublications publications, IContentStore content, CancellationToken cancellationToken)
    {
        if (!ListingName.TryParse($"{publisher}/{name}@{version}", null, out var listing))
            return new Refusal<GoodsRefusal>(GoodsRefusal.ListingContentGone, $"{publisher}/{name}@{version} is not the name of a version.").ToProblem();
        if (!(await publications.FindContentAsync(listing, cancellationToken)).TryGet(out var found, out var refusal))
            return refusal.ToProblem();
        if (await content.OpenAsync(found.Digest, cancellationToken) is not { } stream)
            return new Refusal<GoodsRefusal>(GoodsRefusal.ListingContentGone, $"{found.Digest} is not stored here.").ToProblem();
        context.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        var answer = TypedResults.Stream(
            stream,
            "application/octet-stream",
            entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{found.Digest}\""),
            enableRangeProcessing: true);
        return new MeteredContentResult(answer, caller);
    }
}
