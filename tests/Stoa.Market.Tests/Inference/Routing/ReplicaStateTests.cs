using Stoa.Market.Inference.Routing;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class ReplicaStateTests
{
    private const long Now = 100_000;

    [Fact]
    public void Replica_WithAsManyRequestsAsItTakes_TakesNoMore()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1, maxRequests: 2), 0, 0);

        var first = replica.TryEnter(10, Now).ShouldNotBeNull();
        replica.TryEnter(20, Now).ShouldNotBeNull();

        replica.TryEnter(30, Now).ShouldBeNull();
        replica.IsServing(Now).ShouldBeTrue();
        replica.OutstandingTokens.ShouldBe(30);
        first.Leave(FleetSamples.Served(), Now);
        replica.TryEnter(30, Now).ShouldNotBeNull();
    }

    [Fact]
    public void Replica_ThatFailsThreeTimes_IsLeftAloneForASecond_ThenTriedByOne()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        for (var failure = 0; failure < 3; failure++)
            Fail(replica, Now);

        replica.MayTake(Now + 999).ShouldBeFalse();
        replica.IsServing(Now).ShouldBeFalse();
        var trial = replica.TryEnter(1, Now + 1_000).ShouldNotBeNull();
        replica.MayTake(Now + 1_000).ShouldBeFalse();
        trial.Leave(FleetSamples.Served(), Now + 1_000);
        replica.MayTake(Now + 1_000).ShouldBeTrue();
        replica.Measure(Now).Health.ShouldBe(ReplicaHealth.Well);
    }

    [Fact]
    public void Replica_WhoseTrialFails_IsLeftAloneTwiceAsLong_UpToAMinute()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        var now = Now;
        for (var failure = 0; failure < 3; failure++)
            Fail(replica, now);
        foreach (var pause in new[] { 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000 })
        {
            replica.MayTake(now + pause - 1).ShouldBeFalse();
            now += pause;
            Fail(replica, now);
        }
    }

    [Fact]
    public void Trial_ThatItsClientGivesUp_LetsAnotherOneTry()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        for (var failure = 0; failure < 3; failure++)
            Fail(replica, Now);
        var trial = replica.TryEnter(1, Now + 1_000).ShouldNotBeNull();

        trial.Leave(RequestEnd.Abandoned, Now + 1_000);

        replica.TryEnter(1, Now + 1_000).ShouldNotBeNull();
    }

    [Fact]
    public void Trial_IsNotDecidedByRequestsFromBeforeIt()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        var before = Enumerable.Range(0, 3).Select(_ => replica.TryEnter(1, Now).ShouldNotBeNull()).ToList();
        for (var failure = 0; failure < 3; failure++)
            Fail(replica, Now);
        var trial = replica.TryEnter(1, Now + 1_000).ShouldNotBeNull();

        before[0].Leave(RequestEnd.Abandoned, Now + 1_000);
        before[1].Leave(RequestEnd.Failed, Now + 1_000);
        before[2].Leave(FleetSamples.Served(), Now + 1_000);

        replica.TryEnter(1, Now + 1_000).ShouldBeNull("the trial is under way");
        trial.Leave(RequestEnd.Failed, Now + 1_000);
        replica.MayTake(Now + 2_999).ShouldBeFalse("it was left alone for a second before, and for two now");
        replica.MayTake(Now + 3_000).ShouldBeTrue();
    }

    [Fact]
    public void Replica_OfAnotherServer_BeginsAnew_AndLearnsNothingOfTheOneBefore()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        Serve(replica, 200);
        var atTheOneBefore = Enumerable.Range(0, 3).Select(_ => replica.TryEnter(1, Now).ShouldNotBeNull()).ToList();
        replica.NoteHealth(isWell: false, Now);

        replica.Change(FleetSamples.Replica(1) with { Address = new Uri("http://127.0.0.1:9/v1") }, Now);
        foreach (var place in atTheOneBefore)
            place.Leave(RequestEnd.Failed, Now);

        replica.Measure(Now).ShouldBe(new ReplicaFigures(ReplicaHealth.Starting, 0, 0, null, null, 1, 3, 0));
        replica.MayTake(Now).ShouldBeTrue();
    }

    [Fact]
    public void Replica_ThatIsDrained_TakesNoMore_AndStartsSlowlyAfterwards()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        var loadBefore = replica.LoadWith(100, 100, Now);

        replica.Change(FleetSamples.Replica(1) with { IsDraining = true }, Now);
        replica.MayTake(Now).ShouldBeFalse();
        replica.Measure(Now).Health.ShouldBe(ReplicaHealth.Draining);
        replica.Change(FleetSamples.Replica(1), Now);

        replica.MayTake(Now).ShouldBeTrue();
        replica.LoadWith(100, 100, Now).ShouldBe(loadBefore * 10, 0.001);
        replica.LoadWith(100, 100, Now + 5_000).ShouldBe(loadBefore * 2, 0.001);
        replica.LoadWith(100, 100, Now + 10_000).ShouldBe(loadBefore, 0.001);
    }

    [Fact]
    public void Replica_ThatIsSilent_TakesNothing_UntilItAnswersAgain()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);

        replica.NoteHealth(isWell: false, Now);
        replica.MayTake(Now).ShouldBeFalse();
        replica.Measure(Now).Health.ShouldBe(ReplicaHealth.Silent);
        replica.NoteHealth(isWell: true, Now);

        replica.MayTake(Now).ShouldBeTrue();
        replica.Measure(Now).Health.ShouldBe(ReplicaHealth.Starting);
    }

    [Fact]
    public void Load_IsByTokensTimeAndWeight()
    {
        var slow = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        var fast = new ReplicaState(FleetSamples.Replica(2), 1, 0);
        var heavy = new ReplicaState(FleetSamples.Replica(3, weight: 4), 2, 0);
        Serve(slow, 200);
        Serve(fast, 50);
        Serve(heavy, 200);

        slow.LoadWith(100, 1, Now).ShouldBe(20_000);
        fast.LoadWith(100, 1, Now).ShouldBe(5_000);
        heavy.LoadWith(100, 1, Now).ShouldBe(5_000);
    }

    [Fact]
    public void Figures_AreOfWhatHappened()
    {
        var replica = new ReplicaState(FleetSamples.Replica(1), 0, 0);
        Serve(replica, 50);
        Fail(replica, Now);
        replica.TryEnter(7, Now).ShouldNotBeNull();

        replica.Measure(Now).ShouldBe(new ReplicaFigures(ReplicaHealth.Well, 1, 7, 50, 100, 1, 1, 0));
    }

    private static void Serve(ReplicaState replica, double firstTokenMs)
    {
        replica.TryEnter(1, Now).ShouldNotBeNull().Leave(FleetSamples.Served(firstTokenMs), Now);
    }

    private static void Fail(ReplicaState replica, long now)
    {
        replica.TryEnter(1, now).ShouldNotBeNull().Leave(RequestEnd.Failed, now);
    }
}
