using Stoa.Primitives;

namespace Stoa.Market.Registry.Resolution;

/// <summary>A demand, and who has it.</summary>
/// <param name="Demand">What is needed.</param>
/// <param name="By">The version that needs it, as it is written; null when it is asked for.</param>
internal sealed record VersionNeed(VersionDemand Demand, string? By)
{
    private const int MostNamed = 5;

    /// <summary>The need in words.</summary>
    /// <param name="namesKind">Whether the kind matters. That it has to be a model is always said: beside agents it is not what one expects.</param>
    public string Say(bool namesKind = false)
    {
        var kind = Demand.Kind is { } must && (namesKind || must is not ListingKind.Agent) ? $"the {EnumWord.Of(must)} " : "";
        var what = $"{Demand.Name}@{Demand.Range}";
        return By is null ? $"{kind}{what} is asked for" : $"{By} {(Demand.IsPreferred ? "prefers" : "needs")} {kind}{what}";
    }

    /// <summary>Why a version that is chosen already will not do.</summary>
    /// <param name="chosen">The version.</param>
    /// <param name="first">Who needed it first.</param>
    public string ExplainClash(ResolvableVersion chosen, VersionNeed first) =>
        Demand.Range.Takes(chosen.Version) ? $"{Say(namesKind: true)}, but {first.Say()}, and that is {Article(chosen.Kind)}." : $"{Say()}, but {first.Say()}.";

    /// <summary>Why no version does for all who need a listing.</summary>
    /// <param name="needs">All of them, one at least.</param>
    /// <param name="known">What is offered, in the order of preference.</param>
    public static string Explain(IReadOnlyList<VersionNeed> needs, IReadOnlyList<ResolvableVersion> known)
    {
        if (known.Count == 0)
            return $"{needs[0].Say()}, and no version of it is offered.";
        // Each alone may be satisfied; then it is two of them that are at odds.
        if (needs.FirstOrDefault(need => !known.Any(need.Demand.Takes)) is { } hopeless)
        {
            if (known.FirstOrDefault(version => hopeless.Demand.Range.Takes(version.Version)) is { } other)
                return $"{hopeless.Say(namesKind: true)}, and what is offered under that name is {Article(other.Kind)}.";
            var named = string.Join(", ", known.Take(MostNamed).Select(version => version.Version));
            return $"{hopeless.Say()}, and what is offered is {named}{(known.Count > MostNamed ? " and older ones" : "")}.";
        }

        var differ = needs.Select(need => need.Demand.Kind).OfType<ListingKind>().Distinct().Count() > 1;
        return $"{needs[^1].Say(differ)}, but {string.Join(" and ", needs.SkipLast(1).Take(MostNamed).Select(need => need.Say(differ)))}.";
    }

    private static string Article(ListingKind kind) => kind is ListingKind.Agent ? "an agent" : $"a {EnumWord.Of(kind)}";
}
