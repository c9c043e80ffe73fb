using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>Who keeps failing is not chosen, and nobody else.</summary>
public sealed class SuspensionTests
{
    private static readonly Id<User> s_publisher = TaskSamples.Ids.Next<User>();
    private DateTimeOffset _now = TaskSamples.Now;
    private AgentStats _stats = new() { Agent = "ann/one" };

    [Fact]
    public void ThreeFaults_OfAnAgentThatNobodyIsKnownToUse_SuspendItForAMinute()
    {
        var only = Consumer();
        End(only, Verdict.Fault, 2);
        _stats.SuspendedUntil.ShouldBeNull();

        End(only, Verdict.Fault);

        (_stats.SuspendedUntil, _stats.Suspensions).ShouldBe((_now + TimeSpan.FromMinutes(1), 0));
        _stats.SuspendedFor.ShouldBe("3 faults and hardly any success, the last one trap");
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(1, 4)]
    [InlineData(2, 4)]
    [InlineData(3, 3)]
    [InlineData(64, 3)]
    public void Faults_OfConsumersOfAnAgentThatOthersUse_SuspendByWhomTheyHavePaid(int otherPublishers, int consumers)
    {
        Use();
        for (var i = 1; i < consumers; i++)
            End(Consumer(otherPublishers), Verdict.Fault);
        _stats.SuspendedUntil.ShouldBeNull();

        End(Consumer(otherPublishers), Verdict.Fault);

        (_stats.SuspendedUntil, _stats.Suspensions).ShouldBe((_now + TimeSpan.FromMinutes(1), 1));
        _stats.SuspendedFor.ShouldBe($"faults at tasks of {consumers} consumers, the last one trap");
    }

    [Fact]
    public void AnAgentThatFailsAllOfItsFewNewCustomers_IsSuspended()
    {
        var customers = Enumerable.Range(0, 5).Select(_ => Consumer()).ToList();
        customers.ForEach(customer => End(customer, Verdict.Good, 10));

        customers.Take(3).ToList().ForEach(customer => End(customer, Verdict.Fault));
        _stats.SuspendedUntil.ShouldBeNull();
        End(customers[3], Verdict.Fault);

        _stats.SuspendedUntil.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(Verdict.Declined)]
    [InlineData(Verdict.Unavailable)]
    public void WhatIsNoFault_DoesNotSuspend(Verdict verdict)
    {
        for (var i = 0; i < 100; i++)
            End(Consumer(3), verdict);
        _stats.SuspendedUntil.ShouldBeNull();
    }

