using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>A path of members from the root of a value; the empty one is the root.</summary>
/// <param name="names">The members' names, outermost first.</param>
public sealed class FieldPath(IReadOnlyList<string> names) : IEquatable<FieldPath>
{
    /// <summary>The members' names, outermost first.</summary>
    public IReadOnlyList<string> Names { get; } = names;

    /// <summary>Whether it is the root itself.</summary>
    public bool IsRoot => Names.Count == 0;

    /// <summary>Whether a path is this one or leads on from it.</summary>
    public bool Holds(FieldPath other) => other.Names.Count >= Names.Count && other.Names.Take(Names.Count).SequenceEqual(Names, StringComparer.Ordinal);

    /// <inheritdoc/>
    public bool Equals(FieldPath? other) => other is not null && other.Names.Count == Names.Count && Holds(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FieldPath);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var name in Names)
            hash.Add(name, StringComparer.Ordinal);
        return hash.ToHashCode();
    }

    /// <summary>The expression that reads it: <c>nodes.fetch.output</c>, <c>nodes."a b"</c>, and <c>@</c> for the root.</summary>
    public override string ToString() => IsRoot ? "@" : string.Join('.', Names.Select(Written));

    private static string Written(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '_')
            ? name
            : $"\"{JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
