using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>What is looked for in worlds of the registry is found where it was planted: no check is empty.</summary>
public sealed class RegistryCheckersTests
{
    private static readonly RegistryWorldOptions s_small = new() { Nodes = 5, Degree = 3 };
    private static readonly PrivateKey s_signer = SeededKeys.Of(9, 1);

    [Fact]
    public void Convergence_WithANodeThatKeepsLessThanItSays_IsViolatedThere_AndAcknowledgedIsLostThere() => Run(s_small, async world =>
    {
        world.Nodes[3].Disk.Drops = statement => statement.Content is ProfileStatement;
        await world.SayAsync(world.Nodes[0], new ProfileStatement("Ann", null));
        await world.SayAsync(world.Nodes[0], new SplitStatement(70, 25, 5));
        await world.SettleAsync(TimeSpan.FromMinutes(5));

        new Convergence(world.Nodes).Violations().ShouldContain(violation => violation.Contains(world.Nodes[3].Node.ToString()) && violation.Contains("lacks"));
        new NothingLost(world.Acknowledged, world.Nodes).Violations().ShouldHaveSingleItem().ShouldStartWith($"{world.Nodes[3].Node} has lost");
        new Bounds(world.Nodes, world.Options).Violations().ShouldContain(violation => violation.StartsWith($"{world.Nodes[3].Node} counts", StringComparison.Ordinal));
    });

    [Fact]
    public void Acknowledged_OnADiskThatLies_IsLostWithThePower() => Run(s_small with { LyingDisks = TimeSpan.FromSeconds(5) }, async world =>
    {
        world.Network.Partition([world.Nodes[0].Node]);
        await world.SayAsync(world.Nodes[0], new ProfileStatement("Ann", null));
        world.Acknowledged.Count.ShouldBe(1);
        await world.CrashAsync(world.Nodes[0], isSilent: false, TimeSpan.FromSeconds(1));
        world.Network.Heal();
        await world.SettleAsync(TimeSpan.FromMinutes(5));

        new NothingLost(world.Acknowledged, world.Nodes).Violations().Count().ShouldBe(5);
    });

    [Fact]
    public void Acknowledged_ThatIsSupersededByWhatIsKept_IsNotLost() => Run(s_small, async world =>
    {
        await world.SayAsync(world.Nodes[0], new ProfileStatement("Ann", null));
        await world.SayAsync(world.Nodes[0], new ProfileStatement("Ann B.", null));
        await world.SettleAsync(TimeSpan.FromMinutes(5));

        world.Nodes.ShouldAllBe(node => node.Disk.Statements.Count == 1);
        new NothingLost(world.Acknowledged, world.Nodes).Violations().ShouldBeEmpty();
        // The older one in place of the newer one is a loss.
        new NothingLost([.. world.Acknowledged, Sign(world, new ProfileStatement("Ann C.", null), TimeSpan.FromSeconds(60))], world.Nodes).Violations().Count().ShouldBe(5);
    });

    [Fact]
    public void Contradiction_ThatANodeHasNotNoticed_IsAViolation() => Run(s_small, async world =>
    {
        var one = Sign(world, RegistryWorld.Listing("two-faced", "1.0.0", "One."));
        var other = Sign(world, RegistryWorld.Listing("two-faced", "1.0.0", "Other."));
        world.Vouch(one.Signer);
        // A node that keeps only one of them has no proof.
        world.Nodes[4].Disk.Drops = statement => statement.Id == other.Id;
        await world.GiveAsync(world.Nodes[0], one);
        await world.GiveAsync(world.Nodes[1], other);
        await world.SettleAsync(TimeSpan.FromMinutes(5));

        new Contradictions(world.Acknowledged, world.Nodes).Violations().ShouldBeEmpty();
        new Convergence(world.Nodes).Violations().ShouldContain(violation => violation.Contains(world.Nodes[4].Node.ToString()));
        // One that only the checker knows of.
        var third = Sign(world, RegistryWorld.Listing("two-faced", "2.0.0", "One."));
        var fourth = Sign(world, RegistryWorld.Listing("two-faced", "2.0.0", "Other."));
        new Contradictions([.. world.Acknowledged, third, fourth], world.Nodes).Violations().Count().ShouldBe(5);
        // And one that is none for it.
        new Contradictions([one], world.Nodes).Violations().Count().ShouldBe(5);
    });

