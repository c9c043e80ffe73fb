using System.Globalization;
using System.Text;
using Stoa.Market.Identity;

namespace Stoa.Market.SingleSignOn;

/// <summary>The handle of an account that a first sign-in makes.</summary>
public static class ProvenHandle
{
    /// <summary>Handles that are tried, of which the last is taken by nobody who did not guess it.</summary>
    public const int CandidatesMax = 20;

    private const int HandleLengthMax = 39;
    private const int SuffixLengthMax = 9;
    private const string Unnamed = "member";

    // What Unicode takes apart into a letter and marks: .NET without the data of cultures takes nothing apart.
    private static readonly string[] s_withMarks =
    [
        "aàáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ",
        "bḃḅḇ",
        "cçćĉċčḉ",
        "dďḋḍḏḑḓ",
        "eèéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ",
        "fḟ",
        "gĝğġģǧǵḡ",
        "hĥȟḣḥḧḩḫẖ",
        "iìíîïĩīĭįǐȉȋḭḯỉị",
        "jĵǰ",
        "kķǩḱḳḵ",
        "lĺļľḷḹḻḽ",
        "mḿṁṃ",
        "nñńņňǹṅṇṉṋ",
        "oòóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ",
        "pṕṗ",
        "rŕŗřȑȓṙṛṝṟ",
        "sśŝşšșṡṣṥṧṩ",
        "tţťțṫṭṯṱẗ",
        "uùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự",
        "vṽṿ",
        "wŵẁẃẅẇẉẘ",
        "xẋẍ",
        "yýÿŷȳẏẙỳỵỷỹ",
        "zźżžẑẓẕ",
    ];

    /// <summary>What is tried in turn: the preferred name or else what is before the @, in the characters that handles have; then the same with numbers.</summary>
    /// <param name="preferred">As the provider said it; null for nothing.</param>
    /// <param name="email">Of the person.</param>
    /// <param name="random">For the last one.</param>
    public static IEnumerable<string> Candidates(string? preferred, string email, Random random)
    {
        // A preferred name is often the address itself.
        var plain = Plain((preferred ?? email).Split('@')[0]) is { Length: > 1 } named ? named : Plain(email.Split('@')[0]);
        if (plain.Length < 2 || (plain + "-").StartsWith(ErasureRules.HandlePrefix, StringComparison.Ordinal))
            plain = Unnamed;
        if (!RegistrationRules.CheckHandle(plain).Any())
            yield return plain;
        for (var number = 2; number < CandidatesMax; number++)
            yield return string.Create(CultureInfo.InvariantCulture, $"{plain}-{number}");
        yield return string.Create(CultureInfo.InvariantCulture, $"{plain}-{random.Next(10_000_000, 100_000_000)}");
    }

    private static string Plain(string name)
    {
        var plain = new StringBuilder(HandleLengthMax);
        foreach (var letter in name)
        {
            var character = WithoutMarks(letter);
            if (plain.Length == HandleLengthMax - SuffixLengthMax)
                break;
            if (char.IsAsciiLetterOrDigit(character))
                plain.Append(char.ToLowerInvariant(character));
            else if (character is '.' or '_' or '-' or ' ' or '+' && plain is [.., not '-'])
                plain.Append('-');
        }

        return plain.ToString().Trim('-');
    }

    /// <summary>An accented letter is that letter: Zoë is zoe, and not zo.</summary>
    private static char WithoutMarks(char letter) =>
        !char.IsAscii(letter) && s_withMarks.FirstOrDefault(row => row.Contains(char.ToLowerInvariant(letter), StringComparison.Ordinal)) is { } row ? row[0] : letter;
}
