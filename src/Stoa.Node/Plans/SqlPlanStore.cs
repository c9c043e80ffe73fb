using Stoa.Market.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>The plans of the operator, in the cell's database.</summary>
public sealed class SqlPlanStore(Database database, IdSource ids)
{
    /// <summary>All that are offered, the cheapest first.</summary>
    public Task<IReadOnlyList<Plan>> ListAsync(CancellationToken cancellationToken) => database.ReadAsync(SqlPlans.ListOfferedAsync, cancellationToken);

    /// <summary>The version that is offered under a name; null when none is.</summary>
    public Task<Plan?> FindAsync(string name, CancellationToken cancellationToken) => database.ReadAsync(session => SqlPlans.FindOfferedAsync(session, name), cancellationToken);

    /// <summary>Offers a plan by these terms: as a new version, unless they are those of the one that is offered.</summary>
    public async Task<Plan> PutAsync(string name, string description, PlanTerms terms, DateTimeOffset now, CancellationToken cancellationToken)
    {
        while (true)
        {
            var put = await database.WriteAsync(
                async session =>
                {
                    var newest = await SqlPlans.LockNewestAsync(session, name);
                    if (newest is { IsOffered: true } && newest.Terms == terms && newest.Description == description)
                        return newest;
                    await SqlPlans.WithdrawAsync(session, name);
                    var plan = new Plan(ids.Next<Plan>(), name, (newest?.Version ?? 0) + 1, description, terms, IsOffered: true, now);
                    if (await SqlPlans.AddAsync(session, plan))
                        return plan;
                    session.Abandon();
                    return null;
                },
                cancellationToken);
            if (put is not null)
                return put;
        }
    }

    /// <summary>Offers a plan no more; who has it keeps it.</summary>
    /// <returns>False when it was not offered.</returns>
    public Task<bool> WithdrawAsync(string name, CancellationToken cancellationToken) =>
        database.WriteAsync(async session => await SqlPlans.WithdrawAsync(session, name) > 0, cancellationToken);
}
