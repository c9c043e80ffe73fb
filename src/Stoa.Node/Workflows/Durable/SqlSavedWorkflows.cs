using System.Text;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>Versions of workflows by their names.</summary>
/// <param name="database">The cell's.</param>
public sealed class SqlSavedWorkflows(Database database)
{
    private const string Columns = "id, owner_id, name, version, digest, created_at";

    /// <summary>Keeps a document as the next version of its name; the one that is the newest already stays that.</summary>
    /// <param name="workflow">It; its version is counted here.</param>
    /// <param name="document">JSON.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    public Task<Outcome<SavedWorkflow, WorkflowRefusal>> AddAsync(SavedWorkflow workflow, string document, CancellationToken cancellationToken) => database.WriteAsync<Outcome<SavedWorkflow, WorkflowRefusal>>(
        async session =>
        {
            // Whoever keeps another one of the same account waits here: no two get one number.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @OwnerId {for update}", new { workflow.OwnerId });
            var newest = await session.QueryFirstOrDefaultAsync<SavedWorkflow>(
                $"SELECT {Columns} FROM workflows WHERE owner_id = @OwnerId AND name = @Name ORDER BY version DESC LIMIT 1", new { workflow.OwnerId, workflow.Name });
            if (newest?.Digest == workflow.Digest)
                return newest;
            if (await session.QuerySingleAsync<long>("SELECT count(*) FROM workflows WHERE owner_id = @OwnerId", new { workflow.OwnerId }) >= SavedWorkflow.MaxPerUser)
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowsTooMany, $"You keep {SavedWorkflow.MaxPerUser} versions of workflows, which is all that an account may. Delete workflows that are not used any more.");
            var next = workflow with { Version = (newest?.Version ?? 0) + 1 };
            await SqlWorkflowDocuments.UseAsync(session, next.OwnerId, next.Digest, document, next.CreatedAt);
            await session.SendAsync($"INSERT INTO workflows ({Columns}) VALUES (@Id, @OwnerId, @Name, @Version, @Digest, @CreatedAt)", next);
            return next;
        },
        cancellationToken);

    /// <summary>A version of a workflow with its document; null when the account has none such.</summary>
    /// <param name="owner">The account.</param>
    /// <param name="name">Of the workflow.</param>
    /// <param name="version">Which; null for the newest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<(SavedWorkflow Workflow, string Document)?> FindAsync(Id<User> owner, string name, int? version, CancellationToken cancellationToken) => database.ReadAsync<(SavedWorkflow, string)?>(
        async session => await session.QueryFirstOrDefaultAsync<SavedWorkflow>(
            $"SELECT {Columns} FROM workflows WHERE owner_id = @owner AND name = @name" + (version is null ? "" : " AND version = @version") + " ORDER BY version DESC LIMIT 1", new { owner, name, version }) is { } found
            ? (found, await session.QuerySingleAsync<string>("SELECT document FROM workflow_documents WHERE owner_id = @owner AND digest = @Digest", new { owner, found.Digest }))
            : null,
        cancellationToken);

    /// <summary>Finds what workflows of an account use by name, name and version, or digest, among those that it keeps.</summary>
    public WorkflowLookup LookUpOf(Id<User> owner) => async (reference, cancellationToken) =>
    {
        var document = reference.Digest is { } digest
            ? await database.ReadAsync(
                session => session.QueryFirstOrDefaultAsync<string>(
                    """
                    SELECT document FROM workflow_documents AS d WHERE d.owner_id = @owner AND d.digest = @digest
                        AND EXISTS (SELECT 1 FROM workflows AS w WHERE w.owner_id = d.owner_id AND w.digest = d.digest)
                    """,
                    new { owner, digest }),
                cancellationToken)
            : (await FindAsync(owner, reference.Name!, reference.Version, cancellationToken))?.Document;
        return document is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(document);
    };

    /// <summary>The newest version of each workflow of an account, by their names.</summary>
    public Task<Page<SavedWorkflow>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<SavedWorkflow>(
                $"""
                SELECT {Columns} FROM workflows AS w
                WHERE owner_id = @owner AND name > @after AND NOT EXISTS (SELECT 1 FROM workflows AS newer WHERE newer.owner_id = w.owner_id AND newer.name = w.name AND newer.version > w.version)
                ORDER BY name LIMIT @limit
                """,
                new { owner, after = page.Cursor ?? "", limit = page.Limit + 1 });
            return new Page<SavedWorkflow>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Name : null);
        },
        cancellationToken);

    /// <summary>All versions of a workflow, the newest first.</summary>
    public Task<Page<SavedWorkflow>> ListVersionsAsync(Id<User> owner, string name, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = long.TryParse(page.Cursor, out var last) ? last : long.MaxValue;
            var rows = await session.QueryAsync<SavedWorkflow>(
                $"SELECT {Columns} FROM workflows WHERE owner_id = @owner AND name = @name AND version < @before ORDER BY version DESC LIMIT @limit",
                new { owner, name, before, limit = page.Limit + 1 });
            return new Page<SavedWorkflow>(
                [.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Version.ToString(System.Globalization.CultureInfo.InvariantCulture) : null);
        },
        cancellationToken);

    /// <summary>Keeps a workflow no more, or one version of it; runs that have begun go on.</summary>
    /// <returns>False when the account has none such.</returns>
    public Task<bool> DeleteAsync(Id<User> owner, string name, int? version, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            "DELETE FROM workflows WHERE owner_id = @owner AND name = @name" + (version is null ? "" : " AND version = @version"), new { owner, name, version }) > 0,
        cancellationToken);
}
