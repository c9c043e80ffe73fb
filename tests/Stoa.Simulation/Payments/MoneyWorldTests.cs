using Stoa.Market.Channels;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>Payments by channels between many nodes, whatever happens to them: no credit is made and none is lost.</summary>
public sealed class MoneyWorldTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_play = TimeSpan.FromMinutes(15);

    public static TheoryData<int> Few => Seeds.From(501, 3);

    public static TheoryData<int> Faults => [.. Enum.GetValues<Fault>().Where(fault => fault is not Fault.None).Select(fault => (int)fault)];

    [Theory, MemberData(nameof(Few))]
    public void Payments_WithCrashesAtEveryWrite_AndMessagesThatAreLostOrTwiceOrForged_MakeAndLoseNothing(int seed)
    {
        var world = new MoneyWorld(seed);
        world.Run(async world =>
        {
            await world.StartAsync();
            var found = await PlayAsync(world);
            found.ShouldBeEmpty(world.Pace.ToString());
            await world.SettleAsync();
            new MoneyChecks(world).FinalViolations().ShouldBeEmpty(world.Pace.ToString());
        });

        var calls = world.Buyers.SelectMany(buyer => buyer.Calls.Values).ToList();
        output.WriteLine(
            $"{world.Buyers.Sum(buyer => buyer.Tasks.Count)} tasks, {calls.Count(call => call.State is CallOutcome.Done)} calls done of {calls.Count}, {calls.Count(call => call.IsRaised)} raised; " +
            $"{world.Nodes.Sum(node => node.Crashes)} crashes, {world.Nodes.Sum(node => node.CrashesBehindWrites)} of them behind a write.");
        output.WriteLine(world.Pace.ToString());
        // It was no idle world.
        calls.Count(call => call.State is CallOutcome.Done).ShouldBeGreaterThan(50);
        calls.Count(call => call.State is CallOutcome.Failed).ShouldBeGreaterThan(5);
        calls.Count(call => call.IsRaised).ShouldBeGreaterThan(0);
        world.Nodes.Sum(node => node.CrashesBehindWrites).ShouldBeGreaterThan(3);
        (world.Nodes.Sum(node => node.Crashes) - world.Nodes.Sum(node => node.CrashesBehindWrites)).ShouldBeGreaterThan(3);
        world.Sellers.SelectMany(seller => seller.Channels.Values).ShouldAllBe(channel => channel.State is ChannelState.Closed);
    }

    /// <summary>Of two requests that are the same call one is refused, and takes its reservation back, while the other is not.</summary>
    [Theory, MemberData(nameof(Few))]
    public void Payments_AtSellersThatRefuseMuch_AskedTwiceEachTime_MakeAndLoseNothing(int seed)
    {
        var world = new MoneyWorld(seed, new MoneyWorldOptions { Float = Money.FromDollars(0.001m), RefuseChance = 0.3, CopyChance = 0.8, Sellers = 3 });
        world.Run(async world =>
        {
            await world.StartAsync();
            (await PlayAsync(world)).ShouldBeEmpty(world.Pace.ToString());
            await world.SettleAsync();
            new MoneyChecks(world).FinalViolations().ShouldBeEmpty(world.Pace.ToString());
        });
        world.Sellers.Sum(seller => seller.Refused).ShouldBeGreaterThan(20);
    }

    [Theory, MemberData(nameof(Faults))]
    public void Fault_ThatIsPlanted_IsFound(int fault)
    {
        var world = new MoneyWorld(511, new MoneyWorldOptions { Planted = (Fault)fault });
        List<string> found = [];
        world.Run(async world =>
        {
            await world.StartAsync();
            found.AddRange(await PlayAsync(world));
        });

        found.ShouldNotBeEmpty(((Fault)fault).ToString());
        output.WriteLine(found[0]);
    }

    /// <summary>All that happens, and when: here it is the world's own history, with all bytes that are sent.</summary>
    [Fact]
    public void History_IsTheSeeds()
    {
        var first = Of(521);

        first.Happenings.ShouldBeGreaterThan(5_000);
        Of(521).ShouldBe(first);
        Of(522).ShouldNotBe(first);

        static (ulong History, long Happenings) Of(int seed)
        {
            var world = new MoneyWorld(seed, new MoneyWorldOptions { Sellers = 2, Buyers = 3 });
            world.Run(async world =>
            {
                await world.StartAsync();
                await world.PlayAsync(TimeSpan.FromMinutes(3), tasksPerMinute: 20);
            });
            return (world.World.History, world.World.Happenings);
        }
    }

    /// <returns>What was wrong first; nothing when nothing was.</returns>
    private static async Task<List<string>> PlayAsync(MoneyWorld world)
    {
        var playing = world.PlayAsync(s_play, tasksPerMinute: 24);
        while (!playing.IsCompleted)
        {
            await world.PassAsync(TimeSpan.FromSeconds(5));
            if (new MoneyChecks(world).Violations().ToList() is { Count: > 0 } found)
                return found;
        }

        await playing;
        return [];
    }
}
