using Stoa.Market.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Plans inside a session.</summary>
internal static class SqlPlans
{
    private const string Columns = "id, name, version, description, price, credit, open_tasks, content_bytes, is_offered, created_at";

    /// <summary>The version that is offered under a name; null when none is.</summary>
    public static async Task<Plan?> FindOfferedAsync(SqlSession session, string name) =>
        (await session.QueryFirstOrDefaultAsync<PlanRow>($"SELECT {Columns} FROM plans WHERE name = @name AND is_offered", new { name }))?.ToPlan();

    public static async Task<Plan> GetAsync(SqlSession session, Id<Plan> id) =>
        (await session.QuerySingleAsync<PlanRow>($"SELECT {Columns} FROM plans WHERE id = @id", new { id })).ToPlan();

    /// <summary>All that are offered, the cheapest first.</summary>
    public static async Task<IReadOnlyList<Plan>> ListOfferedAsync(SqlSession session) =>
        [.. (await session.QueryAsync<PlanRow>($"SELECT {Columns} FROM plans WHERE is_offered ORDER BY price, name")).Select(row => row.ToPlan())];

    /// <summary>The newest version of a name, offered or not; null when there is none. Whoever changes what is offered waits here for others who do.</summary>
    public static async Task<Plan?> LockNewestAsync(SqlSession session, string name) => (await session.QueryFirstOrDefaultAsync<PlanRow>(
        $"SELECT {Columns} FROM plans WHERE name = @name ORDER BY version DESC LIMIT 1 {{for update}}", new { name }))?.ToPlan();

    /// <summary>Adds a version; false when somebody else has just added it.</summary>
    public static async Task<bool> AddAsync(SqlSession session, Plan plan) => await session.ExecuteAsync(
        $"""
        INSERT INTO plans ({Columns})
        VALUES (@Id, @Name, @Version, @Description, @Price, @Credit, @OpenTasks, @ContentBytes, @IsOffered, @CreatedAt)
        ON CONFLICT (name, version) DO NOTHING
        """,
        new
        {
            plan.Id,
            plan.Name,
            plan.Version,
            plan.Description,
            plan.Terms.Price,
            plan.Terms.Credit,
            plan.Terms.OpenTasks,
            plan.Terms.ContentBytes,
            plan.IsOffered,
            plan.CreatedAt,
        }) == 1;

    /// <summary>Offers no version of a name any more.</summary>
    /// <returns>How many were offered.</returns>
    public static Task<int> WithdrawAsync(SqlSession session, string name) =>
        session.ExecuteAsync("UPDATE plans SET is_offered = @no WHERE name = @name AND is_offered", new { name, no = false });

    private sealed record PlanRow(
        Id<Plan> Id, string Name, int Version, string Description, Money Price, Money Credit, long? OpenTasks, long? ContentBytes, bool IsOffered, DateTimeOffset CreatedAt)
    {
        public Plan ToPlan() => new(Id, Name, Version, Description, new PlanTerms(Price, Credit, OpenTasks, ContentBytes), IsOffered, CreatedAt);
    }
}
