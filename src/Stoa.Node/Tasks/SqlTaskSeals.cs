using Stoa.Market.Tasks;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>To which keys the inputs of tasks are sealed, inside a session. A task in the clear has no row.</summary>
internal static class SqlTaskSeals
{
    private static readonly SqlRows<AgentTask> s_note = SqlRows<AgentTask>.Insert(
        "task_seals",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfText("key_id", task => task.Input.SealedTo),
        ]);

    /// <summary>Notes the keys of new tasks.</summary>
    public static async Task NoteAsync(SqlSession session, IReadOnlyList<AgentTask> tasks)
    {
        var @sealed = tasks.Where(task => task.Input.SealedTo is not null).ToList();
        if (@sealed.Count > 0)
            await session.SendRowsAsync(s_note, @sealed);
    }
}
