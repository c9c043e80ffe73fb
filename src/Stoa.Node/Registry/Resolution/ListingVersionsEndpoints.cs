using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Resolution;

/// <summary>Versions of listings over HTTP: which there are, and which fit together. It is public.</summary>
public static class ListingVersionsEndpoints
{
    private const int MostDemands = 16;
    private const int DemandLengthMax = 512;
    private const int MostAtOnce = 4;

    private static readonly SemaphoreSlim s_turns = new(MostAtOnce);

    public static void MapListingVersions(this IEndpointRouteBuilder api)
    {
        api.MapGet("/listings/{publisher}/{name}/versions", ListAsync)
            .OpenToAll()
            .WithName("listListingVersions").WithTags("Listings").WithSummary("List the versions of a listing of the network")
            .WithDescription("All that were published, newest first, with what became of them; or those that a range takes.")
            .Produces<ListResponse<ListingVersionBody>>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/listings/{publisher}/{name}/resolve", ResolveAsync)
            .OpenToAll()
            .WithName("resolveListing").WithTags("Listings").WithSummary("Find versions of listings that fit together")
            .WithDescription("The newest version that a range takes, with all that it needs, and what that needs: of an agent the agents that it calls and its models, of a model or a template what it requires, of a bundle all that belongs to it. Of each listing one version is taken, which does for all who need it. What is preferred is taken where it fits, and is named in leftOut with the reason where it does not. What is withdrawn or contradicted is not taken. Digests and statements of what was found are in the answer, to be kept.")
            .Produces<ResolutionResponse>()
            .Refuses(RequestRefusal.NotFound)
            .Refuses(ResolutionRefusal.VersionsConflict, ResolutionRefusal.ResolutionTooLarge);
    }

    private static async Task<IResult> ListAsync(
        string publisher,
        string name,
        [AsParameters] ListQuery query,
        [FromQuery, Description("Only versions that this takes, such as ^1.2.0, ~1.4, >=1.0.0 <2.0.0, 1.x or 1.2.0 || 2.x.")] string? range,
        SqlListings listings,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (page, wanted) = (query.ToPage(), ReadRange(range));
        if (!Names.IsAgentName(name) || await listings.FindAsync(publisher, name, time.GetUtcNow(), cancellationToken) is not { } found)
            return NotFound(publisher, name);
        SemanticVersion? after = null;
        if (page.Cursor is not null && !SemanticVersion.TryParse(page.Cursor, null, out after))
            throw Refused("The parameter cursor is the nextCursor of the page before, unchanged.");
        List<ListingVersionBody> left = [.. found.Versions
            .Select(body => (Body: body, Version: SemanticVersion.Parse(body.Version)))
            .Where(version => wanted is null || wanted.Takes(version.Version))
            .OrderByDescending(version => version.Version).ThenByDescending(version => version.Body.Version, StringComparer.Ordinal)
            .Where(version => after is null || version.Version < after || (version.Version.CompareTo(after) == 0 && string.CompareOrdinal(version.Body.Version, page.Cursor) < 0))
            .Select(version => version.Body)];
        List<ListingVersionBody> items = [.. left.Take(page.Limit)];
        return TypedResults.Ok(new ListResponse<ListingVersionBody>(items, left.Count > page.Limit ? items[^1].Version : null));
    }

