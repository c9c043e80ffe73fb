using System.Diagnostics;

namespace Stoa.Faults.Runs;

/// <summary>The disk of an embedded node fills up under it and is emptied again; now and then the node is killed while it is full.</summary>
internal static class DiskRun
{
    private const int MostAnswers = 60;
    private const int LongestFullMs = 3_000;
    private const int KillOneIn = 4;
    private const int MegabytesToBeginWith = 128;
    private const int MegabytesOfAPoint = 4;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_refillEvery = TimeSpan.FromMilliseconds(50);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        var megabytes = MegabytesToBeginWith + (context.Points * MegabytesOfAPoint);
        await using var world = await World.StartEmbeddedAsync(context, stop, diskMegabytes: megabytes);
        var acceptedMs = new List<double>();
        var startsRefused = 0;
        for (var point = 1; point <= context.Points; point++)
        {
            await world.Submitters.UntilAnsweredAsync(world.Random.Next(1, MostAnswers), s_longestWait, stop);
            await StayFullAsync(world, TimeSpan.FromMilliseconds(world.Random.Next(LongestFullMs)), stop);
            if (point % KillOneIn == 0)
            {
                await world.KillAsync(0);
                world.Disk!.Fill();
                // It starts, or says why not; with space again it starts in any case.
                await world.Nodes.LaunchAsync(0);
                if (!await world.Nodes.TryListensAsync(0))
                {
                    startsRefused++;
                    world.Disk.Empty();
                    await world.Nodes.StartAsync(0);
                }

                world.Eye.Open();
            }

            world.Disk!.Empty();
            var emptied = Stopwatch.GetTimestamp();
            world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
            await world.Submitters.UntilAnsweredAsync(1, context.Within, stop);
            acceptedMs.Add(Stopwatch.GetElapsedTime(emptied).TotalMilliseconds);
            if (acceptedMs[^1] >= context.Within.TotalMilliseconds)
                context.Report.Break($"Nothing was accepted within {context.Within.TotalSeconds} s after the disk had space again.");
            await world.Interrupted.WaitAsync(emptied, "the disk had space again", stop);
            context.Tell($"{point} times full, {world.Submitters.Items.Count} submissions, {world.Submitters.RefusedForNow} calls refused for now");
        }

        await world.FinishAsync();
        context.Report.AddSpread("accepted_again_ms", acceptedMs);
        context.Report.Add("starts_refused", startsRefused);
        if (world.Submitters.RefusedForNow == 0)
            context.Report.Break("The disk was never so full that a call was refused.");
    }

    /// <summary>Fills the disk, and again whatever the node gives back.</summary>
    private static async Task StayFullAsync(World world, TimeSpan duration, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        do
        {
            world.Disk!.Fill();
            await Task.Delay(s_refillEvery, stop);
        }
        while (Stopwatch.GetElapsedTime(since) < duration);
    }
}
