using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Registry;

namespace Stoa.Market.Inference;

/// <summary>What a request names as its model.</summary>
/// <remarks>Its text is what <see cref="TryParse"/> reads.</remarks>
public abstract record ModelAddress
{
    /// <summary>The longest that is read, in characters.</summary>
    public const int MaxLength = 512;

    private const string AnyOf = "auto";
    private const int MostCapabilities = 8;

    private ModelAddress()
    {
    }

    /// <summary>Reads <c>publisher/name</c>, <c>publisher/name@range</c>, <c>auto</c>, <c>auto:capability,…</c>, or the name of a route.</summary>
    /// <returns>False for none of these.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ModelAddress? address)
    {
        address = null;
        if (text is null || text.Length is 0 or > MaxLength)
            return false;
        if (text == AnyOf)
            address = new ByCapability([]);
        else if (text.StartsWith(AnyOf + ":", StringComparison.Ordinal))
            address = ReadCapabilities(text[(AnyOf.Length + 1)..]);
        else if (text.Contains('/', StringComparison.Ordinal))
            address = ReadListing(text);
        else if (IsRouteName(text))
            address = new ByRoute(text);
        return address is not null;
    }

    /// <summary>What a text names, however it is written, as the address itself writes it; the text as it is when it names nothing.</summary>
    public static string Normalise(string text) => TryParse(text, out var address) ? address.ToString() : text;

    /// <summary>Whether a route may be named so: 1 to 64 characters of <c>a-z A-Z 0-9 . _ : -</c>, the first a letter or a digit, and not <c>auto</c> or what begins with <c>auto:</c>.</summary>
    public static bool IsRouteName(string name) => Names.IsRoute(name);

    private static ByListing? ReadListing(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var range = SemanticRange.Any;
        if (at >= 0 && !SemanticRange.TryParse(text[(at + 1)..], null, out range))
            return null;
        return ListingName.TryParse(at < 0 ? text : text[..at], null, out var listing) ? new ByListing(listing, range) : null;
    }

    private static ByCapability? ReadCapabilities(string text)
    {
        var words = text.Split(',', StringSplitOptions.TrimEntries);
        return words.Length <= MostCapabilities && words.All(IsCapability) ? new ByCapability(words) : null;
    }

    private static bool IsCapability(string word) =>
        word.Length is >= 1 and <= 64 && word.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '.' or '-');

    /// <summary>One listing, in the newest version that is served and in the range.</summary>
    /// <param name="Listing">Without a version.</param>
    /// <param name="Range">Which versions will do.</param>
    public sealed record ByListing(ListingName Listing, SemanticRange Range) : ModelAddress
    {
        public override string ToString() => Range == SemanticRange.Any ? Listing.ToString() : $"{Listing}@{Range}";
    }

    /// <summary>Any model that can all of this.</summary>
    /// <param name="Capabilities">Dotted lower-case names as manifests have them; none for any model that fits the request.</param>
    public sealed record ByCapability(IReadOnlyList<string> Capabilities) : ModelAddress
    {
        public bool Equals(ByCapability? other) => other is not null && Capabilities.SequenceEqual(other.Capabilities, StringComparer.Ordinal);

        public override int GetHashCode() => string.Join(',', Capabilities).GetHashCode(StringComparison.Ordinal);

        public override string ToString() => Capabilities.Count == 0 ? AnyOf : $"{AnyOf}:{string.Join(',', Capabilities)}";
    }

    /// <summary>What a route of this name stands for.</summary>
    /// <param name="Name">The route's.</param>
    public sealed record ByRoute(string Name) : ModelAddress
    {
        public override string ToString() => Name;
    }
}
