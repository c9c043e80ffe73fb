using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Node.Events;
using Stoa.Node.Registry;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry;

/// <summary>What every agent store does.</summary>
public abstract class AgentStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private SqlAgentStore Agents => new(Database);

    [Fact]
    public async Task Add_ThenFind_GivesTheSameVersion()
    {
        var added = await AddAsync("ann", "resize", "1.0.0");
        (await FindAsync("ann/resize@1.0.0")).ShouldNotBeNull().Artifact().ShouldBe(added.Artifact());
        (await FindAsync("ann/resize")).ShouldNotBeNull().Id.ShouldBe(added.Id);
        (await Agents.GetAsync(added.Id, Stop)).ShouldNotBeNull().Manifest.Limits.ShouldBe(added.Manifest.Limits);
        (await FindAsync("ann/resize@2.0.0")).ShouldBeNull();
        (await FindAsync("bob/resize")).ShouldBeNull();
        (await Agents.GetAsync(_ids.Next<AgentVersion>(), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Add_WithRoyalties_KeepsWhoIsMeant()
    {
        var version = Make("ann", "resize", "1.0.0") with { Royalties = [new Royalty(100, _ids.Next<User>(), "eve", null), new Royalty(1, _ids.Next<User>(), "bob", _ids.Next<AgentVersion>())] };
        await Agents.AddAsync(version, Published(version), Stop);

        (await new SqlAgentStore(Database).GetAsync(version.Id, Stop))!.Royalties.ShouldBe(version.Royalties);
    }

    [Fact]
    public async Task Add_WithUses_KeepsTheTermsAndWhatIsMeant()
    {
        var use = new AgentUse(ListingName.Parse("bob/codec@1.2.0"), 4, Money.Parse("0.002"), 5_000_000, new UseLimits(Fuel: 7, OutputBytes: 9));
        var plain = new AgentUse(ListingName.Parse("bob/other@1.0.0"), 1, Money.Zero, AgentUse.DefaultInputBytes, UseLimits.None);
        var made = Make("ann", "resize", "1.0.0");
        var version = made with { Manifest = made.Manifest with { Uses = [use, plain] }, Uses = [_ids.Next<AgentVersion>(), _ids.Next<AgentVersion>()] };
        await Agents.AddAsync(version, Published(version), Stop);

        var read = (await new SqlAgentStore(Database).GetAsync(version.Id, Stop))!;

        (read.Uses, read.Manifest.Uses).ShouldSatisfyAllConditions(
            pair => pair.Item1.ShouldBe(version.Uses), pair => pair.Item2.ShouldBe([use, plain]), pair => read.Manifest.MostForCalls.ShouldBe(Money.Parse("0.002")));
    }

    [Fact]
    public async Task Add_TellsItInTheEventStream()
    {
        var added = await AddAsync("ann", "resize", "1.0.0");
        var events = await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(null, null, []), 10, Stop);
        (events.Events.Count, events.Events[0].Event.Subject).ShouldBe((1, added.Id.ToString()));
    }

    [Fact]
    public async Task Add_TheSameArtifactAgain_AnswersTheFirstAndTellsNothing()
    {
        var first = await AddAsync("ann", "resize", "1.0.0");
        var again = Make("ann", "resize", "1.0.0");
        (await Agents.AddAsync(again, Published(again), Stop)).Value.Id.ShouldBe(first.Id);
        (await new SqlEventStore(Database).LastSequenceAsync(Stop)).ShouldBe(1);
    }

    [Fact]
    public async Task Add_OtherContentUnderAPublishedVersion_IsRefused()
    {
        await AddAsync("ann", "resize", "1.0.0");
        var other = Make("ann", "resize", "1.0.0") with { ArtifactDigest = ContentHash.Of("other"u8) };
        (await Agents.AddAsync(other, Published(other), Stop)).Refusal.ShouldNotBeNull().Code.ShouldBe(PublishRefusal.VersionExists);
    }

    [Fact]
    public async Task Add_ByManyAtOnce_PublishesOne()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            var version = Make("ann", "resize", "1.0.0");
            return (await Agents.AddAsync(version, Published(version), Stop)).Value.Id;
        }));
        answers.Distinct().Count().ShouldBe(1);
    }

    [Theory]
    [InlineData("1.0.0,1.1.0", "1.1.0")]
    [InlineData("1.10.0,1.9.0", "1.10.0")]
    [InlineData("1.0.0,2.0.0-beta.1", "1.0.0")]
    [InlineData("1.0.0-beta.1,1.0.0-beta.2", "1.0.0-beta.2")]
    [InlineData("2.0.0-beta.1,1.0.0", "1.0.0")]
    public async Task Find_WithoutVersion_GivesTheNewestRelease(string published, string newest)
    {
        foreach (var version in published.Split(','))
            await AddAsync("ann", "resize", version);
        (await FindAsync("ann/resize")).ShouldNotBeNull().Manifest.Version.ToString().ShouldBe(newest);
    }

    [Fact]
    public async Task ListVersions_ByPages_IsNewestFirst()
    {
        foreach (var version in new[] { "1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1" })
            await AddAsync("ann", "resize", version);
        await AddAsync("ann", "other", "3.0.0");
        var listed = new List<string>();
        string? cursor = null;
        do
        {
            var page = await Agents.ListVersionsAsync("ann", "resize", new PageRequest(3, cursor), Stop);
            listed.Add(string.Join(' ', page.Items.Select(version => version.Manifest.Version)));
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        listed.ShouldBe(["2.0.0-rc.1 1.10.0 1.9.0", "1.0.0"]);
        (await Agents.ListVersionsAsync("ann", "unknown", new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task List_ByPages_GivesEachAgentOnceInOrder()
    {
        string[] names = ["ann/aa", "ann/bb", "ann/cc", "bob/aa", "bob/bb"];
        foreach (var name in names)
            await AddAsync(name.Split('/')[0], name.Split('/')[1], "1.0.0");
        await AddAsync("ann", "bb", "1.1.0");
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await Agents.ListAsync(new AgentQuery(null, null, null), new PageRequest(2, cursor), Stop);
            seen.AddRange(page.Items.Select(version => $"{version.Publisher}/{version.Manifest.Name}"));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        seen.ShouldBe(names);
    }

    [Theory]
    [InlineData("RESIZE picture", null, null, "ann/resize")]
    [InlineData("100%", null, null, "bob/profile")]
    [InlineData("_", null, null, "")]
    [InlineData(null, "csv.profile", null, "bob/profile")]
    [InlineData(null, "csv", null, "")]
    [InlineData(null, null, "ann", "ann/resize")]
    [InlineData("picture", null, "bob", "")]
    public async Task List_Filtered_GivesWhatMatches(string? text, string? capability, string? publisher, string expected)
    {
        await AddAsync("ann", "resize", "1.0.0", "Makes a Picture smaller.", "image.resize");
        await AddAsync("bob", "profile", "1.0.0", "Profiles 100% of the rows.", "csv.profile");
        var page = await Agents.ListAsync(new AgentQuery(text, capability, publisher), new PageRequest(), Stop);
        string.Join(',', page.Items.Select(version => $"{version.Publisher}/{version.Manifest.Name}")).ShouldBe(expected);
    }

    [Fact]
    public async Task List_AfterANewerVersion_SearchesThatOne()
    {
        await AddAsync("ann", "resize", "1.0.0", "Old words.", "image.old");
        await AddAsync("ann", "resize", "1.1.0", "New words.", "image.resize");
        (await Agents.ListAsync(new AgentQuery("old", null, null), new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await Agents.ListAsync(new AgentQuery(null, "image.old", null), new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await Agents.ListAsync(new AgentQuery("new", "image.resize", null), new PageRequest(), Stop)).Items.Count.ShouldBe(1);
    }

    private Task<AgentVersion?> FindAsync(string listing) => Agents.FindAsync(ListingName.Parse(listing), Stop);

    private async Task<AgentVersion> AddAsync(
        string publisher, string name, string version, string description = "Words.", string capability = "image.resize")
    {
        var made = Make(publisher, name, version, description, capability);
        return (await Agents.AddAsync(made, Published(made), Stop)).Value;
    }

    private AgentVersion Make(
        string publisher, string name, string version, string description = "Words.", string capability = "image.resize")
    {
        var manifest = new AgentManifest(
            name,
            SemanticVersion.Parse(version),
            description,
            [capability],
            ["tag"],
            name + ".wasm",
            new AgentPort("application/json", """{"type":"object"}"""),
            new AgentPort("text/plain", null),
            [new AgentParameter("width", "Pixels.", AgentParameterType.Integer, "800", [])],
            new AgentLimits(1_000, 65_536, 1_000, 1_000, 1_000),
            [],
            new AgentPrice(new Money(1), new Money(2), new Money(3)));
        return new AgentVersion(
            _ids.Next<AgentVersion>(), _ids.Next<User>(), publisher, manifest, ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), 7, s_now);
    }

    private static NewEvent Published(AgentVersion version) =>
        new(EventTypes.AgentPublished, version.Id.ToString(), null, s_now, "{}");
}

internal static class AgentVersionParts
{
    /// <summary>What identifies a version, comparable by value.</summary>
    public static (Id<AgentVersion>, Id<User>, string, string, ContentHash, ContentHash, long, DateTimeOffset) Artifact(this AgentVersion version) => (
        version.Id,
        version.PublisherId,
        version.Listing.ToString(),
        version.Manifest.Input.Schema + version.Manifest.Parameters[0].Name,
        version.ArtifactDigest,
        version.ProgramDigest,
        version.ProgramBytes,
        version.PublishedAt);
}

public sealed class SqliteAgentStoreTests() : AgentStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAgentStoreTests(PostgresCluster cluster) : AgentStoreConformance(new PostgresSource(cluster));
