using System.Diagnostics.CodeAnalysis;

namespace Stoa.Market.Registry;

/// <summary>Which versions will do, written as npm writes it: <c>^1.2.0</c>, <c>~1.2</c>, <c>&gt;=1.0.0 &lt;2.0.0</c>, <c>1.x</c>, <c>1.0.0 - 1.4.0</c>, <c>*</c>, and several of them with <c>||</c> between.</summary>
/// <remarks>
/// As with npm's node-semver, a pre-release only does where a pre-release of the same three numbers is named: <c>&gt;=1.0.0-rc.1</c> takes <c>1.0.0-rc.2</c>, and does not take <c>1.1.0-rc.1</c>.
/// </remarks>
public sealed record SemanticRange : IParsable<SemanticRange>
{
    /// <summary>The longest text, in characters.</summary>
    public const int MaxLength = 256;

    private const int MaxBounds = 64;

    // Of each alternative the bounds that all have to hold.
    private readonly IReadOnlyList<IReadOnlyList<Bound>> _alternatives;
    private readonly string _text;

    private SemanticRange(string text, IReadOnlyList<IReadOnlyList<Bound>> alternatives) => (_text, _alternatives) = (text, alternatives);

    /// <summary>Every release.</summary>
    public static SemanticRange Any { get; } = Parse("*");

    /// <summary>One version alone.</summary>
    public static SemanticRange Exactly(SemanticVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return new SemanticRange(version.ToString(), [[new Bound(Relation.Equal, version)]]);
    }

