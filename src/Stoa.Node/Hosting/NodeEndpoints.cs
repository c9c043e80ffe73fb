using Stoa.Client.Contracts;
using Stoa.Node.Pages;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Who this node is, over HTTP.</summary>
public static class NodeEndpoints
{
    public static void MapNode(this IEndpointRouteBuilder api) => api
        .MapGet("/node", GetNode)
        .WithName("getNode").WithTags("Node").WithSummary("Who is this node?")
        .WithDescription("Its key, which verifies its receipts, and on which terms it works.")
        .AllowAnonymous()
        .Produces<NodeResponse>();

    private static NodeResponse GetNode(PublicKey key, Database database, TasksOptions tasks) => new(
        key.PeerId.ToString(),
        Convert.ToBase64String(key.ToSpki()),
        PagesEndpoints.Version,
        database.Dialect.Name,
        tasks.Workers,
        tasks.CreatorPercent,
        tasks.NodePercent,
        tasks.PlatformPercent);
}
