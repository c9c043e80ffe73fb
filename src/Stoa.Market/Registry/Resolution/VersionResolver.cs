using System.Globalization;
using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Registry.Resolution;

/// <summary>Finds the newest versions of listings that fit together with all that these need: of each listing one version, which does for all who need it.</summary>
/// <remarks>
/// <para>Depth first, newest versions first; where nothing fits, the last choice is taken back. What is told of a conflict is the first one that was met: it is of the newest versions, which are those that were
/// wanted. That can take exponentially long, and listings are made by strangers, so the work is bounded: by the versions that are tried, and by how often a version is held against a need.</para>
/// <para>What is preferred comes last, one after another: each is taken, with all that it needs, where it fits with what was chosen before, and changes nothing of that. So nobody gets an older version of what he
/// needs for the sake of what he could do without. Each has a small share of the work, so that a hopeless one leaves the others theirs.</para>
/// </remarks>
/// <param name="offered">What there is.</param>
public sealed class VersionResolver(IResolvableVersions offered)
{
    /// <summary>Most versions that are tried for what is needed, and as many again for all that is preferred.</summary>
    public const int MostTries = 2_000;

    /// <summary>Most listings of a resolution.</summary>
    public const int MostListings = 256;

    // Of one that is preferred, with all that it needs.
    private const int MostTriesOfPreferred = 100;

    // How often a version is held against a need, for what is needed; for one that is preferred, and for all of these together.
    private const int MostChecks = 500_000;
    private const int MostChecksOfPreferred = 20_000;
    private const int MostChecksOfAllPreferred = 200_000;

    private readonly Dictionary<ListingKey, IReadOnlyList<ResolvableVersion>> _versions = [];
    private readonly Dictionary<(ListingKey Listing, SemanticVersion Version), IReadOnlyList<VersionDemand>> _demands = [];

    // What is chosen so far, what is needed by it in the order in which that was met, the same by listing, and what it would rather have. All but the first grow at their ends only, and are cut back when a choice is taken back.
    private readonly Dictionary<ListingKey, ResolvableVersion> _chosen = [];
    private readonly List<VersionNeed> _needs = [];
    private readonly Dictionary<ListingKey, List<VersionNeed>> _needsOf = [];
    private readonly List<VersionNeed> _preferred = [];

    private int _triesAllowed;
    private int _triesLeft;
    private int _checksLeft = MostChecks;
    private Refusal<ResolutionRefusal>? _conflict;

    /// <summary>Resolves. A resolver does so once.</summary>
    /// <param name="demands">What is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>All that belongs to it, by the names of listings; or why there is nothing, in a sentence.</returns>
    public async Task<Outcome<ResolvedVersions, ResolutionRefusal>> ResolveAsync(IReadOnlyList<VersionDemand> demands, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(demands);
        _triesAllowed = _triesLeft = MostTries;
        foreach (var demand in demands)
            Add(new VersionNeed(demand, By: null));
        if (!await ChooseAsync(0, cancellationToken))
            return _conflict ?? throw new InvalidOperationException("Nothing fits, and nobody knows why.");
        var leftOut = await AddPreferredAsync(cancellationToken);
        return new ResolvedVersions(
            [.. _chosen.Select(version => new ResolvedVersion(
                    version.Key,
                    _needsOf[version.Key][0].Demand.Name,
                    version.Value.Version,
                    version.Value.Kind,
                    By(_needsOf[version.Key], isPreferred: false),
                    By(_needsOf[version.Key], isPreferred: true)))
                .OrderBy(version => version.Name, StringComparer.Ordinal).ThenBy(version => version.Listing)],
            leftOut);

        static IReadOnlyList<string> By(IEnumerable<VersionNeed> needs, bool isPreferred) =>
            [.. needs.Where(need => need.Demand.IsPreferred == isPreferred).Select(need => need.By).OfType<string>().Distinct()];
    }

    /// <summary>Chooses a version of the first listing that has none, and of all others behind it.</summary>
    /// <param name="open">The needs before this one are met.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether all are met. When not, all is as it was before.</returns>
    private async Task<bool> ChooseAsync(int open, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (open < _needs.Count && _needs[open].Demand.Listing is { } met && _chosen.ContainsKey(met))
            open++;
        if (open == _needs.Count)
            return true;
        var need = _needs[open];
        if (need.Demand.Listing is not { } key)
            return Conflict($"{need.Say()}, and who publishes that is not known here.");
        if (_chosen.Count == MostListings)
            return GiveUp($"More than {MostListings} listings belong together. Resolve fewer at once.");
        var known = await ListAsync(key, cancellationToken);
        List<ResolvableVersion> fitting = [.. known.Where(version => _needsOf[key].TrueForAll(other => Takes(other, version)))];
        // Told of the first alone: to explain costs as much as to look did.
        if (fitting.Count == 0 && _checksLeft > 0)
            return _conflict is null && Conflict(VersionNeed.Explain(_needsOf[key], known));
        foreach (var version in fitting)
        {
            if (_triesLeft-- <= 0 || _checksLeft <= 0)
                break;
            if (await TryAsync(need, key, version, open, cancellationToken))
                return true;
            if (_conflict?.Code is ResolutionRefusal.ResolutionTooLarge)
                return false;
        }

        return (_triesLeft < 0 || _checksLeft <= 0)
            && GiveUp($"{(_checksLeft <= 0 ? "Too many" : _triesAllowed.ToString("N0", CultureInfo.InvariantCulture))} versions were tried, and none fit together. Ask for narrower ranges.");
    }

