using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>The registry of many nodes, whatever happens to them: they come to have the same, and lose nothing that was acknowledged.</summary>
public sealed class RegistryWorldTests(ITestOutputHelper output)
{
    // Until the clock that is furthest behind has come to what the one furthest ahead has said, and then for comparisons, which come later and later to whom they fail with.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(45);

    public static TheoryData<int> Few => Seeds.From(101, 2);

    public static TheoryData<int> Fewer => Seeds.From(201, 1);

    [Theory, MemberData(nameof(Few))]
    public void Nodes_ThatCrashAndFallApartWithWrongClocks_ComeToHaveTheSame_AndLoseNothing(int seed) => Play(seed, new RegistryWorldOptions { Nodes = Seeds.Nodes(40) }, async world =>
    {
        var took = await world.FallApartAsync(s_patience);

        Expect(world, new Convergence(world.Nodes).Violations());
        Expect(world, new NothingLost(world.Acknowledged, world.Nodes).Violations());
        Expect(world, new Bounds(world.Nodes, world.Options).Violations());
        world.Nodes.Sum(node => node.Crashes).ShouldBeGreaterThan(20);
        world.Acknowledged.Count.ShouldBeGreaterThan(100);
        output.WriteLine($"{world.Acknowledged.Count} acknowledged, {world.Nodes.Sum(node => node.Crashes)} crashes; the same everywhere {took.TotalSeconds:0} s after the last fault.");
    });

    /// <summary>Hostile peers are as many as a third of the honest ones, and have contradictions told to whom they like.</summary>
    [Theory, MemberData(nameof(Fewer))]
    public void Nodes_AmongPeersThatMeanNoGood_ComeToHaveTheSame_AndNoticeContradictions(int seed) => Play(seed, new RegistryWorldOptions { Nodes = 24 }, async world =>
    {
        await world.StartAsync();
        using var stop = new CancellationTokenSource();
        var keeping = world.KeepConnectedAsync(stop.Token);
        var strangers = new List<RegistryStranger>();
        foreach (var malice in Enum.GetValues<Malice>().Where(malice => malice is not Malice.Floods))
            strangers.Add(await RegistryStranger.StartAsync(world, malice, strangers.Count));
        var harm = Task.WhenAll(strangers.Select(stranger => stranger.RunAsync(stop.Token)));
        var liar = world.NewKey();
        world.Vouch(liar.PublicKey);
        await Task.WhenAll(
            world.SayAsync(perMinute: 20, TimeSpan.FromMinutes(6)), world.FaultsAsync(TimeSpan.FromMinutes(6), crashesPerMinute: 3), ContradictAsync(world, liar));
        await world.SettleAsync(s_patience);
        stop.Cancel();
        await Task.WhenAll(keeping, harm);

        Expect(world, new Convergence(world.Nodes).Violations());
        Expect(world, new NothingLost(world.Acknowledged, world.Nodes).Violations());
        Expect(world, new Contradictions(world.Acknowledged, world.Nodes).Violations());
        Expect(world, new Bounds(world.Nodes, world.Options).Violations());
        new RegistryOracle(world.Acknowledged).Contradictions.Count().ShouldBeGreaterThanOrEqualTo(3);
        strangers.ShouldAllBe(stranger => stranger.Sessions > 0);
        output.WriteLine($"{world.Acknowledged.Count} acknowledged; sessions of those who mean no good: {string.Join(", ", strangers.Select(stranger => stranger.Sessions))}.");
    });

    /// <summary>What strangers may have differs from node to node when there is more than fits. What those say who are vouched for comes to all nevertheless.</summary>
    [Fact]
    public void Nodes_ThatStrangersFlood_KeepWhatTheyMay_AndLoseNothingOfThoseWhoAreVouchedFor()
    {
        var policy = AdmissionPolicy.Default with { StrangerWorkBits = 2, StrangersBytes = 60_000, Stranger = new SignerQuota(8, 8_000, 12) };
        Play(Seeds.From(301, 1).Single().Data, new RegistryWorldOptions { Nodes = 12, Policy = policy, UnwantedCapacity = 100 }, async world =>
        {
            await world.StartAsync();
            foreach (var node in world.Nodes)
                world.Vouch(node.Publishers[0].PublicKey);
            using var stop = new CancellationTokenSource();
            var keeping = world.KeepConnectedAsync(stop.Token);
            var flooders = new List<RegistryStranger>();
            for (var number = 0; number < 2; number++)
                flooders.Add(await RegistryStranger.StartAsync(world, Malice.Floods, number));
            var harm = Task.WhenAll(flooders.Select(flooder => flooder.RunAsync(stop.Token)));
            await world.SayAsync(perMinute: 10, TimeSpan.FromMinutes(5));
            await world.PassAsync(s_patience / 5);
            stop.Cancel();
            await Task.WhenAll(keeping, harm);

            Expect(world, new NothingLost(world.Acknowledged, world.Nodes).Violations());
            Expect(world, new Bounds(world.Nodes, world.Options).Violations());
            // It was a flood.
            world.Nodes.ShouldAllBe(node => node.Disk.StrangersBytes > 45_000);
            world.Nodes.Max(node => node.Unwanted.Count).ShouldBe(100);
        });
    }

