using Stoa.Market.Identity.SignIn;

namespace Stoa.Market.Tests.Identity.SignIn;

public sealed class SigningKeyRulesTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly SigningKeyRules s_rules = new(TimeSpan.FromDays(30), TimeSpan.FromMinutes(7), TimeSpan.FromMinutes(65));

    [Fact]
    public void FirstKey_SignsAtOnce() => s_rules.Due([], s_now).ShouldBe(new SigningTerm(1, s_now));

    [Fact]
    public void NextKey_IsMadeBeforeItSigns()
    {
        SigningTerm[] terms = [new(1, s_now)];
        var change = s_now.AddDays(30);

        s_rules.Due(terms, change.AddMinutes(-7).AddSeconds(-1)).ShouldBeNull();
        s_rules.Due(terms, change.AddMinutes(-7)).ShouldBe(new SigningTerm(2, change));
    }

    [Fact]
    public void NextKey_ThatIsLate_IsKnownBeforeItSignsAllTheSame() =>
        s_rules.Due([new(1, s_now)], s_now.AddDays(300)).ShouldBe(new SigningTerm(2, s_now.AddDays(300).AddMinutes(7)));

    [Fact]
    public void Signer_ChangesWhenTheTimeOfTheNewestHasCome()
    {
        SigningTerm[] terms = [new(4, s_now), new(5, s_now.AddDays(30))];

        SigningKeyRules.Signer(terms, s_now.AddDays(-1)).ShouldBe(4);
        SigningKeyRules.Signer(terms, s_now.AddDays(30).AddTicks(-1)).ShouldBe(4);
        SigningKeyRules.Signer(terms, s_now.AddDays(30)).ShouldBe(5);
    }

    [Fact]
    public void OldKey_IsKnownUntilItsTokensHaveEnded()
    {
        SigningTerm[] terms = [new(1, s_now), new(2, s_now.AddDays(30)), new(3, s_now.AddDays(60))];

        s_rules.Over(terms, s_now.AddDays(30).AddMinutes(65)).ShouldBeEmpty();
        s_rules.Over(terms, s_now.AddDays(30).AddMinutes(65).AddTicks(1)).ShouldBe([1L]);
        s_rules.Over(terms, s_now.AddDays(600)).ShouldBe([1L, 2L]);
    }
}
