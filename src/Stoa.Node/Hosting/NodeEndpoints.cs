using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Membership;
using Stoa.Node.Metering;
using Stoa.Node.Pages;
using Stoa.Node.Payments;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Who this node is, and which others there are, over HTTP.</summary>
public static class NodeEndpoints
{
    public static void MapNode(this IEndpointRouteBuilder api)
    {
        api.MapGet("/node", GetNode)
            .OpenToAll()
            .WithName("getNode").WithTags("Node").WithSummary("Who is this node?")
            .WithDescription("Its key, which verifies its receipts, and on which terms it works.")
            .Produces<NodeResponse>();
        api.MapGet("/nodes", ListNodes)
            .ForAnyCaller()
            .WithName("listNodes").WithTags("Node").WithSummary("Which nodes work here?")
            .WithDescription("The nodes of the cell that are alive, in the order of their peer ids: region, version, capacity and load, as of the last sign of life of each, which is about a second old.");
    }

    private static NodeResponse GetNode(PublicKey key, Database database, TasksOptions tasks, NodeOptions node, PaymentsOptions payments, UsagePrices prices) => new(
        key.PeerId.ToString(),
        Convert.ToBase64String(key.ToSpki()),
        PagesEndpoints.Version,
        database.Dialect.Name,
        tasks.Workers,
        tasks.CreatorPercent,
        tasks.NodePercent,
        tasks.PlatformPercent,
        node.Region,
        payments.Mode,
        prices.ChargesStorage || prices.ChargesTransfer ? MeteringContracts.ToContract(prices) : null);

    private static ListResponse<ListedNodeResponse> ListNodes([AsParameters] ListQuery list, Cell cell, NodeStatus status, TimeProvider time)
    {
        var page = list.ToPage();
        // Of itself a node knows more than what it last said.
        var self = new ListedNode(new NodeBeat(cell.Self, 0), cell.StartedAt, time.GetUtcNow(), status.Now);
        var after = cell.Others.Append(self)
            .OrderBy(node => node.Beat.Holder.Node, StringComparer.Ordinal)
            .Where(node => page.Cursor is null || string.CompareOrdinal(node.Beat.Holder.Node, page.Cursor) > 0)
            .Take(page.Limit + 1)
            .ToList();
        var shown = after.Take(page.Limit).ToList();
        return ListQuery.Answer(new Page<ListedNode>(shown, after.Count > shown.Count ? shown[^1].Beat.Holder.Node : null), ToContract);
    }

    private static ListedNodeResponse ToContract(ListedNode node) => new(
        node.Beat.Holder.Node,
        node.StartedAt,
        node.SeenAt,
        node.Report?.Version,
        node.Report?.Region,
        node.Report is { Capacity: var capacity } ? new NodeCapacityBody(capacity.Workers, capacity.MemoryBytes) : null,
        node.Report is { Load: var load } ? new NodeLoadBody(load.BusyWorkers, load.BusyMemoryBytes, load.HeldTasks, load.ClaimedTasks) : null);
}