    [Fact]
    public void SuccessesOfOthersMeanwhile_Count()
    {
        Use();
        for (var i = 0; i < 50; i++)
        {
            End(Consumer(3), Verdict.Fault);
            End(Consumer(3), Verdict.Good);
            End(Consumer(3), Verdict.Fault);
            End(Consumer(3), Verdict.Good);
        }

        _stats.SuspendedUntil.ShouldBeNull();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    public void OneConsumer_WhateverHeDoes_SuspendsNothingThatOthersUse(int otherPublishers)
    {
        var mallory = Consumer(otherPublishers);
        var random = new Random(7);
        Use();
        for (var i = 0; i < 5_000; i++)
        {
            End(mallory, random.Next(4) == 0 ? Verdict.Good : Verdict.Fault, random.Next(1, 20));
            _now += TimeSpan.FromMinutes(random.Next(5));
        }

        (_stats.SuspendedUntil, _stats.Suspensions).ShouldBe((null, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OneConsumer_WhateverHeDoes_ProlongsNoSuspension(bool isMended)
    {
        Use();
        for (var i = 0; i < 3; i++)
            End(Consumer(3), Verdict.Fault);
        var until = _stats.SuspendedUntil.ShouldNotBeNull();
        _now = until;
        if (isMended)
            Use();
        var mallory = Consumer(64);
        for (var i = 0; i < 24 * 60; i++)
        {
            End(mallory, Verdict.Fault, 3);
            _now += TimeSpan.FromMinutes(1);
        }

        _stats.SuspendedUntil.ShouldBe(until);
    }

    [Fact]
    public void OneConsumer_OfAnAgentThatNobodyElseUses_SuspendsItForAMinuteAnHour()
    {
        var mallory = Consumer(64);
        var suspended = TimeSpan.Zero;
        for (var i = 0; i < 24 * 60; i++)
        {
            var before = _stats.SuspendedUntil;
            End(mallory, i % 7 == 0 ? Verdict.Good : Verdict.Fault, 3);
            if (_stats.SuspendedUntil != before)
                suspended += _stats.SuspendedUntil!.Value - _now;
            _now += TimeSpan.FromMinutes(1);
        }

        (suspended, _stats.Suspensions).ShouldBe((TimeSpan.FromMinutes(24), 0));
    }

    [Fact]
    public void SomeAccounts_ThatHaveSuspendedAnAgent_DoNotDoSoAgainForAnHour()
    {
        Use();
        var gang = Enumerable.Range(0, 3).Select(_ => Consumer(64)).ToList();
        gang.ForEach(one => End(one, Verdict.Fault));
        _now = _stats.SuspendedUntil.ShouldNotBeNull();
        var until = _now;
        for (var i = 0; i < 50; i++)
        {
            // Not by successes in between either.
            gang.ForEach(one => End(one, Verdict.Good));
            gang.ForEach(one => End(one, Verdict.Fault));
            _now += TimeSpan.FromMinutes(1);
        }

        _stats.SuspendedUntil.ShouldBe(until);
    }

    [Fact]
    public void AnAgentThatFailsEveryone_IsSuspendedAgainByTwoMoreAndForTwiceAsLong()
    {
        Use();
        for (var i = 0; i < 3; i++)
            End(Consumer(3), Verdict.Fault);
        var minutes = new List<double>();
        for (var i = 0; i < 14; i++)
        {
            _now = _stats.SuspendedUntil!.Value;
            End(Consumer(3), Verdict.Fault);
            _stats.SuspendedUntil.ShouldBe(_now);
            End(Consumer(3), Verdict.Fault);
            minutes.Add((_stats.SuspendedUntil!.Value - _now).TotalMinutes);
        }

        minutes.Take(5).ShouldBe([2, 4, 8, 16, 32]);
        minutes[^1].ShouldBe(24 * 60);
        _stats.SuspendedFor.ShouldBe("faults at tasks of 2 consumers soon after a suspension, the last one trap");
    }

    [Fact]
    public void AnAgentThatKeepsFailingTheSameFew_IsSuspendedForLongerAndLonger()
    {
        var few = Enumerable.Range(0, 3).Select(_ => Consumer(3)).ToList();
        few.ForEach(one => End(one, Verdict.Good));
        for (var hour = 0; hour < 24; hour++)
        {
            for (var minute = 0; minute < 60; minute++, _now += TimeSpan.FromMinutes(1))
                few.ForEach(one => End(one, Verdict.Fault));
        }

        _stats.Suspensions.ShouldBeGreaterThan(7);
    }

    [Fact]
    public void FirstSuccessOfAConsumerAfterASuspension_LeadsOneStepBack()
    {
        Use();
        for (var i = 0; i < 3; i++)
            End(Consumer(3), Verdict.Fault);
        _now = _stats.SuspendedUntil!.Value;
        End(Consumer(3), Verdict.Fault);
        End(Consumer(3), Verdict.Fault);
        _stats.Suspensions.ShouldBe(2);
        var loyal = Consumer();

        // Not while it is suspended.
        End(loyal, Verdict.Good, 10);
        _stats.Suspensions.ShouldBe(2);
        _now = _stats.SuspendedUntil!.Value;
        End(loyal, Verdict.Good, 10);
        _stats.Suspensions.ShouldBe(1);
        End(Consumer(), Verdict.Good);
        _stats.Suspensions.ShouldBe(0);
    }

    [Fact]
    public void FaultsDuringASuspension_DoNotLengthenIt()
    {
        for (var i = 0; i < 3; i++)
            End(Consumer(3), Verdict.Fault);
        var until = _stats.SuspendedUntil;
        for (var i = 0; i < 10; i++)
            End(Consumer(3), Verdict.Fault);
        _stats.SuspendedUntil.ShouldBe(until);
    }

    [Fact]
    public void ThePublisherHimself_CanNeitherSuspendNorClear()
    {
        var only = Consumer();
        End(only, Verdict.Fault, 2);
        End(s_publisher, Verdict.Good, 5);
        End(s_publisher, Verdict.Fault, 5);
        _stats.SuspendedUntil.ShouldBeNull();
        End(only, Verdict.Fault);
        _stats.SuspendedUntil.ShouldNotBeNull();
    }

    [Fact]
    public void ASecondAccountOfThePublishers_PutsASuspensionOffByOneConsumer()
    {
        var second = Consumer();
        for (var consumers = 1; _stats.SuspendedUntil is null; consumers++)
        {
            consumers.ShouldBeLessThan(5);
            End(second, Verdict.Good, 5);
            End(Consumer(3), Verdict.Fault);
        }
    }

    [Theory]
    [InlineData(0.02)]
    [InlineData(0.1)]
    public void AnAgentThatServesManyOnce_IsNotSuspendedByFaultsOfLongAgo(double faults)
    {
        var random = new Random(5);
        var suspensions = 0;
        for (var i = 0; i < 5_000; i++, _now += TimeSpan.FromMinutes(3))
        {
            var before = _stats.SuspendedUntil;
            End(Consumer(random.Next(5)), random.NextDouble() < faults ? Verdict.Fault : Verdict.Good);
            suspensions += _stats.SuspendedUntil == before ? 0 : 1;
        }

        suspensions.ShouldBeLessThan(10);
        // Twenty-four consumers at the most are remembered.
        _stats.LastWords.Split(' ').Length.ShouldBeLessThanOrEqualTo(24);
    }

    [Fact]
    public void Choice_WithAClockThatWasSetBackToBeforeTheStart_SuspendsNobody()
    {
        var market = new Market();
        market.Publish("ada/echo");

        market.Now = Market.Start.AddHours(-1);

        market.Choose().Chosen.ShouldNotBeNull();
    }

    private readonly Dictionary<Id<User>, int> _others = [];

    /// <summary>Somebody who has paid so many other publishers.</summary>
    private Id<User> Consumer(int otherPublishers = 0)
    {
        var consumer = TaskSamples.Ids.Next<User>();
        _others[consumer] = otherPublishers;
        return consumer;
    }

    /// <summary>It serves two new accounts.</summary>
    private void Use()
    {
        End(Consumer(), Verdict.Good);
        End(Consumer(), Verdict.Good);
    }

    private void End(Id<User> payer, Verdict verdict, int count = 1)
    {
        for (var i = 0; i < count; i++)
            _stats = _stats.After(new EndedAttempt("ann/one", s_publisher, payer, verdict, "trap", Money.Zero, 1, 1, 1, _now), 1, _others.GetValueOrDefault(payer));
    }
}
