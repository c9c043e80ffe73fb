using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Spot checks in the cell's database, and what each day has cost.</summary>
/// <param name="database">The cell's.</param>
/// <param name="suppliers">Where their calls are written.</param>
/// <param name="ids">Makes the ids under which calls are made.</param>
/// <param name="time">The clock.</param>
public sealed class SqlSpotChecks(Database database, SqlSuppliers suppliers, IdSource ids, TimeProvider time)
{
    // Longer than a check takes: a node that dies with one holds it up for so long.
    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(15);

    /// <summary>Notes that a task is to be done again; once for each.</summary>
    public Task AddAsync(Id<AgentTask> task, Id<Supplier> supplier, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "INSERT INTO spot_checks (id, task_id, supplier_id, outcome, created_at) VALUES (@id, @task, @supplier, 'Open', @now) ON CONFLICT (task_id) DO NOTHING",
            new { id = ids.Next<AgentTask>(), task, supplier, now = time.GetUtcNow() }),
        cancellationToken);

    /// <summary>Takes one that is open and that no other node works on, the oldest first.</summary>
    /// <returns>Null when there is none.</returns>
    public Task<SpotCheck?> ClaimAsync(CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            var next = await session.QueryFirstOrDefaultAsync<SpotCheck>(
                """
                SELECT id, task_id AS task, supplier_id AS supplier, created_at FROM spot_checks
                WHERE outcome = 'Open' AND (claimed_until IS NULL OR claimed_until <= @now) ORDER BY created_at, id LIMIT 1
                """,
                new { now });
            return next is not null && await session.ExecuteAsync(
                "UPDATE spot_checks SET claimed_until = @until WHERE id = @Id AND outcome = 'Open' AND (claimed_until IS NULL OR claimed_until <= @now)",
                new { until = now + s_lease, next.Id, now }) == 1
                    ? next
                    : null;
        },
        cancellationToken);

    /// <summary>Gives one back for later.</summary>
    public Task PutOffAsync(SpotCheck check, TimeSpan delay, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("UPDATE spot_checks SET claimed_until = @until WHERE id = @Id AND outcome = 'Open'", new { until = time.GetUtcNow() + delay, check.Id }), cancellationToken);

    /// <summary>Begins a call of a check: its voucher, and that it is within what a day may cost, are written in one transaction.</summary>
    /// <returns>Null when that is used up, or the supplier was removed meanwhile.</returns>
    public Task<SupplierCall?> BeginAsync(SpotCheck check, Id<Supplier> supplier, CallTerms terms, Money dailyMost, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var amount = terms.Amount;
            var day = time.GetUtcNow().ToUnixTimeSeconds() / (24 * 60 * 60);
            await session.ExecuteAsync("INSERT INTO spot_check_days (day, promised) VALUES (@day, 0) ON CONFLICT (day) DO NOTHING", new { day });
            if (await session.ExecuteAsync("UPDATE spot_check_days SET promised = promised + @amount WHERE day = @day AND promised + @amount <= @dailyMost", new { amount, day, dailyMost }) != 1)
                return null;
            if (await suppliers.BeginAsync(session, check.Id, supplier, terms, most: null) is { } call)
                return call;
            await session.ExecuteAsync("UPDATE spot_check_days SET promised = promised - @amount WHERE day = @day", new { amount, day });
            return null;
        },
        cancellationToken);

    /// <summary>Writes what a check came to, and what that says about suppliers; once.</summary>
    /// <param name="check">Which.</param>
    /// <param name="outcome">Not open.</param>
    /// <param name="other">The supplier that has run it the second time; null when this cell has.</param>
    /// <param name="detail">What was found; null for nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when it was written before.</returns>
    public Task<bool> EndAsync(SpotCheck check, SpotCheckOutcome outcome, Id<Supplier>? other, string? detail, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            if (await session.ExecuteAsync(
                "UPDATE spot_checks SET outcome = @outcome, other_id = @other, detail = @detail, ended_at = @now WHERE id = @Id AND outcome = 'Open'",
                new { outcome = outcome.ToString(), other, detail, now, check.Id }) != 1)
            {
                return false;
            }

            if (outcome is SpotCheckOutcome.Skipped)
                return true;
            await session.ExecuteAsync("UPDATE suppliers SET checks = checks + 1 WHERE id = @Supplier", new { check.Supplier });
            if (outcome is SpotCheckOutcome.Contradicted)
                await BlameAsync("lies", check.Supplier);
            if (outcome is SpotCheckOutcome.OtherContradicted && other is { } liar)
                await BlameAsync("lies", liar);
            if (outcome is SpotCheckOutcome.Undecided)
            {
                await BlameAsync("disagreements", check.Supplier);
                if (other is { } second)
                    await BlameAsync("disagreements", second);
            }

            return true;

            Task BlameAsync(string column, Id<Supplier> supplier) => session.ExecuteAsync(
                $"UPDATE suppliers SET {column} = {column} + 1, last_failure = @detail, last_failed_at = @now WHERE id = @supplier", new { detail, now, supplier });
        },
        cancellationToken);

    /// <summary>What became of the check of a task; null when there is none.</summary>
    public async Task<SpotCheckOutcome?> FindOutcomeAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => session.QueryFirstOrDefaultAsync<string>("SELECT outcome FROM spot_checks WHERE task_id = @task", new { task }), cancellationToken) is { } outcome
            ? Enum.Parse<SpotCheckOutcome>(outcome)
            : null;
}

/// <summary>Draws which of the tasks that suppliers have done are done again.</summary>
/// <param name="checks">Where they are noted.</param>
/// <param name="options">How many are.</param>
/// <param name="random">Chance.</param>
public sealed class SpotCheckDraw(SqlSpotChecks checks, SupplyOptions options, Random random)
{
    /// <summary>Draws about one. Made again after a crash it is drawn again, and noted once at most.</summary>
    public async Task DrawAsync(AgentTask task, Supplier supplier, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(supplier);
        if (SpotCheckRules.IsDrawn(options.SpotCheckShare, random))
            await checks.AddAsync(task.Id, supplier.Id, cancellationToken);
    }
}
