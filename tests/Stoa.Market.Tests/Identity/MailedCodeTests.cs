using Stoa.Market.Identity;

namespace Stoa.Market.Tests.Identity;

public sealed class MailedCodeTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly OneTimeCode s_code = OneTimeCode.Create(MailedCode.Groups, new Random(1));

    [Fact]
    public void Code_HasGroupsThatArePlainToRead()
    {
        s_code.Text.ShouldMatch("^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$");
        OneTimeCode.Create(4, new Random(1)).Text.Length.ShouldBe(19);
        OneTimeCode.Create(3, new Random(2)).Text.ShouldNotBe(s_code.Text);
        s_code.ToString().ShouldNotContain(s_code.Text[5..]);
    }

    [Theory]
    [InlineData(MailedCodePurpose.Verification, 24 * 60)]
    [InlineData(MailedCodePurpose.PasswordReset, 30)]
    [InlineData(MailedCodePurpose.HandedReset, 60)]
    public void Code_IsGoodUntilItsEnd(MailedCodePurpose purpose, int minutes)
    {
        var sent = MailedCode.Send(s_code, purpose, s_now);
        var typed = OneTimeCode.HashOf(" " + s_code.Text.ToUpperInvariant().Replace("-", "", StringComparison.Ordinal));

        sent.Admits(typed, s_now.AddMinutes(minutes).AddMilliseconds(-1)).ShouldBeTrue();
        sent.Admits(typed, s_now.AddMinutes(minutes)).ShouldBeFalse();
        (sent with { TriesLeft = 0 }).Admits(typed, s_now).ShouldBeFalse();
        sent.Admits(OneTimeCode.HashOf("aaaa-bbbb-cccc"), s_now).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(59, false)]
    [InlineData(60, true)]
    [InlineData(-3600, true)]
    public void Letters_HaveAPauseBetweenThem(int secondsLater, bool allowed) =>
        MailedCode.Send(s_code, MailedCodePurpose.Verification, s_now).AllowsAnother(s_now.AddSeconds(secondsLater)).ShouldBe(allowed);
}
