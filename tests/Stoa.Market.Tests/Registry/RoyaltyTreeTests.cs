using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry;

public sealed class RoyaltyTreeTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new Random(1));
    private static readonly RoyaltyTree s_eve = Leaf("eve", "ben/fast@2.0.0");
    private static readonly RoyaltyTree s_base = new(s_ids.Next<User>(), "ada", ListingName.Parse("ada/base@1.0.0"), [new(500, Leaf("cy", "ada/base@1.0.0"))]);
    private static readonly RoyaltyTree s_fast = new(s_ids.Next<User>(), "ben", ListingName.Parse("ben/fast@2.0.0"), [new(100, s_eve), new(250, s_base)]);

    [Theory]
    [InlineData(1_000, "ben 650, eve 100, ada 125, cy 125")]
    [InlineData(10, "ben 7, eve 1, ada 1, cy 1")]
    [InlineData(1, "ben 1")]
    [InlineData(0, "")]
    public void Split_AlongTheTree_GoesByLargestRemainderAtEachLevel(long nanodollars, string parts) =>
        string.Join(", ", s_fast.Split(new Money(nanodollars)).Select(part => $"{part.Handle} {part.Amount.Nanodollars}")).ShouldBe(parts);

    [Fact]
    public void Split_OfOnesOwnRoyalty_IsOnePart()
    {
        var own = s_base with { Branches = [new(300, new RoyaltyTree(s_base.Payee, "ada", s_base.Agent, []))] };

        own.Split(new Money(999)).ShouldBe([new RoyaltyPart(s_base.Payee, "ada", s_base.Agent, new Money(999))]);
    }

    [Fact]
    public void Split_OfAnyAmountAlongAnyTree_SumsToTheAmount()
    {
        var random = new Random(7);
        for (var round = 0; round < 2_000; round++)
        {
            var (tree, amount) = (Any(random, depth: 4), new Money(random.NextInt64(long.MaxValue)));

            var parts = tree.Split(amount);

            parts.Aggregate((Int128)0, (sum, part) => sum + part.Amount.Nanodollars).ShouldBe(amount.Nanodollars, $"round {round}");
            parts.ShouldAllBe(part => part.Amount > Money.Zero);
            parts.Select(part => part.Payee).ShouldBeSubsetOf(tree.Payees);
        }
    }

    [Fact]
    public void Tree_CountsItsLevelsAndParts() => (s_fast.Levels, s_fast.Parts, s_fast.Payees.Count()).ShouldBe((3, 4, 4));

    private static RoyaltyTree Leaf(string handle, string agent) => new(s_ids.Next<User>(), handle, ListingName.Parse(agent), []);

    private static RoyaltyTree Any(Random random, int depth)
    {
        var left = RoyaltyTerm.Whole;
        var branches = new List<RoyaltyBranch>();
        for (var count = depth == 0 ? 0 : random.Next(4); count > 0 && left > 0; count--)
        {
            var permille = random.Next(1, left + 1);
            left -= permille;
            branches.Add(new RoyaltyBranch(permille, Any(random, depth - 1)));
        }

        return new RoyaltyTree(s_ids.Next<User>(), "someone", ListingName.Parse("someone/agent@1.0.0"), branches);
    }
}