    /// <exception cref="FormatException">No range.</exception>
    public static SemanticRange Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var range) ? range : throw new FormatException($"'{s}' is not a range of versions such as ^1.2.0, ~1.4, >=1.0.0 <2.0.0, 1.x or 1.2.0 || 2.x.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out SemanticRange result)
    {
        result = null;
        if (s is null || s.Length > MaxLength)
            return false;
        var alternatives = new List<IReadOnlyList<Bound>>();
        foreach (var alternative in s.Split("||"))
        {
            if (!TryReadAlternative(alternative, out var bounds))
                return false;
            alternatives.Add(bounds);
        }

        if (alternatives.Sum(bounds => bounds.Count) > MaxBounds)
            return false;
        result = new SemanticRange(string.Join(' ', s.Split(' ', StringSplitOptions.RemoveEmptyEntries)), alternatives);
        return true;
    }

    /// <summary>Whether a version will do.</summary>
    public bool Takes(SemanticVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return _alternatives.Any(bounds => bounds.All(bound => bound.Takes(version))
            && (version.PreRelease.Length == 0 || bounds.Any(bound => bound.NamesPreReleaseOf(version))));
    }

    public bool Equals(SemanticRange? other) => other?._text == _text;

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => _text;

    private static bool TryReadAlternative(string text, out IReadOnlyList<Bound> bounds)
    {
        bounds = [];
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is [var low, "-", var high])
        {
            if (!Partial.TryParse(low, out var from) || !Partial.TryParse(high, out var to))
                return false;
            bounds = [.. from.AtLeast(), .. to.IsWhole ? [new Bound(Relation.AtMost, to.Least)] : to.Below()];
            return true;
        }

        var read = new List<Bound>();
        for (var index = 0; index < words.Length; index++)
        {
            // An operator may stand by itself before its version.
            var word = words[index] is ">" or ">=" or "<" or "<=" or "=" or "^" or "~" && index + 1 < words.Length ? words[index] + words[++index] : words[index];
            if (!TryReadBounds(word, out var more))
                return false;
            read.AddRange(more);
        }

        bounds = read;
        // Nothing is everything, as with npm.
        return true;
    }

    private static bool TryReadBounds(string word, out IReadOnlyList<Bound> bounds)
    {
        bounds = [];
        var sign = word.StartsWith(">=", StringComparison.Ordinal) || word.StartsWith("<=", StringComparison.Ordinal) ? word[..2] : word[0] is '>' or '<' or '=' or '^' or '~' ? word[..1] : "";
        if (!Partial.TryParse(word[sign.Length..], out var version))
            return false;
        bounds = sign switch
        {
            "^" => [.. version.AtLeast(), .. version.BelowNextBreaking()],
            "~" => [.. version.AtLeast(), .. version.BelowNextMinor()],
            ">=" => version.AtLeast(),
            "<" => version.Numbers == 0 ? [Bound.Nothing] : [new Bound(Relation.Less, version.LeastOfAll)],
            ">" => version.IsWhole ? [new Bound(Relation.Greater, version.Least)] : version.Numbers == 0 ? [Bound.Nothing] : version.Behind(),
            "<=" => version.IsWhole ? [new Bound(Relation.AtMost, version.Least)] : version.Below(),
            _ => version.IsWhole ? [new Bound(Relation.Equal, version.Least)] : [.. version.AtLeast(), .. version.Below()],
        };
        return true;
    }

    private enum Relation
    {
        Less,
        AtMost,
        Equal,
        AtLeast,
        Greater,
    }

    private sealed record Bound(Relation Relation, SemanticVersion Version)
    {
        /// <summary>What no version is.</summary>
        public static Bound Nothing { get; } = new(Relation.Less, SemanticVersion.Parse("0.0.0-0"));

        public bool Takes(SemanticVersion version) => version.CompareTo(Version) is var order && Relation switch
        {
            Relation.Less => order < 0,
            Relation.AtMost => order <= 0,
            Relation.Equal => order == 0,
            Relation.AtLeast => order >= 0,
            _ => order > 0,
        };

        public bool NamesPreReleaseOf(SemanticVersion version) =>
            Version.PreRelease.Length > 0 && (Version.Major, Version.Minor, Version.Patch) == (version.Major, version.Minor, version.Patch);
    }

    /// <summary>A version of which numbers may be left out from behind: <c>1</c>, <c>1.x</c>, <c>1.2.*</c>.</summary>
    /// <param name="Numbers">How many are given, 0 to 3.</param>
    /// <param name="Least">With zeros for the others.</param>
    private sealed record Partial(int Numbers, SemanticVersion Least)
    {
        public bool IsWhole => Numbers == 3;

        /// <summary>The least of its versions and their pre-releases.</summary>
        public SemanticVersion LeastOfAll => IsWhole ? Least : Of(Least.Major, Least.Minor, Least.Patch, "-0");

        public static bool TryParse(string text, [NotNullWhen(true)] out Partial? partial)
        {
            partial = null;
            if (SemanticVersion.TryParse(text, null, out var whole))
            {
                partial = new Partial(3, whole);
                return true;
            }

            var parts = text.Split('.');
            if (parts.Length > 3)
                return false;
            var numbers = 0;
            while (numbers < parts.Length && parts[numbers] is not ("x" or "X" or "*"))
                numbers++;
            if (parts.Skip(numbers).Any(part => part is not ("x" or "X" or "*")) || numbers == 3)
                return false;
            if (!SemanticVersion.TryParse(string.Join('.', parts.Take(numbers).Concat(Enumerable.Repeat("0", 3 - numbers))), null, out var least))
                return false;
            partial = new Partial(numbers, least);
            return true;
        }

        public IReadOnlyList<Bound> AtLeast() => Numbers == 0 ? [] : [new Bound(Relation.AtLeast, Least)];

        /// <summary>Below what comes behind all that it may be.</summary>
        public IReadOnlyList<Bound> Below() => Numbers switch
        {
            0 => [],
            1 => BelowMajor(),
            _ => BelowMinor(),
        };

        /// <summary>Behind all that it may be.</summary>
        public IReadOnlyList<Bound> Behind() => Below() is [var bound] ? [new Bound(Relation.AtLeast, Of(bound.Version.Major, bound.Version.Minor, 0, ""))] : [Bound.Nothing];

        /// <summary>Of <c>~</c>: only the patch may change; with the major number alone the minor one too.</summary>
        public IReadOnlyList<Bound> BelowNextMinor() => Numbers <= 1 ? Below() : BelowMinor();

        /// <summary>Of <c>^</c>: the first number that is not zero stays.</summary>
        public IReadOnlyList<Bound> BelowNextBreaking() => (Numbers, Least.Major, Least.Minor) switch
        {
            (0, _, _) => [],
            (1, _, _) or (_, > 0, _) => BelowMajor(),
            (2, _, _) or (_, _, > 0) => BelowMinor(),
            _ => Least.Patch == ulong.MaxValue ? [] : [new Bound(Relation.Less, Of(0, 0, Least.Patch + 1, "-0"))],
        };

        // There is nothing behind the greatest number, so nothing is left out.
        private IReadOnlyList<Bound> BelowMajor() => Least.Major == ulong.MaxValue ? [] : [new Bound(Relation.Less, Of(Least.Major + 1, 0, 0, "-0"))];

        private IReadOnlyList<Bound> BelowMinor() => Least.Minor == ulong.MaxValue ? BelowMajor() : [new Bound(Relation.Less, Of(Least.Major, Least.Minor + 1, 0, "-0"))];

        private static SemanticVersion Of(ulong major, ulong minor, ulong patch, string preRelease) => SemanticVersion.Parse($"{major}.{minor}.{patch}{preRelease}");
    }
}
