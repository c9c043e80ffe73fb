using System.Diagnostics;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Faults.Nodes;

namespace Stoa.Faults.Runs;

/// <summary>The clock of a node is set an hour ahead and an hour back while it works.</summary>
internal static class ClockRun
{
    private const int NodeCount = 3;
    private const int MostAnswers = 60;
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
        var refreshToken = await SignInAsync(world.Nodes[0], stop);
        var probeMs = new List<double>();
        while (context.TryNext(out var point))
        {
            probeMs.Add(await MakeAsync(world, context, point - 1, stop));
            // A session has to outlive every jump.
            refreshToken = await RefreshAsync(world.Nodes[0], refreshToken, stop);
            context.Tell($"{point} jumps, {world.Submitters.Items.Count} submissions");
        }

        await world.FinishAsync();
        context.Report.AddSpread("probe_ms", probeMs);
    }

    /// <summary>One jump; how many milliseconds a task then took from its submission to its end.</summary>
    public static async Task<double> MakeAsync(World world, RunContext context, int point, CancellationToken stop)
    {
        await world.Submitters.UntilAnsweredAsync(world.Random.Next(1, MostAnswers), s_longestWait, stop);
        var hours = s_hours[point % s_hours.Length];
        ShiftedNode.Shift(world.ClockFile, TimeSpan.FromHours(hours));
        var shiftedAt = Stopwatch.GetTimestamp();
        world.Interrupted.Add(await world.Eye.ListRunningAsync("", stop));
        world.Interrupted.Add(await world.Eye.ListRetriedAsync(stop));
        await world.Interrupted.WaitAsync(shiftedAt, $"the clock was set to {hours} hours ahead", stop);
        await world.UntilSchedulesTickAsync(TimeSpan.FromHours(hours));
        var node = world.Nodes[0];
        var submittedAt = Stopwatch.GetTimestamp();
        var probe = await world.Submitters.SubmitUrgentAsync(node, stop);
        await node.Client.WaitForTaskAsync(probe, cancellationToken: stop);
        var took = Stopwatch.GetElapsedTime(submittedAt);
        if (took > context.Within)
            context.Report.Break($"A task that was submitted after a jump took {took.TotalSeconds:0.0} s.");
        return took.TotalMilliseconds;
    }

    private static async Task<string> SignInAsync(NodeProcess node, CancellationToken stop)
    {
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        await anonymous.RegisterAsync(new RegisterRequest(Login, $"{Login}@example.org", Password), stop);
        return (await anonymous.LoginAsync(new LoginRequest(Login, Password), stop)).RefreshToken;
    }

    private static async Task<string> RefreshAsync(NodeProcess node, string refreshToken, CancellationToken stop)
    {
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        var next = await anonymous.RefreshSessionAsync(new RefreshSessionRequest(refreshToken), stop);
        using var session = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = next.Token });
        await session.GetMeAsync(stop);
        return next.RefreshToken;
    }
}
