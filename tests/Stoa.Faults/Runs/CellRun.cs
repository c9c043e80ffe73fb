using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>One after another of three nodes on PostgreSQL is killed at random moments. Half of the time it stays away until others have taken over, half of the time it is started again at once.</summary>
internal static class CellRun
{
    private const int NodeCount = 3;
    private const int MostAnswers = 60;
    private const int LongestPauseMs = 150;
    private const int TellEvery = 25;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop);
        for (var point = 1; point <= context.Points; point++)
        {
            await MakeAsync(world, stop);
            if (point % TellEvery == 0)
                context.Tell($"{point} kills, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await world.FinishAsync();
    }

    /// <summary>One kill. The node is back at the next one.</summary>
    public static async Task MakeAsync(World world, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(MostAnswers), s_longestWait, stop);
        await Task.Delay(world.Random.Next(LongestPauseMs), stop);
        var victim = world.Random.Next(world.Nodes.Count);
        await world.KillAsync(victim);
        var killedAt = Stopwatch.GetTimestamp();
        var isLeftAway = world.Random.Next(2) == 0;
        var restarting = isLeftAway ? Task.CompletedTask : world.Nodes.StartAsync(victim);
        await world.Interrupted.WaitAsync(killedAt, $"node {victim} was killed", stop);
        await restarting;
        if (isLeftAway)
            await world.Nodes.StartAsync(victim);
    }
}
