using Stoa.Market.Identity;

namespace Stoa.Market.Tests.Identity;

public sealed class MailedCodeTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly OneTimeCode Code = OneTimeCode.Create(MailedCode.Groups, new Random(1));

    [Fact]
    public void Code_HasGroupsThatArePlainToRead()
    {
        Code.Text.ShouldMatch("^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$");
        OneTimeCode.Create(4, new Random(1)).Text.Length.ShouldBe(19);
        OneTimeCode.Create(3, new Random(2)).Text.ShouldNotBe(Code.Text);
        Code.ToString().ShouldNotContain(Code.Text[5..]);
    }

    [Theory]
    [InlineData(MailedCodePurpose.Verification, 24 * 60)]
    [InlineData(MailedCodePurpose.PasswordReset, 30)]
    public void Code_IsGoodUntilItsEnd(MailedCodePurpose purpose, int minutes)
    {
        var sent = MailedCode.Send(Code, purpose, Now);
        var typed = OneTimeCode.HashOf(" " + Code.Text.ToUpperInvariant().Replace("-", "", StringComparison.Ordinal));

        sent.Admits(typed, Now.AddMinutes(minutes).AddMilliseconds(-1)).ShouldBeTrue();
        sent.Admits(typed, Now.AddMinutes(minutes)).ShouldBeFalse();
        (sent with { TriesLeft = 0 }).Admits(typed, Now).ShouldBeFalse();
        sent.Admits(OneTimeCode.HashOf("aaaa-bbbb-cccc"), Now).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(59, false)]
    [InlineData(60, true)]
    [InlineData(-3600, true)]
    public void Letters_HaveAPauseBetweenThem(int secondsLater, bool allowed) =>
        MailedCode.Send(Code, MailedCodePurpose.Verification, Now).AllowsAnother(Now.AddSeconds(secondsLater)).ShouldBe(allowed);
}
