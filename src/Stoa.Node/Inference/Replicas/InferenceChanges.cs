using Stoa.Node.Storage;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Counts the changes of replicas and of routes, so that each node knows whether it has the newest.</summary>
internal static class InferenceChanges
{
    /// <summary>The signal that is raised at the node where something was changed.</summary>
    public const string Topic = "inference_changes";

    /// <summary>Replicas are about to be changed by this act. It is called first: of several acts at once each waits here for the one before, so that what is counted for a limit stays so.</summary>
    public static async Task RaiseReplicasAsync(SqlSession session)
    {
        await session.ExecuteAsync("UPDATE inference_changes SET number = number + 1 WHERE id = 1");
        await RaiseAsync(session);
    }

    /// <summary>Routes are about to be changed by this act; likewise.</summary>
    public static async Task RaiseRoutesAsync(SqlSession session)
    {
        await session.ExecuteAsync("UPDATE model_route_changes SET number = number + 1 WHERE id = 1");
        await RaiseAsync(session);
    }

    /// <summary>How many of both there were.</summary>
    public static Task<ChangeNumbers> ReadAsync(SqlSession session) => session.QuerySingleAsync<ChangeNumbers>(
        "SELECT replicas.number AS replicas, routes.number AS routes FROM inference_changes AS replicas, model_route_changes AS routes WHERE replicas.id = 1 AND routes.id = 1");

    private static async Task RaiseAsync(SqlSession session)
    {
        var (replicas, routes) = await ReadAsync(session);
        session.RaiseOnCommit(Topic, replicas + routes);
    }
}

/// <summary>How many changes there were.</summary>
/// <param name="Replicas">Of replicas.</param>
/// <param name="Routes">Of routes.</param>
internal sealed record ChangeNumbers(long Replicas, long Routes);
