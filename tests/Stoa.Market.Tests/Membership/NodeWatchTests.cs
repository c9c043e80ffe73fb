using Stoa.Market.Membership;

namespace Stoa.Market.Tests.Membership;

public sealed class NodeWatchTests
{
    private static readonly LeaseHolder s_a = new("a", "1");
    private static readonly LeaseHolder s_b = new("b", "1");

    private readonly NodeWatch _watch = new(silence: TimeSpan.FromSeconds(2.5), misses: 3);
    private double _seconds;

    [Fact]
    public void Look_NumberThatStandsStillForTheTimeOfSilence_IsDead()
    {
        for (var look = 0; look < 5; look++)
            Look(new(s_a, look), new(s_b, 7)).ShouldBeEmpty();
        Look(new(s_a, 5), new(s_b, 7)).ShouldBe([new NodeBeat(s_b, 7)]);
    }

    [Fact]
    public void Look_DeadNodeThatIsBackUnderTheNumberWithWhichItDied_IsNewAgain()
    {
        foreach (var beat in new[] { 1, 1, 1, 1, 1 })
            Look(new NodeBeat(s_b, beat)).ShouldBeEmpty();
        Look(new NodeBeat(s_b, 1)).ShouldBe([new NodeBeat(s_b, 1)]);
        // Struck off between two looks, and listed again before the second of them.
        foreach (var beat in new[] { 1, 2, 3 })
            Look(new NodeBeat(s_b, beat)).ShouldBeEmpty();
    }

    [Fact]
    public void Look_DeadNodeThatCouldNotBeStruckOff_IsDeadAgainAfterAsMuchSilence()
    {
        var deaths = Enumerable.Range(0, 18).Where(_ => Look(new NodeBeat(s_b, 7)).Count == 1);
        deaths.ShouldBe([5, 11, 17]);
    }

    [Fact]
    public void Look_ThatComesSlowly_NeedsNoMoreThanThreeMisses()
    {
        foreach (var _ in Enumerable.Range(0, 3))
            LookAfter(1, new NodeBeat(s_b, 7)).ShouldBeEmpty();
        LookAfter(1, new NodeBeat(s_b, 7)).Count.ShouldBe(1);
    }

    [Fact]
    public void Look_NumberThatMovesBetween_StartsAnew()
    {
        foreach (var beat in new[] { 1, 1, 1, 1, 1, 2, 2, 2, 2, 2 })
            Look(new NodeBeat(s_b, beat)).ShouldBeEmpty();
        Look(new NodeBeat(s_b, 2)).Count.ShouldBe(1);
    }

    [Fact]
    public void Look_AfterTheWatcherWasPaused_FindsNobodyDeadAtOnce()
    {
        Look(new NodeBeat(s_b, 1)).ShouldBeEmpty();
        LookAfter(3_600, new NodeBeat(s_b, 1)).ShouldBeEmpty("however long that took: one look is one miss");
        Look(new NodeBeat(s_b, 2)).ShouldBeEmpty();
    }

    [Fact]
    public void Look_NodeThatWasStruckOffAndComesBack_IsNewAgain()
    {
        foreach (var _ in Enumerable.Range(0, 5))
            Look(new NodeBeat(s_b, 1));
        Look().ShouldBeEmpty();
        Look(new NodeBeat(s_b, 1)).ShouldBeEmpty();
    }

    private IReadOnlyList<NodeBeat> Look(params NodeBeat[] beats) => LookAfter(0.5, beats);

    private IReadOnlyList<NodeBeat> LookAfter(double seconds, params NodeBeat[] beats) => _watch.Look(beats, TimeSpan.FromSeconds(_seconds += seconds));
}
