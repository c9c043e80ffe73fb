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
            .WithDescription("Newest first.")
            .Produces<ListResponse<AgentResponse>>();
        api.MapGet("/agents/{publisher}/{name}/{version}", GetVersionAsync)
            .OpenToAll()
            .WithName("getAgentVersion").WithTags("Agents").WithSummary("Show a version of an agent")
            .WithDescription("A published version never changes. One whose publisher has gone is shown as well, as long as somebody's receipt names it: it can be checked, and no task can be given to it.")
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
        Answer(await FindAsync(agents, publisher, name, null, cancellationToken), $"{publisher}/{name}");

    private static async Task<IResult> ListVersionsAsync(
        string publisher, string name, [AsParameters] ListQuery query, IAgentStore agents, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await agents.ListVersionsAsync(publisher, name, query.ToPage(), cancellationToken), ManifestBody.Of));

    private static async Task<IResult> GetVersionAsync(
        string publisher, string name, string version, IAgentStore agents, CancellationToken cancellationToken) =>
        Answer(await FindAsync(agents, publisher, name, version, cancellationToken), $"{publisher}/{name}@{version}");

    private static async Task<IResult> GetProgramAsync(
        string publisher, string name, string version, HttpContext context, IAgentStore agents, IContentStore content, CancellationToken cancellationToken)
    {
        var found = await FindAsync(agents, publisher, name, version, cancellationToken);
        if (found is null || await content.OpenAsync(found.ProgramDigest, cancellationToken) is not { } program)
            return NotFound($"{publisher}/{name}@{version}");
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return TypedResults.Stream(
            program,
            OciArtifact.ProgramMediaType,
            entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{found.ProgramDigest}\""),
            enableRangeProcessing: true);
    }

    private static async Task<AgentVersion?> FindAsync(
        IAgentStore agents, string publisher, string name, string? version, CancellationToken cancellationToken) =>
        ListingName.TryParse(version is null ? $"{publisher}/{name}" : $"{publisher}/{name}@{version}", null, out var listing)
            ? await (version is null ? agents.FindAsync(listing, cancellationToken) : agents.FindPublishedAsync(listing, cancellationToken))
            : null;

    private static IResult Answer(AgentVersion? version, string wanted) =>
        version is null ? NotFound(wanted) : TypedResults.Ok(ManifestBody.Of(version));

    private static ProblemResult NotFound(string wanted) =>
        RequestRefusal.NotFound.ToProblem($"There is no agent {wanted}. List what there is with GET /api/v1/agents.");
}
