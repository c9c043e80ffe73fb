using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Auctions;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Selection;

/// <summary>What the agents of tasks were chosen by, inside a session: in the columns of <c>tasks</c>, and each choice in <c>task_choices</c>.</summary>
internal static class SqlTaskChoices
{
    private const string InsertChoice = "INSERT INTO task_choices (task_id, number, choice) VALUES (@Id, @Number, @Choice)";

    /// <summary>Adds those of new tasks, whose rows are written.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<NewTask> submissions)
    {
        var chosen = submissions.Where(submission => submission.Selection is not null).ToList();
        if (chosen.Count == 0)
            return;
        await session.SendEachAsync(
            "UPDATE tasks SET requirement = @Requirement, budget = @Budget, deadline_at = @DeadlineAt WHERE id = @Id",
            chosen.Select(submission => new
            {
                submission.Task.Id,
                Requirement = JsonSerializer.Serialize(
                    new RequirementColumn(submission.Selection!.Requirement, submission.Selection.Limits), SelectionJson.Default.RequirementColumn),
                submission.Selection.Requirement.Budget,
                submission.Selection.DeadlineAt,
            }));
        await session.SendEachAsync(
            InsertChoice, chosen.Select(submission => new { submission.Task.Id, Number = 1L, Choice = ChoiceJson.Write(submission.Selection!.Choice) }));
    }

    /// <summary>Gives tasks to their next agents; their rows are back in the queue.</summary>
    public static async Task ReassignAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends)
    {
        var moved = ends.Where(end => end.Reassignment is not null).ToList();
        if (moved.Count == 0)
            return;
        await session.SendEachAsync(
            """
            UPDATE tasks SET agent_id = @AgentId, agent = @Agent, parameters = @Parameters, fuel_limit = @Fuel, memory_limit_bytes = @MemoryBytes,
                timeout_ms = @TimeoutMs, output_limit_bytes = @OutputBytes, log_limit_bytes = @LogBytes, volume = @Volume, tried = @Tried, auction = @Auction
            WHERE id = @Id
            """,
            moved.Select(end => new
            {
                end.Task.Id,
                end.Task.AgentId,
                end.Task.Agent,
                Parameters = JsonSerializer.Serialize(end.Task.Parameters, SelectionJson.Default.IReadOnlyListTaskParameter),
                end.Task.Limits.Fuel,
                end.Task.Limits.MemoryBytes,
                end.Task.Limits.TimeoutMs,
                end.Task.Limits.OutputBytes,
                end.Task.Limits.LogBytes,
                end.Task.Volume,
                Tried = JsonSerializer.Serialize(end.Reassignment!.Tried, SelectionJson.Default.IReadOnlyListString),
                Auction = SqlAuctions.Write(end.Task.Auction),
            }));
        await session.SendEachAsync(
            InsertChoice,
            moved.Where(end => end.Reassignment!.Choice is not null).Select(
                end => new { end.Task.Id, Number = end.Reassignment!.Tried.Count + 1L, Choice = ChoiceJson.Write(end.Reassignment.Choice!) }));
    }

    public static async Task<StoredSelection?> FindAsync(SqlSession session, Id<AgentTask> id)
    {
        var row = await session.QueryFirstOrDefaultAsync<SelectionRow>(
            """
            SELECT t.requirement, t.deadline_at, t.tried, a.on_no_bids FROM tasks AS t LEFT JOIN auctions AS a ON a.task_id = t.id
            WHERE t.id = @id
            """,
            new { id });
        if (row?.Requirement is not { } text)
            return null;
        var asked = JsonSerializer.Deserialize(text, SelectionJson.Default.RequirementColumn)!;
        return new StoredSelection(
            asked.Requirement,
            asked.Limits,
            row.DeadlineAt,
            row.Tried is { } tried ? JsonSerializer.Deserialize(tried, SelectionJson.Default.IReadOnlyListString)! : [],
            await session.QueryAsync<string>("SELECT choice FROM task_choices WHERE task_id = @id ORDER BY number", new { id }))
        {
            OnNoBids = row.OnNoBids,
        };
    }

    private sealed record SelectionRow(string? Requirement, DateTimeOffset? DeadlineAt, string? Tried, OnNoBids? OnNoBids);
}

/// <summary>The column <c>tasks.requirement</c>.</summary>
internal sealed record RequirementColumn(Requirement Requirement, RequestedLimits Limits);

/// <summary>The parts of a selection that are stored as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RequirementColumn))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<string[]>))]
[JsonSerializable(typeof(IReadOnlyList<TaskParameter>))]
internal sealed partial class SelectionJson : JsonSerializerContext;
