namespace Stoa.Faults.Runs;

/// <summary>All faults in turn on the same nodes: what one leaves behind, the next one meets.</summary>
internal static class MixedRun
{
    private const int NodeCount = 3;

    public static async Task RunEmbeddedAsync(RunContext context, CancellationToken stop)
    {
        // Without the right to mount a small disk the others are made all the same.
        var megabytes = Nodes.SmallDisk.IsPossible ? DiskRun.MegabytesFor(context.Points) : 0;
        await using var world = await World.StartEmbeddedAsync(context, stop, hasClock: true, megabytes);
        Func<int, Task>[] faults =
        [
            point => KillRun.MakeAsync(world, point, stop),
            point => megabytes > 0 ? DiskRun.MakeAsync(world, context, isKilled: point % 2 == 0, stop) : KillRun.MakeAsync(world, point, stop),
            point => ClockRun.MakeAsync(world, context, point, stop),
        ];
        await RunAsync(world, context, faults);
    }

    public static async Task RunCellAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop, hasClock: true);
        Func<int, Task>[] faults =
        [
            async _ => await await CellRun.MakeAsync(world, stop),
            _ => DatabaseRun.MakeAsync(world, stop),
            _ => PauseRun.MakeAsync(world, stop),
            point => ClockRun.MakeAsync(world, context, point, stop),
        ];
        await RunAsync(world, context, faults);
    }

    private static async Task RunAsync(World world, RunContext context, Func<int, Task>[] faults)
    {
        while (context.TryNext(out var point))
        {
            // A kind that comes round again is told from its turn before.
            await faults[(point - 1) % faults.Length]((point - 1) / faults.Length);
            context.Tell($"{point} faults, {world.Submitters.Items.Count} submissions, {world.Interrupted.Count} tasks interrupted");
        }

        await world.FinishAsync();
    }
}
