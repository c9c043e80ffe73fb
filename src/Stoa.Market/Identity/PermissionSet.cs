using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Stoa.Market.Identity;

/// <summary>Several permissions. As text they are words with a blank between, as in the scope of OAuth (RFC 6749 section 3.3).</summary>
/// <param name="Bits">One bit a permission.</param>
public readonly record struct PermissionSet(ulong Bits) : IParsable<PermissionSet>
{
    private static readonly Permission[] s_all = Enum.GetValues<Permission>();
    private static readonly Dictionary<string, Permission> s_byWord = s_all.ToDictionary(WordOf, StringComparer.Ordinal);

    /// <summary>Every permission.</summary>
    public static PermissionSet All { get; } = Of(s_all);

    /// <summary>How many.</summary>
    public int Count => BitOperations.PopCount(Bits);

    /// <summary>Those in it, in the order of the enum.</summary>
    public IEnumerable<Permission> Permissions
    {
        get
        {
            var bits = Bits;
            return s_all.Where(permission => (bits & BitOf(permission)) != 0);
        }
    }

    /// <summary>A set of these.</summary>
    public static PermissionSet Of(params ReadOnlySpan<Permission> permissions)
    {
        var bits = 0UL;
        foreach (var permission in permissions)
            bits |= BitOf(permission);
        return new PermissionSet(bits);
    }

    /// <summary>The word of a permission on the wire: <c>tasks:read</c>.</summary>
    public static string WordOf(Permission permission)
    {
        var name = permission.ToString();
        var second = name.Length - 1;
        while (!char.IsAsciiLetterUpper(name[second]))
            second--;
        return $"{name[..second].ToLowerInvariant()}:{name[second..].ToLowerInvariant()}";
    }

    /// <summary>The permission of a word.</summary>
    public static bool TryParseWord(string word, out Permission permission) => s_byWord.TryGetValue(word, out permission);

    /// <summary>Whether it is in the set.</summary>
    public bool Contains(Permission permission) => (Bits & BitOf(permission)) != 0;

    /// <summary>Whether all of it is in the other.</summary>
    public bool IsWithin(PermissionSet other) => (Bits & ~other.Bits) == 0;

    /// <summary>What is in both.</summary>
    public PermissionSet And(PermissionSet other) => new(Bits & other.Bits);

    /// <summary>What is in this and not in the other.</summary>
    public PermissionSet Without(PermissionSet other) => new(Bits & ~other.Bits);

    public override string ToString() => string.Join(' ', Permissions.Select(WordOf));

    /// <inheritdoc/>
    public static PermissionSet Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var set) ? set : throw new FormatException($"'{s}' is no list of permissions.");

    /// <summary>Reads words with blanks between; false when one of them is no permission.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out PermissionSet result)
    {
        result = default;
        if (s is null)
            return false;
        var bits = 0UL;
        foreach (var word in s.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryParseWord(word, out var permission))
                return false;
            bits |= BitOf(permission);
        }

        result = new PermissionSet(bits);
        return true;
    }

    private static ulong BitOf(Permission permission) => 1UL << (int)permission;
}
