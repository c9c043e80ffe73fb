using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;

namespace Stoa.Market.Tests.Identity.SecondFactor;

public sealed class SecondFactorRulesTests
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("12345678901234567890");
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly OneTimeCode Recovery = OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, new Random(1));
    private static readonly OneTimeCode Other = OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, new Random(2));

    private static TotpFactor Fresh => new(Secret, 0, 0, null, [Recovery.Hash, Other.Hash]);

    [Fact]
    public void RightCode_OpensOnce()
    {
        var code = Totp.Compute(Secret, Totp.StepOf(Now));

        var first = SecondFactorRules.Check(Fresh, code, Now);
        var second = SecondFactorRules.Check(first.After, code, Now);

        first.Refusal.ShouldBeNull();
        second.Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
    }

    [Fact]
    public void RecoveryCode_InWhateverForm_OpensOnce()
    {
        var first = SecondFactorRules.Check(Fresh, Recovery.Text.ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal), Now);

        first.Refusal.ShouldBeNull();
        first.UsedRecoveryCode.ShouldBe(Recovery.Hash);
        first.After.RecoveryCodes.ShouldBe([Other.Hash]);
        SecondFactorRules.Check(first.After, Recovery.Text, Now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
        SecondFactorRules.Check(first.After, Other.Text, Now).Refusal.ShouldBeNull();
    }

    [Fact]
    public void FiveWrongCodes_LockOutTheRightOne_ForAsLongAsIsSaid()
    {
        var factor = Fresh;
        for (var wrong = 0; wrong < SecondFactorRules.FailuresMax; wrong++)
        {
            var check = SecondFactorRules.Check(factor, "000000", Now);
            check.Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
            factor = check.After;
        }

        Right(factor, Now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        Right(factor, Now).After.ShouldBe(factor);
        SecondFactorRules.Check(factor, Recovery.Text, Now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        Right(factor, Now.AddMinutes(5).AddMilliseconds(-1)).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        var opened = Right(factor, Now.AddMinutes(5));
        opened.Refusal.ShouldBeNull();
        opened.After.Failures.ShouldBe(0);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 5)]
    [InlineData(6, 10)]
    [InlineData(8, 40)]
    [InlineData(9, 60)]
    [InlineData(1_000_000, 60)]
    public void Wait_DoublesUpToAnHour(int failures, int minutes) => SecondFactorRules.WaitAfter(failures).ShouldBe(TimeSpan.FromMinutes(minutes));

    [Fact]
    public void ClockThatIsSetBack_LocksNobodyOutForLonger()
    {
        var factor = Fresh with { Failures = 5, FailedAt = Now.AddDays(1) };

        Right(factor, Now).Refusal.ShouldBeNull();
    }

    private static SecondFactorCheck Right(TotpFactor factor, DateTimeOffset now) =>
        SecondFactorRules.Check(factor, Totp.Compute(Secret, Totp.StepOf(now)), now);
}
