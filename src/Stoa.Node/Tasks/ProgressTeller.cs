using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Events;
using Stoa.Node.Tasks.Live;

namespace Stoa.Node.Tasks;

/// <summary>Tells those who watch how far running tasks are: what the sandbox measures and what the agent says, live only.</summary>
/// <remarks>However often an agent speaks, what it said last is looked at a few times a second.</remarks>
public sealed class ProgressTeller(TaskWorkers workers, LiveEvents live, RemoteWatchers elsewhere, TasksOptions options, TimeProvider time) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.ProgressMs), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (live.IsWatched || !elsewhere.IsEmpty)
                Tell();
        }
    }

    private void Tell()
    {
        foreach (var attempt in workers.Running)
        {
            var task = attempt.Task;
            var isWantedElsewhere = elsewhere.Wants(task);
            if ((!live.IsWatched && !isWantedElsewhere) || attempt.Progress.Read(time) is not { } counts)
                continue;
            var said = attempt.Progress.Board.Read();
            var data = new TaskProgressData(
                task.Id.ToString(),
                counts.InputBytesRead,
                task.Input.SizeBytes,
                counts.OutputBytesWritten,
                counts.Fuel,
                task.Limits.Fuel,
                counts.ElapsedMs,
                task.Attempts + 1,
                said?.Done,
                said?.Total,
                said?.Message,
                attempt.Progress.Elsewhere);
            var progress = new CellMessage.Progress(
                task.OwnerId, task.Id, time.GetUtcNow(), JsonSerializer.Serialize(data, StoaJson.Default.TaskProgressData));
            live.Publish(progress.ToEvent());
            if (isWantedElsewhere)
                elsewhere.Tell(progress);
        }
    }
}
