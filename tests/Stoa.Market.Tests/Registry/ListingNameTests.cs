using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

public sealed class ListingNameTests
{
    [Theory]
    [InlineData("stoa/image-resize")]
    [InlineData("a1/bb@1.0.0-rc.1")]
    public void Parse_ThenToString_IsTheSame(string text) => ListingName.Parse(text).ToString().ShouldBe(text);

    [Theory]
    [InlineData("image-resize")]
    [InlineData("/image-resize")]
    [InlineData("stoa/")]
    [InlineData("stoa/a/b")]
    [InlineData("Stoa/image")]
    [InlineData("-stoa/image")]
    [InlineData("stoa/image-")]
    [InlineData("stoa/image@")]
    [InlineData("stoa/image@latest")]
    [InlineData("stoa/image@1.0.0@2.0.0")]
    public void Parse_OtherText_IsRefused(string text) => ListingName.TryParse(text, null, out _).ShouldBeFalse();
}
