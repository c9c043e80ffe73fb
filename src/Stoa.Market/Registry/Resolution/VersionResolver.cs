using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Registry.Resolution;

/// <summary>Finds the newest versions of listings that fit together with all that these need: of each listing one version, which does for all who need it.</summary>
/// <remarks>
/// <para>Depth first, newest versions first; where nothing fits, the last choice is taken back. What is told of a conflict is the first one that was met: it is of the newest versions, which are those that were
/// wanted. That can take exponentially long, so the work is bounded.</para>
/// <para>What is preferred comes last, one after another: each is taken, with all that it needs, where it fits with what was chosen before, and changes nothing of that. So nobody gets an older version of what he
/// needs for the sake of what he could do without.</para>
/// </remarks>
/// <param name="offered">What there is.</param>
public sealed class VersionResolver(IResolvableVersions offered)
{
    /// <summary>Most versions that are tried.</summary>
    public const int MostTries = 2_000;

    /// <summary>Most listings of a resolution.</summary>
    public const int MostListings = 256;

    private readonly Dictionary<ListingKey, IReadOnlyList<ResolvableVersion>> _versions = [];
    private readonly Dictionary<(ListingKey Listing, SemanticVersion Version), IReadOnlyList<VersionDemand>> _demands = [];
    private int _tries;
    private Refusal<ResolutionRefusal>? _conflict;

    /// <summary>Resolves. A resolver does so once.</summary>
    /// <param name="demands">What is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>All that belongs to it, by the names of listings; or why there is nothing, in a sentence.</returns>
    public async Task<Outcome<ResolvedVersions, ResolutionRefusal>> ResolveAsync(IReadOnlyList<VersionDemand> demands, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(demands);
        var asked = new Choices(new Dictionary<ListingKey, ResolvableVersion>(), [.. demands.Select(demand => new VersionNeed(demand, By: null))], []);
        if (await ChooseAsync(asked, cancellationToken) is not { } chosen)
            return _conflict ?? throw new InvalidOperationException("Nothing fits, and nobody knows why.");
        var (all, leftOut) = await AddPreferredAsync(chosen, cancellationToken);
        var needs = all.Needs.ToLookup(need => need.Demand.Listing);
        return new ResolvedVersions(
            [.. all.Versions.Select(version => new ResolvedVersion(
                    version.Key,
                    needs[version.Key].First().Demand.Name,
                    version.Value.Version,
                    version.Value.Kind,
                    By(needs[version.Key], isPreferred: false),
                    By(needs[version.Key], isPreferred: true)))
                .OrderBy(version => version.Name, StringComparer.Ordinal).ThenBy(version => version.Listing)],
            leftOut);

        static IReadOnlyList<string> By(IEnumerable<VersionNeed> needs, bool isPreferred) =>
            [.. needs.Where(need => need.Demand.IsPreferred == isPreferred).Select(need => need.By).OfType<string>().Distinct()];
    }

    private static List<VersionNeed> NeedsOf(Choices choices, ListingKey listing) => [.. choices.Needs.Where(need => need.Demand.Listing == listing)];

    /// <summary>Chooses a version of the first listing that has none, and of all others behind it.</summary>
    private async Task<Choices?> ChooseAsync(Choices choices, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (choices.Needs.FirstOrDefault(need => need.Demand.Listing is not { } listing || !choices.Versions.ContainsKey(listing)) is not { } open)
            return choices;
        if (open.Demand.Listing is not { } key)
            return Conflict($"{open.Say()}, and who publishes that is not known here.");
        if (choices.Versions.Count == MostListings)
            return GiveUp($"More than {MostListings} listings belong together. Resolve fewer at once.");
        var needs = NeedsOf(choices, key);
        var known = await ListAsync(key, cancellationToken);
        List<ResolvableVersion> fitting = [.. known.Where(version => needs.TrueForAll(need => need.Demand.Takes(version)))];
        if (fitting.Count == 0)
            return Conflict(VersionNeed.Explain(needs, known));
        foreach (var version in fitting)
        {
            if (++_tries > MostTries)
                return GiveUp($"{MostTries:N0} versions were tried, and none fit together. Ask for narrower ranges.");
            var name = $"{open.Demand.Name}@{version.Version}";
            var more = (await ListDemandsAsync(key, version.Version, cancellationToken)).Select(demand => new VersionNeed(demand, name)).ToLookup(need => need.Demand.IsPreferred);
            var next = new Choices(
                new Dictionary<ListingKey, ResolvableVersion>(choices.Versions) { [key] = version }, [.. choices.Needs, .. more[false]], [.. choices.Preferred, .. more[true]]);
            if (more[false].FirstOrDefault(need => FindClash(next, need) is not null) is { } clashing)
            {
                Conflict(FindClash(next, clashing)!);
                continue;
            }

            if (await ChooseAsync(next, cancellationToken) is { } all)
                return all;
            if (_conflict?.Code is ResolutionRefusal.ResolutionTooLarge)
                return null;
        }

        return null;
    }

    /// <summary>Takes of what is preferred whatever fits with what is chosen. Of what is taken more may be preferred.</summary>
    private async Task<(Choices Choices, IReadOnlyList<LeftOut> LeftOut)> AddPreferredAsync(Choices chosen, CancellationToken cancellationToken)
    {
        var leftOut = new List<LeftOut>();
        for (var index = 0; index < chosen.Preferred.Count; index++)
        {
            var need = chosen.Preferred[index];
            _conflict = null;
            var clash = FindClash(chosen, need);
            if (clash is null && await ChooseAsync(chosen with { Needs = [.. chosen.Needs, need] }, cancellationToken) is { } with)
                chosen = with;
            else
                leftOut.Add(new LeftOut($"{need.Demand.Name}@{need.Demand.Range}", need.By!, clash ?? _conflict!.Detail));
        }

        return (chosen, leftOut);
    }

    /// <summary>Why what is chosen of a listing will not do for one more who needs it; null when it does, or nothing is chosen yet.</summary>
    private static string? FindClash(Choices choices, VersionNeed need) =>
        need.Demand.Listing is { } listing && choices.Versions.TryGetValue(listing, out var taken) && !need.Demand.Takes(taken) ? need.ExplainClash(taken, NeedsOf(choices, listing)[0]) : null;

    private async Task<IReadOnlyList<ResolvableVersion>> ListAsync(ListingKey listing, CancellationToken cancellationToken)
    {
        if (!_versions.TryGetValue(listing, out var versions))
        {
            // As everywhere releases come before pre-releases.
            versions = _versions[listing] =
            [
                .. (await offered.ListAsync(listing, cancellationToken)).OrderByDescending(version => version.Version.PreRelease.Length == 0).ThenByDescending(version => version.Version),
            ];
        }

        return versions;
    }

    private async Task<IReadOnlyList<VersionDemand>> ListDemandsAsync(ListingKey listing, SemanticVersion version, CancellationToken cancellationToken) =>
        _demands.TryGetValue((listing, version), out var demands) ? demands : _demands[(listing, version)] = await offered.ListDemandsAsync(listing, version, cancellationToken);

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

    /// <summary>What is chosen so far, all that is needed by it, and what it would rather have.</summary>
    private sealed record Choices(IReadOnlyDictionary<ListingKey, ResolvableVersion> Versions, IReadOnlyList<VersionNeed> Needs, IReadOnlyList<VersionNeed> Preferred);
}
