using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market.Builds;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Registry;

/// <summary>The catalogue over HTTP. It is public.</summary>
public static class RegistryEndpoints
{
    public static void MapRegistry(this IEndpointRouteBuilder api)
    {
        api.MapGet("/agents", ListAsync)
            .OpenToAll()
            .WithName("listAgents").WithTags("Agents").WithSummary("List agents")
            .WithDescription("The newest version of each agent, by listing name.")
            .Produces<ListResponse<AgentResponse>>();
        api.MapGet("/agents/{publisher}/{name}", GetNewestAsync)
            .OpenToAll()
            .WithName("getAgent").WithTags("Agents").WithSummary("Show the newest version of an agent")
            .WithDescription("The newest release; a pre-release only when there is no release.")
            .Produces<AgentResponse>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/agents/{publisher}/{name}/versions", ListVersionsAsync)
            .OpenToAll()
            .WithName("listAgentVersions").WithTags("Agents").WithSummary("List the versions of an agent")
            .WithDescription("Newest first. Those that were withdrawn are left out, unless withdrawn is true.")
            .Produces<ListResponse<AgentResponse>>();
        api.MapGet("/agents/{publisher}/{name}/{version}", GetVersionAsync)
            .OpenToAll()
            .WithName("getAgentVersion").WithTags("Agents").WithSummary("Show a version of an agent")
            .WithDescription("A published version never changes. One that was withdrawn is shown as well, with withdrawal, and one whose publisher has gone as long as somebody's receipt names it: receipts of it can be checked, and no task can be given to it.")
            .Produces<AgentResponse>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/agents/{publisher}/{name}/{version}/program", GetProgramAsync)
            .OpenToAll()
            .WithName("getAgentProgram").WithTags("Agents").WithSummary("Download an agent's program")
            .WithDescription("The WebAssembly bytes, to inspect them or to run a receipt again.")
            .Produces<Stream>(StatusCodes.Status200OK, OciArtifact.ProgramMediaType)
            .Refuses(RequestRefusal.NotFound);
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query,
        [FromQuery, Description("Words that must all appear in name, description, tags or capabilities.")] string? text,
        [FromQuery, Description("A capability such as image.resize.")] string? capability,
        [FromQuery, Description("Handle of a publisher.")] string? publisher,
        IAgentStore agents,
        CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(
            await agents.ListAsync(new AgentQuery(text, capability, publisher), query.ToPage(), cancellationToken), ManifestBody.Of));

    private static async Task<IResult> GetNewestAsync(string publisher, string name, IAgentStore agents, CancellationToken cancellationToken) =>
        !ListingName.TryParse($"{publisher}/{name}", null, out var listing) ? NotFound($"{publisher}/{name}")
        : await agents.FindAsync(listing, cancellationToken) is { } version ? TypedResults.Ok(ManifestBody.Of(version))
        : await agents.FindWithdrawnAsync(listing, cancellationToken) is { } withdrawn ? RequestRefusal.NotFound.ToProblem(withdrawn.ToString())
        : NotFound($"{publisher}/{name}");

    private static async Task<IResult> ListVersionsAsync(
        string publisher,
        string name,
        [AsParameters] ListQuery query,
        [FromQuery, Description("Whether those that were withdrawn are listed too.")] bool? withdrawn,
        IAgentStore agents,
        CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await agents.ListVersionsAsync(publisher, name, withdrawn ?? false, query.ToPage(), cancellationToken), ManifestBody.Of));

    private static async Task<IResult> GetVersionAsync(
        string publisher, string name, string version, IAgentStore agents, CancellationToken cancellationToken) =>
        await FindAsync(agents, publisher, name, version, cancellationToken) is { } found ? TypedResults.Ok(ManifestBody.Of(found)) : NotFound($"{publisher}/{name}@{version}");

    private static async Task<IResult> GetProgramAsync(
        string publisher, string name, string version, HttpContext context, IAgentStore agents, IContentStore content, CancellationToken cancellationToken)
    {
        var found = await FindAsync(agents, publisher, name, version, cancellationToken);
        if (found is not { Version: var agent } || await content.OpenAsync(agent.ProgramDigest, cancellationToken) is not { } program)
            return NotFound($"{publisher}/{name}@{version}");
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return TypedResults.Stream(
            program,
            OciArtifact.ProgramMediaType,
            entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{agent.ProgramDigest}\""),
            enableRangeProcessing: true);
    }

    private static async Task<PublishedVersion?> FindAsync(
        IAgentStore agents, string publisher, string name, string version, CancellationToken cancellationToken) =>
        ListingName.TryParse($"{publisher}/{name}@{version}", null, out var listing) ? await agents.FindPublishedAsync(listing, cancellationToken) : null;

    private static ProblemResult NotFound(string wanted) =>
        RequestRefusal.NotFound.ToProblem($"There is no agent {wanted}. List what there is with GET /api/v1/agents.");
}
