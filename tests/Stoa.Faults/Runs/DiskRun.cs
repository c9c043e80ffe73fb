using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>The disk of an embedded node fills up under it and is emptied again; now and then the node is killed while it is full.</summary>
internal static class DiskRun
{
    private const int MostAnswers = 60;
    private const int ShortestFullMs = 300;
    private const int LongestFullMs = 3_000;
    private const int KillOneIn = 4;
    private const int MegabytesToBeginWith = 128;
    private const int MegabytesOfAPoint = 4;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_refillEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>How large a disk has to be for so many points of this run, or of another.</summary>
    public static int MegabytesFor(int points) => MegabytesToBeginWith + (points * MegabytesOfAPoint);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartEmbeddedAsync(context, stop, diskMegabytes: MegabytesFor(context.Points));
        var acceptedMs = new List<double>();
        while (context.TryNext(out var point))
        {
            acceptedMs.Add(await MakeAsync(world, context, isKilled: point % KillOneIn == 0, stop));
            context.Tell($"{point} times full, {world.Submitters.Items.Count} submissions, {world.Submitters.RefusedForNow} calls refused for now");
        }

        await world.FinishAsync();
        context.Report.AddSpread("accepted_again_ms", acceptedMs);
        if (world.Submitters.RefusedForNow == 0)
            context.Report.Break("The disk was never so full that a call was refused.");
    }

    /// <summary>Fills the disk for a while; how many milliseconds after that a submission was accepted again.</summary>
    public static async Task<double> MakeAsync(World world, RunContext context, bool isKilled, CancellationToken stop)
    {
        var disk = world.Disk!;
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(1, MostAnswers), s_longestWait, stop);
        var duration = TimeSpan.FromMilliseconds(world.Random.Next(ShortestFullMs, LongestFullMs));
        var since = Stopwatch.GetTimestamp();
        do
        {
            // And again whatever the node gives back.
            disk.Fill();
            await Task.Delay(s_refillEvery, stop);
        }
        while (Stopwatch.GetElapsedTime(since) < duration);
        if (isKilled)
        {
            await world.KillAsync(0);
            disk.Fill();
            // It starts, or says why not; with space again it starts in any case.
            await world.Nodes.LaunchAsync(0);
            if (!await world.Nodes.TryListensAsync(0))
            {
                disk.Empty();
                await world.Nodes.StartAsync(0);
            }

            world.Eye.Open();
        }

        disk.Empty();
        var emptied = Stopwatch.GetTimestamp();
        world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
        await world.Submitters.UntilAnsweredAsync(1, context.Within, stop);
        var acceptedAfter = Stopwatch.GetElapsedTime(emptied);
        if (acceptedAfter >= context.Within)
            context.Report.Break($"Nothing was accepted within {context.Within.TotalSeconds} s after the disk had space again.");
        await world.Interrupted.WaitAsync(emptied, "the disk had space again", stop);
        return acceptedAfter.TotalMilliseconds;
    }
}
