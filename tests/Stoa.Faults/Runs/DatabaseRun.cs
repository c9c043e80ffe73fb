using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>PostgreSQL is restarted under three nodes at work: now so that it breaks connections, now so that it crashes and recovers.</summary>
internal static class DatabaseRun
{
    private const int NodeCount = 3;
    private const int MostAnswers = 100;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop);
        var awayMs = new List<double>();
        while (context.TryNext(out var point))
        {
            awayMs.Add(await MakeAsync(world, stop));
            context.Tell($"{point} restarts, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await world.FinishAsync();
        context.Report.AddSpread("database_away_ms", awayMs);
    }

    /// <summary>One restart; for how many milliseconds the database was away.</summary>
    public static async Task<double> MakeAsync(World world, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(1, MostAnswers), s_longestWait, stop);
        world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
        var mode = world.Random.Next(2) == 0 ? "fast" : "immediate";
        var began = Stopwatch.GetTimestamp();
        await world.Postgres!.RestartAsync(mode);
        var back = Stopwatch.GetTimestamp();
        // What was claimed in the last moment too: nobody may have heard of it.
        world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
        await world.Interrupted.WaitAsync(back, $"the database was back ({mode})", stop);
        return Stopwatch.GetElapsedTime(began, back).TotalMilliseconds;
    }
}
