using System.Runtime.InteropServices;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Tests.Runtime;

public sealed partial class SlotArenaTests : IDisposable
{
    private const int Page = 65_536;

    // A slot that is given back to the system rather than overwritten.
    private const int Large = 4 * Page;
    private const long Bytes = 3 * SlotArena.SlotBytes;

    private readonly nint _start = OperatingSystem.IsLinux()
        ? MappedMemory.Map(0, unchecked((nuint)Bytes), MappedMemory.NoAccess, MappedMemory.Reserved, -1, 0)
        : -1;

    [Theory]
    [InlineData(Page)]
    [InlineData(2 * Page)]
    [InlineData(Large)]
    public void Return_OfWrittenPages_HandsOutZeroes(int bytes)
    {
        Assert.SkipUnless(_start != -1, "This system has no arena.");
        var arena = new SlotArena(_start, Bytes);
        var slot = Written(arena, bytes);
        arena.Return(slot);
        var next = arena.Rent();
        next.Start.ShouldBe(slot.Start);
        next.AccessibleBytes.ShouldBe(bytes);
        Marshal.ReadByte(next.Start).ShouldBe((byte)0);
        Marshal.ReadByte(next.Start + bytes - 1).ShouldBe((byte)0);
    }

    [Fact]
    public void Return_OfPagesThatTheSystemKeeps_HandsOutZeroes()
    {
        Assert.SkipUnless(_start != -1, "This system has no arena.");
        var arena = new SlotArena(_start, Bytes);
        var slot = Written(arena, Large);

        // The system does not take locked pages back.
        Assert.SkipUnless(Lock(slot.Start, Large) == 0, "This system lets nobody lock pages.");
        arena.Return(slot);
        var next = arena.Rent();
        next.Start.ShouldBe(slot.Start);
        SlotArena.TryMakeAccessible(ref next, Large).ShouldBeTrue();
        Marshal.ReadByte(next.Start).ShouldBe((byte)0);
    }

    [Fact]
    public void Return_OfPagesThatCannotBeReplacedEither_HandsOutAnotherSlot()
    {
        Assert.SkipUnless(_start != -1, "This system has no arena.");
        var arena = new SlotArena(_start, Bytes);
        var slot = Written(arena, Large);

        // No call of the system takes a range that does not begin with a page.
        arena.Return(slot with { Start = slot.Start + 1 });
        arena.Rent().Start.ShouldBeGreaterThan(slot.Start + 1);
        Should.Throw<InsufficientMemoryException>(() => arena.Rent());
    }

    public void Dispose()
    {
        if (_start != -1)
            _ = MappedMemory.Unmap(_start, unchecked((nuint)Bytes));
    }

    private static SlotArena.Slot Written(SlotArena arena, int bytes)
    {
        var slot = arena.Rent();
        SlotArena.TryMakeAccessible(ref slot, bytes).ShouldBeTrue();
        Marshal.WriteByte(slot.Start, 42);
        Marshal.WriteByte(slot.Start + bytes - 1, 42);
        return slot;
    }

    [LibraryImport("libc", EntryPoint = "mlock")]
    private static partial int Lock(nint address, nuint length);
}
