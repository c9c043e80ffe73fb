using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

public sealed class SuspensionTests
{
    private static readonly Id<User> Publisher = TaskSamples.Ids.Next<User>();
    private static readonly Id<User> Payer = TaskSamples.Ids.Next<User>();
    private DateTimeOffset now = TaskSamples.Now;
    private AgentStats stats = new() { Agent = "ann/one" };

    [Fact]
    public void ThirdFaultInARow_SuspendsAndSaysWhy()
    {
        End(Verdict.Fault, 2);
        stats.SuspendedUntil.ShouldBeNull();

        End(Verdict.Fault);

        stats.SuspendedUntil.ShouldBe(now + TimeSpan.FromMinutes(1));
        stats.SuspendedFor.ShouldBe("3 faults in a row, the last one trap");
    }

    [Theory]
    [InlineData(Verdict.Declined)]
    [InlineData(Verdict.Unavailable)]
    public void WhatIsNoFault_DoesNotSuspend(Verdict verdict)
    {
        End(verdict, 100);
        stats.SuspendedUntil.ShouldBeNull();
    }

    [Fact]
    public void ASuccessInBetween_StartsTheCountAgain()
    {
        End(Verdict.Fault, 2);
        End(Verdict.Good);
        End(Verdict.Fault, 2);
        stats.SuspendedUntil.ShouldBeNull();
    }

    [Fact]
    public void AfterASuspension_OneFaultIsEnoughAndTheTimeDoubles()
    {
        End(Verdict.Fault, 3);
        var minutes = new List<double>();
        for (var i = 0; i < 14; i++)
        {
            now = stats.SuspendedUntil!.Value;
            End(Verdict.Fault);
            minutes.Add((stats.SuspendedUntil!.Value - now).TotalMinutes);
        }

        minutes.Take(5).ShouldBe([2, 4, 8, 16, 32]);
        minutes[^1].ShouldBe(24 * 60);
        stats.SuspendedFor.ShouldBe("trap soon after a suspension");
    }

    [Fact]
    public void Successes_LeadBackStepByStep()
    {
        End(Verdict.Fault, 3);
        now = stats.SuspendedUntil!.Value;
        End(Verdict.Fault);
        now = stats.SuspendedUntil!.Value;
        End(Verdict.Good, 2);

        End(Verdict.Fault, 2);
        stats.SuspendedUntil!.Value.ShouldBeLessThanOrEqualTo(now);
        End(Verdict.Fault);
        (stats.SuspendedUntil.Value - now).ShouldBe(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void FaultsDuringASuspension_DoNotLengthenIt()
    {
        End(Verdict.Fault, 3);
        var until = stats.SuspendedUntil;
        End(Verdict.Fault, 10);
        stats.SuspendedUntil.ShouldBe(until);
    }

    [Fact]
    public void ThePublisherHimself_CanNeitherSuspendNorClear()
    {
        End(Verdict.Fault, 2);
        End(Verdict.Good, 5, Publisher);
        End(Verdict.Fault, 5, Publisher);
        stats.SuspendedUntil.ShouldBeNull();
        End(Verdict.Fault);
        stats.SuspendedUntil.ShouldNotBeNull();
    }

    private void End(Verdict verdict, int count = 1, Id<User>? payer = null)
    {
        for (var i = 0; i < count; i++)
            stats = stats.After(new EndedAttempt("ann/one", Publisher, payer ?? Payer, verdict, "trap", Money.Zero, 1, 1, 1, now), 1);
    }

    [Fact]
    public void Choice_WithAClockThatWasSetBackToBeforeTheStart_SuspendsNobody()
    {
        var market = new Market();
        market.Publish("ada/echo");

        market.Now = Market.Start.AddHours(-1);

        market.Choose().Chosen.ShouldNotBeNull();
    }
}
