using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Each task that was put out to bids has one auction, and that was decided and told once.</summary>
internal sealed class AuctionAudit(Database database, FaultReport report, Action<string> doubled)
{
    public async Task CheckAsync(IReadOnlyDictionary<string, TaskFacts> tasks, CancellationToken cancellationToken)
    {
        var states = (await database.ReadAsync(
            session => session.QueryAsync<(string Task, string State)>("SELECT task_id, state FROM auctions"), cancellationToken))
            .ToDictionary(auction => auction.Task, auction => auction.State, StringComparer.Ordinal);
        foreach (var task in tasks.Values.Where(task => task.Auction is not null))
        {
            if (states.GetValueOrDefault(task.Id) is not "Awarded" and var state)
                report.Break($"The auction of {task.Id} is {state ?? "not there"}.");
        }

        var told = await database.ReadAsync(
            session => session.QueryAsync<(string Subject, long Count)>(
                "SELECT subject, COUNT(*) FROM events WHERE type = 'stoa.auction.awarded' GROUP BY subject"),
            cancellationToken);
        foreach (var (subject, count) in told.Where(one => one.Count != 1))
            doubled($"The award of {subject} was told {count} times.");
        if (told.Count != states.Count)
            report.Break($"{states.Count} auctions were held, and {told.Count} awards told.");
        report.Add("auctions", states.Count);
    }
}
