using Stoa.Market.Registry.Statements;

namespace Stoa.Simulation.Registry;

/// <summary>The registry of many nodes, whatever happens to them: they come to have the same, and lose nothing that was acknowledged.</summary>
public sealed class RegistryWorldTests(ITestOutputHelper output)
{
    // Until the clock that is furthest behind has come to what the one furthest ahead has said, and then for comparisons, which come later and later to whom they fail with.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(45);

    public static TheoryData<int> Few => Seeds.From(101, 2);

    [Theory, MemberData(nameof(Few))]
    public void Nodes_ThatCrashAndFallApartWithWrongClocks_ComeToHaveTheSame_AndLoseNothing(int seed) => Play(seed, new RegistryWorldOptions(), async world =>
    {
        await world.StartAsync();
        using var stop = new CancellationTokenSource();
        var keeping = world.KeepConnectedAsync(stop.Token);
        await Task.WhenAll(world.SayAsync(perMinute: 30, TimeSpan.FromMinutes(8)), world.FaultsAsync(TimeSpan.FromMinutes(8), crashesPerMinute: 6));
        var took = await world.SettleAsync(s_patience);
        stop.Cancel();
        await keeping;

        Expect(world, new Convergence(world.Nodes).Violations());
        Expect(world, new NothingLost(world.Acknowledged, world.Nodes).Violations());
        Expect(world, new Bounds(world.Nodes, world.Options).Violations());
        world.Nodes.Sum(node => node.Crashes).ShouldBeGreaterThan(20);
        world.Acknowledged.Count.ShouldBeGreaterThan(100);
        output.WriteLine($"{world.Acknowledged.Count} acknowledged, {world.Nodes.Sum(node => node.Crashes)} crashes; the same everywhere {took.TotalSeconds:0} s after the last fault.");
    });

    private void Play(int seed, RegistryWorldOptions options, Func<RegistryWorld, Task> act)
    {
        var world = new RegistryWorld(seed, options);
        world.Run(act);
        output.WriteLine(world.Pace.ToString());
    }

    private static void Expect(RegistryWorld world, IEnumerable<string> violations)
    {
        var found = violations.ToList();
        found.ShouldBeEmpty($"{found.Count} violations. {world.Pace}");
    }
}
