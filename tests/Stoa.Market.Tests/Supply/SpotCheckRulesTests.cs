using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SpotCheckRulesTests
{
    [Theory]
    [InlineData("a1", "a1", null, SpotCheckOutcome.Confirmed)]
    [InlineData("a1", "b1", "b1", SpotCheckOutcome.Contradicted)]
    [InlineData("a1", "b1", "a1", SpotCheckOutcome.OtherContradicted)]
    [InlineData("a1", "b1", "c1", SpotCheckOutcome.Undecided)]
    [InlineData("a1", "b1", null, SpotCheckOutcome.Undecided)]
    // The same output for more fuel than it takes is paid too much for.
    [InlineData("a2", "a1", "a1", SpotCheckOutcome.Contradicted)]
    // A program that fails gives nothing.
    [InlineData("a1", "-0", "a1", SpotCheckOutcome.OtherContradicted)]
    public void Runs_AreJudgedByWhatAThirdOneSays(string first, string second, string? third, SpotCheckOutcome expected)
    {
        SpotCheckRules.Judge(Run(first), Run(second), third is null ? null : Run(third)).ShouldBe(expected);
        SpotCheckRules.NeedsThird(Run(first), Run(second)).ShouldBe(expected is not SpotCheckOutcome.Confirmed);
    }

    [Fact]
    public void Share_OfTasks_IsDrawn()
    {
        var random = new Random(7);

        Enumerable.Range(0, 10_000).Count(_ => SpotCheckRules.IsDrawn(0.02, random)).ShouldBeInRange(150, 250);
        Enumerable.Range(0, 1_000).Count(_ => SpotCheckRules.IsDrawn(0, random)).ShouldBe(0);
        Enumerable.Range(0, 1_000).Count(_ => SpotCheckRules.IsDrawn(1, random)).ShouldBe(1_000);
    }

    private static CheckedRun Run(string text) => new(text[0] == '-' ? null : ContentHash.Of([(byte)text[0]]), text[1] - '0');
}
