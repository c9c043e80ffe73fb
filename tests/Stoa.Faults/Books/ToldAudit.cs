using System.Globalization;
using Stoa.Faults.Load;
using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Holds what a webhook was sent against the events, and the tasks of schedules against their ticks.</summary>
internal sealed class ToldAudit(Database database, FaultReport report)
{
    /// <summary>The types that the webhook of a run wants.</summary>
    public static IReadOnlyList<string> Types { get; } = ["stoa.task.failed", "stoa.task.cancelled", "stoa.batch.ended"];

    /// <summary>Each event at least once, under an id of its own that never changes.</summary>
    public async Task CheckWebhookAsync(WebhookReceiver receiver, CancellationToken cancellationToken)
    {
        var events = await database.ReadAsync(
            session => session.QueryAsync<(long Sequence, string Type, string Subject)>(
                $"""
                SELECT sequence, type, subject FROM events
                WHERE type IN ({string.Join(", ", Types.Select(type => $"'{type}'"))}) AND sequence > (SELECT MIN(after_sequence) FROM webhooks)
                """),
            cancellationToken);
        var byEvent = receiver.All.ToLookup(pair => pair.Value.EventId, StringComparer.Ordinal);
        foreach (var (sequence, type, subject) in events)
        {
            var told = byEvent[sequence.ToString(CultureInfo.InvariantCulture)].ToList();
            if (told.Count == 0)
                report.Break($"The webhook was never told of event {sequence}, {type} of {subject}.");
            else if (told.Count > 1)
                report.Break($"The webhook was told of event {sequence} under {told.Count} ids.");
            else if (told[0].Value.Type != type || told[0].Value.Subject != subject)
                report.Break($"The webhook was told of event {sequence} as {told[0].Value.Type} of {told[0].Value.Subject}.");
        }

        if (byEvent.Count > events.Count)
            report.Break($"The webhook was told of {byEvent.Count - events.Count} events that there are not.");
        report.Add("webhook_events", events.Count);
        report.Add("webhook_repeats", receiver.Calls - receiver.All.Count);
    }

    /// <summary>Each tick one run, and each run a task of its own.</summary>
    /// <param name="every">From one tick to the next.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task CheckSchedulesAsync(TimeSpan every, CancellationToken cancellationToken)
    {
        var runs = await database.ReadAsync(
            session => session.QueryAsync<(string Schedule, DateTimeOffset Tick, string Outcome, string? Task)>(
                "SELECT schedule_id, tick_at, outcome, task_id FROM schedule_runs ORDER BY schedule_id, tick_at"),
            cancellationToken);
        foreach (var schedule in runs.GroupBy(run => run.Schedule, StringComparer.Ordinal))
        {
            var ticks = schedule.Select(run => run.Tick).ToList();
            for (var index = 1; index < ticks.Count; index++)
            {
                if (ticks[index] - ticks[index - 1] != every)
                    report.Break($"{schedule.Key} has no tick between {ticks[index - 1]:HH:mm:ss} and {ticks[index]:HH:mm:ss}.");
            }
        }

        foreach (var run in runs.Where(run => run.Task is null))
            report.Break($"The tick {run.Tick:HH:mm} of {run.Schedule} was {run.Outcome}.");
        var made = runs.Select(run => run.Task).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var stored = await database.ReadAsync(session => session.QueryAsync<string>("SELECT id FROM tasks WHERE schedule_id IS NOT NULL"), cancellationToken);
        foreach (var task in stored.Where(task => !made.Contains(task)))
            report.Break($"{task} was made by a schedule, at no tick of it.");
        if (made.Count != runs.Count)
            report.Break($"{runs.Count} ticks made {made.Count} tasks.");
        report.Add("schedule_ticks", runs.Count);
    }
}
