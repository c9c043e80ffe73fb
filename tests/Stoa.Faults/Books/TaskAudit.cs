using Stoa.Faults.Load;
using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Holds the tasks that are stored against what consumers were told.</summary>
/// <param name="database">Where they are.</param>
/// <param name="report">Told of what is not as it should be.</param>
internal sealed class TaskAudit(Database database, FaultReport report)
{
    private readonly Dictionary<string, TaskFacts> _tasks = new(StringComparer.Ordinal);

    /// <summary>Tasks that belong to a submission which has to succeed.</summary>
    private readonly List<string> _wellBehaved = [];

    /// <summary>How many attempts at each task ended since storage did not do its part: what they did was never written, so another one repeats nothing.</summary>
    private Dictionary<string, long> _withoutStorage = [];

    private int _lost;
    private int _doubled;

    public async Task CheckAsync(IReadOnlyCollection<WorkItem> items, CancellationToken cancellationToken)
    {
        foreach (var task in await database.ReadAsync(
            session => session.QueryAsync<TaskFacts>("SELECT id, state, attempts, losses, batch_id, schedule_id, auction FROM tasks_now"), cancellationToken))
        {
            _tasks.Add(task.Id, task);
        }

        _withoutStorage = (await database.ReadAsync(
            session => session.QueryAsync<(string Subject, long Count)>(
                "SELECT subject, COUNT(*) FROM events WHERE type = 'stoa.task.retried' AND (data LIKE '%\"code\":\"storageUnavailable\"%' OR data LIKE '%\"code\":\"storageFull\"%') GROUP BY subject"),
            cancellationToken)).ToDictionary(row => row.Subject, row => row.Count, StringComparer.Ordinal);
        var keys = (await database.ReadAsync(session => session.QueryAsync<(string Key, string TaskId)>("SELECT key, task_id FROM idempotency_keys"), cancellationToken))
            .ToDictionary(row => row.Key, row => row.TaskId, StringComparer.Ordinal);
        var batches = _tasks.Values.Where(task => task.BatchId is not null).ToLookup(task => task.BatchId!, StringComparer.Ordinal);
        var expected = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (item.Answer is not { } answer)
                Lose($"{item.Key} was never answered.");
            else if (item.Kind is WorkKind.Batch)
                CheckBatch(item, [.. batches[answer]], expected);
            else
                CheckSingle(item, answer, keys, expected);
        }

        foreach (var task in _tasks.Values.Where(task => task.ScheduleId is not null))
        {
            expected.Add(task.Id);
            _wellBehaved.Add(task.Id);
        }

