using System.CommandLine.Completions;
using Stoa.Cli.Connection;
using Stoa.Client;

namespace Stoa.Cli.Completion;

/// <summary>Names of agents for completion, asked of the node. A node that is slow or not there has none.</summary>
internal static class AgentNames
{
    private const int Most = 50;
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    public static IEnumerable<CompletionItem> Find(Surroundings surroundings, string? address, string? key)
    {
        using var patience = new CancellationTokenSource(s_patience, surroundings.TimeProvider);
        try
        {
            var connection = NodeConnection.Find(surroundings, address, key);
            using var client = new StoaClient(new StoaClientOptions
            {
                Address = connection.Address,
                // Anybody may list agents, and a session's token may have ended.
                ApiKey = connection.Session is null ? connection.Key : null,
                Handler = surroundings.Handler,
                MaxAttempts = 1,
            });
            // Completion is synchronous, and this process lives for it alone.
            return client.ListAgentsAsync(cancellationToken: patience.Token)
                .Take(Most)
                .Select(agent => new CompletionItem($"{agent.Publisher}/{agent.Name}"))
                .ToListAsync(patience.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (Exception unavailable) when (unavailable is StoaException or NodeUnreachableException or OperationCanceledException or CommandFailure or IOException)
        {
            return [];
        }
    }
}
