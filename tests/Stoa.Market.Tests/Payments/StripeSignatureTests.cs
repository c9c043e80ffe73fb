using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Payments;

namespace Stoa.Market.Tests.Payments;

public sealed class StripeSignatureTests
{
    private const string Secret = "whsec_one";
    private const string Body = """{"id":"evt_1","object":"event"}""";
    private const long At = 1_700_000_000;

    private static readonly string s_good = Sign(Secret, Body, At);

    public static TheoryData<string, string, SignatureVerdict> Headers => new()
    {
        { "good", $"t={At},v1={s_good}", SignatureVerdict.Valid },
        { "with an older scheme beside it", $"t={At},v1={s_good},v0={new string('a', 64)}", SignatureVerdict.Valid },
        { "two secrets at a rollover", $"t={At},v1={Sign("whsec_other", Body, At)},v1={s_good}", SignatureVerdict.Valid },
        { "with blanks", $"t={At}, v1={s_good}", SignatureVerdict.Valid },
        { "in capitals", $"t={At},v1={s_good.ToUpperInvariant()}", SignatureVerdict.Valid },
        { "by another secret", $"t={At},v1={Sign("whsec_other", Body, At)}", SignatureVerdict.NoMatch },
        { "of another body", $"t={At},v1={Sign(Secret, Body + " ", At)}", SignatureVerdict.NoMatch },
        { "of another time", $"t={At + 1},v1={s_good}", SignatureVerdict.NoMatch },
        { "old and good", $"t={At - 301},v1={Sign(Secret, Body, At - 301)}", SignatureVerdict.OutOfTolerance },
        { "just young enough", $"t={At - 300},v1={Sign(Secret, Body, At - 300)}", SignatureVerdict.Valid },
        { "of the future", $"t={At + 301},v1={Sign(Secret, Body, At + 301)}", SignatureVerdict.OutOfTolerance },
        { "only an older scheme", $"t={At},v0={s_good}", SignatureVerdict.HeaderInvalid },
        { "no time", $"v1={s_good}", SignatureVerdict.HeaderInvalid },
        { "two times", $"t={At},t={At},v1={s_good}", SignatureVerdict.HeaderInvalid },
        { "a time that is none", $"t=-1,v1={s_good}", SignatureVerdict.HeaderInvalid },
        { "a time that is too long", $"t={new string('9', 40)},v1={s_good}", SignatureVerdict.HeaderInvalid },
        { "half a signature", $"t={At},v1={s_good[..32]}", SignatureVerdict.HeaderInvalid },
        { "no hexadecimal", $"t={At},v1={new string('g', 64)}", SignatureVerdict.HeaderInvalid },
        { "no pair", "nonsense", SignatureVerdict.HeaderInvalid },
        { "empty", "", SignatureVerdict.HeaderInvalid },
        { "too many", $"t={At}" + string.Concat(Enumerable.Repeat($",v1={s_good}", 17)), SignatureVerdict.HeaderInvalid },
        { "too long", $"t={At},v1={s_good},x={new string('x', 5_000)}", SignatureVerdict.HeaderInvalid },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Header_OfAnyKind_IsTakenOnlyWhenItIsFreshAndMadeByASecret(string what, string header, SignatureVerdict verdict) =>
        StripeSignature.Check(header, Encoding.UTF8.GetBytes(Body), [Secret], Now).ShouldBe(verdict, what);

    [Fact]
    public void Header_ThatIsMissing_IsInvalid() => StripeSignature.Check(null, [], [Secret], Now).ShouldBe(SignatureVerdict.HeaderInvalid);

    [Fact]
    public void Secrets_WhileOneIsRolled_AreEachGoodEnough()
    {
        foreach (var secret in new[] { "whsec_old", "whsec_new" })
            StripeSignature.Check($"t={At},v1={Sign(secret, Body, At)}", Encoding.UTF8.GetBytes(Body), ["whsec_old", "whsec_new"], Now).ShouldBe(SignatureVerdict.Valid);
        StripeSignature.Check($"t={At},v1={s_good}", Encoding.UTF8.GetBytes(Body), [], Now).ShouldBe(SignatureVerdict.NoMatch);
    }

    private static DateTimeOffset Now => DateTimeOffset.FromUnixTimeSeconds(At);

    private static string Sign(string secret, string body, long at) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{at}.{body}")));
}
