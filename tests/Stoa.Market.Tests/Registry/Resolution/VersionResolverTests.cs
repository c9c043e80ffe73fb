using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Tests.Registry.Discovery;

namespace Stoa.Market.Tests.Registry.Resolution;

public sealed class VersionResolverTests
{
    private readonly Offered _offered = [];

    [Fact]
    public async Task Resolve_TakesTheNewestThatFits_WithAllThatItCalls()
    {
        Offer("page", "1.0.0", "resize@1.0.0");
        Offer("page", "1.2.0", "resize@1.1.0", "html@2.0.0");
        Offer("page", "2.0.0");
        Offer("page", "1.3.0-rc.1");
        Offer("resize", "1.0.0");
        Offer("resize", "1.1.0", "pixels@1.0.0");
        Offer("html", "2.0.0", "pixels@1.0.0");
        Offer("pixels", "1.0.0");

        (await ResolveAsync("page@^1.0.0")).ShouldBe("html@2.0.0<page@1.2.0 page@1.2.0 pixels@1.0.0<resize@1.1.0,html@2.0.0 resize@1.1.0<page@1.2.0");
        (await ResolveAsync("page@*")).ShouldBe("page@2.0.0");
        (await ResolveAsync("page@1.3.0-rc.1")).ShouldBe("page@1.3.0-rc.1");
    }

    [Fact]
    public async Task Resolve_WhereTheNewestDoNotFit_TakesOlderOnes()
    {
        Offer("a", "1.0.0", "x@1.0.0");
        Offer("a", "1.1.0", "x@1.1.0");
        Offer("b", "1.0.0", "x@1.0.0");
        Offer("x", "1.0.0");
        Offer("x", "1.1.0");

        (await ResolveAsync("a@^1.0.0", "b@^1.0.0")).ShouldBe("a@1.0.0 b@1.0.0 x@1.0.0<a@1.0.0,b@1.0.0");
    }

    [Theory]
    [InlineData("a@^1.0.0 b@^1.0.0", "b@1.0.0 needs x@1.0.0, but a@1.1.0 needs x@1.1.0.")]
    [InlineData("a@^2.0.0", "a@^2.0.0 is asked for, and what is offered is 1.1.0.")]
    [InlineData("gone@*", "gone@* is asked for, and no version of it is offered.")]
    [InlineData("a@* x@1.0.0", "a@1.1.0 needs x@1.1.0, but x@1.0.0 is asked for.")]
    [InlineData("stray@*", "stray@1.0.0 needs nobody/agent@1.0.0, and who publishes that is not known here.")]
    [InlineData("broken@*", "broken@1.0.0 needs gone@1.0.0, and no version of it is offered.")]
    public async Task Resolve_OfWhatConflicts_SaysWhyInASentence(string demands, string sentence)
    {
        Offer("a", "1.1.0", "x@1.1.0");
        Offer("b", "1.0.0", "x@1.0.0");
        Offer("x", "1.0.0");
        Offer("x", "1.1.0");
        Offer("stray", "1.0.0", "nobody/agent@1.0.0");
        Offer("broken", "1.0.0", "gone@1.0.0");

        (await ResolveAsync(demands.Split(' '))).ShouldBe(sentence);
    }

    [Fact]
    public async Task Resolve_ThatIsMadeToTakeForEver_IsGivenUp()
    {
        // 12 agents of 10 versions, any of which fit together, and a last one that fits with none.
        for (var agent = 0; agent < 12; agent++)
        {
            for (var version = 0; version < 10; version++)
                Offer($"a{agent}", $"1.{version}.0", agent < 11 ? $"a{agent + 1}@*" : "gone@*");
        }

        (await ResolveAsync("a0@*")).ShouldStartWith("2,000 versions were tried");

        for (var agent = 0; agent < 300; agent++)
            Offer($"c{agent}", "1.0.0", $"c{agent + 1}@*");
        (await ResolveAsync("c0@*")).ShouldStartWith("More than 256 listings belong together.");

        // Few listings, but each version of one is held against each of many needs.
        for (var version = 0; version < 1_000; version++)
            Offer("much", $"1.{version}.0");
        Offer("wants", "1.0.0", [.. Enumerable.Repeat("much@*", 600)]);
        (await ResolveAsync("wants@*")).ShouldStartWith("Too many versions were tried");
    }

