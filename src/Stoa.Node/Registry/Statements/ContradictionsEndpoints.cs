using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Registry.Statements;

/// <summary>Publishers that have contradicted themselves, over HTTP, with the proofs. It is public.</summary>
public static class ContradictionsEndpoints
{
    public static void MapContradictions(this IEndpointRouteBuilder api)
    {
        api.MapGet("/contradictions", ListAsync)
            .OpenToAll()
            .WithName("listContradictions").WithTags("Listings").WithSummary("List the versions of which their publishers have signed two that say different things")
            .WithDescription("As far as this node knows, by the keys of publishers, names and versions. Neither of the two is offered to anybody. Both are handed out with GET /api/v1/contradictions/{publisher}/{name}/{version}.")
            .Produces<ListResponse<ContradictionBody>>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/contradictions/{publisher}/{name}/{version}", GetAsync)
            .OpenToAll()
            .WithName("getContradiction").WithTags("Listings").WithSummary("Get both statements by which a publisher has contradicted itself")
            .WithDescription("Two DSSE envelopes as their signer made them: listings of one version, signed with one key, with different bodies. Whoever checks both signatures needs nobody's word for it.")
            .Produces<ContradictionProofResponse>()
            .Refuses(RequestRefusal.NotFound);
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query,
        [FromQuery, Description("Only those of one publisher: a key (a peer id) or a handle.")] string? publisher,
        IStatementStore statements,
        SqlListings listings,
        CancellationToken cancellationToken)
    {
        var page = query.ToPage();
        KeyedListing? after = null;
        if (page.Cursor is not null && (!KeyedListing.TryParse(page.Cursor, null, out after) || after.Version is null))
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter cursor is the nextCursor of the page before, unchanged.")]);
        var signer = publisher is null ? null : await listings.FindPublisherAsync(publisher, cancellationToken);
        if (publisher is not null && signer is null)
            return RequestRefusal.NotFound.ToProblem($"Nobody is known here as {publisher}, or more than one. Name the publisher by its key.");
        var found = await statements.ListContradictionsAsync(signer, after, page.Limit + 1, cancellationToken);
        var publishers = await listings.ReadPublishersAsync([.. found.Select(one => one.Signer).Distinct()], cancellationToken);
        List<ContradictionBody> items =
        [
            .. found.Take(page.Limit).Select(one => new ContradictionBody(
                one.Listing.ToString(), publishers[one.Signer].ToContract(), one.Name, one.Version, [one.First.ToString(), one.Second.ToString()], one.FoundAt)),
        ];
        return TypedResults.Ok(new ListResponse<ContradictionBody>(items, found.Count > page.Limit ? items[^1].Listing : null));
    }

    private static async Task<IResult> GetAsync(string publisher, string name, string version, IStatementStore statements, SqlListings listings, CancellationToken cancellationToken)
    {
        if (!Names.IsAgentName(name) || !SemanticVersion.TryParse(version, null, out var parsed) || await listings.FindPublisherAsync(publisher, cancellationToken) is not { } signer)
            return NotFound($"{publisher}/{name}@{version}");
        var listing = new KeyedListing(signer, name, parsed);
        return await statements.ListByKeyAsync(new MergeKey(StatementKind.Listing, signer, name, parsed.ToString()), cancellationToken) is [var first, var second]
            ? TypedResults.Ok(new ContradictionProofResponse(listing.ToString(), [first.Envelope, second.Envelope]))
            : NotFound(listing.ToString());
    }

    private static ProblemResult NotFound(string listing) =>
        RequestRefusal.NotFound.ToProblem($"This node knows of no two statements of {listing} that say different things. List what there is with GET /api/v1/contradictions.");
}
