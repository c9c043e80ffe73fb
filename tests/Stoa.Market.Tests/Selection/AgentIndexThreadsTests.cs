using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>Choices beside changes: readers take no lock, so they must stand whatever they meet.</summary>
public sealed class AgentIndexThreadsTests
{
    private const int Agents = 3_000;

    [Fact]
    public async Task Choose_WhileAgentsChange_ListsOnlyWhoFitsAndNobodyTwice()
    {
        var stop = TestContext.Current.CancellationToken;
        var market = new Market();
        IndexedAgent[] cheap = [.. Enumerable.Range(0, Agents).Select(number => market.Publish($"pub{number % 50}/agent-{number}", $"0.00{1 + (number % 9)}"))];
        var changing = Task.Run(() =>
        {
            for (var turn = 1; turn <= 40_000; turn++)
            {
                var agent = cheap[turn * 7 % Agents];
                // Every third is for a while without the capability, and then has it again in another place; every fifth costs too much.
                market.Index.Put(agent with
                {
                    Capabilities = turn % 3 == 0 ? ["text.lower"] : ["text.upper"],
                    Price = turn % 5 == 0 ? agent.Price with { Base = Money.Parse("2") } : agent.Price,
                });
                var weight = turn * Decay.WeightAt(Market.Start);
                market.Index.Set(new AgentStats { Agent = agent.Name, Successes = weight, Runs = weight, Seconds = weight, Had = weight, Revision = turn });
            }
        }, stop);

        var choices = await Task.WhenAll(Enumerable.Range(0, 2).Select(seed => Task.Run(() =>
        {
            var random = new Random(seed);
            var count = 0;
            do
            {
                var choice = market.Choose(random, budget: "1", explores: false);
                count++;
                choice.Candidates.Select(candidate => candidate.Agent.Name).Distinct().Count().ShouldBe(choice.Candidates.Count);
                choice.Candidates.ShouldAllBe(candidate => candidate.PriceAtLimits <= Money.Parse("1") && candidate.Agent.Capabilities.Contains("text.upper"));
                choice.CandidateCount.ShouldBeInRange(Agents / 4, Agents);
            }
            while (!changing.IsCompleted);
            return count;
        }, stop)));
        await changing;

        choices.ShouldAllBe(count => count > 0);
        var after = market.Choose(budget: "1");
        (after.CandidateCount + after.UnfitCounts.Values.Sum()).ShouldBe(
            cheap.Count(agent => market.Index.StatsOf(agent.Name) is not { } stats || stats.Revision % 3 != 0));
    }
}
