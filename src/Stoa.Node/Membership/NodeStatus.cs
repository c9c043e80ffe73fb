using Stoa.Market.Membership;
using Stoa.Node.Hosting;
using Stoa.Node.Pages;
using Stoa.Node.Tasks;

namespace Stoa.Node.Membership;

/// <summary>What this node has and what of it is in use, now.</summary>
public sealed class NodeStatus(TaskWorkers workers, TasksOptions tasks, NodeOptions node)
{
    public NodeReport Now => new(PagesEndpoints.Version, node.Region, new NodeCapacity(tasks.Workers, tasks.MaxMemoryBytes), workers.Load);
}
