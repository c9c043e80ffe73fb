using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>One after another of three nodes on PostgreSQL is stopped in the middle of its work for longer than its lease, and woken: what it had is others' by then.</summary>
internal static class PauseRun
{
    private const int NodeCount = 3;
    private const int MostAnswers = 60;
    private const int ShortestMs = 3_500;
    private const int LongestMs = 6_000;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop);
        while (context.TryNext(out var point))
        {
            await MakeAsync(world, stop);
            context.Tell($"{point} pauses, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await world.FinishAsync();
    }

    /// <summary>One pause.</summary>
    public static async Task MakeAsync(World world, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(MostAnswers), s_longestWait, stop);
        var victim = world.Random.Next(world.Nodes.Count);
        var node = world.Nodes[victim];
        await node.PauseAsync();
        var pausedAt = Stopwatch.GetTimestamp();
        world.Interrupted.Add(await world.ListRunningAsync(victim));
        await world.Interrupted.WaitAsync(pausedAt, $"node {victim} was paused", stop);
        var pause = TimeSpan.FromMilliseconds(world.Random.Next(ShortestMs, LongestMs)) - Stopwatch.GetElapsedTime(pausedAt);
        if (pause > TimeSpan.Zero)
            await Task.Delay(pause, stop);
        await node.WakeAsync();
    }
}