    private static async Task<IResult> ResolveAsync(
        string publisher,
        string name,
        [FromQuery, Description("Which versions will do; every release when left out.")] string? range,
        [FromQuery, Description("Another listing that has to fit: key/name or handle/name, and behind @ a range. Up to fifteen may be given.")] string[]? also,
        Database database,
        SqlListings listings,
        CancellationToken cancellationToken)
    {
        var wanted = ReadRange(range) ?? SemanticRange.Any;
        if (also?.Length >= MostDemands)
            throw Refused($"The parameter also is given at most {MostDemands - 1} times.");
        var others = (also ?? []).Select(ReadDemand).ToList();
        if (!Names.IsAgentName(name) || await listings.FindPublisherAsync(publisher, cancellationToken) is not { } key)
            return NotFound(publisher, name);
        var demands = new List<VersionDemand> { new(new ListingKey(key, name), wanted, $"{publisher}/{name}") };
        foreach (var (otherPublisher, otherName, otherRange) in others)
        {
            demands.Add(new VersionDemand(
                await listings.FindPublisherAsync(otherPublisher, cancellationToken) is { } other ? new ListingKey(other, otherName) : null, otherRange, $"{otherPublisher}/{otherName}"));
        }

        var offered = new SqlResolvableVersions(database);
        // Anybody may ask, and listings of strangers can be made to cost thousands of reads: some at a time, whatever is asked.
        await s_turns.WaitAsync(cancellationToken);
        Outcome<ResolvedVersions, ResolutionRefusal> outcome;
        try
        {
            outcome = await new VersionResolver(offered).ResolveAsync(demands, cancellationToken);
        }
        finally
        {
            s_turns.Release();
        }

        if (!outcome.TryGet(out var resolved, out var refusal))
            return refusal.ToProblem();
        var statements = await listings.ReadStatementsAsync([.. resolved.Versions.Select(version => offered.IdOf(version.Listing, version.Version))], cancellationToken);
        return TypedResults.Ok(new ResolutionResponse(
            [.. resolved.Versions
                .Where(version => statements.ContainsKey(offered.IdOf(version.Listing, version.Version)))
                .Select(version => ToContract(version, statements[offered.IdOf(version.Listing, version.Version)]))],
            resolved.LeftOut.Count == 0 ? null : [.. resolved.LeftOut.Select(left => new LeftOutBody(left.Name, left.PreferredBy, left.Reason))]));
    }

    private static ResolvedListingBody ToContract(ResolvedVersion resolved, Statement statement)
    {
        var listed = (ListingStatement)statement.Content;
        var agent = listed as AgentListing;
        return new ResolvedListingBody(
            new KeyedListing(resolved.Listing.Publisher, resolved.Listing.Name, resolved.Version).ToString(),
            resolved.Name,
            resolved.Version.ToString(),
            statement.Id.ToString(),
            resolved.NeededBy,
            EnumWord.Of(listed.Listed),
            resolved.PreferredBy.Count == 0 ? null : resolved.PreferredBy,
            listed.ManifestDigest.ToString(),
            agent?.ArtifactDigest.ToString(),
            agent?.ProgramDigest.ToString(),
            ListingContracts.ToContract((listed as GoodsStatement)?.Manifest.Details.Content));
    }

    private static (string Publisher, string Name, SemanticRange Range) ReadDemand(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var end = at < 0 ? text.Length : at;
        if (text.Length > DemandLengthMax || slash <= 0 || slash > end || !Names.IsAgentName(text[(slash + 1)..end]))
            throw Refused("The parameter also is a listing such as stoa/image-resize@^1.0.0.");
        return (text[..slash], text[(slash + 1)..end], at < 0 ? SemanticRange.Any : ReadRange(text[(at + 1)..])!);
    }

    private static SemanticRange? ReadRange(string? text) => text is null ? null
        : SemanticRange.TryParse(text, null, out var range) ? range
        : throw Refused($"A range of versions is written as ^1.2.0, ~1.4, >=1.0.0 <2.0.0, 1.x or 1.2.0 || 2.x, in at most {SemanticRange.MaxLength} characters.");

    private static RequestRefusedException Refused(string reason) => new(RequestRefusal.RequestInvalid, errors: [new FieldError("", reason)]);

    private static ProblemResult NotFound(string publisher, string name) =>
        RequestRefusal.NotFound.ToProblem($"This node knows of no listing {publisher}/{name} in the network. Name the publisher by its key, which is unmistakable; list what there is with GET /api/v1/listings.");
}
