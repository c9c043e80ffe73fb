using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>What a review says, and the games that can be played with reviews.</summary>
public sealed class ReviewVoiceTests
{
    private const string Agent = "vera/agent";
    private readonly Market _market = new();

    public ReviewVoiceTests()
    {
        // An ordinary market: one in ten fails.
        for (var i = 0; i < 5; i++)
        {
            _market.Publish($"ordinary{i}/agent");
            _market.Serve($"ordinary{i}/agent", 50, faults: 5);
        }

        _market.Publish(Agent);
        _market.Serve(Agent, 30);
    }

    [Theory]
    [InlineData(5, 0.8, 0.008, 0)]
    [InlineData(4, 0.6, 0.006, 0.2)]
    [InlineData(3, 0.4, 0.004, 0.4)]
    [InlineData(1, 0, 0, 0.8)]
    public void Of_Stars_IsPartSuccessAndPartFaultOfOneVoice(int stars, double successes, double paid, double faults)
    {
        var voice = ReviewVoice.Of(stars, Money.Parse("0.01"), otherPublishers: 3, Market.Start, new AgentStats { Agent = Agent });

        var unit = Decay.WeightAt(Market.Start);
        (voice.Successes / unit).ShouldBe(successes, 1e-9);
        (voice.Paid / unit).ShouldBe(paid, 1e-9);
        (voice.Faults / unit).ShouldBe(faults, 1e-9);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public void Of_StarsOutOfRange_IsABug(int stars) => Should.Throw<ArgumentOutOfRangeException>(
        () => ReviewVoice.Of(stars, Money.Zero, 0, Market.Start, new AgentStats { Agent = Agent }));

    [Fact]
    public void Praise_OfCustomers_LiftsAnAgentAndBlameLowersIt()
    {
        _market.Publish("pia/praised");
        _market.Publish("bob/blamed");
        foreach (var agent in new[] { "pia/praised", "bob/blamed" })
        {
            for (var i = 0; i < 10; i++)
            {
                var customer = _market.Customer();
                _market.End(agent, customer);
                _market.Review(agent, customer, agent == "pia/praised" ? 5 : 1);
            }
        }

        _market.ReputationOf("pia/praised").ShouldBeGreaterThan(0.97);
        _market.ReputationOf("bob/blamed").ShouldBeLessThan(0.6);
    }

    [Fact]
    public void Review_NeitherSuspendsAnAgentNorClearsIt()
    {
        _market.Publish("bob/blamed");
        var customers = Enumerable.Range(0, 5).Select(_ => _market.Customer()).ToList();
        foreach (var customer in customers)
            _market.End("bob/blamed", customer);
        var before = _market.End("bob/blamed", _market.Customer(), Verdict.Fault, count: 2);

        var blamed = customers.ConvertAll(customer => _market.Review("bob/blamed", customer, 1))[^1];
        var praised = _market.Review("bob/blamed", customers[0], 5);

        (blamed.SuspendedUntil, blamed.LastWords).ShouldBe((null, before.LastWords));
        (praised.LastWords, praised.Succeeded, praised.Failed).ShouldBe((before.LastWords, 5, 2));
    }

    [Fact]
    public void Review_OfALoyalCustomer_IsOneVoiceHoweverManyReceiptsThereAre()
    {
        _market.Publish("pia/praised");
        var loyal = _market.Customer();
        var before = _market.End("pia/praised", loyal, count: 1_000);

        var after = _market.Review("pia/praised", loyal, 5);

        var unit = Decay.WeightAt(_market.Now);
        ((after.Successes - before.Successes) / unit).ShouldBe(0.8, 1e-6);
        for (var i = 0; i < 100; i++)
            after = _market.Review("pia/praised", loyal, 5);
        ((after.Successes - before.Successes) / unit).ShouldBe(0.8, 1e-6);
    }

    [Fact]
    public void EditFlapping_MovesNothing()
    {
        var customer = _market.Customer();
        _market.End(Agent, customer);
        var once = _market.Review(Agent, customer, 4);

        for (var i = 0; i < 10_000; i++)
        {
            _market.Review(Agent, customer, 1);
            _market.Review(Agent, customer, 0);
            _market.Review(Agent, customer, 5);
        }

        var flapped = _market.Review(Agent, customer, 4);
        flapped.Successes.ShouldBe(once.Successes, once.Successes * 1e-9);
        flapped.Paid.ShouldBe(once.Paid, once.Paid * 1e-9);
        flapped.Faults.ShouldBe(once.Faults, once.Successes * 1e-9);
    }

    [Fact]
    public void Withdrawal_LeavesWhatWasThereBefore()
    {
        var customer = _market.Customer();
        var before = _market.End(Agent, customer);
        _market.Review(Agent, customer, 1);

        var after = _market.Review(Agent, customer, 0);

        after.Faults.ShouldBe(before.Faults, 1e-9);
        after.Successes.ShouldBe(before.Successes, before.Successes * 1e-12);
    }

    [Fact]
    public void ReviewBombing_OfOneAccount_WeighsLessThanOneCustomersFault()
    {
        var bomber = TaskSamples.Ids.Next<User>();
        _market.End(Agent, bomber, count: 1_000, price: "0.0001");
        var before = _market.ReputationOf(Agent);

        for (var i = 0; i < 1_000; i++)
            _market.Review(Agent, bomber, 1, price: "0.0001");

        // A thousand reviews by a thousand cheap tasks are one review, and that counts by what its task cost.
        (before - _market.ReputationOf(Agent)).ShouldBeLessThan(0.005);
    }

    [Fact]
    public void ReviewBombing_ByManyAccountsWithCheapTasks_WeighsByTheMoney()
    {
        _market.Publish("willy/same");
        _market.Serve("willy/same", 30);
        var before = _market.ReputationOf(Agent);
        for (var i = 0; i < 100; i++)
        {
            var (cheap, dear) = (TaskSamples.Ids.Next<User>(), TaskSamples.Ids.Next<User>());
            _market.End(Agent, cheap, price: "0.00001");
            _market.Review(Agent, cheap, 1, price: "0.00001");
            _market.End("willy/same", dear);
            _market.Review("willy/same", dear, 1);
        }

        // A hundred accounts that pay a thousandth of the usual price each are not even one voice; paying the price in full they are fifty.
        _market.ReputationOf(Agent).ShouldBe(before, 0.02);
        _market.ReputationOf("willy/same").ShouldBeLessThan(0.7);
    }

    [Fact]
    public void SybilPraise_ForCheapTasks_IsNoEvidenceForDearOnes()
    {
        _market.Publish("mallory/agent");
        for (var i = 0; i < 200; i++)
        {
            var sybil = TaskSamples.Ids.Next<User>();
            _market.End("mallory/agent", sybil, price: "0.0001");
            _market.Review("mallory/agent", sybil, 5, price: "0.0001");
        }

        _market.ReputationOf("mallory/agent", "1").ShouldBe(0.9, 0.05);
    }

    [Fact]
    public void SybilPraise_AtTheFullPrice_DoublesTheSybilsAndNoMore()
    {
        _market.Publish("mallory/agent");
        _market.Publish("carl/control");
        for (var i = 0; i < 20; i++)
        {
            var sybil = TaskSamples.Ids.Next<User>();
            _market.End("mallory/agent", sybil);
            _market.Review("mallory/agent", sybil, 5);
        }

        for (var i = 0; i < 40; i++)
            _market.End("carl/control", TaskSamples.Ids.Next<User>());

        _market.ReputationOf("mallory/agent").ShouldBeLessThanOrEqualTo(_market.ReputationOf("carl/control") + 1e-6);
    }

    [Fact]
    public void Review_OfAnOldReceipt_HasTheAgeOfTheReceiptHoweverOftenItIsRewritten()
    {
        var customer = _market.Customer();
        _market.End(Agent, customer);
        var receiptAt = _market.Now;
        var young = _market.Review(Agent, customer, 1);
        _market.Now += Decay.HalfLife;

        var rewritten = _market.Review(Agent, customer, 1, receiptAt: receiptAt);

        rewritten.Faults.ShouldBe(young.Faults, young.Faults * 1e-9);
        _market.End(Agent, customer);
        // Another receipt makes another voice of it: read at the same instant it weighs twice what the old one does.
        var anew = _market.Review(Agent, customer, 1);
        anew.Faults.ShouldBe(young.Faults * 2, young.Faults * 0.01);
    }

    [Fact]
    public void Review_OfAFreeAgent_CountsInFull()
    {
        _market.Publish("fred/free", price: "0");
        var customer = _market.Customer();
        _market.End("fred/free", customer, price: "0");

        var blamed = _market.Review("fred/free", customer, 1, price: "0");

        (blamed.Faults / Decay.WeightAt(_market.Now)).ShouldBe(0.8, 1e-6);
    }
}
