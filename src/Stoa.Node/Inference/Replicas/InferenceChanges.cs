using Stoa.Node.Storage;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Counts the changes of replicas and routes, so that each node knows whether it has the newest.</summary>
internal static class InferenceChanges
{
    /// <summary>The signal that is raised at the node where something was changed.</summary>
    public const string Topic = "inference_changes";

    /// <summary>Something is about to be changed by this act. It is called first: of several acts at once each waits here for the one before, so that what is counted for a limit stays so.</summary>
    public static async Task RaiseAsync(SqlSession session)
    {
        await session.ExecuteAsync("UPDATE inference_changes SET number = number + 1 WHERE id = 1");
        session.RaiseOnCommit(Topic, await ReadAsync(session));
    }

    /// <summary>How many there were.</summary>
    public static Task<long> ReadAsync(SqlSession session) => session.QuerySingleAsync<long>("SELECT number FROM inference_changes WHERE id = 1");
}
