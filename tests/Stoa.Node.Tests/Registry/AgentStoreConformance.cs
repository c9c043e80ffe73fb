using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
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

    private readonly Dictionary<string, Id<User>> _publishers = [];

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
        await Agents.AddAsync(version, [], Published(version), Stop);

        (await new SqlAgentStore(Database).GetAsync(version.Id, Stop))!.Royalties.ShouldBe(version.Royalties);
    }

    [Fact]
    public async Task Add_WithUses_KeepsTheTermsAndWhatIsMeant()
    {
        var use = new AgentUse(ListingName.Parse("bob/codec@1.2.0"), 4, Money.Parse("0.002"), 5_000_000, new UseLimits(Fuel: 7, OutputBytes: 9));
        var plain = new AgentUse(ListingName.Parse("bob/other@1.0.0"), 1, Money.Zero, AgentUse.DefaultInputBytes, UseLimits.None);
        var made = Make("ann", "resize", "1.0.0");
        var version = made with { Manifest = made.Manifest with { Uses = [use, plain] }, Uses = [_ids.Next<AgentVersion>(), _ids.Next<AgentVersion>()] };
        await Agents.AddAsync(version, [], Published(version), Stop);

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
        (await Agents.AddAsync(again, [], Published(again), Stop)).Value.Id.ShouldBe(first.Id);
        (await new SqlEventStore(Database).LastSequenceAsync(Stop)).ShouldBe(1);
    }

    [Fact]
    public async Task Add_OtherContentUnderAPublishedVersion_IsRefused()
    {
        await AddAsync("ann", "resize", "1.0.0");
        var other = Make("ann", "resize", "1.0.0") with { ArtifactDigest = ContentHash.Of("other"u8) };
        (await Agents.AddAsync(other, [], Published(other), Stop)).Refusal.ShouldNotBeNull().Code.ShouldBe(PublishRefusal.VersionExists);
    }

    [Fact]
    public async Task Add_ByManyAtOnce_PublishesOne()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            var version = Make("ann", "resize", "1.0.0");
            return (await Agents.AddAsync(version, [], Published(version), Stop)).Value.Id;
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
            var page = await Agents.ListVersionsAsync("ann", "resize", withWithdrawn: false, new PageRequest(3, cursor), Stop);
            listed.Add(string.Join(' ', page.Items.Select(item => item.Version.Manifest.Version)));
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        listed.ShouldBe(["2.0.0-rc.1 1.10.0 1.9.0", "1.0.0"]);
        (await Agents.ListVersionsAsync("ann", "unknown", withWithdrawn: true, new PageRequest(), Stop)).Items.ShouldBeEmpty();
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

    [Theory]
    [InlineData("1.0.0,1.1.0", "1.1.0", "1.0.0")]
    [InlineData("1.0.0,1.1.0", "1.0.0", "1.1.0")]
    [InlineData("1.0.0,2.0.0-rc.1", "1.0.0", "2.0.0-rc.1")]
    [InlineData("1.0.0", "1.0.0", null)]
    public async Task Withdraw_OfAVersion_LeavesTheNewestOfTheOthers(string published, string withdrawn, string? newest)
    {
        foreach (var version in published.Split(','))
            await AddAsync("ann", "resize", version, $"Words{version.Replace('.', '-')}.");

        var offer = (await WithdrawAsync($"ann/resize@{withdrawn}", "It is wrong.")).Value;

        (offer.Agent.ToString(), offer.Newest?.ToString()).ShouldBe(("ann/resize", newest));
        offer.Changed.ShouldBe([SemanticVersion.Parse(withdrawn)]);
        ((await FindAsync("ann/resize"))?.Manifest.Version.ToString()).ShouldBe(newest);
        (await FindAsync($"ann/resize@{withdrawn}")).ShouldBeNull();
        var found = (await Agents.FindPublishedAsync(ListingName.Parse($"ann/resize@{withdrawn}"), Stop)).ShouldNotBeNull();
        found.Withdrawal.ShouldBe(new Withdrawal(s_now, "It is wrong."));
        var reason = (await Agents.FindWithdrawnAsync(ListingName.Parse($"ann/resize@{withdrawn}"), Stop)).ShouldNotBeNull();
        (reason.Withdrawal, reason.Instead?.ToString()).ShouldBe((found.Withdrawal, newest is null ? null : $"ann/resize@{newest}"));
        (await ListAsync("resize")).ShouldBe(newest is null ? [] : [$"ann/resize@{newest}"]);
        (await ListAsync($"words{withdrawn.Replace('.', '-')}")).ShouldBeEmpty();
        (await Agents.ListVersionsAsync("ann", "resize", withWithdrawn: false, new PageRequest(), Stop)).Items.ShouldAllBe(item => item.Withdrawal == null);
        (await Agents.ListVersionsAsync("ann", "resize", withWithdrawn: true, new PageRequest(), Stop)).Items.Count.ShouldBe(published.Split(',').Length);
        (await Agents.GetAsync(found.Version.Id, Stop)).ShouldNotBeNull("who has a task, or calls it, goes on");
    }

    [Fact]
    public async Task Withdraw_OfTheWholeAgent_IsUndoneWithoutWhatWasWithdrawnByItself()
    {
        foreach (var version in new[] { "1.0.0", "1.1.0", "1.2.0" })
            await AddAsync("ann", "resize", version);
        await WithdrawAsync("ann/resize@1.1.0", "One.");

        var offer = (await WithdrawAsync("ann/resize", "All.")).Value;
        (string.Join(' ', offer.Changed), offer.Newest).ShouldBe(("1.0.0 1.2.0", null));
        (await FindAsync("ann/resize")).ShouldBeNull();
        (await Agents.FindWithdrawnAsync(ListingName.Parse("ann/resize"), Stop))!.ToString().ShouldEndWith("No version of it is offered any more: look for other agents with GET /api/v1/agents.");
        (await ReasonAsync("1.0.0"), await ReasonAsync("1.1.0")).ShouldBe(("All.", "One."));
        // Again: another reason, and the same time.
        string.Join(' ', (await Agents.WithdrawAsync(_publishers["ann"], ListingName.Parse("ann/resize"), "Still.", s_now.AddDays(1), Stop)).Value.Changed).ShouldBe("1.0.0 1.2.0");
        (await Agents.FindPublishedAsync(ListingName.Parse("ann/resize@1.2.0"), Stop))!.Withdrawal.ShouldBe(new Withdrawal(s_now, "Still."));
        await WithdrawAsync("ann/resize@1.2.0", "For good.");

        string.Join(' ', (await Agents.ListReinstatableAsync(_publishers["ann"], ListingName.Parse("ann/resize"), Stop)).Select(version => version.Manifest.Version)).ShouldBe("1.0.0");
        offer = (await ReinstateAsync("ann/resize")).Value;
        (string.Join(' ', offer.Changed), offer.Newest?.ToString()).ShouldBe(("1.0.0", "1.0.0"));
        (await ReinstateAsync("ann/resize")).Value.Changed.ShouldBeEmpty("there is nothing left to do");
        offer = (await ReinstateAsync("ann/resize@1.2.0")).Value;
        (string.Join(' ', offer.Changed), offer.Newest?.ToString()).ShouldBe(("1.2.0", "1.2.0"));
        (await ReasonAsync("1.2.0"), await ReasonAsync("1.1.0")).ShouldBe((null, "One."));
        (await ListAsync("resize")).ShouldBe(["ann/resize@1.2.0"]);
        (await Agents.FindWithdrawnAsync(ListingName.Parse("ann/resize"), Stop)).ShouldBeNull();

        var told = await new SqlEventStore(Database).ReadAfterAsync(3, new EventFilter(null, null, []), 20, Stop);
        told.Events.Select(stored => $"{stored.Event.Type.Split('.')[^1]} {stored.Event.DataJson[^7..^2]}").ShouldBe(
            ["withdrawn 1.1.0", "withdrawn 1.0.0", "withdrawn 1.2.0", "reinstated 1.0.0", "reinstated 1.2.0"], ignoreOrder: true);
        told.Events.ShouldAllBe(stored => !stored.Event.DataJson.Contains("All.", StringComparison.Ordinal));

        async Task<string?> ReasonAsync(string version) => (await Agents.FindPublishedAsync(ListingName.Parse($"ann/resize@{version}"), Stop))!.Withdrawal?.Reason;
    }

    [Theory]
    [InlineData("bob", "ann/resize")]
    [InlineData("bob", "ann/resize@1.0.0")]
    [InlineData("ann", "ann/resize@9.0.0")]
    [InlineData("ann", "ann/other")]
    public async Task Withdraw_OfWhatIsNotOnesOwn_IsRefusedAndChangesNothing(string who, string listing)
    {
        await AddAsync("ann", "resize", "1.0.0");
        await AddAsync("bob", "resize", "1.0.0");

        (await Agents.WithdrawAsync(_publishers[who], ListingName.Parse(listing), null, s_now, Stop)).Refusal!.Code.ShouldBe(WithdrawalRefusal.AgentNotYours);
        (await Agents.ReinstateAsync(_publishers[who], ListingName.Parse(listing), s_now, Stop)).Refusal!.Code.ShouldBe(WithdrawalRefusal.AgentNotYours);

        (await Agents.ListReinstatableAsync(_publishers[who], ListingName.Parse(listing), Stop)).ShouldBeEmpty();
        (await ListAsync("resize")).ShouldBe(["ann/resize@1.0.0", "bob/resize@1.0.0"]);
    }

    [Fact]
    public async Task Add_OfAVersionThatWasWithdrawn_IsRefused_AndOfAnotherIsListed()
    {
        var first = await AddAsync("ann", "resize", "1.0.0");
        await WithdrawAsync("ann/resize", null);

        (await Agents.AddAsync(Make("ann", "resize", "1.0.0"), [], Published(first), Stop)).Refusal!.Code.ShouldBe(PublishRefusal.VersionWithdrawn);
        (await ListAsync("resize")).ShouldBeEmpty();

        await AddAsync("ann", "resize", "0.9.0");
        (await FindAsync("ann/resize"))!.Manifest.Version.ToString().ShouldBe("0.9.0");
        (await Agents.FindWithdrawnAsync(first.Listing, Stop))!.Instead!.ToString().ShouldBe("ann/resize@0.9.0");
    }

    [Fact]
    public async Task Withdraw_BesidePublications_LeavesTheListingAsTheVersionsAre()
    {
        await AddAsync("ann", "resize", "1.0.0");
        var index = new AgentIndex(new SelectionPolicy(), s_now);
        var agents = new SqlAgentStore(Database, index);

        for (var round = 1; round <= 10; round++)
        {
            var version = Make("ann", "resize", $"1.{round}.0");
            await Task.WhenAll(
                Task.Run(() => agents.AddAsync(version, [], Published(version), Stop)),
                Task.Run(() => agents.WithdrawAsync(_publishers["ann"], ListingName.Parse("ann/resize"), null, s_now, Stop)),
                Task.Run(() => agents.WithdrawAsync(_publishers["ann"], ListingName.Parse($"ann/resize@1.{round - 1}.0"), null, s_now, Stop)),
                Task.Run(() => agents.ReinstateAsync(_publishers["ann"], ListingName.Parse("ann/resize"), s_now, Stop)));

            var offered = (await agents.ListVersionsAsync("ann", "resize", withWithdrawn: false, new PageRequest(), Stop)).Items;
            (await agents.ListVersionsAsync("ann", "resize", withWithdrawn: true, new PageRequest(), Stop)).Items.Count.ShouldBe(round + 1, "a publication is never lost");
            ((await FindAsync("ann/resize"))?.Listing).ShouldBe(offered.Count == 0 ? null : offered[0].Version.Listing);
            (await ListAsync("resize")).ShouldBe(offered.Count == 0 ? [] : [offered[0].Version.Listing.ToString()]);
        }

        // By then no act can overtake another on its way to the index.
        await agents.WithdrawAsync(_publishers["ann"], ListingName.Parse("ann/resize"), null, s_now, Stop);
        index.Knows("image.resize").ShouldBeFalse();
        await agents.ReinstateAsync(_publishers["ann"], ListingName.Parse("ann/resize@1.10.0"), s_now, Stop);
        index.Knows("image.resize").ShouldBeTrue();
    }

    private Task<Outcome<AgentOffer, WithdrawalRefusal>> WithdrawAsync(string listing, string? reason) =>
        Agents.WithdrawAsync(_publishers["ann"], ListingName.Parse(listing), reason, s_now, Stop);

    private Task<Outcome<AgentOffer, WithdrawalRefusal>> ReinstateAsync(string listing) => Agents.ReinstateAsync(_publishers["ann"], ListingName.Parse(listing), s_now, Stop);

    private async Task<List<string>> ListAsync(string text) =>
        [.. (await Agents.ListAsync(new AgentQuery(text, null, null), new PageRequest(), Stop)).Items.Select(version => version.Listing.ToString())];

    private Task<AgentVersion?> FindAsync(string listing) => Agents.FindAsync(ListingName.Parse(listing), Stop);

    private async Task<AgentVersion> AddAsync(
        string publisher, string name, string version, string description = "Words.", string capability = "image.resize")
    {
        var made = Make(publisher, name, version, description, capability);
        return (await Agents.AddAsync(made, [], Published(made), Stop)).Value;
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
        if (!_publishers.TryGetValue(publisher, out var owner))
            _publishers[publisher] = owner = _ids.Next<User>();
        return new AgentVersion(
            _ids.Next<AgentVersion>(), owner, publisher, manifest, ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), 7, s_now);
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
