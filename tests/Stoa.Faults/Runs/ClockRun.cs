using System.Diagnostics;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Faults.Nodes;

namespace Stoa.Faults.Runs;

/// <summary>The clock of a node is set an hour ahead and an hour back while it works.</summary>
internal static class ClockRun
{
    private const int NodeCount = 3;
    private const int MostAnswers = 120;
    private const string Login = "clockmaker";
    private const string Password = "correct horse battery";

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);

    // By how many hours it is ahead, one after the other: each jump is of an hour.
    private static readonly int[] s_hours = [1, 0, -1, 0];

    public static async Task RunEmbeddedAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartEmbeddedAsync(context, stop, hasClock: true);
        await RunAsync(world, context, stop);
    }

    public static async Task RunCellAsync(RunContext context, CancellationToken stop)
    {
        await using var world = await World.StartCellAsync(context, NodeCount, stop, hasClock: true);
        await RunAsync(world, context, stop);
    }

    private static async Task RunAsync(World world, RunContext context, CancellationToken stop)
    {
        var node = world.Nodes[0];
        using var session = await SignInAsync(node, stop);
        var probeMs = new List<double>();
        for (var point = 1; point <= context.Points; point++)
        {
            await world.Submitters.UntilAnsweredAsync(world.Random.Next(1, MostAnswers), s_longestWait, stop);
            var hours = s_hours[(point - 1) % s_hours.Length];
            ShiftedNode.Shift(world.ClockFile, TimeSpan.FromHours(hours));
            var shiftedAt = Stopwatch.GetTimestamp();
            world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
            world.Interrupted.Add(await world.Eye.ListRetriedAsync(stop));
            await world.Interrupted.WaitAsync(shiftedAt, $"the clock was set to {hours} hours ahead", stop);
            await session.GetMeAsync(stop);
            var submittedAt = Stopwatch.GetTimestamp();
            var probe = await world.Submitters.SubmitUrgentAsync(node, stop);
            await node.Client.WaitForTaskAsync(probe, cancellationToken: stop);
            probeMs.Add(Stopwatch.GetElapsedTime(submittedAt).TotalMilliseconds);
            context.Tell($"{point} jumps, {world.Submitters.Items.Count} submissions");
        }

        // What was put off by a clock that was ahead is due by then.
        ShiftedNode.Shift(world.ClockFile, TimeSpan.FromHours(1));
        await world.FinishAsync();
        context.Report.AddSpread("probe_ms", probeMs);
        foreach (var late in probeMs.Where(probe => probe > context.Within.TotalMilliseconds))
            context.Report.Break($"A task that was submitted after a jump took {late / 1_000:0.0} s.");
    }

    /// <summary>A session, which every jump has to leave valid.</summary>
    private static async Task<StoaClient> SignInAsync(NodeProcess node, CancellationToken stop)
    {
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        await anonymous.RegisterAsync(new RegisterRequest(Login, $"{Login}@example.org", Password), stop);
        var session = await anonymous.LoginAsync(new LoginRequest(Login, Password), stop);
        return new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = session.Token });
    }
}
