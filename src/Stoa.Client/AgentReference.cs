using System.Diagnostics.CodeAnalysis;

namespace Stoa.Client;

/// <summary>The address of an agent: <c>publisher/name</c> for the newest version, or <c>publisher/name@version</c>.</summary>
/// <remarks>Only the form is checked here; which names there may be is the node's to say.</remarks>
public sealed record AgentReference(string Publisher, string Name, string? Version = null)
{
    /// <exception cref="FormatException">Not of the form <c>publisher/name[@version]</c>.</exception>
    public static AgentReference Parse(string text) =>
        TryParse(text, out var reference)
            ? reference
            : throw new FormatException($"'{text}' is not an agent such as stoa/image-resize or stoa/image-resize@1.0.0.");

    public static bool TryParse([NotNullWhen(true)] string? text, [MaybeNullWhen(false)] out AgentReference reference)
    {
        reference = null;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (text is null || slash <= 0)
            return false;
        var at = text.IndexOf('@', slash);
        var name = at < 0 ? text[(slash + 1)..] : text[(slash + 1)..at];
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || at == text.Length - 1)
            return false;
        reference = new AgentReference(text[..slash], name, at < 0 ? null : text[(at + 1)..]);
        return true;
    }

    public override string ToString() => Version is null ? $"{Publisher}/{Name}" : $"{Publisher}/{Name}@{Version}";

    internal string ListingPath => $"agents/{Uri.EscapeDataString(Publisher)}/{Uri.EscapeDataString(Name)}";

    internal string Path => Version is null ? ListingPath : $"{ListingPath}/{Uri.EscapeDataString(Version)}";
}