    [Fact]
    public void Bounds_BelowWhatANodeKeeps_AreViolated() => Run(s_small, async world =>
    {
        var strange = Sign(world, new ProfileStatement("Nobody", null));
        await world.GiveAsync(world.Nodes[0], strange);
        await world.SettleAsync(TimeSpan.FromMinutes(5));

        new Bounds(world.Nodes, world.Options).Violations().ShouldBeEmpty();
        var narrow = world.Options with { Policy = world.Options.Policy with { StrangersBytes = 10, Stranger = new SignerQuota(0, 10, 1) } };
        new Bounds(world.Nodes, narrow).Violations().Count().ShouldBe(10);
    });

    [Fact]
    public void Convergence_WithANodeThatIsDown_OrWhoseMemoryIsNotItsDisk_IsViolated() => Run(s_small, async world =>
    {
        await world.SayAsync(world.Nodes[0], new ProfileStatement("Ann", null));
        await world.SettleAsync(TimeSpan.FromMinutes(5));
        new Convergence(world.Nodes).Violations().ShouldBeEmpty();

        world.Nodes[2].Index.Apply([ContentHash.Of("none"u8)], []);
        new Convergence(world.Nodes).Violations().ShouldHaveSingleItem().ShouldContain("in memory");
        await world.Nodes[2].CrashAsync(isSilent: false);
        new Convergence(world.Nodes).Violations().ShouldHaveSingleItem().ShouldBe($"{world.Nodes[2].Node} is down");
    });

    [Fact]
    public void Statement_OfAClockThatIsTooFarAhead_ComesToAllWhenItsTimeHasCome() => Run(s_small with { Nodes = 12 }, async world =>
    {
        // Its clock is five minutes ahead, and others bear two.
        var ahead = world.Nodes.Single(node => node.Clock.Skew == s_small.MaxSkew || node.Clock.Skew == -s_small.MaxSkew);
        ahead.Clock.Skew.ShouldBeGreaterThan(TimeSpan.Zero);
        var early = Sign(world, new ProfileStatement("Soon", null), TimeSpan.FromMinutes(5));
        await world.GiveAsync(world.Nodes[0], early);
        world.Acknowledged.ShouldBeEmpty();

        await world.SayAsync(ahead, new ProfileStatement("Ann", null));
        await world.PassAsync(TimeSpan.FromMinutes(1));
        var others = world.Nodes.Count(node => node.Disk.Statements.Count > 0);
        await world.SettleAsync(TimeSpan.FromMinutes(30));

        others.ShouldBe(1, "what is said by a clock that is ahead waits until its time has come");
        new NothingLost(world.Acknowledged, world.Nodes).Violations().ShouldBeEmpty();
    });

    private static Statement Sign(RegistryWorld world, StatementContent content, TimeSpan ahead = default) => Statement.SignWorked(
        s_signer, new Hlc((world.World.Time.GetUtcNow() + ahead).ToUnixTimeMilliseconds(), 0), content, world.Options.Policy, CancellationToken.None).Value;

    private static void Run(RegistryWorldOptions options, Func<RegistryWorld, Task> act) => new RegistryWorld(1, options).Run(async world =>
    {
        await world.StartAsync();
        using var stop = new CancellationTokenSource();
        var keeping = world.KeepConnectedAsync(stop.Token);
        await world.PassAsync(TimeSpan.FromSeconds(20));
        await act(world);
        stop.Cancel();
        await keeping;
    });
}
