using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Follows each task through its events: complete, in order, and ended once.</summary>
internal sealed class EventAudit(Database database, FaultReport report, Action<string> doubled)
{
    private const int PageSize = 20_000;

    public async Task CheckAsync(IReadOnlyDictionary<string, TaskFacts> tasks, CancellationToken cancellationToken)
    {
        var last = new Dictionary<string, string>(StringComparer.Ordinal);
        var (position, count) = (0L, 0L);
        while (true)
        {
            var from = position;
            var page = await database.ReadAsync(
                session => session.QueryAsync<(long Sequence, string Type, string Subject)>(
                    $"SELECT sequence, type, subject FROM events WHERE sequence > @from ORDER BY sequence LIMIT {PageSize}", new { from }),
                cancellationToken);
            foreach (var (sequence, type, subject) in page)
            {
                position = sequence;
                if (!type.StartsWith("stoa.task.", StringComparison.Ordinal))
                    continue;
                count++;
                var word = type["stoa.task.".Length..];
                Follow(subject, last.GetValueOrDefault(subject, ""), word);
                last[subject] = word;
            }

            if (page.Count < PageSize)
                break;
        }

        foreach (var task in tasks.Values)
        {
            var told = last.GetValueOrDefault(task.Id, "");
            // What becomes of the tasks of a batch is told of the batch.
            if (told != (task.BatchId is null ? task.State : ""))
                report.Break($"{task.Id} is {task.State}, and the last that was told of it is {(told.Length == 0 ? "nothing" : told)}.");
        }

        report.Add("task_events", count);
    }

    private void Follow(string task, string before, string now)
    {
        var mayFollow = now switch
        {
            "queued" => before is "",
            "started" => before is "queued" or "retried",
            "retried" => before is "started",
            "succeeded" or "failed" => before is "started",
            "cancelled" => before is "queued" or "started" or "retried",
            _ => true,
        };
        if (mayFollow)
            return;
        if (before is "succeeded" or "failed" or "cancelled")
            doubled($"{task} {before}, and then it was told that it {now}.");
        else
            report.Break($"{task} was told to be {now} after {(before.Length == 0 ? "nothing" : before)}.");
    }
}
