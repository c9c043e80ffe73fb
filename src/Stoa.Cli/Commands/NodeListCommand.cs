using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa node list</c>.</summary>
internal sealed class NodeListCommand : StoaCommand
{
    private readonly Option<int> _limit = ListLimit.Option();

    public NodeListCommand(CommandScope scope)
        : base(
            scope,
            "list",
            "List the nodes that work here: where they stand, what they have, and how busy they are.",
            new("Which nodes are there?", "stoa node list"),
            new("In which regions may a task run?", "stoa node list --json | jq -r '.items[].region // empty' | sort -u")) =>
        Add(_limit);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (nodes, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListNodesAsync(cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ListedNodeResponse>(nodes), json => json.ListResponseListedNodeResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Node", "Region", "Version", "Workers busy", "Memory promised", "Tasks taken so far", "Started", "Last sign of life"],
            [.. nodes.Select(node => (IReadOnlyList<string>)
            [
                node.PeerId,
                node.Region ?? "",
                node.Version ?? "",
                node is { Load: { } load, Capacity: { } capacity } ? $"{load.BusyWorkers} of {capacity.Workers}" : "",
                node is { Load: { } used, Capacity: { } room } ? $"{Format.Size(used.BusyMemoryBytes)} of {Format.Size(room.MemoryBytes)}" : "",
                node.Load is { } taken ? taken.ClaimedTasks.ToString("N0", CultureInfo.InvariantCulture) : "",
                ListLimit.When(invocation, node.StartedAt),
                ListLimit.When(invocation, node.SeenAt),
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}
