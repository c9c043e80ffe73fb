using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class NodeWatchTests
{
    private static readonly LeaseHolder A = new("a", "1");
    private static readonly LeaseHolder B = new("b", "1");

    private readonly NodeWatch _watch = new(misses: 3);

    [Fact]
    public void Look_NumberThatStandsStill_IsDeadAtTheThirdMiss()
    {
        for (var look = 0; look < 3; look++)
            _watch.Look([new(A, look), new(B, 7)]).ShouldBeEmpty();
        _watch.Look([new(A, 3), new(B, 7)]).ShouldBe([new NodeBeat(B, 7)]);
        _watch.Look([new(A, 4), new(B, 7)]).ShouldBe([new NodeBeat(B, 7)]);
    }

    [Fact]
    public void Look_NumberThatMovesBetween_StartsAnew()
    {
        foreach (var beat in new[] { 1, 1, 1, 2, 2, 2 })
            _watch.Look([new(B, beat)]).ShouldBeEmpty();
        _watch.Look([new(B, 2)]).Count.ShouldBe(1);
    }

    [Fact]
    public void Look_AfterTheWatcherWasPaused_FindsNobodyDeadAtOnce()
    {
        _watch.Look([new(B, 1)]).ShouldBeEmpty();
        // However long that took: one look is one miss.
        _watch.Look([new(B, 1)]).ShouldBeEmpty();
        _watch.Look([new(B, 2)]).ShouldBeEmpty();
    }

    [Fact]
    public void Look_NodeThatWasStruckOffAndComesBack_IsNewAgain()
    {
        foreach (var _ in Enumerable.Range(0, 3))
            _watch.Look([new(B, 1)]);
        _watch.Look([]).ShouldBeEmpty();
        _watch.Look([new(B, 1)]).ShouldBeEmpty();
    }
}
