using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Tests.Registry.Discovery;

public sealed class UsedTogetherTests
{
    [Fact]
    public void Pair_ThatEnoughConsumersShare_IsTold_AndNoOther()
    {
        var uses = new List<(string Consumer, string Agent)>();
        for (var consumer = 0; consumer < 5; consumer++)
            uses.AddRange([($"c{consumer}", "ann/resize"), ($"c{consumer}", "ann/crop")]);
        // Four share the third with the others: one too few.
        for (var consumer = 0; consumer < 4; consumer++)
            uses.Add(($"c{consumer}", "bob/secret"));
        uses.Add(("c9", "bob/secret"));

        var found = UsedTogether.Of(uses, leastConsumers: 5);

        found.With("ann/resize").ShouldBe(["ann/crop"]);
        found.With("ann/crop").ShouldBe(["ann/resize"]);
        found.With("bob/secret").ShouldBeEmpty();
        found.With("nobody/none").ShouldBeEmpty();
        UsedTogether.Of(uses, leastConsumers: 4).With("bob/secret").ShouldBe(["ann/crop", "ann/resize"]);
    }

    [Fact]
    public void Pairs_ArePutInOrder_ByHowMuchOfTheirUseIsCommon()
    {
        var uses = new List<(string Consumer, string Agent)>();
        for (var consumer = 0; consumer < 6; consumer++)
            uses.AddRange([($"c{consumer}", "ann/one"), ($"c{consumer}", "ann/everywhere"), ($"c{consumer}", "ann/beside")]);
        for (var consumer = 6; consumer < 60; consumer++)
            uses.Add(($"c{consumer}", "ann/everywhere"));

        UsedTogether.Of(uses, 3).With("ann/one").ShouldBe(["ann/beside", "ann/everywhere"]);
    }

    [Fact]
    public void Consumer_WhoUsesEverything_CountsForWhatHeUsesMost_AndNoMoreAreNamedThanTen()
    {
        var uses = Enumerable.Range(0, 2).SelectMany(consumer => Enumerable.Range(0, UsedTogether.MostOfConsumer + 5).Select(agent => ($"c{consumer}", $"ann/a{agent}")));

        var found = UsedTogether.Of(uses, 2);

        found.With("ann/a0").Count.ShouldBe(UsedTogether.MostBeside);
        found.With($"ann/a{UsedTogether.MostOfConsumer}").ShouldBeEmpty();
    }
}
