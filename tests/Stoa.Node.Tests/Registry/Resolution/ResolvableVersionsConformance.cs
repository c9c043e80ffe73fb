using System.Text;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Resolution;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Resolution;

/// <summary>What is offered in the network, and what it calls, on every database.</summary>
public abstract class ResolvableVersionsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private static readonly PrivateKey s_foreign = PrivateKey.Generate();
    private static readonly PrivateKey s_other = PrivateKey.Generate();
    private static readonly PrivateKey s_own = PrivateKey.Generate();

    [Fact]
    public async Task Resolve_FollowsUses_AndTakesNothingThatIsWithdrawnOrContradicted()
    {
        await AddAsync(
            Sign(s_foreign, new ProfileStatement("Ann", "ann")),
            Sign(s_other, new ProfileStatement("Bob", "bob")),
            Sign(s_other, Listing("pixels", "1.0.0")),
            Sign(s_foreign, Listing("resize", "1.0.0", "bob/pixels@1.0.0")),
            Sign(s_foreign, Listing("resize", "1.1.0", "bob/pixels@1.0.0")),
            Sign(s_foreign, Listing("resize", "1.2.0", "bob/pixels@1.0.0")),
            Sign(s_foreign, Listing("resize", "1.2.0", "bob/pixels@9.0.0")),
            Sign(s_foreign, Listing("page", "2.0.0", "ann/resize@1.1.0")),
            Sign(s_foreign, Listing("page", "2.1.0", "ann/resize@1.2.0")),
            Sign(s_foreign, Listing("page", "2.2.0")),
            Sign(s_foreign, new WithdrawalStatement("page", SemanticVersion.Parse("2.2.0"), true, null)));

        (await ResolveAsync("page", "^2.0.0")).ShouldBe("ann/page@2.0.0 ann/resize@1.1.0 bob/pixels@1.0.0");
        await AddAsync(Sign(s_other, new WithdrawalStatement("pixels", SemanticVersion.Parse("1.0.0"), true, null)));
        (await ResolveAsync("page", "2.0.0")).ShouldBe("ann/resize@1.1.0 needs bob/pixels@1.0.0, and no version of it is offered.");
    }

    [Fact]
    public async Task Resolve_OfAForeignAgent_NeverTakesAPublisherOfThisCell_ForOneOfTheSameName()
    {
        var user = new IdSource(TimeProvider.System, new Random(1)).Next<Market.Identity.User>();
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "INSERT INTO publisher_keys (user_id, handle, peer_id, sealed_key, created_at) VALUES (@user, 'stoa', @signer, @box, 1)", new { user, signer = s_own.PublicKey.PeerId, box = new byte[1] }),
            Stop);
        await AddAsync(
            Sign(s_own, new ProfileStatement("Stoa", "stoa")),
            Sign(s_own, Listing("resize", "1.0.0")),
            Sign(s_own, Listing("page", "1.0.0", "stoa/resize@1.0.0")),
            Sign(s_foreign, new ProfileStatement("Ann", "ann")),
            Sign(s_foreign, Listing("page", "1.0.0", "stoa/resize@1.0.0")));

        (await ResolveAsync("page", "*", s_own)).ShouldBe("ann/page@1.0.0 stoa/resize@1.0.0");
        (await ResolveAsync("page", "*")).ShouldBe("ann/page@1.0.0 needs stoa/resize@1.0.0, and who publishes that is not known here.");
    }

    [Fact]
    public async Task Resolve_OfGoods_FollowsWhatTheyRequire_ByHandlesAndByKeys_AndOfAgentsTheirModels()
    {
        await AddAsync(
            Sign(s_foreign, new ProfileStatement("Ann", "ann")),
            Sign(s_other, new ProfileStatement("Bob", "bob")),
            Sign(s_other, Model("base", "1.0.0")),
            Sign(s_other, Model("base", "2.0.0")),
            Sign(s_other, Model("chat", "1.0.0", $$"""{"listing":"bob/base","range":"1.x"}""")),
            Sign(s_foreign, Listing("talk", "1.0.0")),
            Sign(s_foreign, Talk("talk", "1.1.0", $$"""{"listing":"{{s_other.PublicKey.PeerId}}/chat","range":"^1.0.0"},{"listing":"carl/none","preferred":true}""")),
            Sign(s_foreign, Bundle("kit", "1.0.0", """{"listing":"ann/talk"},{"listing":"bob/base","range":"1.0.0"}""")),
            Sign(s_foreign, Bundle("kit", "2.0.0", """{"listing":"ann/talk"},{"listing":"bob/base","range":"^2.0.0"}""")),
            Sign(s_foreign, Bundle("wrong", "1.0.0", """{"listing":"ann/stray"}""")),
            Sign(s_foreign, Talk("stray", "1.0.0", """{"listing":"ann/talk"}""")));

        var key = s_other.PublicKey.PeerId;
        (await ResolveAsync("kit", "1.x")).ShouldBe($"{key}/chat@1.0.0 ann/kit@1.0.0 ann/talk@1.1.0 bob/base@1.0.0");
        // Of the older agent nothing is known that stands in the way.
        (await ResolveAsync("kit", "2.x")).ShouldBe("ann/kit@2.0.0 ann/talk@1.0.0 bob/base@2.0.0");
        (await ResolveAsync("wrong", "*")).ShouldBe("ann/stray@1.0.0 needs the model ann/talk@*, and what is offered under that name is an agent.");
    }

    private async Task<string> ResolveAsync(string name, string range, PrivateKey? publisher = null) =>
        (await new VersionResolver(new SqlResolvableVersions(Database)).ResolveAsync([new VersionDemand(new ListingKey((publisher ?? s_foreign).PublicKey.PeerId, name), SemanticRange.Parse(range), $"ann/{name}")], Stop)).Match(
            resolved => string.Join(' ', resolved.Versions.Select(version => $"{version.Name}@{version.Version}")), refusal => refusal.Detail);

    private async Task AddAsync(params Statement[] statements)
    {
        var store = new SqlStatementStore(Database, AdmissionPolicy.Default);
        foreach (var signer in statements.Select(statement => statement.SignerId).Distinct())
            await store.RaiseStandingAsync(signer, SignerStanding.Vouched, Stop);
        (await store.AddAsync(statements, s_now, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
    }

    private static GoodsStatement Model(string name, string version, string requires = "") => Goods(
        $$"""{"kind":"model","name":"{{name}}","version":"{{version}}","description":"A model.","tags":[],"framework":"gguf","weights":{"digest":"{{ContentHash.Of("weights"u8)}}","bytes":7},"capabilities":["chat"],"requires":[{{requires}}]}""");

    private static GoodsStatement Bundle(string name, string version, string listings) =>
        Goods($$"""{"kind":"bundle","name":"{{name}}","version":"{{version}}","description":"A bundle.","tags":[],"listings":[{{listings}}]}""");

    private static GoodsStatement Goods(string json) => new(Market.Registry.Goods.GoodsReader.Read(Encoding.UTF8.GetBytes(json)).Value, json);

    private static AgentListing Talk(string name, string version, string models)
    {
        var plain = Listing(name, version);
        var json = plain.ManifestJson.TrimEnd().TrimEnd('}') + $$""","models":[{{models}}] }""";
        return plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
    }

    private static AgentListing Listing(string name, string version, params string[] uses)
    {
        var json = $$"""
            {"name":"{{name}}","version":"{{version}}","description":"A program.","capabilities":["test.run"],"program":"p.wasm","input":{"mediaType":"image/png"},
            "output":{"mediaType":"image/png"},"limits":{"fuel":1000,"memoryBytes":65536,"timeoutMs":1000,"outputBytes":1000,"logBytes":0},
            "price":{"base":"0.001","perMegabyte":"0","perGigafuel":"0"},"uses":[{{string.Join(',', uses.Select(use => $$"""{"agent":"{{use}}","maxCalls":1,"maxPrice":"0.01"}"""))}}] }
            """;
        return new AgentListing(ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, json, ContentHash.Of(Encoding.UTF8.GetBytes(name + version)), ContentHash.Of("program"u8), 7);
    }

    private static Statement Sign(PrivateKey key, StatementContent content) => Statement.Sign(key, new Hlc(s_now.ToUnixTimeMilliseconds(), 0), content).Value;
}

public sealed class SqliteResolvableVersionsTests() : ResolvableVersionsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresResolvableVersionsTests(PostgresCluster cluster) : ResolvableVersionsConformance(new PostgresSource(cluster));
