using Stoa.Node.Tasks;

namespace Stoa.Node.Tests.Tasks;

public sealed class WorkRoomTests
{
    private const long Memory = 1_000;

    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);

    [Fact]
    public void TakeAll_OfAnIdleRoom_GivesItsThreadsAndNoMore()
    {
        var room = new WorkRoom(2, Memory, _time);
        room.TakeAll().ShouldBe((2, Memory));
        room.TakeAll().ShouldBe((0, 0));
        room.TryTake(1).ShouldBeFalse();
    }

    [Theory]
    [InlineData(500, true)]
    [InlineData(501, false)]
    public void TryTake_NeedsTheMemoryToo(long bytes, bool fits)
    {
        var room = new WorkRoom(2, Memory, _time);
        room.TryTake(500).ShouldBeTrue();
        room.TryTake(bytes).ShouldBe(fits);
        room.Busy.Tasks.ShouldBe(fits ? 2 : 1);
    }

    [Fact]
    public void End_FreesSlotAndMemory_BeforeTheEndIsWritten()
    {
        var room = new WorkRoom(1, Memory, _time);
        room.TryTake(Memory).ShouldBeTrue();
        room.End(Memory).ShouldBeTrue();
        room.Busy.ShouldBe((0, 0L));
        room.TryTake(Memory).ShouldBeTrue();
    }

    [Fact]
    public void Busy_WhileAClaimIsUnderWay_CountsNothingOfWhatItHasTaken()
    {
        var room = new WorkRoom(4, Memory, _time);
        room.TryTake(100).ShouldBeTrue();
        room.TakeAll().ShouldBe((3, 900L));
        room.Busy.ShouldBe((1, 100L));
        room.Claimed(2, 400);
        room.Busy.ShouldBe((3, 500L));
        room.TryTake(501).ShouldBeFalse();
        room.TryTake(500).ShouldBeTrue();
    }

    [Theory]
    [InlineData(4, 0)] // twice the threads: that many end without looking ahead
    [InlineData(5, 1)]
    [InlineData(100, 96)]
    [InlineData(10_000, WorkRoom.MaxAhead)]
    public void TakeAll_WherePrograms_AreShort_LooksAheadByWhatEndedLately(int ended, int ahead)
    {
        var room = new WorkRoom(2, Memory, _time);
        RunAndWrite(room, ended);
        room.TakeAll().Slots.ShouldBe(2 + ahead);
    }

    [Fact]
    public void TakeAll_WhenNothingEndedLately_LooksAheadNoMore()
    {
        var room = new WorkRoom(2, Memory, _time);
        RunAndWrite(room, 100);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        room.TakeAll().Slots.ShouldBe(2);
    }

    [Fact]
    public void IsWorthAClaim_WithBusyThreads_WaitsUntilHalfOfTheRoomIsFree()
    {
        var room = new WorkRoom(2, Memory, _time);
        RunAndWrite(room, 100);
        room.TakeAll().Slots.ShouldBe(98);
        room.Claimed(50, 0);
        room.IsWorthAClaim.ShouldBeFalse();
        room.Give(1, 0);
        room.IsWorthAClaim.ShouldBeTrue();
        room.TakeAll().Slots.ShouldBe(49);
    }

    [Fact]
    public void TakeAll_WithTooManyUnwrittenEnds_WaitsForOneToBeWritten()
    {
        var room = new WorkRoom(1, Memory, _time);
        for (var end = 0; end < WorkRoom.MaxUnwritten; end++)
        {
            room.TryTake(1).ShouldBeTrue();
            room.End(1).ShouldBe(end < WorkRoom.MaxUnwritten - 1);
        }

        room.TakeAll().ShouldBe((0, 0));
        room.TryTake(1).ShouldBeFalse();
        room.Written().ShouldBeTrue();
        room.Written().ShouldBeFalse("nobody waited for that one");
        room.TryTake(1).ShouldBeTrue();
    }

    private static void RunAndWrite(WorkRoom room, int count)
    {
        for (var task = 0; task < count; task++)
        {
            room.TryTake(1).ShouldBeTrue();
            room.End(1);
            room.Written();
        }
    }
}
