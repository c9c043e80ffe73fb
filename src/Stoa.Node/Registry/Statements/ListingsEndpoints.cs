using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>The catalogue of the network over HTTP, and the statements that it is made of. It is public.</summary>
public static class ListingsEndpoints
{
    public static void MapListings(this IEndpointRouteBuilder api)
    {
        api.MapGet("/listings", ListAsync)
            .OpenToAll()
            .WithName("listListings").WithTags("Listings").WithSummary("Search the listings of the network")
            .WithDescription("The newest version of each agent that this node knows of, whoever published it and wherever. What is withdrawn or contradicted is left out. All that is asked for has to hold; a parameter that there is not is refused. An agent that does not change is on just one page, whatever else changes meanwhile. Soon after the start of the node isIncomplete may say that it still reads what there is.")
            .Produces<ListingSearchResponse>();
        api.MapGet("/listings/{publisher}/{name}", GetAsync)
            .OpenToAll()
            .WithName("getListing").WithTags("Listings").WithSummary("Show an agent of the network with its versions")
            .WithDescription("The publisher is a key (its peer id) or a handle. A handle that is not of this cell is a claim: it is only followed when one publisher alone makes it.")
            .Produces<ListingDetailsResponse>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/statements/{id}", GetStatementAsync)
            .OpenToAll()
            .WithName("getStatement").WithTags("Listings").WithSummary("Get a signed statement of the registry")
            .WithDescription("The DSSE envelope as its signer made it. The id is the SHA-256 of the payload, the key that signs is in it. The schemas are at /schemas/statement-{kind}.v{schema}.json.")
            .Produces<DsseEnvelope>()
            .Refuses(RequestRefusal.NotFound);
    }

    /// <summary>The schemas of statements, for everybody.</summary>
    public static void MapStatementSchemas(this IEndpointRouteBuilder app)
    {
        foreach (var file in StatementSchemas.Files)
        {
            var schema = StatementSchemas.Read(file);
            app.MapGet("/schemas/" + file, () => TypedResults.Bytes(schema, "application/schema+json")).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListingSearchQuery query, [AsParameters] ListQuery list, HttpContext context, ListingSearches searches, CancellationToken cancellationToken) =>
        await searches.SearchAsync(query.ToSearch(context.Request.Query), query.Publisher, list.ToPage(), cancellationToken) is { } found
            ? TypedResults.Ok(found)
            : throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter cursor is the nextCursor of the page before, unchanged, and all else is as it was then.")]);

    private static async Task<IResult> GetAsync(string publisher, string name, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        Names.IsAgentName(name) && await listings.FindAsync(publisher, name, time.GetUtcNow(), cancellationToken) is { } found
            ? TypedResults.Ok(found)
            : RequestRefusal.NotFound.ToProblem($"This node knows of no agent {publisher}/{name} in the network. Name the publisher by its key, which is unmistakable; list what there is with GET /api/v1/listings.");

    private static async Task<IResult> GetStatementAsync(string id, HttpContext context, IStatementStore statements, CancellationToken cancellationToken)
    {
        if (!ContentHash.TryParse(id, out var hash) || await statements.FindAsync(hash, cancellationToken) is not { } statement)
            return RequestRefusal.NotFound.ToProblem($"This node has no statement {id}. One that another has taken the place of is not kept.");
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return TypedResults.Ok(statement.Envelope);
    }
}
