using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Stoa.Primitives;

namespace Stoa.Market.Workflows;

/// <summary>What a workflow calls another one by: a name, a name and a version, or a digest.</summary>
/// <param name="Name">As its document says; null when it is called by its digest.</param>
/// <param name="Version">Which of that name, from 1; null for whichever there is.</param>
/// <param name="Digest">Of the document in its canonical form; null when it is called by its name.</param>
public sealed partial record WorkflowReference(string? Name, int? Version, ContentHash? Digest) : IParsable<WorkflowReference>
{
    /// <summary>What is expected where one is read.</summary>
    public const string Form = "the name of a workflow, such as press-review, or its name and version, such as press-review@3";

    /// <inheritdoc/>
    public static WorkflowReference Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var result) ? result : throw new FormatException($"Expected is {Form}.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out WorkflowReference result)
    {
        result = null;
        if (s is null)
            return false;
        if (ContentHash.TryParse(s, provider, out var digest))
        {
            result = new WorkflowReference(null, null, digest);
            return true;
        }

        var match = NamePattern().Match(s);
        if (!match.Success)
            return false;
        result = new WorkflowReference(match.Groups[1].Value, match.Groups[2].Success ? int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture) : null, null);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Digest is { } digest ? digest.ToString() : Version is { } version ? string.Create(CultureInfo.InvariantCulture, $"{Name}@{version}") : Name!;

    [GeneratedRegex(@"^([a-z][a-z0-9-]{1,63})(?:@([1-9][0-9]{0,8}))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
