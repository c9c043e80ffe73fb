using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class ReplicaRulesTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8080/v1", true)]
    [InlineData("https://models.example.org", true)]
    [InlineData("http://[::1]:8080/a/b/v1/", true)]
    [InlineData("ftp://127.0.0.1/v1", false)]
    [InlineData("file:///v1", false)]
    [InlineData("/v1", false)]
    [InlineData("", false)]
    [InlineData("http://", false)]
    [InlineData("http://user@127.0.0.1/v1", false)]
    [InlineData("http://127.0.0.1/v1?key=1", false)]
    [InlineData("http://127.0.0.1/v1#part", false)]
    public void Address_IsOfHttpAndHoldsNothingElse(string text, bool isGood)
    {
        var errors = new List<FieldError>();

        var address = ReplicaRules.ReadAddress(text, errors);

        (address is not null, errors.Count).ShouldBe((isGood, isGood ? 0 : 1));
    }

    [Theory]
    [InlineData("0", true)]
    [InlineData("0.000000001", true)]
    [InlineData("1000000", true)]
    [InlineData("1000000.01", false)]
    [InlineData("-0.01", false)]
    [InlineData("1.0000000001", false)]
    [InlineData("free", false)]
    public void Price_IsAnAmountThatSumsStayInRangeWith(string text, bool isGood)
    {
        var errors = new List<FieldError>();

        var price = ReplicaRules.ReadPrice(text, "/p", errors);

        errors.Count.ShouldBe(isGood ? 0 : 1);
        price.ShouldBe(isGood ? Money.Parse(text) : Money.Zero);
    }

    [Theory]
    [InlineData("sk-abc_123.~", true)]
    [InlineData("", true)]
    [InlineData("two words", false)]
    [InlineData("line\nbreak", false)]
    [InlineData("schlüssel", false)]
    public void Key_IsWhatAHeaderCanHold(string key, bool isGood)
    {
        var errors = new List<FieldError>();
        ReplicaRules.Check(null, key, null, null, null, errors);
        errors.Select(error => error.Pointer).ShouldBe(isGood ? [] : ["/apiKey"]);
    }

    [Fact]
    public void Bounds_AreHeld()
    {
        var errors = new List<FieldError>();
        ReplicaRules.Check("m", null, "eu-central", 1, 1, errors);
        ReplicaRules.Check(new string('m', ReplicaRules.MaxUpstreamModelLength), null, "", Replica.MostWeight, Replica.MostRequests, errors);
        errors.ShouldBeEmpty();
        ReplicaRules.Check("", new string('k', ReplicaRules.MaxKeyLength + 1), "EU", 0, 0, errors);
        ReplicaRules.Check("a\tb", null, null, Replica.MostWeight + 1, Replica.MostRequests + 1, errors);
        errors.Select(error => error.Pointer).ShouldBe(["/upstreamModel", "/apiKey", "/region", "/weight", "/maxRequests", "/upstreamModel", "/weight", "/maxRequests"]);
    }
}
