using Stoa.Faults.Nodes;

namespace Stoa.Faults.Runs;

/// <summary>An embedded node is killed at random moments, of its start too, and started again on what is left.</summary>
internal static class KillRun
{
    private const int MostAnswers = 80;
    private const int LongestPauseMs = 150;
    private const int TellEvery = 25;

    private static readonly TimeSpan s_longestLife = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartEmbeddedAsync(context, stop);
        var node = world.Nodes[0];
        for (var point = 1; point <= context.Points; point++)
        {
            // The first life has interrupted nothing.
            if (point > 1)
                node = await LiveAsync(world, point);
            // In the middle of the work, wherever the machine's speed puts that.
            await world.Submitters.UntilAnsweredAsync(world.Random.Next(MostAnswers), s_longestLife, stop);
            await Task.Delay(world.Random.Next(LongestPauseMs), stop);
            await world.KillAsync(0);
            if (point % TellEvery == 0)
                context.Tell($"{point} kills, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await LiveAsync(world, 0);
        await world.FinishAsync();
    }

    /// <summary>Starts the node and has it resume. At every tenth point it is killed once more while it starts, at every fifth the next kill does not wait until all has resumed.</summary>
    private static async Task<NodeProcess> LiveAsync(World world, int point)
    {
        if (point % 10 == 9)
        {
            await world.Nodes.LaunchAsync(0);
            await Task.Delay(world.Random.Next(1_500));
            await world.KillAsync(0);
        }

        var node = await world.Nodes.LaunchAsync(0);
        await world.Nodes.ListensAsync(0);
        world.Eye.Open();
        using var patience = new CancellationTokenSource();
        if (point % 5 == 4)
            patience.CancelAfter(world.Random.Next(100));
        await world.Interrupted.WaitAsync(node.StartedAt, "the start of the node", patience.Token);
        return node;
    }
}
