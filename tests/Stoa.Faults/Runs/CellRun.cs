using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>One after another of three nodes on PostgreSQL is killed at random moments. Half of the time it stays away until others have taken over, half of the time it is started again at once.</summary>
internal static class CellRun
{
    private const int NodeCount = 3;
    private const int LeastUp = 2;
    private const int MostAnswers = 60;
    private const int LongestPauseMs = 150;
    private const int TellEvery = 25;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop);
        var starts = new List<Task>();
        while (context.TryNext(out var point))
        {
            var restarting = await MakeAsync(world, stop);
            starts.RemoveAll(start => start.IsCompletedSuccessfully);
            starts.Add(restarting);
            // Two are up at the next kill, so that one is left.
            while (world.Nodes.UpCount < LeastUp)
                await await Task.WhenAny(starts.Where(start => !start.IsCompletedSuccessfully));
            if (point % TellEvery == 0)
                context.Tell($"{point} kills, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await Task.WhenAll(starts);
        await world.FinishAsync();
    }

    /// <summary>One kill.</summary>
    /// <returns>The start of the node, which may go on while the next one is killed.</returns>
    public static async Task<Task> MakeAsync(World world, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(MostAnswers), s_longestWait, stop);
        await Task.Delay(world.Random.Next(LongestPauseMs), stop);
        var victim = world.Nodes.PickUp(world.Random);
        await world.KillAsync(victim);
        var killedAt = Stopwatch.GetTimestamp();
        var isLeftAway = world.Random.Next(2) == 0;
        var restarting = isLeftAway ? Task.CompletedTask : world.Nodes.StartAsync(victim);
        await world.Interrupted.WaitAsync(killedAt, $"node {victim} was killed", stop);
        return isLeftAway ? world.Nodes.StartAsync(victim) : restarting;
    }
}
