using Microsoft.Extensions.DependencyInjection;
using Stoa.Market.Membership;
using Stoa.Node.Membership;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Membership;

/// <summary>The pulse of a node whose database another one works on, which has fallen silent.</summary>
public sealed class HeartbeatTests
{
    private const int MostTurns = 20;
    private static readonly LeaseHolder s_silent = new("silent", "boot");
    private static readonly TimeSpan s_longEnough = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Turn_WithSessionsThatCannotBeEnded_StrikesTheSilentNodeOff()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:BeatMs", "60000");
        var struckOff = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var nodes = node.Host.Services.GetRequiredService<INodeStore>();
        await nodes.BeatAsync(s_silent, NodeStoreConformance.Silent, DateTimeOffset.UtcNow, Stop);
        var shared = FaultyStore.Before(nodes, (method, arguments) =>
        {
            return method switch
            {
                "get_IsShared" => true,
                nameof(INodeStore.EndSessionsAsync) => Task.FromException(new UnauthorizedAccessException("must be a superuser")),
                nameof(INodeStore.StrikeOffAsync) => StrikeOffAsync(),
                _ => null,
            };

            async Task<bool> StrikeOffAsync()
            {
                var isStruckOff = await nodes.StrikeOffAsync((NodeBeat)arguments[0]!, Stop);
                struckOff.TrySetResult(isStruckOff);
                return isStruckOff;
            }
        });
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var heartbeat = ActivatorUtilities.CreateInstance<Heartbeat>(node.Host.Services, shared, time, new TasksOptions());

        await TurnAsync(heartbeat, time, MostTurns);

        (await struckOff.Task.WaitAsync(s_longEnough, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Turn_WhileASilentNodeCannotBeStruckOff_BeatsOn()
    {
        await using var node = await TestNode.StartAsync(null, "--Tasks:BeatMs", "60000");
        var services = node.Host.Services;
        var nodes = services.GetRequiredService<INodeStore>();
        await nodes.BeatAsync(s_silent, NodeStoreConformance.Silent, DateTimeOffset.UtcNow, Stop);
        var (beats, tries) = (0, 0);
        var shared = FaultyStore.Before(nodes, (method, _) =>
        {
            if (method == nameof(INodeStore.BeatAsync))
                beats++;
            if (method == nameof(INodeStore.StrikeOffAsync))
                tries++;
            return method switch
            {
                "get_IsShared" => true,
                // It waits for a lock of the silent node's.
                nameof(INodeStore.StrikeOffAsync) => new TaskCompletionSource<bool>().Task,
                _ => null,
            };
        });
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var heartbeat = ActivatorUtilities.CreateInstance<Heartbeat>(services, shared, time, new TasksOptions());

        await TurnAsync(heartbeat, time, MostTurns).WaitAsync(s_longEnough, Stop);

        beats.ShouldBe(MostTurns);
        tries.ShouldBeGreaterThan(0);
    }

    private static async Task TurnAsync(Heartbeat heartbeat, ManualTime time, int turns)
    {
        for (var turn = 0; turn < turns; turn++)
        {
            await heartbeat.TurnAsync(Stop);
            time.Advance(TimeSpan.FromMilliseconds(new TasksOptions().BeatMs));
        }
    }
}
