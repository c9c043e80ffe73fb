using Stoa.Market.Registry;

namespace Stoa.Market.Inference.Routing;

/// <summary>What a route must be like.</summary>
public static class RouteRules
{
    /// <summary>Most routes of an account, and most that an operator has made for everybody.</summary>
    public const int MostRoutes = 64;

    /// <summary>Adds what is wrong with a name.</summary>
    public static void CheckName(string name, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (!ModelAddress.IsRouteName(name))
            errors.Add(new FieldError("", $"'{(name.Length > 64 ? name[..64] : name)}' is no name of a route: those have 1 to 64 characters of a-z A-Z 0-9 . _ : -, a letter or a digit first, and do not begin with auto."));
    }

    /// <summary>Reads the targets; adds what is wrong with them.</summary>
    /// <param name="asked">What models are named, and what each weighs.</param>
    /// <param name="listing">The listing that all are versions of; null for any models.</param>
    /// <param name="errors">Gets the reasons against them.</param>
    public static IReadOnlyList<RouteTarget> ReadTargets(IReadOnlyList<(string Model, int Weight)> asked, ListingName? listing, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(errors);
        if (asked.Count is 0 or > ModelRoute.MostTargets)
        {
            errors.Add(new FieldError("/targets", $"1 to {ModelRoute.MostTargets} targets are expected."));
            return [];
        }

        var targets = new List<RouteTarget>(asked.Count);
        for (var index = 0; index < asked.Count; index++)
        {
            var (model, weight) = asked[index];
            if (weight is < 1 or > ModelRoute.MostWeight)
                errors.Add(new FieldError($"/targets/{index}/weight", $"A whole number from 1 to {ModelRoute.MostWeight:N0} is expected."));
            if (ReadModel(model, listing, $"/targets/{index}/model", errors) is { } address)
                targets.Add(new RouteTarget(address, weight));
        }

        return targets;
    }

    /// <summary>Reads the alternatives; adds what is wrong with them.</summary>
    /// <inheritdoc cref="ReadTargets"/>
    public static IReadOnlyList<ModelAddress> ReadAlternatives(IReadOnlyList<string> asked, ListingName? listing, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(errors);
        if (asked.Count > ModelRoute.MostTargets)
        {
            errors.Add(new FieldError("/alternatives", $"At most {ModelRoute.MostTargets} alternatives are expected."));
            return [];
        }

        return [.. asked.Select((model, index) => ReadModel(model, listing, $"/alternatives/{index}", errors)).OfType<ModelAddress>()];
    }

    private static ModelAddress? ReadModel(string text, ListingName? listing, string pointer, ICollection<FieldError> errors)
    {
        if (listing is not null)
        {
            if (ModelAddress.TryParse(text, out var own) && own is ModelAddress.ByListing { Listing: var named } && named == listing)
                return own;
            errors.Add(new FieldError(pointer, $"A version or a range of {listing} itself is expected, such as {listing}@1.0.0 or {listing}@^2."));
            return null;
        }

        // A route that led to a route could lead to itself.
        if (ModelAddress.TryParse(text, out var address) && address is not ModelAddress.ByRoute)
            return address;
        errors.Add(new FieldError(pointer, "A model is expected: publisher/name, publisher/name@range, auto, or auto:capability; not a route."));
        return null;
    }
}
