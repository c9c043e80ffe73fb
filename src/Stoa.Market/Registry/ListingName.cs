using System.Diagnostics.CodeAnalysis;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>The address of a listing: <c>publisher/name</c> or <c>publisher/name@version</c>.</summary>
/// <param name="Publisher">Handle of the publisher; of one that is not of this cell its key, as a peer id.</param>
/// <param name="Name">Name of the agent.</param>
/// <param name="Version">Null: the newest release.</param>
public sealed record ListingName(string Publisher, string Name, SemanticVersion? Version) : IParsable<ListingName>
{
    /// <summary>Whether the publisher is named by its key: the name then means the same everywhere.</summary>
    public bool IsKeyed => Publisher.Length > Names.MaxHandleLength;

    /// <exception cref="FormatException">Not of the form <c>publisher/name[@version]</c>.</exception>
    public static ListingName Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var name)
            ? name
            : throw new FormatException($"'{s}' is not a listing such as stoa/image-resize or stoa/image-resize@1.0.0.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out ListingName result)
    {
        result = null;
        var slash = s?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (s is null || slash <= 0)
            return false;
        var at = s.IndexOf('@', slash);
        SemanticVersion? version = null;
        if (at >= 0 && !SemanticVersion.TryParse(s[(at + 1)..], provider, out version))
            return false;
        var (publisher, name) = (s[..slash], at < 0 ? s[(slash + 1)..] : s[(slash + 1)..at]);
        if ((!Names.IsHandle(publisher) && !PeerId.TryParse(publisher, out _)) || !Names.IsAgentName(name))
            return false;
        result = new ListingName(publisher, name, version);
        return true;
    }

    public override string ToString() => Version is null ? $"{Publisher}/{Name}" : $"{Publisher}/{Name}@{Version}";
}
