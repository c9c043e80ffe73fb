using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

public sealed class SemanticRangeTests
{
    [Theory]
    [InlineData("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-rc.1 1.3.0-rc.1")]
    [InlineData("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2 1.0.0")]
    [InlineData("^0.0.3", "0.0.3", "0.0.4 0.0.2 0.1.0")]
    [InlineData("^0.0", "0.0.0 0.0.9", "0.1.0")]
    [InlineData("^0.x", "0.0.0 0.9.9", "1.0.0")]
    [InlineData("^1", "1.0.0 1.9.9", "2.0.0 0.9.0")]
    [InlineData("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2")]
    [InlineData("~1.2", "1.2.0 1.2.9", "1.3.0")]
    [InlineData("~1", "1.0.0 1.9.0", "2.0.0")]
    [InlineData("~0.0.1", "0.0.1 0.0.9", "0.1.0")]
    [InlineData(">=1.0.0 <2.0.0", "1.0.0 1.9.9", "2.0.0 0.9.9 1.5.0-rc.1")]
    [InlineData(">= 1.0.0 < 2.0.0", "1.0.0 1.9.9", "2.0.0")]
    [InlineData(">1.2", "1.3.0 2.0.0", "1.2.0 1.2.9")]
    [InlineData(">1.2.3", "1.2.4", "1.2.3")]
    [InlineData("<=1.2", "1.2.9 0.1.0", "1.3.0")]
    [InlineData("<1.2", "1.1.9", "1.2.0 1.2.0-rc.1")]
    [InlineData("1.x", "1.0.0 1.9.9", "2.0.0")]
    [InlineData("1.2.*", "1.2.0 1.2.9", "1.3.0")]
    [InlineData("1.2", "1.2.0 1.2.9", "1.3.0")]
    [InlineData("=1.2.3", "1.2.3", "1.2.4")]
    [InlineData("1.2.3", "1.2.3 1.2.3+build.7", "1.2.4 1.2.3-rc.1")]
    [InlineData("*", "0.0.0 9.9.9", "1.0.0-rc.1")]
    [InlineData("", "0.0.0 9.9.9", "1.0.0-rc.1")]
    [InlineData("1.2.0 - 1.4.0", "1.2.0 1.4.0", "1.4.1 1.1.9")]
    [InlineData("1.2 - 1.4", "1.2.0 1.4.9", "1.5.0")]
    [InlineData("1.2.0 || 3.x", "1.2.0 3.4.5", "1.2.1 2.0.0")]
    [InlineData("^1.2.0-rc.1", "1.2.0-rc.1 1.2.0-rc.2 1.2.0 1.9.0", "1.2.0-alpha 1.3.0-rc.1 2.0.0-0")]
    [InlineData("<*", "", "0.0.0 1.0.0")]
    [InlineData(">*", "", "0.0.0 1.0.0")]
    [InlineData("^18446744073709551615.0.0", "18446744073709551615.1.0", "1.0.0")]
    public void Range_TakesWhatNpmTakes(string range, string takes, string refuses)
    {
        var read = SemanticRange.Parse(range);
        foreach (var version in takes.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            read.Takes(SemanticVersion.Parse(version)).ShouldBeTrue($"{range} takes {version}");
        foreach (var version in refuses.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            read.Takes(SemanticVersion.Parse(version)).ShouldBeFalse($"{range} does not take {version}");
    }

    [Theory]
    [InlineData("one")]
    [InlineData("1.2.3.4")]
    [InlineData("^")]
    [InlineData(">>1.0.0")]
    [InlineData("1.x.3")]
    [InlineData("01.0.0")]
    [InlineData("1.0.0 -")]
    [InlineData("-1")]
    [InlineData("1.0.0 | 2.0.0")]
    [InlineData("99999999999999999999.0.0")]
    public void TryParse_OfWhatIsNone_Refuses(string text) => SemanticRange.TryParse(text, null, out _).ShouldBeFalse();

    [Fact]
    public void TryParse_OfVeryMuch_Refuses()
    {
        SemanticRange.TryParse(new string(' ', SemanticRange.MaxLength + 1), null, out _).ShouldBeFalse();
        SemanticRange.TryParse(string.Join("||", Enumerable.Repeat("~1", 65)), null, out _).ShouldBeFalse();
    }

    [Fact]
    public void ToString_ReadAgain_IsTheSame()
    {
        var range = SemanticRange.Parse("  >=1.0.0   <2.0.0 ||  3.x ");
        SemanticRange.Parse(range.ToString()).ShouldBe(range);
    }
}