        foreach (var task in _tasks.Keys.Where(id => !expected.Contains(id)))
            Double($"{task} is nobody's: a submission made two tasks.");
        foreach (var task in _tasks.Values.Where(task => task.State is "queued" or "running"))
            Lose($"{task.Id} never ended; it is {task.State}.");
        var moved = await new MoneyAudit(database, report, Double).CheckAsync(_tasks, cancellationToken);
        await new ReceiptAudit(database, report, moved).CheckAsync(cancellationToken);
        await new EventAudit(database, report, Double).CheckAsync(_tasks, cancellationToken);
        await CheckBatchesAsync(cancellationToken);
        await new AuctionAudit(database, report, Double).CheckAsync(_tasks, cancellationToken);
        Tell();
    }

    private void CheckSingle(WorkItem item, string answer, Dictionary<string, string> keys, HashSet<string> expected)
    {
        expected.Add(answer);
        if (!_tasks.TryGetValue(answer, out var task))
        {
            Lose($"{item.Key} was answered with {answer}, which is not there.");
            return;
        }

        if (keys.GetValueOrDefault(item.Key) != answer)
            Double($"{item.Key} was answered with {answer}, and its key is that of {keys.GetValueOrDefault(item.Key)}.");
        if (item.IsWellBehaved)
            _wellBehaved.Add(answer);
        string[] ends = item.Kind switch
        {
            WorkKind.Failing or WorkKind.Spoiled => ["failed"],
            WorkKind.Flaky => ["succeeded", "failed"],
            WorkKind.Cancelled => ["succeeded", "cancelled"],
            _ => ["succeeded"],
        };
        if (!ends.Contains(task.State) && task.State is not ("queued" or "running"))
            report.Break($"{item.Key} ({item.Kind}) {task.State} as {answer}.");
        var mostAttempts = item.Kind switch
        {
            WorkKind.Flaky => 3,
            WorkKind.ByRequirement or WorkKind.Auctioned => 2,
            _ => 1,
        };
        if (task.Attempts > mostAttempts + _withoutStorage.GetValueOrDefault(answer))
            Double($"{answer} ({item.Kind}) was done {task.Attempts} times.");
    }

    private void CheckBatch(WorkItem item, List<TaskFacts> tasks, HashSet<string> expected)
    {
        expected.UnionWith(tasks.Select(task => task.Id));
        if (tasks.Count != item.BatchSize)
            Lose($"The batch {item.Answer} of {item.Key} has {tasks.Count} tasks, not {item.BatchSize}.");
        // Ids of a batch are in the order of its tasks.
        var place = 0;
        foreach (var task in tasks.OrderBy(task => task.Id, StringComparer.Ordinal))
        {
            var isFailing = WorkItem.IsFailing(place++);
            if (!isFailing)
                _wellBehaved.Add(task.Id);
            if (task.State != (isFailing ? "failed" : "succeeded") && task.State is not ("queued" or "running"))
                report.Break($"{task.Id}, number {place} of the batch of {item.Key}, {task.State}.");
        }
    }

    private async Task CheckBatchesAsync(CancellationToken cancellationToken)
    {
        var batches = await database.ReadAsync(
            session => session.QueryAsync<(string Id, long Size, long Succeeded, long Failed, long Cancelled)>(
                "SELECT id, size, succeeded, failed, cancelled FROM task_batches"),
            cancellationToken);
        var ended = (await database.ReadAsync(
            session => session.QueryAsync<(string Subject, long Count)>("SELECT subject, COUNT(*) FROM events WHERE type = 'stoa.batch.ended' GROUP BY subject"),
            cancellationToken)).ToDictionary(row => row.Subject, row => row.Count, StringComparer.Ordinal);
        var states = _tasks.Values.Where(task => task.BatchId is not null).GroupBy(task => task.BatchId!, StringComparer.Ordinal)
            .ToDictionary(tasks => tasks.Key, tasks => tasks.CountBy(task => task.State).ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var batch in batches)
        {
            var counts = states.GetValueOrDefault(batch.Id, []);
            if (batch.Succeeded != counts.GetValueOrDefault("succeeded") || batch.Failed != counts.GetValueOrDefault("failed")
                || batch.Succeeded + batch.Failed + batch.Cancelled != batch.Size)
            {
                report.Break($"The batch {batch.Id} says {batch.Succeeded} succeeded and {batch.Failed} failed of {batch.Size}, and its tasks say otherwise.");
            }

            if (ended.GetValueOrDefault(batch.Id) != 1)
                Double($"The end of the batch {batch.Id} was told {ended.GetValueOrDefault(batch.Id)} times.");
        }

        report.Add("batches", batches.Count);
    }

    private void Tell()
    {
        var succeeded = _wellBehaved.Count(id => _tasks.GetValueOrDefault(id)?.State == "succeeded");
        var rate = _wellBehaved.Count == 0 ? 0 : (double)succeeded / _wellBehaved.Count;
        report.Add("tasks", _tasks.Count);
        foreach (var state in (string[])["succeeded", "failed", "cancelled"])
            report.Add(state, _tasks.Values.Count(task => task.State == state));
        report.Add("interrupted_attempts", _tasks.Values.Sum(task => task.Losses));
        report.Add("attempts_without_storage", _withoutStorage.Values.Sum());
        report.Add("well_behaved", _wellBehaved.Count);
        report.Add("success_rate", rate);
        report.Add("lost", _lost);
        report.Add("doubled", _doubled);
        if (rate < 0.9999)
            report.Break($"{_wellBehaved.Count - succeeded} of {_wellBehaved.Count} well-behaved tasks did not succeed.");
    }

    private void Lose(string what)
    {
        _lost++;
        report.Break(what);
    }

    private void Double(string what)
    {
        _doubled++;
        report.Break(what);
    }
}

/// <summary>A stored task, as far as it is looked at.</summary>
internal sealed record TaskFacts(string Id, string State, long Attempts, long Losses, string? BatchId, string? ScheduleId, string? Auction);
