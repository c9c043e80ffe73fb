using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;

namespace Stoa.Market.Tests.Identity.SecondFactor;

public sealed class SecondFactorRulesTests
{
    private static readonly byte[] s_secret = Encoding.ASCII.GetBytes("12345678901234567890");
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly OneTimeCode s_recovery = OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, new Random(1));
    private static readonly OneTimeCode s_other = OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, new Random(2));

    private static TotpFactor Fresh => new(s_secret, 0, 0, null, [s_recovery.Hash, s_other.Hash]);

    [Fact]
    public void RightCode_OpensOnce()
    {
        var code = Totp.Compute(s_secret, Totp.StepOf(s_now));

        var first = SecondFactorRules.Check(Fresh, code, s_now);
        var second = SecondFactorRules.Check(first.After, code, s_now);

        first.Refusal.ShouldBeNull();
        second.Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
    }

    [Fact]
    public void RecoveryCode_InWhateverForm_OpensOnce()
    {
        var first = SecondFactorRules.Check(Fresh, s_recovery.Text.ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal), s_now);

        first.Refusal.ShouldBeNull();
        first.UsedRecoveryCode.ShouldBe(s_recovery.Hash);
        first.After.RecoveryCodes.ShouldBe([s_other.Hash]);
        SecondFactorRules.Check(first.After, s_recovery.Text, s_now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
        SecondFactorRules.Check(first.After, s_other.Text, s_now).Refusal.ShouldBeNull();
    }

    [Fact]
    public void FiveWrongCodes_LockOutTheRightOne_ForAsLongAsIsSaid()
    {
        var factor = Fresh;
        for (var wrong = 0; wrong < SecondFactorRules.FailuresMax; wrong++)
        {
            var check = SecondFactorRules.Check(factor, "000000", s_now);
            check.Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorWrong);
            factor = check.After;
        }

        Right(factor, s_now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        Right(factor, s_now).After.ShouldBe(factor);
        SecondFactorRules.Check(factor, s_recovery.Text, s_now).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        Right(factor, s_now.AddMinutes(5).AddMilliseconds(-1)).Refusal!.Code.ShouldBe(AccountRefusal.SecondFactorLocked);
        var opened = Right(factor, s_now.AddMinutes(5));
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
        var factor = Fresh with { Failures = 5, FailedAt = s_now.AddDays(1) };

        Right(factor, s_now).Refusal.ShouldBeNull();
    }

    private static SecondFactorCheck Right(TotpFactor factor, DateTimeOffset now) =>
        SecondFactorRules.Check(factor, Totp.Compute(s_secret, Totp.StepOf(now)), now);
}
