using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class RouteRulesTests
{
    private static readonly ListingName s_listing = ListingName.Parse("ada/tiny");

    [Theory]
    [InlineData("ada/tiny", true)]
    [InlineData("ada/tiny@^1 || 3.x", true)]
    [InlineData("auto", true)]
    [InlineData("auto:chat", true)]
    [InlineData("fast", false)]
    [InlineData("ada/", false)]
    [InlineData("", false)]
    public void Target_IsAModel_AndNoRoute(string model, bool isGood)
    {
        var errors = new List<FieldError>();

        var targets = RouteRules.ReadTargets([(model, 3)], null, errors);

        errors.Select(error => error.Pointer).ShouldBe(isGood ? [] : ["/targets/0/model"]);
        targets.Select(target => (target.Model.ToString(), target.Weight)).ShouldBe(isGood ? [(model, 3)] : []);
    }

    [Theory]
    [InlineData("ada/tiny", true)]
    [InlineData("ada/tiny@1.0.0", true)]
    [InlineData("ada/tiny@>=1.0.0 <2", true)]
    [InlineData("ada/big@1.0.0", false)]
    [InlineData("auto", false)]
    [InlineData("tiny", false)]
    public void Target_OfAListingsRoute_IsOfThatListing(string model, bool isGood)
    {
        var errors = new List<FieldError>();

        RouteRules.ReadTargets([(model, 1)], s_listing, errors);
        RouteRules.ReadAlternatives([model], s_listing, errors);

        errors.Select(error => error.Pointer).ShouldBe(isGood ? [] : ["/targets/0/model", "/alternatives/0"]);
    }

    [Fact]
    public void Numbers_AreBounded()
    {
        var errors = new List<FieldError>();
        RouteRules.ReadTargets([], null, errors);
        RouteRules.ReadTargets([.. Enumerable.Repeat(("auto", 1), ModelRoute.MostTargets + 1)], null, errors);
        RouteRules.ReadTargets([("auto", 0), ("auto", ModelRoute.MostWeight + 1), ("auto", ModelRoute.MostWeight)], null, errors);
        RouteRules.ReadAlternatives([.. Enumerable.Repeat("auto", ModelRoute.MostTargets + 1)], null, errors);
        RouteRules.ReadAlternatives([.. Enumerable.Repeat("auto", ModelRoute.MostTargets)], null, errors);
        errors.Select(error => error.Pointer).ShouldBe(["/targets", "/targets", "/targets/0/weight", "/targets/1/weight", "/alternatives"]);
    }
}
