using Stoa.Market.Inference;

namespace Stoa.Market.Tests.Inference;

public sealed class ModelAddressTests
{
    [Theory]
    [InlineData("acme/llama", "acme/llama@*")]
    [InlineData("acme/llama@^1.2.0", "acme/llama@^1.2.0")]
    [InlineData("acme/llama@1.0.0", "acme/llama@1.0.0")]
    [InlineData("auto", "auto:")]
    [InlineData("auto:chat", "auto:chat")]
    [InlineData("auto:chat,code", "auto:chat,code")]
    [InlineData("gpt-4o", "route gpt-4o")]
    [InlineData("llama3.1:8b", "route llama3.1:8b")]
    public void Address_OfAForm_IsRead(string text, string expected)
    {
        ModelAddress.TryParse(text, out var address).ShouldBeTrue();

        Describe(address).ShouldBe(expected);
        address.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/llama")]
    [InlineData("acme/")]
    [InlineData("acme/llama@next")]
    [InlineData("acme/llama/more")]
    [InlineData("auto:")]
    [InlineData("auto:chat,")]
    [InlineData("auto:Chat")]
    [InlineData("a name")]
    [InlineData("-name")]
    [InlineData("näme")]
    public void Address_OfNoForm_IsRefused(string? text) => ModelAddress.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Address_ThatIsLong_IsRefused() => ModelAddress.TryParse(new string('a', ModelAddress.MaxLength + 1), out _).ShouldBeFalse();

    [Theory]
    [InlineData("gpt-4o", true)]
    [InlineData("auto", false)]
    [InlineData("auto:chat", false)]
    [InlineData("automatic", true)]
    [InlineData("acme/llama", false)]
    public void RouteName_IsOneThatNothingElseIsNamedBy(string name, bool expected) => ModelAddress.IsRouteName(name).ShouldBe(expected);

    private static string Describe(ModelAddress address) => address switch
    {
        ModelAddress.ByListing listing => $"{listing.Listing}@{listing.Range}",
        ModelAddress.ByCapability capability => $"auto:{string.Join(',', capability.Capabilities)}",
        ModelAddress.ByRoute route => $"route {route.Name}",
        _ => "",
    };
}
