using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Routes;

/// <summary>What every store of routes does.</summary>
public abstract class RouteStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly IdSource s_ids = new(TimeProvider.System, Random.Shared);

    private readonly Id<User> _ann = s_ids.Next<User>();
    private readonly Id<User> _ben = s_ids.Next<User>();

    private SqlRouteStore Store => new(Database, TimeProvider.System);

    [Fact]
    public async Task Route_IsKeptAsItWasSet_AndSetAgainIsAnother()
    {
        var route = New(_ann, "fast", "ada/tiny@^1 || ^3", "auto:chat,tools") with { Alternatives = [Address("auto"), Address("ada/big")] };

        await Store.SetAsync(route, Stop);
        await ReopenAsync();

        ShouldBeSame(await Store.FindAsync(_ann, "fast", Stop), route);
        var other = New(_ann, "fast", "ada/big");
        await Store.SetAsync(other, Stop);
        ShouldBeSame(await Store.FindAsync(_ann, "fast", Stop), other);
        (await Store.ListAsync(_ann, Stop)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Route_OfOnesOwn_ComesBeforeTheOneForEverybody_AndIsNobodyElses()
    {
        var (own, all) = (New(_ann, "fast", "ada/tiny"), New(default, "fast", "ada/big") with { IsForAll = true });
        await Store.SetAsync(own, Stop);
        (await Store.FindAsync(_ben, "fast", Stop)).ShouldBeNull();
        await Store.SetAsync(all, Stop);

        ShouldBeSame(await Store.FindAsync(_ann, "fast", Stop), own);
        ShouldBeSame(await Store.FindAsync(_ben, "fast", Stop), all);
        (await Store.ListAsync(_ann, Stop)).Select(route => route.IsForAll).ShouldBe([false, true]);
        (await Store.ListAsync(_ben, Stop)).Select(route => route.IsForAll).ShouldBe([true]);

        (await Store.RemoveAsync(_ben, "fast", Stop)).ShouldBeFalse();
        (await Store.RemoveAsync(_ann, "fast", Stop)).ShouldBeTrue();
        ShouldBeSame(await Store.FindAsync(_ann, "fast", Stop), all);
        (await Store.RemoveAsync(default, "fast", Stop)).ShouldBeTrue();
        (await Store.FindAsync(_ann, "fast", Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Route_OfAListing_IsForEverybody_AndListedToItsPublisher()
    {
        await Store.SetAsync(New(_ann, "ann/tiny", "ann/tiny@1.0.0") with { IsForAll = true }, Stop);

        (await Store.FindAsync(_ben, "ann/tiny", Stop)).ShouldNotBeNull().Owner.ShouldBe(_ann);
        (await Store.ListAsync(_ben, Stop)).ShouldBeEmpty();
        (await Store.ListAsync(_ann, Stop)).ShouldHaveSingleItem().Name.ShouldBe("ann/tiny");
    }

    [Fact]
    public async Task Routes_AreAsManyAsMayBe_OfEachAccount()
    {
        for (var number = 0; number < RouteRules.MostRoutes; number++)
            (await Store.SetAsync(New(_ann, $"r{number}", "ada/tiny"), Stop)).Refusal.ShouldBeNull();

        (await Store.SetAsync(New(_ann, "more", "ada/tiny"), Stop)).Refusal!.Code.ShouldBe(RouteRefusal.RoutesTooMany);
        (await Store.SetAsync(New(_ann, "r0", "ada/big"), Stop)).Refusal.ShouldBeNull();
        (await Store.SetAsync(New(_ben, "more", "ada/tiny"), Stop)).Refusal.ShouldBeNull();
        (await Store.SetAsync(New(default, "more", "ada/tiny") with { IsForAll = true }, Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Routes_OfManyAtOnce_AreNotMoreThanMayBe()
    {
        await Task.WhenAll(Enumerable.Range(0, RouteRules.MostRoutes + 8).Select(number => Store.SetAsync(New(_ann, $"r{number}", "ada/tiny"), Stop)));

        (await Store.ListAsync(_ann, Stop)).Count.ShouldBe(RouteRules.MostRoutes);
    }

    private static ModelRoute New(Id<User> owner, string name, params string[] targets) =>
        new(owner, name, [.. targets.Select((target, index) => new RouteTarget(Address(target), index + 1))], [], IsForAll: false);

    private static ModelAddress Address(string text) => ModelAddress.TryParse(text, out var address) ? address : throw new FormatException(text);

    private static void ShouldBeSame(ModelRoute? kept, ModelRoute expected)
    {
        kept.ShouldNotBeNull().Targets.ShouldBe(expected.Targets);
        kept.Alternatives.ShouldBe(expected.Alternatives);
        (kept with { Targets = expected.Targets, Alternatives = expected.Alternatives }).ShouldBe(expected);
    }
}

public sealed class SqliteRouteStoreTests() : RouteStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresRouteStoreTests(PostgresCluster cluster) : RouteStoreConformance(new PostgresSource(cluster));
