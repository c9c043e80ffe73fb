using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

public sealed class SemanticVersionTests
{
    /// <summary>The order of section 11 of semver.org 2.0.0.</summary>
    private static readonly string[] s_ordered =
    [
        "0.0.1", "0.1.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "1.9.0", "1.10.0", "2.0.0", "2.1.0", "2.1.1",
    ];

    [Fact]
    public void CompareTo_FollowsPrecedence()
    {
        var versions = s_ordered.Select(text => SemanticVersion.Parse(text)).ToArray();
        for (var i = 0; i < versions.Length; i++)
        {
            for (var j = 0; j < versions.Length; j++)
                Math.Sign(versions[i].CompareTo(versions[j])).ShouldBe(Math.Sign(i.CompareTo(j)), $"{versions[i]} and {versions[j]}");
        }
    }

    [Theory]
    [InlineData("1.0.0")]
    [InlineData("1.0.0-0A.is.legal")]
    [InlineData("1.0.0+0.build.1-rc.10000aaa-kk-0.1")]
    [InlineData("1.0.0-alpha+beta")]
    public void Parse_ThenToString_IsTheSame(string text) => SemanticVersion.Parse(text).ToString().ShouldBe(text);

    [Theory]
    [InlineData("1")]
    [InlineData("1.2")]
    [InlineData("01.1.1")]
    [InlineData("1.2.3-0123")]
    [InlineData("1.2.3.DEV")]
    [InlineData("1.0.0-alpha..1")]
    [InlineData("1.0.0\n")]
    [InlineData("v1.0.0")]
    [InlineData("99999999999999999999.0.0")]
    public void Parse_OtherText_IsRefused(string text) => SemanticVersion.TryParse(text, null, out _).ShouldBeFalse();

    [Fact]
    public void CompareTo_BuildMetadata_HasNoInfluence() =>
        SemanticVersion.Parse("1.0.0+a").CompareTo(SemanticVersion.Parse("1.0.0+b")).ShouldBe(0);
}
