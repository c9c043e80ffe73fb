using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Stoa.Market.Registry;

/// <summary>A version as in semver.org 2.0.0, ordered by its precedence rules.</summary>
public sealed partial record SemanticVersion : IComparable<SemanticVersion>, IParsable<SemanticVersion>
{
    private SemanticVersion(ulong major, ulong minor, ulong patch, string preRelease, string build) =>
        (Major, Minor, Patch, PreRelease, Build) = (major, minor, patch, preRelease, build);

    public ulong Major { get; }

    public ulong Minor { get; }

    public ulong Patch { get; }

    /// <summary>Dot-separated identifiers after the hyphen, or empty.</summary>
    public string PreRelease { get; }

    /// <summary>Dot-separated identifiers after the plus sign, or empty; without influence on precedence.</summary>
    public string Build { get; }

    /// <exception cref="FormatException">Not a semantic version.</exception>
    public static SemanticVersion Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var version)
            ? version
            : throw new FormatException($"'{s}' is not a semantic version such as 1.4.0 or 2.0.0-beta.1.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out SemanticVersion result)
    {
        result = null;
        if (s is null || s.Length > 128)
            return false;
        var match = Pattern().Match(s);
        if (!match.Success
            || !ulong.TryParse(match.Groups[1].ValueSpan, out var major)
            || !ulong.TryParse(match.Groups[2].ValueSpan, out var minor)
            || !ulong.TryParse(match.Groups[3].ValueSpan, out var patch))
        {
            return false;
        }

        result = new SemanticVersion(major, minor, patch, match.Groups[4].Value, match.Groups[5].Value);
        return true;
    }

    public override string ToString() =>
        $"{Major}.{Minor}.{Patch}" + (PreRelease.Length > 0 ? "-" + PreRelease : "") + (Build.Length > 0 ? "+" + Build : "");

    /// <summary>Precedence of section 11: a pre-release comes before its release, numeric identifiers before others.</summary>
    public int CompareTo(SemanticVersion? other)
    {
        if (other is null)
            return 1;
        var core = (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));
        if (core != 0 || PreRelease == other.PreRelease)
            return core;
        if (PreRelease.Length == 0)
            return 1;
        return other.PreRelease.Length == 0 ? -1 : ComparePreRelease(PreRelease.Split('.'), other.PreRelease.Split('.'));
    }

    public static bool operator <(SemanticVersion left, SemanticVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(SemanticVersion left, SemanticVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(SemanticVersion left, SemanticVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(SemanticVersion left, SemanticVersion right) => left.CompareTo(right) >= 0;

    private static int ComparePreRelease(string[] left, string[] right)
    {
        for (var i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            var leftNumeric = left[i].All(char.IsAsciiDigit);
            var rightNumeric = right[i].All(char.IsAsciiDigit);
            var order = (leftNumeric, rightNumeric) switch
            {
                // Without leading zeros the longer number is the larger one, however long it is.
                (true, true) when left[i].Length != right[i].Length => left[i].Length.CompareTo(right[i].Length),
                (true, false) => -1,
                (false, true) => 1,
                _ => string.CompareOrdinal(left[i], right[i]),
            };
            if (order != 0)
                return order;
        }

        return left.Length.CompareTo(right.Length);
    }

    [GeneratedRegex(@"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
