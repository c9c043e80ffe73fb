using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>The catalogue of the network over HTTP, and the statements that it is made of. It is public.</summary>
public static class ListingsEndpoints
{
    public static void MapListings(this IEndpointRouteBuilder api)
    {
        api.MapGet("/listings", ListAsync)
            .OpenToAll()
            .WithName("listListings").WithTags("Listings").WithSummary("List the agents of the network")
            .WithDescription("The newest version of each agent that this node knows of, whoever published it and wherever, by publisher's key and name. What is withdrawn or contradicted is left out.")
            .Produces<ListResponse<ListingResponse>>();
        api.MapGet("/listings/{publisher}/{name}", GetAsync)
            .OpenToAll()
            .WithName("getListing").WithTags("Listings").WithSummary("Show an agent of the network with its versions")
            .WithDescription("The publisher is a key (its peer id) or a handle. A handle that is not of this cell is a claim: it is only followed when one publisher alone makes it.")
            .Produces<ListingDetailsResponse>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/statements/{id}", GetStatementAsync)
            .OpenToAll()
            .WithName("getStatement").WithTags("Listings").WithSummary("Get a signed statement of the registry")
            .WithDescription("The DSSE envelope as its signer made it. The id is the SHA-256 of the payload, the key that signs is in it. The schemas are at /schemas/statement-{kind}.v1.json, for the kinds profile, listing, withdrawal, deprecation and offer.")
            .Produces<DsseEnvelope>()
            .Refuses(RequestRefusal.NotFound);
    }

    /// <summary>The schemas of statements, for everybody.</summary>
    public static void MapStatementSchemas(this IEndpointRouteBuilder app)
    {
        foreach (var kind in Enum.GetValues<StatementKind>())
        {
            var schema = StatementSchemas.Read(kind);
            app.MapGet("/schemas/" + StatementSchemas.FileOf(kind), () => TypedResults.Bytes(schema, "application/schema+json")).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query,
        [FromQuery, Description("Words that must all appear in name, description, tags or capabilities.")] string? text,
        [FromQuery, Description("A capability such as image.resize.")] string? capability,
        [FromQuery, Description("A publisher's key (its peer id) or handle.")] string? publisher,
        SqlListings listings,
        CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await listings.ListAsync(new AgentQuery(text, capability, publisher), query.ToPage(), cancellationToken), listing => listing));

    private static async Task<IResult> GetAsync(string publisher, string name, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        Market.Names.IsAgentName(name) && await listings.FindAsync(publisher, name, time.GetUtcNow(), cancellationToken) is { } found
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
