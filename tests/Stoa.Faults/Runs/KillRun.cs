namespace Stoa.Faults.Runs;

/// <summary>An embedded node is killed at random moments, of its start too, and started again on what is left.</summary>
internal static class KillRun
{
    private const int MostAnswers = 40;
    private const int LongestPauseMs = 100;
    private const int LongestStartMs = 1_500;
    private const int TellEvery = 25;

    private static readonly TimeSpan s_longestLife = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartEmbeddedAsync(context, stop);
        while (context.TryNext(out var point))
        {
            await MakeAsync(world, point, stop);
            if (point % TellEvery == 0)
                context.Tell($"{point} kills, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await world.FinishAsync();
    }

    /// <summary>One kill in the middle of the work, wherever the machine's speed puts that; at every tenth one more while the node starts. Then it has to go on.</summary>
    public static async Task MakeAsync(World world, int point, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(MostAnswers), s_longestLife, stop);
        await Task.Delay(world.Random.Next(LongestPauseMs), stop);
        await world.KillAsync(0);
        if (point % 10 == 9)
        {
            await world.Nodes.LaunchAsync(0);
            await Task.Delay(world.Random.Next(LongestStartMs), stop);
            await world.KillAsync(0);
        }

        var node = await world.Nodes.LaunchAsync(0);
        await world.Nodes.ListensAsync(0);
        world.Eye.Open();
        // At every fifth the next kill does not wait until all has resumed.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        if (point % 5 == 4)
            patience.CancelAfter(world.Random.Next(100));
        await world.Interrupted.WaitAsync(node.StartedAt, "the start of the node", patience.Token);
    }
}
