using Stoa.Market.Registry.Replication;
using Stoa.Node.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>When statements are compared with whom.</summary>
public sealed class SyncScheduleTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private static readonly ReconciliationReport s_same = new() { Way = ReconciliationWay.Sketch, IsComplete = true };

    // The middle: exactly as long as is said.
    private readonly SyncSchedule _schedule = new(TimeSpan.FromMinutes(5), most => most / 2);
    private readonly PeerId _peer = Peer();

    [Fact]
    public void Peer_ThatThisNodeHasDialled_IsDueAtOnce_AndOneThatHasDialledALittleLater()
    {
        var other = Peer();
        _schedule.Meet(_peer, isDialler: true, s_now);
        _schedule.Meet(other, isDialler: false, s_now);

        _schedule.Begin(s_now)!.Value.Peer.ShouldBe(_peer);
        _schedule.Begin(s_now).ShouldBeNull("it is running, and the other is not due");
        _schedule.Begin(s_now.AddSeconds(10))!.Value.Peer.ShouldBe(other);
    }

    [Fact]
    public void NextAt_IsWhenWhoeverIsHereAndNotRunningIsDue()
    {
        _schedule.NextAt().ShouldBeNull();
        var other = Peer();
        _schedule.Meet(other, isDialler: false, s_now);
        _schedule.Meet(_peer, isDialler: true, s_now);
        _schedule.NextAt().ShouldBe(s_now);
        _schedule.Begin(s_now).ShouldNotBeNull();
        _schedule.NextAt().ShouldBe(s_now.AddSeconds(10), "the first is running");
        _schedule.Leave(other);
        _schedule.NextAt().ShouldBeNull();
        _schedule.End(_peer, s_same, s_now);
        _schedule.NextAt().ShouldBe(s_now.AddMinutes(5));
    }

    [Fact]
    public void End_OfWhatWasTheSame_IsAnotherOneAfterTheInterval()
    {
        Run(s_now, s_same);
        _schedule.Begin(s_now.AddSeconds(299)).ShouldBeNull();
        _schedule.Begin(s_now.AddSeconds(300)).ShouldNotBeNull();
    }

    [Fact]
    public void End_WithMoreToCome_IsAnotherOneAtOnce_ButOnlyIfSomethingWasTaken()
    {
        Run(s_now, s_same with { IsComplete = false, Intake = new IntakeReport { Taken = 1 } });
        _schedule.Begin(s_now.AddMilliseconds(200)).ShouldNotBeNull();
        _schedule.End(_peer, s_same with { IsComplete = false }, s_now);
        _schedule.Begin(s_now.AddSeconds(299)).ShouldBeNull("another one would find the same");
    }

    [Fact]
    public void End_ThatWasBrokenOff_IsLaterEachTime_AndGoodAgainAfterOneThatWorks()
    {
        _schedule.Meet(_peer, isDialler: true, s_now);
        var now = s_now;
        foreach (var seconds in new[] { 15, 30, 60, 120 })
        {
            _schedule.Begin(now).ShouldNotBeNull();
            _schedule.End(_peer, report: null, now);
            // Who goes away and comes back has to wait as well.
            _schedule.Leave(_peer);
            _schedule.Meet(_peer, isDialler: true, now);
            _schedule.Begin(now.AddSeconds(seconds - 1)).ShouldBeNull();
            now = now.AddSeconds(seconds);
        }

        _schedule.Begin(now).ShouldNotBeNull();
        _schedule.End(_peer, s_same, now);
        now = now.AddMinutes(5);
        _schedule.Begin(now).ShouldNotBeNull();
        _schedule.End(_peer, report: null, now);
        _schedule.Begin(now.AddSeconds(15)).ShouldNotBeNull();
    }

    [Fact]
    public void Peer_ThatIsGone_IsNotDue_AndIsAgainWhenItComesBack()
    {
        _schedule.Meet(_peer, isDialler: true, s_now);
        _schedule.Leave(_peer);
        _schedule.Begin(s_now).ShouldBeNull();
        _schedule.Meet(_peer, isDialler: true, s_now.AddSeconds(1));
        _schedule.Begin(s_now.AddSeconds(1)).ShouldNotBeNull();
    }

    [Fact]
    public void Served_PutsOffTheNextOne()
    {
        _schedule.Meet(_peer, isDialler: true, s_now);
        _schedule.Served(_peer, s_now);
        _schedule.Begin(s_now.AddSeconds(299)).ShouldBeNull();
        _schedule.Begin(s_now.AddSeconds(300)).ShouldNotBeNull();
    }

    [Fact]
    public void Pages_GoOnWhereTheyWere_AndBeginAnewADayLater()
    {
        Run(s_now, s_same with { Way = ReconciliationWay.Pages, IsComplete = false, PageFrom = 7 });
        _schedule.Begin(s_now.AddSeconds(1))!.Value.PageFrom.ShouldBe((UInt128)7);
        _schedule.End(_peer, s_same with { Way = ReconciliationWay.Pages, PageFrom = null }, s_now);
        _schedule.Begin(s_now.AddMinutes(10))!.Value.PageFrom.ShouldBeNull("all pages were taken");
        _schedule.End(_peer, s_same, s_now);
        _schedule.Begin(s_now.AddDays(1))!.Value.PageFrom.ShouldBe(UInt128.Zero);
    }

    private void Run(DateTimeOffset now, ReconciliationReport report)
    {
        _schedule.Meet(_peer, isDialler: true, now);
        _schedule.Begin(now).ShouldNotBeNull();
        _schedule.End(_peer, report, now);
    }

    private static PeerId Peer()
    {
        using var key = PrivateKey.Generate();
        return key.PublicKey.PeerId;
    }
}
