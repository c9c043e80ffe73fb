using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>What each executor gave of tasks that several ran, inside a session: written with the end of the task, and with it what it says about the suppliers among them.</summary>
internal static class SqlTaskRuns
{
    /// <summary>Writes the runs of ends that are written.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<AttemptEnd> written)
    {
        foreach (var end in written.Where(end => end.Runs.Count > 0))
        {
            await session.SendEachAsync(
                "INSERT INTO task_runs (task_id, number, node, standing, output, price, envelope, detail) VALUES (@Id, @number, @Node, @standing, @Output, @Price, @envelope, @Detail)",
                end.Runs.Select((run, index) => new
                {
                    end.Task.Id,
                    number = index + 1L,
                    run.Node,
                    standing = run.Standing.ToString(),
                    run.Output,
                    run.Price,
                    envelope = run.Receipt?.ToJson(),
                    run.Detail,
                }));
            var now = end.Task.State switch
            {
                TaskState.Succeeded succeeded => succeeded.FinishedAt,
                TaskState.Failed failed => failed.FinishedAt,
                TaskState.Cancelled cancelled => cancelled.FinishedAt,
                _ => throw new InvalidOperationException($"{end.Task.Id} is {end.Task.State.Name}, which is not an end."),
            };
            foreach (var run in end.Runs.Where(run => run.Standing is RunStanding.Contradicted or RunStanding.Disputed))
            {
                // This node itself, where it is among them, is nobody's supplier.
                var (column, detail) = run.Standing is RunStanding.Contradicted
                    ? ("lies", $"It gave {run.Output} for {end.Task.Id}, and others agreed on another output.")
                    : ("disagreements", $"It gave {run.Output} for {end.Task.Id}, and others gave something else.");
                await session.ExecuteAsync(
                    $"UPDATE suppliers SET {column} = {column} + 1, last_failure = @detail, last_failed_at = @now WHERE node = @Node AND removed_at IS NULL", new { detail, now, run.Node });
            }
        }
    }

    /// <summary>The runs of a task, in their order.</summary>
    public static async Task<IReadOnlyList<TaskRun>> ListAsync(SqlSession session, Id<AgentTask> task) =>
        [.. (await session.QueryAsync<Row>("SELECT node, standing, output, price, envelope, detail FROM task_runs WHERE task_id = @task ORDER BY number", new { task })).Select(row => row.ToRun())];

    private sealed record Row(string Node, string Standing, ContentHash? Output, Money Price, byte[]? Envelope, string? Detail)
    {
        public TaskRun ToRun() => new(Node, Enum.Parse<RunStanding>(Standing), Output, Price, Envelope is null ? null : DsseEnvelope.FromJson(Envelope), Detail);
    }
}
