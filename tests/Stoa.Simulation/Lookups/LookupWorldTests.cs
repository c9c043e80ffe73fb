namespace Stoa.Simulation.Lookups;

/// <summary>Whatever comes and goes, what was stored is found.</summary>
public sealed class LookupWorldTests(ITestOutputHelper output)
{
    private const int Askers = 2;

    public static TheoryData<int> Few => Seeds.From(601, 1);

    [Theory, MemberData(nameof(Few))]
    public void Records_WithChurnAndThenAThirdSilentlyDead_AreAllFound(int seed)
    {
        var world = new LookupWorld(seed);
        world.Run(async world =>
        {
            await JoinAsync(world, count: 80, stored: 16);
            await world.ChurnAsync(20, TimeSpan.FromMinutes(1));
            (await world.NotFoundAsync(Askers)).ShouldBeEmpty(world.Pace.ToString());

            // Nothing has been looked after since they died.
            world.Kill(0.3);
            (await world.NotFoundAsync(Askers)).ShouldBeEmpty(world.Pace.ToString());
        });
        output.WriteLine(world.Pace.ToString());
    }

    [Fact]
    public void Record_WhoseKeepersAreAllDead_IsSaidNotToBeFound() => new LookupWorld(611).Run(async world =>
    {
        await JoinAsync(world, count: 50, stored: 2);
        var lost = world.Records[0];
        foreach (var node in world.Living().Where(node => node != lost.Provider && node != world.Records[1].Provider))
        {
            if ((await node.Store.FindProvidersAsync(lost.Key, default)).Count > 0 || await node.Store.FindValueAsync(lost.ValueKey, default) is not null)
                node.Node.Die(isSilent: true);
        }

        (await world.NotFoundAsync(askers: 4)).ShouldContain(missing => missing.Contains($"'what {lost.Provider.Node} provides'") || missing.Contains($"the key of {lost.Provider.Node}"));
    });

    [Fact]
    public void History_IsTheSeeds()
    {
        var first = Of(621);

        Of(621).ShouldBe(first);
        Of(622).ShouldNotBe(first);

        static string Of(int seed)
        {
            var (world, history) = (new LookupWorld(seed), "");
            world.Run(async world =>
            {
                await JoinAsync(world, count: 30, stored: 4);
                await world.ChurnAsync(5, TimeSpan.FromMinutes(3));
                history = world.History;
            });
            return history;
        }
    }

    private static async Task JoinAsync(LookupWorld world, int count, int stored)
    {
        for (var number = 0; number < count; number++)
            await world.JoinAsync();
        foreach (var node in world.Nodes.Where((_, number) => number % (count / stored) == 0).Take(stored).ToList())
            await world.StoreAsync(node);
    }
}
