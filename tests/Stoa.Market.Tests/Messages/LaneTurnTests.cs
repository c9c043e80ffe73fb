using Stoa.Market.Messages;

namespace Stoa.Market.Tests.Messages;

public sealed class LaneTurnTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    [Fact]
    public void WhatWasNeverHandedOut_GoesInOneRunUpToTheRoom()
    {
        Decide([New(1), New(2), New(3)], room: 2).Run.ShouldBe([1L, 2L]);
    }

    [Fact]
    public void WhatWasHandedOutBefore_GoesAlone()
    {
        Decide([Tried(1, 1), New(2)]).Run.ShouldBe([1L]);
        Decide([New(1), Tried(2, 1), New(3)]).Run.ShouldBe([1L]);
    }

    [Fact]
    public void EachOfAMailboxThatHandsOutOnce_GoesAlone()
    {
        Decide([New(1), New(2)], maxDeliveries: 1).Run.ShouldBe([1L]);
    }

    [Fact]
    public void WhatHasHadAllItsDeliveries_DiesAndTheLaneGoesOn()
    {
        var turn = Decide([Tried(1, 3), Tried(2, 3), New(3), New(4)], maxDeliveries: 3);

        turn.Dead.ShouldBe([1L, 2L]);
        turn.Run.ShouldBe([3L, 4L]);
    }

    [Fact]
    public void WhatIsPutOff_KeepsAllBehindItBack()
    {
        var turn = Decide([New(1) with { ReadyAt = s_now.AddSeconds(5) }, New(2)]);

        turn.Run.ShouldBeEmpty();
        turn.NotBefore.ShouldBe(s_now.AddSeconds(5));
    }

    [Fact]
    public void WhatIsPutOffBehindOthers_EndsTheRun()
    {
        var turn = Decide([New(1), New(2) with { ReadyAt = s_now.AddSeconds(5) }, New(3)]);

        turn.Run.ShouldBe([1L]);
        turn.NotBefore.ShouldBeNull();
    }

    [Theory]
    [InlineData(true, 50, 1)]
    [InlineData(false, 50, 0)]
    [InlineData(false, 100, 1)]
    [InlineData(true, 200, 2)]
    [InlineData(true, 199, 1)]
    public void Run_HasAsManyBytesAsAreLeftButTheFirstOfAllGoes(bool isFirst, long bytesLeft, int expected)
    {
        LaneTurn.Decide([New(1), New(2)], 5, 10, bytesLeft, isFirst, s_now).Run.Count.ShouldBe(expected);
    }

    private static LaneTurn Decide(IReadOnlyList<LaneHead> heads, int maxDeliveries = 5, int room = 10) => LaneTurn.Decide(heads, maxDeliveries, room, 10_000, isFirst: true, s_now);

    private static LaneHead New(long sequence) => Tried(sequence, 0);

    private static LaneHead Tried(long sequence, int deliveries) => new(sequence, deliveries, 100, s_now);
}