    /// <summary>Chooses a version, and all others behind it; takes it back where that does not work out.</summary>
    private async Task<bool> TryAsync(VersionNeed need, ListingKey key, ResolvableVersion version, int open, CancellationToken cancellationToken)
    {
        var (needs, preferred) = (_needs.Count, _preferred.Count);
        _chosen.Add(key, version);
        var (name, clash) = ($"{need.Demand.Name}@{version.Version}", (string?)null);
        foreach (var more in (await ListDemandsAsync(key, version.Version, cancellationToken)).Select(demand => new VersionNeed(demand, name)))
        {
            if (more.Demand.IsPreferred)
            {
                _preferred.Add(more);
                continue;
            }

            Add(more);
            clash ??= FindClash(more);
        }

        if (clash is null && await ChooseAsync(open + 1, cancellationToken))
            return true;
        if (clash is not null)
            Conflict(clash);
        CutBack(needs);
        _preferred.RemoveRange(preferred, _preferred.Count - preferred);
        _chosen.Remove(key);
        return false;
    }

    /// <summary>Takes of what is preferred whatever fits with what is chosen. Of what is taken more may be preferred.</summary>
    private async Task<IReadOnlyList<LeftOut>> AddPreferredAsync(CancellationToken cancellationToken)
    {
        var leftOut = new List<LeftOut>();
        var (left, checks) = (MostTries, MostChecksOfAllPreferred);
        for (var index = 0; index < _preferred.Count; index++)
        {
            var (need, before) = (_preferred[index], _needs.Count);
            _conflict = null;
            _triesAllowed = _triesLeft = Math.Min(left, MostTriesOfPreferred);
            _checksLeft = Math.Min(checks, MostChecksOfPreferred);
            (left, checks) = (left - _triesLeft, checks - _checksLeft);
            var clash = _triesLeft == 0 || _checksLeft <= 0 ? "Too much had been tried before it." : FindClash(need);
            var fits = false;
            if (clash is null)
            {
                Add(need);
                fits = await ChooseAsync(before, cancellationToken);
                if (!fits)
                    CutBack(before);
            }

            (left, checks) = (left + Math.Max(0, _triesLeft), checks + Math.Max(0, _checksLeft));
            if (!fits)
                leftOut.Add(new LeftOut($"{need.Demand.Name}@{need.Demand.Range}", need.By!, clash ?? _conflict!.Detail));
        }

        return leftOut;
    }

    private void Add(VersionNeed need)
    {
        _needs.Add(need);
        if (need.Demand.Listing is not { } listing)
            return;
        if (!_needsOf.TryGetValue(listing, out var needs))
            _needsOf.Add(listing, needs = []);
        needs.Add(need);
    }

    /// <summary>Forgets the needs that were met last.</summary>
    private void CutBack(int count)
    {
        for (var index = _needs.Count - 1; index >= count; index--)
        {
            if (_needs[index].Demand.Listing is { } listing)
                _needsOf[listing].RemoveAt(_needsOf[listing].Count - 1);
        }

        _needs.RemoveRange(count, _needs.Count - count);
    }

    /// <summary>Why what is chosen of a listing will not do for one more who needs it; null when it does, or nothing is chosen yet.</summary>
    private string? FindClash(VersionNeed need) =>
        need.Demand.Listing is { } listing && _chosen.TryGetValue(listing, out var taken) && !Takes(need, taken) ? need.ExplainClash(taken, _needsOf[listing][0]) : null;

    private bool Takes(VersionNeed need, ResolvableVersion version) => _checksLeft-- > 0 && need.Demand.Takes(version);

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

    private bool Conflict(string sentence)
    {
        _conflict ??= new Refusal<ResolutionRefusal>(ResolutionRefusal.VersionsConflict, sentence);
        return false;
    }

    private bool GiveUp(string sentence)
    {
        _conflict = new Refusal<ResolutionRefusal>(ResolutionRefusal.ResolutionTooLarge, sentence);
        return false;
    }
}
