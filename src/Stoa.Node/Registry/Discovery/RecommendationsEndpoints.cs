using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Registry.Discovery;

/// <summary>What is like a listing, and what is used with it, over HTTP. It is public.</summary>
public static class RecommendationsEndpoints
{
    private const int LimitMax = 50;
    private const int LimitDefault = 10;

    public static void MapRecommendations(this IEndpointRouteBuilder api)
    {
        api.MapGet("/listings/{publisher}/{name}/similar", ListSimilarAsync)
            .OpenToAll()
            .WithName("listSimilarListings").WithTags("Listings").WithSummary("List what is like a listing")
            .WithDescription("Of the same kind, by the capabilities, tags and words that both have: each counts the more the fewer have it. Best first, on one page. What shares less than a tenth is left out.")
            .Produces<ListResponse<SimilarListingBody>>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/listings/{publisher}/{name}/used-with", ListUsedWithAsync)
            .OpenToAll()
            .WithName("listUsedWith").WithTags("Listings").WithSummary("List what is used with an agent")
            .WithDescription("Agents for which the same consumers of this cell were charged in this month and the two before, called ones too, closest first and ten at most. Only what so many consumers have in common as Discovery:UsedWithConsumers says is told. Accounts are cheap: who makes that many and knows that somebody is the only one to use an agent may find out with which others. It is found out anew now and then, and is empty on a node that has just started.")
            .Produces<ListResponse<ListingResponse>>()
            .Refuses(RequestRefusal.NotFound);
    }

    private static async Task<IResult> ListSimilarAsync(
        string publisher,
        string name,
        [FromQuery, Description("How many are answered at most, 1 to 50; 10 when left out.")] int? limit,
        ListingSearches searches,
        CancellationToken cancellationToken)
    {
        if (limit is < 1 or > LimitMax)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter limit is a whole number from 1 to {LimitMax}.")]);
        return Names.IsAgentName(name) && await searches.FindSimilarAsync(publisher, name, limit ?? LimitDefault, cancellationToken) is { } found
            ? TypedResults.Ok(new ListResponse<SimilarListingBody>(found))
            : NotFound(publisher, name);
    }

    private static async Task<IResult> ListUsedWithAsync(string publisher, string name, UsedWithFinder finder, CancellationToken cancellationToken) =>
        Names.IsAgentName(name) && await finder.FindAsync(publisher, name, cancellationToken) is { } found
            ? TypedResults.Ok(new ListResponse<ListingResponse>(found))
            : NotFound(publisher, name);

    private static ProblemResult NotFound(string publisher, string name) =>
        RequestRefusal.NotFound.ToProblem($"Nothing is offered as {publisher}/{name} in the network, as far as this node knows. Name the publisher by its key, which is unmistakable; list what there is with GET /api/v1/listings.");
}
