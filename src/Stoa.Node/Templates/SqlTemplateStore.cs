using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Templates;
using Stoa.Node.Schedules;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Templates;

/// <summary>Templates in the database.</summary>
public sealed class SqlTemplateStore(Database database)
{
    private const int MaxNamed = 5;
    private const string Columns = "id, owner_id, name, task, parameters, created_at";

    /// <summary>Adds a template; the same id again changes nothing.</summary>
    public Task<Outcome<TaskTemplate, TemplateRefusal>> AddAsync(TaskTemplate template, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @OwnerId {for update}", new { template.OwnerId });
            if (await session.QueryFirstOrDefaultAsync<TemplateRow>($"SELECT {Columns} FROM task_templates WHERE id = @Id", new { template.Id }) is { } before)
                return before.ToTemplate();
            var others = await session.QueryAsync<string>("SELECT name FROM task_templates WHERE owner_id = @OwnerId", new { template.OwnerId });
            if (others.Contains(template.Name))
                return new Refusal<TemplateRefusal>(TemplateRefusal.TemplateNameTaken, $"You have a template {template.Name}. Delete it first, or choose another name.");
            if (others.Count >= TaskTemplate.MaxPerUser)
                return new Refusal<TemplateRefusal>(TemplateRefusal.TemplatesTooMany, $"You have {TaskTemplate.MaxPerUser} templates. Delete those that are not used any more.");
            await session.ExecuteAsync(
                $"INSERT INTO task_templates ({Columns}) VALUES (@Id, @OwnerId, @Name, @Task, @parameters, @CreatedAt)",
                new { template.Id, template.OwnerId, template.Name, template.Task, parameters = JsonSerializer.Serialize(template.Parameters), template.CreatedAt });
            return (Outcome<TaskTemplate, TemplateRefusal>)template;
        },
        cancellationToken);

    /// <summary>A template; null when there is none, or it is somebody else's.</summary>
    public Task<TaskTemplate?> FindAsync(Id<TaskTemplate> id, Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (await session.QueryFirstOrDefaultAsync<TemplateRow>(
            $"SELECT {Columns} FROM task_templates WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToTemplate(),
        cancellationToken);

    /// <summary>A user's templates, newest first.</summary>
    public Task<Page<TaskTemplate>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<TaskTemplate>.TryParse(page.Cursor, out var last) ? last : new Id<TaskTemplate>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<TemplateRow>(
                $"SELECT {Columns} FROM task_templates WHERE owner_id = @owner AND id < @before ORDER BY id DESC LIMIT @limit",
                new { owner, before, limit = page.Limit + 1 });
            return new Page<TaskTemplate>(
                [.. rows.Take(page.Limit).Select(row => row.ToTemplate())], rows.Count <= page.Limit ? null : rows[page.Limit - 1].Id.ToString());
        },
        cancellationToken);

    /// <summary>Deletes a template.</summary>
    /// <param name="id">The template.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="force">Also when schedules fill it in, which are refused from then on.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Why it is not deleted; null when it is.</returns>
    public Task<Refusal<TemplateRefusal>?> DeleteAsync(Id<TaskTemplate> id, Id<User> owner, bool force, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // Schedules are added under the same lock.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @owner {for update}", new { owner });
            if (!force && await FindSchedulesAsync(session, id, owner) is { Count: > 0 } schedules)
            {
                var shown = string.Join(", ", schedules.Take(MaxNamed)) + (schedules.Count > MaxNamed ? $" and {schedules.Count - MaxNamed} more" : "");
                return new Refusal<TemplateRefusal>(
                    TemplateRefusal.TemplateInUse,
                    $"{(schedules.Count == 1 ? "A schedule fills" : $"{schedules.Count} schedules fill")} it in, and would be refused at every tick: {shown}. Delete or change {(schedules.Count == 1 ? "that one" : "these")} first, or delete the template all the same with ?force=true.");
            }

            return await session.ExecuteAsync("DELETE FROM task_templates WHERE id = @id AND owner_id = @owner", new { id, owner }) > 0
                ? null
                : TemplatesEndpoints.Unknown(id);
        },
        cancellationToken);

    private static async Task<IReadOnlyList<string>> FindSchedulesAsync(SqlSession session, Id<TaskTemplate> id, Id<User> owner) =>
        [.. (await session.QueryAsync<(string Id, string Name, string Request)>(
            "SELECT id, name, request FROM schedules WHERE owner_id = @owner AND is_template ORDER BY id", new { owner }))
            .Where(schedule => ScheduledRequest.ReadCall(schedule.Request).Id == id.ToString())
            .Select(schedule => schedule.Name.Length > 0 ? $"{schedule.Id} ({schedule.Name})" : schedule.Id)];

    private sealed record TemplateRow(Id<TaskTemplate> Id, Id<User> OwnerId, string Name, string Task, string Parameters, DateTimeOffset CreatedAt)
    {
        public TaskTemplate ToTemplate() => new(Id, OwnerId, Name, Task, JsonSerializer.Deserialize<TemplateParameter[]>(Parameters)!, CreatedAt);
    }
}
