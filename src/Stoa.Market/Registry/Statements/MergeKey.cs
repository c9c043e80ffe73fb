using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>Under which statements merge: kind, signer, and what of the signer's it is about. The signer is a part of it, so nobody's statement ever takes the place of another's.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Signer">Whose statement it is.</param>
/// <param name="Agent">The agent: one of the signer's by its name, one of somebody else by publisher and name; null when it is about the signer.</param>
/// <param name="Version">The version as it is written; null when it is about all.</param>
public readonly record struct MergeKey(StatementKind Kind, PeerId Signer, string? Agent, string? Version)
{
    /// <summary>The key of what a signer says.</summary>
    public static MergeKey Of(PeerId signer, StatementContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        return new MergeKey(content.Kind, signer, content.Subject, content.Version?.ToString());
    }

    /// <summary>The key as text, with slashes between. Different keys have different texts: the kind says how many parts there are.</summary>
    public override string ToString() => (Agent, Version) switch
    {
        (null, _) => $"{Kind.Word()}/{Signer}",
        (_, null) => $"{Kind.Word()}/{Signer}/{Agent}",
        _ => $"{Kind.Word()}/{Signer}/{Agent}/{Version}",
    };
}