    [Fact]
    public async Task Resolve_AlwaysGivesWhatFits_AndFindsItWhereThereIsAny()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            _offered.Clear();
            var random = new Random(seed);
            for (var agent = 0; agent < 5; agent++)
            {
                for (var version = 0; version < random.Next(1, 4); version++)
                    Offer($"a{agent}", $"1.{version}.0", [.. Enumerable.Range(agent + 1, 4 - agent).Where(_ => random.Next(2) == 0).Select(other => $"a{other}@1.{random.Next(3)}.{(random.Next(2) == 0 ? "0" : "x")}")]);
            }

            var outcome = await new VersionResolver(_offered).ResolveAsync([Demand("a0@*"), Demand("a1@*")], TestContext.Current.CancellationToken);
            var found = outcome.TryGet(out var resolved, out _);
            found.ShouldBe(AllChoices([]).Any(Fits), $"seed {seed}");
            if (found)
                Fits(resolved!.Versions.ToDictionary(version => version.Listing.Name, version => version.Version)).ShouldBeTrue($"seed {seed}");
        }

        // Every way to take a version, or none, of each agent.
        IEnumerable<Dictionary<string, SemanticVersion>> AllChoices(Dictionary<string, SemanticVersion> before)
        {
            var name = $"a{before.Count}";
            if (!_offered.TryGetValue(name, out var versions))
                return [before];
            return versions.SelectMany(version => AllChoices(new(before) { [name] = version.Version }));
        }

        bool Fits(Dictionary<string, SemanticVersion> chosen)
        {
            var (open, seen) = (new Queue<string>(["a0", "a1"]), new HashSet<string>());
            while (open.TryDequeue(out var name))
            {
                if (!seen.Add(name))
                    continue;
                foreach (var use in _offered[name].Single(version => version.Version == chosen[name]).Demands)
                {
                    if (!chosen.TryGetValue(use.Name, out var used) || !use.Range.Takes(used))
                        return false;
                    open.Enqueue(use.Name);
                }
            }

            return true;
        }
    }

    [Fact]
    public async Task Resolve_TakesListingsOfEveryKind_AndABundleWithAllThatBelongsToIt()
    {
        Offer("bundle:kit", "1.0.0", "page@^1.0.0", "prompt@*", "records@~1.0.0");
        Offer("page", "1.1.0", "model:chat@^2.0.0");
        Offer("model:chat", "2.0.0", "base@1.0.0");
        Offer("model:chat", "3.0.0");
        Offer("model:base", "1.0.0");
        Offer("template:prompt", "1.0.0", "chat@>=2.0.0");
        Offer("dataset:records", "1.0.4");

        (await ResolveAsync("kit@*")).ShouldBe("base@1.0.0<chat@2.0.0 chat@2.0.0<page@1.1.0,prompt@1.0.0 kit@1.0.0 page@1.1.0<kit@1.0.0 prompt@1.0.0<kit@1.0.0 records@1.0.4<kit@1.0.0");
        var kinds = (await new VersionResolver(_offered).ResolveAsync([Demand("kit@*")], TestContext.Current.CancellationToken)).Value.Versions.Select(version => version.Kind);
        kinds.ShouldBe([ListingKind.Model, ListingKind.Model, ListingKind.Bundle, ListingKind.Agent, ListingKind.Template, ListingKind.Dataset]);
    }

    [Fact]
    public async Task Resolve_OfWhatNeedsItself_TakesItOnce_AndRefusesAnotherVersionOfIt()
    {
        Offer("bundle:kit", "1.0.0", "kit@^1.0.0");
        Offer("bundle:kit", "2.0.0", "kit@^1.0.0");

        (await ResolveAsync("kit@1.x")).ShouldBe("kit@1.0.0<kit@1.0.0");
        (await ResolveAsync("kit@2.x")).ShouldBe("kit@2.0.0 needs kit@^1.0.0, but kit@2.x is asked for.");
    }

    [Theory]
    [InlineData("page@1.0.0", "page@1.0.0 needs the model chat@*, and what is offered under that name is an agent.")]
    [InlineData("page@2.0.0", "page@2.0.0 needs the model tiny@^2.0.0, and what is offered is 1.0.0.")]
    [InlineData("page@3.0.0", "page@3.0.0 needs the agent tiny@1.0.0, and what is offered under that name is a model.")]
    [InlineData("chat@* page@1.0.0", "page@1.0.0 needs the model chat@*, but chat@* is asked for, and that is an agent.")]
    [InlineData("page@4.0.0", "page@4.0.0 needs the model two@*, but page@4.0.0 needs the agent two@*.")]
    [InlineData("page@5.0.0", "page@5.0.0 needs the model lost@*, and no version of it is offered.")]
    public async Task Resolve_OfWhatIsOfAnotherKind_SaysTheKind(string demands, string sentence)
    {
        Offer("page", "1.0.0", "model:chat@*");
        Offer("page", "2.0.0", "model:tiny@^2.0.0");
        Offer("page", "3.0.0", "agent:tiny@1.0.0");
        Offer("page", "4.0.0", "agent:two@*", "model:two@*");
        Offer("page", "5.0.0", "model:lost@*");
        Offer("chat", "1.0.0");
        Offer("model:tiny", "1.0.0");
        // A stranger may list both under one name.
        Offer("two", "1.0.0");
        Offer("model:two", "1.1.0");

        (await ResolveAsync(demands.Split(' '))).ShouldBe(sentence);
    }

    [Fact]
    public async Task Resolve_TakesWhatIsPreferredWhereItFits_AndSaysOfTheRestWhyItDoesNot()
    {
        Offer("page", "1.0.0", "?model:large@^2.0.0", "?model:small@*", "?model:old@^2.0.0", "model:old@^1.0.0", "?model:gone@*", "?model:stuck@*");
        Offer("model:large", "2.1.0", "base@1.0.0", "?model:extra@*");
        Offer("model:base", "1.0.0");
        Offer("model:extra", "1.0.0");
        Offer("model:small", "1.0.0", "base@1.0.0");
        Offer("model:small", "2.0.0", "base@2.0.0");
        Offer("model:old", "1.0.0");
        Offer("model:old", "2.0.0");
        Offer("model:stuck", "1.0.0", "old@2.0.0");

        var resolved = (await new VersionResolver(_offered).ResolveAsync([Demand("page@*")], TestContext.Current.CancellationToken)).Value;

        resolved.Versions.Select(version => $"{version.Name}@{version.Version}<{string.Join(',', version.NeededBy)}?{string.Join(',', version.PreferredBy)}").ShouldBe(
            ["base@1.0.0<large@2.1.0,small@1.0.0?", "extra@1.0.0<?large@2.1.0", "large@2.1.0<?page@1.0.0", "old@1.0.0<page@1.0.0?", "page@1.0.0<?", "small@1.0.0<?page@1.0.0"]);
        resolved.LeftOut.ShouldBe(
        [
            new LeftOut("old@^2.0.0", "page@1.0.0", "page@1.0.0 prefers the model old@^2.0.0, but page@1.0.0 needs the model old@^1.0.0."),
            new LeftOut("gone@*", "page@1.0.0", "page@1.0.0 prefers the model gone@*, and no version of it is offered."),
            new LeftOut("stuck@*", "page@1.0.0", "stuck@1.0.0 needs old@2.0.0, but page@1.0.0 needs the model old@^1.0.0."),
        ]);
    }

    [Fact]
    public async Task Resolve_NeverTakesAnOlderVersionOfWhatIsNeeded_ForTheSakeOfWhatIsPreferred()
    {
        Offer("a", "1.0.0");
        Offer("a", "2.0.0");
        Offer("b", "1.0.0", "a@*", "?model:m@*");
        Offer("model:m", "1.0.0", "a@1.0.0");

        (await ResolveAsync("b@*")).ShouldBe("a@2.0.0<b@1.0.0 b@1.0.0");
    }

    [Fact]
    public async Task Resolve_OfWhatIsPreferred_IsGivenUpAlone_WhenItIsMadeToTakeForEver()
    {
        Offer("page", "1.0.0", "?model:a0@*", "?model:late@*");
        Offer("model:late", "1.0.0");
        for (var model = 0; model < 12; model++)
        {
            for (var version = 0; version < 10; version++)
                Offer($"model:a{model}", $"1.{version}.0", model < 11 ? $"a{model + 1}@*" : "gone@*");
        }

        var resolved = (await new VersionResolver(_offered).ResolveAsync([Demand("page@*")], TestContext.Current.CancellationToken)).Value;

        resolved.Versions.Select(version => version.Name).ShouldBe(["late", "page"]);
        var left = resolved.LeftOut.ShouldHaveSingleItem();
        (left.Name, left.Reason[..23]).ShouldBe(("a0@*", "100 versions were tried"));
    }

    private static VersionDemand Demand(string text)
    {
        var isPreferred = text.StartsWith('?');
        (var kind, text) = SplitKind(text.TrimStart('?'));
        var (name, range) = (text[..text.IndexOf('@', StringComparison.Ordinal)], text[(text.IndexOf('@', StringComparison.Ordinal) + 1)..]);
        return new VersionDemand(name.Contains('/', StringComparison.Ordinal) ? null : new ListingKey(ListingSamples.Publisher(0), name), SemanticRange.Parse(range), name) { Kind = kind, IsPreferred = isPreferred };
    }

    private static (ListingKind? Kind, string Name) SplitKind(string text) => text.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
        ? (Enum.Parse<ListingKind>(text[..colon], ignoreCase: true), text[(colon + 1)..])
        : (null, text);

    private void Offer(string name, string version, params string[] demands)
    {
        (var kind, name) = SplitKind(name);
        if (!_offered.TryGetValue(name, out var versions))
            _offered[name] = versions = [];
        versions.Add((SemanticVersion.Parse(version), kind ?? ListingKind.Agent, [.. demands.Select(Demand)]));
    }

    private async Task<string> ResolveAsync(params string[] demands) =>
        (await new VersionResolver(_offered).ResolveAsync([.. demands.Select(Demand)], TestContext.Current.CancellationToken)).Match(
            resolved => string.Join(' ', resolved.Versions.Select(version => $"{version.Name}@{version.Version}" + (version.NeededBy.Count == 0 ? "" : "<" + string.Join(',', version.NeededBy)))),
            refusal => refusal.Detail);

    private sealed class Offered : Dictionary<string, List<(SemanticVersion Version, ListingKind Kind, IReadOnlyList<VersionDemand> Demands)>>, IResolvableVersions
    {
        public Task<IReadOnlyList<ResolvableVersion>> ListAsync(ListingKey listing, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<ResolvableVersion>>([.. (this.GetValueOrDefault(listing.Name) ?? []).Select(version => new ResolvableVersion(version.Version, version.Kind))]);

        public Task<IReadOnlyList<VersionDemand>> ListDemandsAsync(ListingKey listing, SemanticVersion version, CancellationToken cancellationToken) =>
            Task.FromResult(this[listing.Name].Single(one => one.Version == version).Demands);
    }
}
