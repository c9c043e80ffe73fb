using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>A name that stands for models: requests are shared out among some of them by weight, and go to others when these fail.</summary>
/// <param name="Owner">Whose it is: nobody else's requests see it, unless it is the node's.</param>
/// <param name="Name">See <see cref="ModelAddress.IsRouteName"/>; or <c>publisher/name</c>, of a listing that the owner publishes, for everybody's requests that name no version of it.</param>
/// <param name="Targets">1 to <see cref="MostTargets"/>.</param>
/// <param name="Alternatives">In the order in which they are tried, up to <see cref="MostTargets"/>.</param>
/// <param name="IsForAll">Whether everybody's requests see it: those of the node's administrators, and those for a listing.</param>
public sealed record ModelRoute(
    Id<User> Owner, string Name, IReadOnlyList<RouteTarget> Targets, IReadOnlyList<ModelAddress> Alternatives, bool IsForAll)
{
    /// <summary>Most targets, and most alternatives.</summary>
    public const int MostTargets = 8;

    /// <summary>Most that a target weighs.</summary>
    public const int MostWeight = 10_000;

    /// <summary>All that it names, in the order in which they are tried for one request.</summary>
    /// <param name="random">Which of the targets is the first.</param>
    public IEnumerable<ModelAddress> Order(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var point = random.Next(Targets.Sum(target => target.Weight));
        var first = 0;
        while (point >= Targets[first].Weight)
            point -= Targets[first++].Weight;
        // The others stand in for it, the heaviest first: whoever shares requests out would rather have them answered.
        return Targets.Where((_, index) => index != first).OrderByDescending(target => target.Weight).Prepend(Targets[first]).Select(target => target.Model).Concat(Alternatives);
    }
}

/// <summary>A model that a route gives a part of its requests.</summary>
/// <param name="Model">Not a route.</param>
/// <param name="Weight">From 1 to <see cref="ModelRoute.MostWeight"/>.</param>
public sealed record RouteTarget(ModelAddress Model, int Weight);
