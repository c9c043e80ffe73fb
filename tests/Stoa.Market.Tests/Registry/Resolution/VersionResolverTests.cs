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
        (await ResolveAsync("c0@*")).ShouldStartWith("More than 256 agents belong together.");
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
                Fits(resolved!.Versions.ToDictionary(version => version.Agent.Name, version => version.Version)).ShouldBeTrue($"seed {seed}");
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
                foreach (var use in _offered[name].Single(version => version.Version == chosen[name]).Uses)
                {
                    if (!chosen.TryGetValue(use.Name, out var used) || !use.Range.Takes(used))
                        return false;
                    open.Enqueue(use.Name);
                }
            }

            return true;
        }
    }

    private static VersionDemand Demand(string text)
    {
        var (name, range) = (text[..text.IndexOf('@', StringComparison.Ordinal)], text[(text.IndexOf('@', StringComparison.Ordinal) + 1)..]);
        return new VersionDemand(name.Contains('/', StringComparison.Ordinal) ? null : new ListingKey(ListingSamples.Publisher(0), name), SemanticRange.Parse(range), name);
    }

    private void Offer(string name, string version, params string[] uses)
    {
        if (!_offered.TryGetValue(name, out var versions))
            _offered[name] = versions = [];
        versions.Add((SemanticVersion.Parse(version), [.. uses.Select(Demand)]));
    }

    private async Task<string> ResolveAsync(params string[] demands) =>
        (await new VersionResolver(_offered).ResolveAsync([.. demands.Select(Demand)], TestContext.Current.CancellationToken)).Match(
            resolved => string.Join(' ', resolved.Versions.Select(version => $"{version.Name}@{version.Version}" + (version.NeededBy.Count == 0 ? "" : "<" + string.Join(',', version.NeededBy)))),
            refusal => refusal.Detail);

    private sealed class Offered : Dictionary<string, List<(SemanticVersion Version, IReadOnlyList<VersionDemand> Uses)>>, IResolvableVersions
    {
        public Task<IReadOnlyList<SemanticVersion>> ListAsync(ListingKey agent, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SemanticVersion>>([.. (this.GetValueOrDefault(agent.Name) ?? []).Select(version => version.Version)]);

        public Task<IReadOnlyList<VersionDemand>> ListUsesAsync(ListingKey agent, SemanticVersion version, CancellationToken cancellationToken) =>
            Task.FromResult(this[agent.Name].Single(one => one.Version == version).Uses);
    }
}
