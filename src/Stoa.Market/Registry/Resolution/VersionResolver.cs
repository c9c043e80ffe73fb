using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Registry.Resolution;

/// <summary>Finds the newest versions of agents that fit together with all that these call: of each agent one version, which does for all who need it.</summary>
/// <remarks>
/// Depth first, newest versions first; where nothing fits, the last choice is taken back. What is told of a conflict is the first one that was met: it is of the newest versions, which are those that were wanted.
/// That can take exponentially long, so the work is bounded.
/// </remarks>
/// <param name="offered">What there is.</param>
public sealed class VersionResolver(IResolvableVersions offered)
{
    /// <summary>Most versions that are tried.</summary>
    public const int MostTries = 2_000;

    /// <summary>Most agents of a resolution.</summary>
    public const int MostAgents = 256;

    private const int MostVersionsNamed = 5;

    private readonly Dictionary<ListingKey, IReadOnlyList<SemanticVersion>> _versions = [];
    private readonly Dictionary<(ListingKey Agent, SemanticVersion Version), IReadOnlyList<VersionDemand>> _uses = [];
    private int _tries;
    private Refusal<ResolutionRefusal>? _conflict;

    /// <summary>Resolves. A resolver does so once.</summary>
    /// <param name="demands">What is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>All that belongs to it, by the names of agents; or why there is nothing, in a sentence.</returns>
    public async Task<Outcome<ResolvedVersions, ResolutionRefusal>> ResolveAsync(IReadOnlyList<VersionDemand> demands, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(demands);
        var chosen = await ChooseAsync(new Choices(new Dictionary<ListingKey, SemanticVersion>(), [.. demands.Select(demand => new Need(demand, By: null))]), cancellationToken);
        if (chosen is null)
            return _conflict ?? throw new InvalidOperationException("Nothing fits, and nobody knows why.");
        return new ResolvedVersions([.. chosen.Versions.Select(version => new ResolvedVersion(
                version.Key,
                NeedsOf(chosen, version.Key)[0].Demand.Name,
                version.Value,
                [.. NeedsOf(chosen, version.Key).Select(need => need.By).OfType<string>().Distinct()]))
            .OrderBy(version => version.Name, StringComparer.Ordinal)]);
    }

    private static List<Need> NeedsOf(Choices choices, ListingKey agent) => [.. choices.Needs.Where(need => need.Demand.Agent == agent)];

    /// <summary>Chooses a version of the first agent that has none, and of all others behind it.</summary>
    private async Task<Choices?> ChooseAsync(Choices choices, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (choices.Needs.FirstOrDefault(need => need.Demand.Agent is not { } agent || !choices.Versions.ContainsKey(agent)) is not { } open)
            return choices;
        if (open.Demand.Agent is not { } key)
            return Conflict($"{Needs(open)}, and who publishes that is not known here.");
        if (choices.Versions.Count == MostAgents)
            return GiveUp($"More than {MostAgents} agents belong together. Resolve fewer at once.");
        var needs = NeedsOf(choices, key);
        var known = await ListAsync(key, cancellationToken);
        List<SemanticVersion> fitting = [.. known.Where(version => needs.TrueForAll(need => need.Demand.Range.Takes(version)))];
        if (fitting.Count == 0)
            return Conflict(Explain(needs, known));
        foreach (var version in fitting)
        {
            if (++_tries > MostTries)
                return GiveUp($"{MostTries:N0} versions were tried, and none fit together. Ask for narrower ranges.");
            var name = $"{open.Demand.Name}@{version}";
            List<Need> more = [.. (await ListUsesAsync(key, version, cancellationToken)).Select(use => new Need(use, name))];
            if (more.Find(need => need.Demand.Agent is { } used && choices.Versions.TryGetValue(used, out var taken) && !need.Demand.Range.Takes(taken)) is { } clash)
            {
                Conflict($"{Needs(clash)}, but {Needs(NeedsOf(choices, clash.Demand.Agent!.Value)[0])}.");
                continue;
            }

            var next = new Choices(new Dictionary<ListingKey, SemanticVersion>(choices.Versions) { [key] = version }, [.. choices.Needs, .. more]);
            if (await ChooseAsync(next, cancellationToken) is { } all)
                return all;
            if (_conflict?.Code is ResolutionRefusal.ResolutionTooLarge)
                return null;
        }

        return null;
    }

    private async Task<IReadOnlyList<SemanticVersion>> ListAsync(ListingKey agent, CancellationToken cancellationToken)
    {
        if (!_versions.TryGetValue(agent, out var versions))
        {
            // As everywhere releases come before pre-releases.
            versions = _versions[agent] = [.. (await offered.ListAsync(agent, cancellationToken)).OrderByDescending(version => version.PreRelease.Length == 0).ThenByDescending(version => version)];
        }

        return versions;
    }

    private async Task<IReadOnlyList<VersionDemand>> ListUsesAsync(ListingKey agent, SemanticVersion version, CancellationToken cancellationToken) =>
        _uses.TryGetValue((agent, version), out var uses) ? uses : _uses[(agent, version)] = await offered.ListUsesAsync(agent, version, cancellationToken);

    private static string Needs(Need need) => need.By is null ? $"{need.Demand.Name}@{need.Demand.Range} is asked for" : $"{need.By} needs {need.Demand.Name}@{need.Demand.Range}";

    private static string Explain(List<Need> needs, IReadOnlyList<SemanticVersion> known)
    {
        if (known.Count == 0)
            return $"{Needs(needs[0])}, and no version of it is offered.";
        // Each alone may be satisfied; then it is two of them that are at odds.
        if (needs.Find(need => !known.Any(version => need.Demand.Range.Takes(version))) is { } hopeless)
        {
            var named = string.Join(", ", known.Take(MostVersionsNamed));
            return $"{Needs(hopeless)}, and what is offered is {named}{(known.Count > MostVersionsNamed ? " and older ones" : "")}.";
        }

        return $"{Needs(needs[^1])}, but {string.Join(" and ", needs.SkipLast(1).Take(MostVersionsNamed).Select(Needs))}.";
    }

    private Choices? Conflict(string sentence)
    {
        _conflict ??= new Refusal<ResolutionRefusal>(ResolutionRefusal.VersionsConflict, sentence);
        return null;
    }

    private Choices? GiveUp(string sentence)
    {
        _conflict = new Refusal<ResolutionRefusal>(ResolutionRefusal.ResolutionTooLarge, sentence);
        return null;
    }

    /// <summary>A demand, and who has it.</summary>
    private sealed record Need(VersionDemand Demand, string? By);

    /// <summary>What is chosen so far, and all that is needed by it.</summary>
    private sealed record Choices(IReadOnlyDictionary<ListingKey, SemanticVersion> Versions, IReadOnlyList<Need> Needs);
}
