using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Registry.Reviews;

/// <summary>What the network says of agents, over HTTP. It is public.</summary>
public static class ListingReviewsEndpoints
{
    public static void MapListingReviews(this IEndpointRouteBuilder api) => api.MapGet("/listings/{publisher}/{name}/reviews", ListAsync)
        .OpenToAll()
        .WithName("listListingReviews").WithTags("Listings").WithSummary("List what consumers of the whole network say of an agent")
        .WithDescription("One review of each reviewer, by their keys, with the node that gives its word that there is a receipt. Only those count, in the standing of the listing and in searches, whose node is of this cell or is believed here: keys are free, and anybody can give his own word.")
        .Produces<ListResponse<ListingReviewBody>>()
        .Refuses(RequestRefusal.NotFound);

    private static async Task<IResult> ListAsync(string publisher, string name, [AsParameters] ListQuery query, SqlNetworkReviews reviews, CancellationToken cancellationToken) =>
        Names.IsAgentName(name) && await reviews.ListAsync(publisher, name, query.ToPage(), cancellationToken) is { } found
            ? TypedResults.Ok(ListQuery.Answer(found, ToContract))
            : RequestRefusal.NotFound.ToProblem($"This node knows of no agent {publisher}/{name} in the network. Name the publisher by its key, which is unmistakable; list what there is with GET /api/v1/listings.");

    private static ListingReviewBody ToContract(NetworkReview found)
    {
        var verdict = found.Review.Verdict!;
        return new ListingReviewBody(
            found.Statement.SignerId.ToString(),
            found.Review.Of.Version!.ToString(),
            verdict.Stars,
            verdict.Proof.Node.PeerId.ToString(),
            found.NodeStanding is SignerStanding.Own or SignerStanding.Believed,
            DateTimeOffset.FromUnixTimeMilliseconds(found.Statement.Hlc.UnixTimeMs),
            found.Statement.Id.ToString(),
            found.OwnHandle is not null,
            found.OwnHandle ?? found.Handle,
            verdict.Text);
    }
}
