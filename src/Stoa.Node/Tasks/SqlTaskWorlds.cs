using System.Globalization;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>What is fixed of the runs of tasks, and how many executors run them, inside a session. A task whose chance is drawn has no row.</summary>
internal static class SqlTaskWorlds
{
    private static readonly SqlRows<AgentTask> s_note = SqlRows<AgentTask>.Insert(
        "task_worlds",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfInteger("seed", task => task.World!.Seed),
            SqlField<AgentTask>.OfInteger("clock_ms", task => task.World!.ClockMs),
            SqlField<AgentTask>.OfInteger("runs", task => task.Redundancy?.Runs ?? 1),
            SqlField<AgentTask>.OfInteger("agree", task => task.Redundancy?.Agree ?? 1),
        ]);

    /// <summary>Notes those of new tasks.</summary>
    public static async Task NoteAsync(SqlSession session, IReadOnlyList<AgentTask> tasks)
    {
        var @fixed = tasks.Where(task => task.World is not null).ToList();
        if (@fixed.Count > 0)
            await session.SendRowsAsync(s_note, @fixed);
    }

    /// <summary>Reads what a row of tasks has of it: seed, clock, runs and agree, with blanks between.</summary>
    public static (TaskWorld World, Redundancy? Redundancy) Read(string text)
    {
        var parts = text.Split(' ');
        return (
            new TaskWorld(long.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[1], CultureInfo.InvariantCulture)),
            parts[2] == "1" ? null : new Redundancy(int.Parse(parts[2], CultureInfo.InvariantCulture), int.Parse(parts[3], CultureInfo.InvariantCulture)));
    }
}
