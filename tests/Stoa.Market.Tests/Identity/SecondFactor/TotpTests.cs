using System.Text;
using Stoa.Market.Identity.SecondFactor;

namespace Stoa.Market.Tests.Identity.SecondFactor;

public sealed class TotpTests
{
    private static readonly byte[] s_secret = Encoding.ASCII.GetBytes("12345678901234567890");

    /// <summary>RFC 6238, appendix B, the rows of SHA-1.</summary>
    [Theory]
    [InlineData(59, "94287082")]
    [InlineData(1111111109, "07081804")]
    [InlineData(1111111111, "14050471")]
    [InlineData(1234567890, "89005924")]
    [InlineData(2000000000, "69279037")]
    [InlineData(20000000000, "65353130")]
    public void Compute_GivesTheVectorsOfTheStandard(long seconds, string code)
    {
        var step = Totp.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds));

        Totp.Compute(s_secret, step, digits: 8).ShouldBe(code);
        Totp.Compute(s_secret, step).ShouldBe(code[2..]);
    }

    [Theory]
    [InlineData(-2, false)]
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Match_TakesTheStepsAroundNow(int stepsAway, bool matches)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
        var step = Totp.StepOf(now) + stepsAway;

        Totp.Match(s_secret, Totp.Compute(s_secret, step), now, lastStep: 0).ShouldBe(matches ? step : null);
    }

    [Fact]
    public void Match_OfAStepThatWasUsed_OrOneBefore_IsNone()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
        var step = Totp.StepOf(now);

        Totp.Match(s_secret, Totp.Compute(s_secret, step), now, lastStep: step).ShouldBeNull();
        Totp.Match(s_secret, Totp.Compute(s_secret, step - 1), now, lastStep: step).ShouldBeNull();
        Totp.Match(s_secret, Totp.Compute(s_secret, step + 1), now, lastStep: step).ShouldBe(step + 1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("000000")]
    [InlineData("28708")]
    [InlineData("2870820")]
    [InlineData("２８７０８２")]
    public void Match_OfAnythingElse_IsNone(string code) =>
        Totp.Match(s_secret, code, DateTimeOffset.FromUnixTimeSeconds(59), lastStep: 0).ShouldBeNull();

    [Fact]
    public void Uri_IsWhatAuthenticatorsRead() =>
        Totp.ToUri(s_secret, "Stoa", "ada").ShouldBe("otpauth://totp/Stoa:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stoa&algorithm=SHA1&digits=6&period=30");
}
