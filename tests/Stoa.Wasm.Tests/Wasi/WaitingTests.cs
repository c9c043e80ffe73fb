using System.Buffers.Binary;
using System.IO.Pipelines;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi;

public sealed class WaitingTests
{
    private const int Subscriptions = 65_536;
    private const int Events = 131_072;

    [Theory]
    [InlineData(0)]
    [InlineData(1_025)]
    public void Poll_NoOrTooManySubscriptions_IsRefused(int count)
    {
        using var guest = new WasiGuest();
        guest.Call("poll_oneoff", Subscriptions, Events, count, 8).ShouldBe(Errno.Inval);
    }

    [Fact]
    public void Poll_Clock_MovesADeterministicClockByExactlyAsLong()
    {
        using var guest = new WasiGuest(WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, 0));
        PutClock(guest, 0, 7, id: 1, 3_600_000_000_000UL);
        Poll(guest, 1).ShouldBe([(7UL, Errno.Success, 0)]);
        guest.Call("clock_time_get", 1, 0L, 8).ShouldBe(Errno.Success);
        guest.LongResult.ShouldBeInRange(3_600_000_000_000UL, 3_600_000_100_000UL);
    }

    [Fact]
    public void Poll_SeveralClocks_FiresThoseThatAreDue()
    {
        using var guest = new WasiGuest(WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, 0));
        PutClock(guest, 0, 1, id: 1, 5_000_000_000);
        PutClock(guest, 1, 2, id: 0, 1_000_000_000);
        PutClock(guest, 2, 3, id: 2, 0);
        Poll(guest, 3).ShouldBe([(3UL, Errno.Inval, 0)]);
        Poll(guest, 2).ShouldBe([(2UL, Errno.Success, 0)]);
    }

    [Fact]
    public void Poll_AbsoluteTimeInThePast_FiresAtOnce()
    {
        using var guest = new WasiGuest();
        PutClock(guest, 0, 1, id: 0, 1, flags: 1);
        Poll(guest, 1).ShouldBe([(1UL, Errno.Success, 0)]);
        PutClock(guest, 0, 1, id: 0, 1, flags: 2);
        guest.Call("poll_oneoff", Subscriptions, Events, 1, 8).ShouldBe(Errno.Inval);
    }

    [Fact]
    public void Poll_Descriptors_AreReadyOrSayWhyNot()
    {
        var files = new MemoryFileSystem();
        files.WriteFile("f", "12345"u8);
        using var guest = WasiGuest.With(files, new() { Stdin = GuestInput.FromBytes("abc"u8.ToArray()) });
        var file = guest.Open("f", rights: Rights.FdRead | Rights.PollFdReadwrite);
        var withoutRight = guest.Open("f", rights: Rights.FdRead);
        PutDescriptor(guest, 0, 10, isWrite: false, 0);
        PutDescriptor(guest, 1, 11, isWrite: true, 1);
        PutDescriptor(guest, 2, 12, isWrite: false, file);
        PutDescriptor(guest, 3, 13, isWrite: false, withoutRight);
        PutDescriptor(guest, 4, 14, isWrite: true, 99);
        PutDescriptor(guest, 5, 15, isWrite: true, 0);
        PutClock(guest, 6, 16, id: 1, ulong.MaxValue);
        Poll(guest, 7).ShouldBe(
        [
            (10UL, Errno.Success, 1),
            (11UL, Errno.Success, 2),
            (12UL, Errno.Success, 1),
            (13UL, Errno.NotCapable, 1),
            (14UL, Errno.Badf, 2),
            (15UL, Errno.NotCapable, 2),
        ]);
        (guest.Memory.ReadInt64(Events + 16), guest.Memory.ReadInt64(Events + 24)).ShouldBe((3L, 0L));
        guest.Memory.ReadInt64(Events + 64 + 16).ShouldBe(5);
    }

    [Fact]
    public void Poll_UnknownKind_IsRefused()
    {
        using var guest = new WasiGuest();
        guest.Memory.GetSpan(Subscriptions, 48).Clear();
        guest.Memory.GetSpan(Subscriptions, 48)[8] = 3;
        guest.Call("poll_oneoff", Subscriptions, Events, 1, 8).ShouldBe(Errno.Inval);
    }

    [Fact]
    public async Task Poll_InputThatComesLater_WakesTheGuest()
    {
        var pipe = new Pipe();
        using var guest = new WasiGuest(new() { Stdin = GuestInput.FromStream(pipe.Reader.AsStream(), fillReads: false) });
        PutDescriptor(guest, 0, 1, isWrite: false, 0);
        PutClock(guest, 1, 2, id: 1, ulong.MaxValue);
        var polling = Task.Factory.StartNew(() => Poll(guest, 2), TaskCreationOptions.LongRunning);
        await pipe.Writer.WriteAsync("x"u8.ToArray());
        (await polling).ShouldBe([(1UL, Errno.Success, 1)]);
        guest.Read(0, 10, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("x");
    }

    [Fact]
    public async Task Read_OfAPipeThatMustNotWait_AsksToTryAgain()
    {
        var pipe = new Pipe();
        using var guest = new WasiGuest(new() { Stdin = GuestInput.FromStream(pipe.Reader.AsStream(), fillReads: false) });
        guest.Call("fd_fdstat_set_flags", 0, 4).ShouldBe(Errno.Success);
        guest.Read(0, 10, out _).ShouldBe(Errno.Again);
        await pipe.Writer.WriteAsync("x"u8.ToArray());
        PutDescriptor(guest, 0, 1, isWrite: false, 0);
        Poll(guest, 1).ShouldBe([(1UL, Errno.Success, 1)]);
        guest.Read(0, 10, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("x");
        await pipe.Writer.CompleteAsync();
        PutDescriptor(guest, 0, 1, isWrite: false, 0);
        Poll(guest, 1).ShouldBe([(1UL, Errno.Success, 1)]);
        (guest.Memory.ReadInt64(Events + 16), guest.Memory.ReadInt64(Events + 24)).ShouldBe((0L, 1L));
        guest.Read(0, 10, out text).ShouldBe(Errno.Success);
        text.ShouldBe("");
    }

    [Fact]
    public void Read_OfAnInputThatReplays_WaitsWhateverTheFlags()
    {
        using var guest = new WasiGuest(new() { Stdin = GuestInput.FromStream(new MemoryStream("input"u8.ToArray())) });
        guest.Call("fd_fdstat_set_flags", 0, 4).ShouldBe(Errno.Success);
        guest.Read(0, 10, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("input");
    }

    [Fact]
    public void Poll_OfAnInputThatReplays_WaitsForItAndStillEndsWithTheDeadline()
    {
        var pipe = new Pipe();
        using var guest = new WasiGuest(
            WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, 1) with { Stdin = GuestInput.FromStream(pipe.Reader.AsStream()) },
            new() { Timeout = TimeSpan.FromMilliseconds(20) });
        PutDescriptor(guest, 0, 1, isWrite: false, 0);
        StopsWith(TrapCode.DeadlineExceeded, () => guest.Call("poll_oneoff", Subscriptions, Events, 1, 8));
    }

    [Fact]
    public void Poll_RealClock_WaitsAtLeastAsLong()
    {
        using var guest = new WasiGuest();
        guest.Call("clock_time_get", 1, 0L, 8).ShouldBe(Errno.Success);
        var before = guest.LongResult;
        PutClock(guest, 0, 1, id: 1, 2_500_000);
        Poll(guest, 1).ShouldBe([(1UL, Errno.Success, 0)]);
        guest.Call("clock_time_get", 1, 0L, 8).ShouldBe(Errno.Success);
        (guest.LongResult - before).ShouldBeGreaterThanOrEqualTo(2_500_000UL);
    }

    [Fact]
    public void Poll_PastTheDeadline_IsCutShort()
    {
        using var guest = new WasiGuest(limits: new() { Timeout = TimeSpan.FromMilliseconds(20) });
        PutClock(guest, 0, 1, id: 1, ulong.MaxValue);
        StopsWith(TrapCode.DeadlineExceeded, () => guest.Call("poll_oneoff", Subscriptions, Events, 1, 8));
    }

    [Fact]
    public void Read_OfAPipeThatStaysEmpty_IsCutShortByTheDeadline()
    {
        var pipe = new Pipe();
        using var guest = new WasiGuest(
            new() { Stdin = GuestInput.FromStream(pipe.Reader.AsStream()) },
            new() { Timeout = TimeSpan.FromMilliseconds(20) });
        StopsWith(TrapCode.DeadlineExceeded, () => guest.Read(0, 10, out _));
    }

    [Fact]
    public void Poll_Cancelled_IsCutShort()
    {
        using var guest = new WasiGuest();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        PutClock(guest, 0, 1, id: 1, ulong.MaxValue);
        StopsWith(TrapCode.Cancelled, () => (Errno)guest.Instance.Invoke(
            "poll_oneoff", [Subscriptions, Events, 1, 8], stop.Token)[0].ToInt32());
    }

    [Fact]
    public void RandomOfEverything_PastTheFuel_Traps()
    {
        using var guest = new WasiGuest(limits: new() { Fuel = 10_000 });
        guest.Call("random_get", 0, 5_000).ShouldBe(Errno.Success);
        Should.Throw<TrapException>(() => guest.Call("random_get", 0, 500_000)).Code.ShouldBe(TrapCode.OutOfFuel);
    }

    [Fact]
    public void Fuel_OfTheSameCalls_IsTheSameOnEveryFileSystem()
    {
        using var directory = new Files.TemporaryDirectory();
        var consumed = new List<long>();
        foreach (var files in new FileSystem[] { new MemoryFileSystem(), new HostFileSystem(directory.FullPath) })
        {
            using var guest = WasiGuest.With(files, WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, 1));
            guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
            var fd = guest.Open("dir/../dir/file", 1, Rights.FdRead | Rights.FdWrite | Rights.FdSeek);
            guest.Write(fd, "some", "bytes").ShouldBe(Errno.Success);
            guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
            guest.Read(fd, 100, out _).ShouldBe(Errno.Success);
            guest.List(WasiGuest.Root).Count.ShouldBe(3);
            consumed.Add(guest.Instance.FuelConsumed);
        }

        consumed[1].ShouldBe(consumed[0]);
        consumed[0].ShouldBeGreaterThan(8 * WasiFuel.Call + 9 * WasiFuel.PathStep / 2);
    }

    // The news of a stop reaches the call or, a moment later, the next one: either ends in the trap.
    private static void StopsWith(TrapCode code, Func<Errno> call) =>
        Should.Throw<TrapException>(() =>
        {
            call().ShouldBe(Errno.Intr);
            throw new TrapException(code);
        }).Code.ShouldBe(code);

    private static List<(ulong UserData, Errno Errno, byte Kind)> Poll(WasiGuest guest, int count)
    {
        guest.Call("poll_oneoff", Subscriptions, Events, count, 8).ShouldBe(Errno.Success);
        var fired = new List<(ulong, Errno, byte)>();
        for (var i = 0; i < guest.Result; i++)
        {
            var record = guest.Memory.GetSpan((uint)(Events + (i * 32)), 32);
            fired.Add((BinaryPrimitives.ReadUInt64LittleEndian(record), (Errno)BinaryPrimitives.ReadUInt16LittleEndian(record[8..]), record[10]));
        }

        return fired;
    }

    private static void PutClock(WasiGuest guest, int index, ulong userData, uint id, ulong timeoutNs, ushort flags = 0)
    {
        var record = guest.Memory.GetSpan((uint)(Subscriptions + (index * 48)), 48);
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, userData);
        BinaryPrimitives.WriteUInt32LittleEndian(record[16..], id);
        BinaryPrimitives.WriteUInt64LittleEndian(record[24..], timeoutNs);
        BinaryPrimitives.WriteUInt16LittleEndian(record[40..], flags);
    }

    private static void PutDescriptor(WasiGuest guest, int index, ulong userData, bool isWrite, int fd)
    {
        var record = guest.Memory.GetSpan((uint)(Subscriptions + (index * 48)), 48);
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, userData);
        record[8] = (byte)(isWrite ? 2 : 1);
        BinaryPrimitives.WriteInt32LittleEndian(record[16..], fd);
    }
}
