using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Each period of a subscription is paid once, gives credit once, and is told once.</summary>
internal sealed class PlanAudit(Database database, FaultReport report, Action<string> doubled)
{
    /// <summary>Goes through all of them.</summary>
    /// <param name="fees">How often each was paid for, by id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task CheckAsync(IReadOnlyDictionary<string, long> fees, CancellationToken cancellationToken)
    {
        var subscriptions = await database.ReadAsync(session => session.QueryAsync<(string Id, long Period, string State)>("SELECT id, period, state FROM subscriptions"), cancellationToken);
        var grants = await CountAsync("SELECT cause, COUNT(*) FROM credit_grants GROUP BY cause", cancellationToken);
        var told = await CountAsync("SELECT subject, COUNT(*) FROM events WHERE type = 'stoa.subscription.renewed' GROUP BY subject", cancellationToken);
        foreach (var (id, period, state) in subscriptions)
        {
            if (state != "active" || period > 1)
                report.Break($"{id} is {state}, in period {period}.");
            Expect(id, "paid for", fees, 1 + period);
            Expect(id, "given credit", grants, 1 + period);
            Expect(id, "told to be renewed", told, period);
        }

        report.Add("subscriptions", subscriptions.Count);
        report.Add("plans_renewed", subscriptions.Sum(subscription => subscription.Period));
    }

    private void Expect(string subscription, string what, IReadOnlyDictionary<string, long> counts, long wanted)
    {
        var count = counts.GetValueOrDefault(subscription);
        if (count > wanted)
            doubled($"{subscription} was {what} {count} times, not {wanted}.");
        else if (count < wanted)
            report.Break($"{subscription} was {what} {count} times, not {wanted}.");
    }

    private async Task<Dictionary<string, long>> CountAsync(string sql, CancellationToken cancellationToken) =>
        (await database.ReadAsync(session => session.QueryAsync<(string Id, long Count)>(sql), cancellationToken)).ToDictionary(row => row.Id, row => row.Count, StringComparer.Ordinal);
}
