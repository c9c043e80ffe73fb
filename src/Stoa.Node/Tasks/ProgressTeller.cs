using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Events;
using Stoa.Node.Events;

namespace Stoa.Node.Tasks;

/// <summary>Tells those who watch how far running tasks are: measured by the sandbox, live only.</summary>
public sealed class ProgressTeller(TaskWorkers workers, LiveEvents live, TasksOptions options, TimeProvider time) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.ProgressMs), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (live.IsWatched)
                Tell();
        }
    }

    private void Tell()
    {
        foreach (var attempt in workers.Running)
        {
            if (attempt.Progress.Read(time) is not { } counts)
                continue;
            var task = attempt.Task;
            var data = new TaskProgressData(
                task.Id.ToString(), counts.InputBytesRead, task.Input.SizeBytes, counts.OutputBytesWritten, counts.Fuel, task.Limits.Fuel, counts.ElapsedMs);
            live.Publish(new NewEvent(
                EventTypes.TaskProgress,
                data.TaskId,
                task.OwnerId,
                time.GetUtcNow(),
                JsonSerializer.Serialize(data, StoaJson.Default.TaskProgressData)));
        }
    }
}
