using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>An agent by its publisher's key: <c>key/name</c> or <c>key/name@version</c>, where the key is its peer id. It means the same everywhere.</summary>
/// <param name="Publisher">The publisher's key.</param>
/// <param name="Name">Of the agent.</param>
/// <param name="Version">Null for the whole listing.</param>
public sealed record KeyedListing(PeerId Publisher, string Name, SemanticVersion? Version) : IParsable<KeyedListing>
{
    /// <summary>The listing, with all of its versions.</summary>
    public ListingKey Key => new(Publisher, Name);

    /// <exception cref="FormatException">Not such a name.</exception>
    public static KeyedListing Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out var listing)
        ? listing
        : throw new FormatException($"'{s}' is not an agent by its publisher's key, such as Qm…/resize@1.0.0.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out KeyedListing result)
    {
        result = null;
        var slash = s?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (s is null || slash <= 0 || !PeerId.TryParse(s.AsSpan(0, slash), out var publisher))
            return false;
        var at = s.IndexOf('@', slash);
        SemanticVersion? version = null;
        if (at >= 0 && !SemanticVersion.TryParse(s[(at + 1)..], provider, out version))
            return false;
        var name = at < 0 ? s[(slash + 1)..] : s[(slash + 1)..at];
        if (!Names.IsAgentName(name))
            return false;
        result = new KeyedListing(publisher, name, version);
        return true;
    }

    public override string ToString() => Version is null ? $"{Publisher}/{Name}" : $"{Publisher}/{Name}@{Version}";
}
