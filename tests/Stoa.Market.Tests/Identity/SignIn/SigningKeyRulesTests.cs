using Stoa.Market.Identity.SignIn;

namespace Stoa.Market.Tests.Identity.SignIn;

public sealed class SigningKeyRulesTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly SigningKeyRules Rules = new(TimeSpan.FromDays(30), TimeSpan.FromMinutes(7), TimeSpan.FromMinutes(65));

    [Fact]
    public void FirstKey_SignsAtOnce() => Rules.Due([], Now).ShouldBe(new SigningTerm(1, Now));

    [Fact]
    public void NextKey_IsMadeBeforeItSigns()
    {
        SigningTerm[] terms = [new(1, Now)];
        var change = Now.AddDays(30);

        Rules.Due(terms, change.AddMinutes(-7).AddSeconds(-1)).ShouldBeNull();
        Rules.Due(terms, change.AddMinutes(-7)).ShouldBe(new SigningTerm(2, change));
    }

    [Fact]
    public void NextKey_ThatIsLate_IsKnownBeforeItSignsAllTheSame() =>
        Rules.Due([new(1, Now)], Now.AddDays(300)).ShouldBe(new SigningTerm(2, Now.AddDays(300).AddMinutes(7)));

    [Fact]
    public void Signer_ChangesWhenTheTimeOfTheNewestHasCome()
    {
        SigningTerm[] terms = [new(4, Now), new(5, Now.AddDays(30))];

        SigningKeyRules.Signer(terms, Now.AddDays(-1)).ShouldBe(4);
        SigningKeyRules.Signer(terms, Now.AddDays(30).AddTicks(-1)).ShouldBe(4);
        SigningKeyRules.Signer(terms, Now.AddDays(30)).ShouldBe(5);
    }

    [Fact]
    public void OldKey_IsKnownUntilItsTokensHaveEnded()
    {
        SigningTerm[] terms = [new(1, Now), new(2, Now.AddDays(30)), new(3, Now.AddDays(60))];

        Rules.Over(terms, Now.AddDays(30).AddMinutes(65)).ShouldBeEmpty();
        Rules.Over(terms, Now.AddDays(30).AddMinutes(65).AddTicks(1)).ShouldBe([1L]);
        Rules.Over(terms, Now.AddDays(600)).ShouldBe([1L, 2L]);
    }
}
