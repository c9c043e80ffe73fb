using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Market.Tests.Selection;

/// <summary>The formula, and three games against it.</summary>
public sealed class ReputationTests
{
    private readonly Market _market = new();

    public ReputationTests()
    {
        // An ordinary market: one in ten fails.
        for (var i = 0; i < 5; i++)
        {
            _market.Publish($"ordinary{i}/agent");
            _market.Serve($"ordinary{i}/agent", 50, faults: 5);
        }

        _market.Publish("honest/agent");
        _market.Serve("honest/agent", 50);
        _market.Publish("mallory/agent");
    }

    [Fact]
    public void Reputation_OfAnUnknownAgent_IsThatOfItsCapability() => _market.ReputationOf("mallory/agent").ShouldBe(0.9, 0.05);

    [Fact]
    public void Reputation_OfManyCustomersServed_IsNearOne() => _market.ReputationOf("honest/agent").ShouldBeGreaterThan(0.985);

    [Fact]
    public void SelfDealing_GainsNothing()
    {
        var before = _market.ReputationOf("mallory/agent");

        _market.End("mallory/agent", _market.PublisherOf("mallory/agent"), count: 10_000, price: "1");

        _market.ReputationOf("mallory/agent").ShouldBe(before, 1e-6);
    }

    [Fact]
    public void OneAccountOfHisOwn_HoweverOftenItPays_CountsAsAFewCustomers()
    {
        _market.End("mallory/agent", TaskSamples.Ids.Next<User>(), count: 10_000);

        // Ten thousand receipts of an account that pays nobody else weigh less than those of nine customers.
        _market.ReputationOf("mallory/agent").ShouldBeLessThan(WithCustomers(9));
    }

    [Fact]
    public void Sybils_CountHalfAndOnlyForWhatTheyPay()
    {
        for (var i = 0; i < 20; i++)
            _market.End("mallory/agent", TaskSamples.Ids.Next<User>());

        _market.ReputationOf("mallory/agent").ShouldBe(WithCustomers(13), 0.01);
        // The twenty paid a cent each. For work of a dollar their word is worth a tenth of a receipt.
        _market.ReputationOf("mallory/agent", "1").ShouldBe(WithCustomers(0), 0.03);
    }

    [Fact]
    public void CheapTasks_AreNoEvidenceForDearOnes()
    {
        _market.Serve("mallory/agent", 500, price: "0.0001");
        var atACent = _market.ReputationOf("mallory/agent");
        var atADollar = _market.ReputationOf("mallory/agent", "1");

        atACent.ShouldBeGreaterThan(0.95);
        atADollar.ShouldBe(0.9, 0.05);
    }

    [Fact]
    public void Faults_CountInFullHoweverCheapTheTaskWas()
    {
        _market.Serve("mallory/agent", 50, price: "0.0001", faults: 25);

        _market.ReputationOf("mallory/agent", "1").ShouldBeLessThan(0.2);
    }

    [Fact]
    public void Faults_OfOnePayer_SinkAnAgentLessThanThoseOfMany()
    {
        _market.Publish("vera/victim");
        _market.Publish("willy/bad");
        _market.Serve("vera/victim", 30);
        _market.Serve("willy/bad", 30);
        _market.End("vera/victim", TaskSamples.Ids.Next<User>(), Verdict.Fault, count: 100);
        for (var i = 0; i < 100; i++)
            _market.End("willy/bad", _market.Customer(), Verdict.Fault);

        _market.ReputationOf("vera/victim").ShouldBeGreaterThan(0.85);
        _market.ReputationOf("willy/bad").ShouldBeLessThan(0.3);
    }

    [Fact]
    public void AnOldFault_CountsHalfAfterThirtyDays()
    {
        _market.Publish("olga/old");
        _market.Publish("nora/new");
        _market.Serve("olga/old", 20, faults: 20);
        _market.Now += Decay.HalfLife;
        _market.Serve("nora/new", 10, faults: 10);
        foreach (var agent in new[] { "olga/old", "nora/new" })
            _market.Index.AddLoad(agent, 0);

        // Twenty faults of a month ago weigh as ten of today.
        _market.Now += TimeSpan.FromDays(2);
        _market.ReputationOf("olga/old").ShouldBe(_market.ReputationOf("nora/new"), 0.001);
    }

    [Theory]
    [InlineData(0, 1, 1_000_000, 1.0)]
    [InlineData(0, 3, 1_000_000, 2.0)]
    [InlineData(0, 1023, 1_000_000, 10.0)]
    [InlineData(1, 1, 1_000_000, 0.585)]
    [InlineData(0, 1, 0, 0.5)]
    [InlineData(0, 1, 2, 0.75)]
    public void WeightOf_APayersReceipts_GrowsByTheLogarithm(double before, int more, int otherPublishers, double weight) =>
        Reputation.WeightOf(before, more, otherPublishers).ShouldBe(weight, 0.001);

    [Theory]
    [InlineData(2, 8)]
    [InlineData(0.1, 1.9)]
    [InlineData(40, 10)]
    public void Sample_OfABelief_HasItsMeanAndSpread(double failing, double succeeding)
    {
        var belief = new Belief(failing, succeeding);
        var random = new Random(3);
        var samples = Enumerable.Range(0, 40_000).Select(_ => belief.Sample(random)).ToList();

        var sum = failing + succeeding;
        samples.Average().ShouldBe(belief.Mean, 0.005);
        samples.Average(sample => Math.Pow(sample - belief.Mean, 2)).ShouldBe(failing * succeeding / (sum * sum * (sum + 1)), 0.002);
        samples.ShouldAllBe(sample => sample >= 0 && sample <= 1);
    }

    /// <summary>The reputation of an agent that has served so many customers, each with a receipt for a cent.</summary>
    private double WithCustomers(int count)
    {
        _market.Publish($"control{count}/agent");
        _market.Serve($"control{count}/agent", count);
        return _market.ReputationOf($"control{count}/agent");
    }
}