    /// <summary>Offers are over by each node's own clock: one has forgotten what another still has and gives away, and a replayer has them for ever. What is withdrawn stays so.</summary>
    [Theory, MemberData(nameof(Fewer))]
    public void Offers_ThatAreOver_AreForgottenByAll_AndComeBackFromNobody(int seed) => Play(seed, new RegistryWorldOptions { Nodes = 16 }, async world =>
    {
        await world.StartAsync();
        using var stop = new CancellationTokenSource();
        var keeping = world.KeepConnectedAsync(stop.Token);
        var forgetting = world.ForgetOversAsync(stop.Token);
        var replayer = await RegistryStranger.StartAsync(world, Malice.Replays, 0);
        var harm = replayer.RunAsync(stop.Token);
        // They will be over in a quarter of an hour: all later than any clock is wrong.
        var start = world.World.Time.GetUtcNow();
        var said = start - StatementLimits.MaxOfferLife - StatementLimits.OfferGrace + TimeSpan.FromMinutes(15);
        var offers = new List<Statement>();
        for (var number = 0; number < 24; number++)
            offers.Add(await OfferAsync(world, number, said));
        var busy = Task.WhenAll(world.SayAsync(perMinute: 20, TimeSpan.FromMinutes(22)), world.FaultsAsync(TimeSpan.FromMinutes(22), crashesPerMinute: 2));
        var (most, disagreed) = (0, 0);
        while (!busy.IsCompleted)
        {
            await world.PassAsync(TimeSpan.FromSeconds(10));
            var having = world.Nodes.Count(node => offers.Exists(offer => node.Disk.Statements.ContainsKey(offer.Id)));
            most = Math.Max(most, having);
            disagreed += most == world.Nodes.Count && having > 0 && having < most ? 1 : 0;
        }

        await busy;
        // One that is good still is not forgotten with the others.
        var young = await OfferAsync(world, 0, world.World.Time.GetUtcNow() - TimeSpan.FromMinutes(2));
        await world.SettleAsync(s_patience);
        stop.Cancel();
        await Task.WhenAll(keeping, forgetting, harm);

        most.ShouldBe(world.Nodes.Count, "all had heard of them");
        disagreed.ShouldBeGreaterThan(3, "some had forgotten what others had");
        replayer.Sessions.ShouldBeGreaterThan(10);
        Expect(world, new Convergence(world.Nodes).Violations());
        Expect(world, new NothingLost([.. world.Acknowledged.Where(statement => !offers.Contains(statement))], world.Nodes).Violations());
        Expect(world, new Bounds(world.Nodes, world.Options).Violations());
        world.Nodes.ShouldAllBe(node => node.Disk.Statements.ContainsKey(young.Id) && !offers.Exists(offer => node.Disk.Statements.ContainsKey(offer.Id)));
        world.Acknowledged.Count(statement => statement.Content is WithdrawalStatement).ShouldBeGreaterThan(50);
        output.WriteLine($"Of {offers.Count} offers nothing is left; for {disagreed * 10} s some nodes had forgotten what others had; {replayer.Sessions} sessions of the replayer.");
    });

    /// <summary>Who keeps what, and when to a tenth of a microsecond.</summary>
    [Fact]
    public void History_IsTheSeeds()
    {
        var first = Of(401);

        first.Split('\n').Length.ShouldBeGreaterThan(100);
        Of(401).ShouldBe(first);
        Of(402).ShouldNotBe(first);

        string Of(int seed)
        {
            var world = new RegistryWorld(seed, new RegistryWorldOptions { Nodes = 10, Degree = 3 });
            world.Run(async world =>
            {
                await world.StartAsync();
                using var stop = new CancellationTokenSource();
                var keeping = world.KeepConnectedAsync(stop.Token);
                var stranger = await RegistryStranger.StartAsync(world, Malice.Replays, 0);
                var harm = stranger.RunAsync(stop.Token);
                await Task.WhenAll(world.SayAsync(perMinute: 20, TimeSpan.FromMinutes(2)), world.FaultsAsync(TimeSpan.FromMinutes(2), crashesPerMinute: 4));
                stop.Cancel();
                await Task.WhenAll(keeping, harm);
            });
            return world.History;
        }
    }

    /// <summary>Says at a node what another one offers, as of a time.</summary>
    private static async Task<Statement> OfferAsync(RegistryWorld world, int number, DateTimeOffset at)
    {
        var key = world.NewKey();
        if (number % 2 == 0)
            world.Vouch(key.PublicKey);
        var hlc = new Hlc(at.ToUnixTimeMilliseconds(), 0);
        var offer = new OfferStatement(
            ["/ip4/192.0.2.1/tcp/4001"], "eu-central", 4, 1 << 30, [], OfferStatement.PostedRates, DateTimeOffset.FromUnixTimeMilliseconds(hlc.UnixTimeMs) + StatementLimits.MaxOfferLife);
        var statement = Statement.SignWorked(key, hlc, offer, world.Options.Policy, CancellationToken.None).Value;
        await world.GiveAsync(world.Nodes[number % world.Nodes.Count], statement);
        world.Acknowledged.ShouldContain(statement);
        return statement;
    }

    private static async Task ContradictAsync(RegistryWorld world, PrivateKey liar)
    {
        for (var round = 0; round < 5; round++)
        {
            await world.PassAsync(TimeSpan.FromMinutes(1));
            // Two nodes are told different things of one version, and in later rounds a third something else again; the second is told with an older time, the third with the same.
            var at = new Hlc(world.World.Time.GetUtcNow().ToUnixTimeMilliseconds(), 100);
            Hlc[] times = [at, new Hlc(at.UnixTimeMs - 60_000, 0), at];
            for (var number = 0; number < (round < 2 ? 2 : 3); number++)
            {
                var listing = RegistryWorld.Listing("two-faced", $"1.{round}.0", $"What it says in way {number}.");
                if (world.Nodes.Where(node => node.IsUp).ElementAtOrDefault((round * 7 + number * 5) % 12) is { } node)
                    await world.GiveAsync(node, Statement.SignWorked(liar, times[number], listing, world.Options.Policy, CancellationToken.None).Value);
            }
        }
    }

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
