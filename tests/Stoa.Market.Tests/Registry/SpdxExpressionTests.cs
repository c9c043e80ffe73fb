using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

public sealed class SpdxExpressionTests
{
    [Theory]
    [InlineData("MIT", "mit")]
    [InlineData("GPL-2.0+", "gpl-2.0+")]
    [InlineData("Apache-2.0 OR MIT", "apache-2.0 mit")]
    [InlineData("(MIT AND (Apache-2.0 OR BSD-3-Clause))", "mit apache-2.0 bsd-3-clause")]
    [InlineData("GPL-2.0-only WITH Classpath-exception-2.0", "gpl-2.0-only")]
    [InlineData("LicenseRef-house AND MIT OR mit", "licenseref-house mit")]
    [InlineData("DocumentRef-other:LicenseRef-house", "documentref-other:licenseref-house")]
    public void Expression_NamesItsLicences(string text, string licences)
    {
        SpdxExpression.IsValid(text).ShouldBeTrue();
        string.Join(' ', SpdxExpression.LicencesOf(text)).ShouldBe(licences);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" MIT")]
    [InlineData("MIT Apache-2.0")]
    [InlineData("MIT OR")]
    [InlineData("OR MIT")]
    [InlineData("AND")]
    [InlineData("(MIT")]
    [InlineData("MIT)")]
    [InlineData("()")]
    [InlineData("MIT WITH")]
    [InlineData("MIT WITH OR")]
    [InlineData("MIT, Apache")]
    [InlineData("MIT/X11")]
    [InlineData("other:LicenseRef-x")]
    [InlineData("+")]
    public void Text_ThatIsNoExpression_IsRefused(string text) => SpdxExpression.IsValid(text).ShouldBeFalse();

    [Fact]
    public void Expression_ThatIsLong_IsRefused() => SpdxExpression.IsValid(new string('(', 64) + "MIT" + new string(')', 64)).ShouldBeFalse();
}
