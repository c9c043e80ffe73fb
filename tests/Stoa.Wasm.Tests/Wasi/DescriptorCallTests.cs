using Microsoft.Win32.SafeHandles;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi;

public sealed class DescriptorCallTests
{
    private const Rights Everything = Rights.FdRead | Rights.FdWrite | Rights.FdSeek | Rights.FdTell | Rights.FdFdstatSetFlags
        | Rights.FdFilestatGet | Rights.FdFilestatSetSize | Rights.FdFilestatSetTimes | Rights.FdAllocate | Rights.FdAdvise
        | Rights.FdSync | Rights.FdDatasync | Rights.PollFdReadwrite;

    private readonly MemoryFileSystem _files = new();

    [Fact]
    public void Preopens_AreFoundByTheirNames()
    {
        using var guest = new WasiGuest(new() { Preopens = [new("/", _files), new("/ä/b", _files)] });
        guest.Call("fd_prestat_get", 4, 100).ShouldBe(Errno.Success);
        (guest.Memory.ReadInt32(100), guest.Memory.ReadInt32(104)).ShouldBe((0, 5));
        guest.Call("fd_prestat_dir_name", 4, 200, 5).ShouldBe(Errno.Success);
        guest.Memory.ReadUtf8(200, 5).ShouldBe("/ä/b");
        guest.Call("fd_prestat_dir_name", 4, 200, 4).ShouldBe(Errno.NameTooLong);
        guest.Call("fd_prestat_dir_name", 4, 200, 100).ShouldBe(Errno.Success);
        guest.Call("fd_prestat_get", 5, 100).ShouldBe(Errno.Badf);
        guest.Call("fd_prestat_get", 1, 100).ShouldBe(Errno.Badf);
        guest.Call("fd_prestat_get", -1, 100).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Fdstat_OfEachKind_SaysWhatItIs()
    {
        using var guest = WasiGuest.With(_files);
        guest.Fdstat(0).Type.ShouldBe(FileType.Unknown);
        guest.Fdstat(1).Rights.HasFlag(Rights.FdSeek).ShouldBeFalse();
        var root = guest.Fdstat(WasiGuest.Root);
        root.Type.ShouldBe(FileType.Directory);
        (root.Rights & (Rights.FdRead | Rights.FdWrite | Rights.FdSeek | Rights.FdFilestatSetSize)).ShouldBe(Rights.None);
        (root.Rights & ~root.Inheriting).ShouldBe(Rights.None);
        var file = guest.Fdstat(guest.Open("f", openFlags: 1, rights: Rights.FdRead, fdFlags: 17));
        file.ShouldBe((FileType.RegularFile, 17U, Rights.FdRead, Rights.None));
        guest.Call("fd_fdstat_get", 99, 100).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Fdstat_OfATerminal_IsACharacterDevice()
    {
        using var guest = new WasiGuest(new()
        {
            Stdin = GuestInput.FromStream(Stream.Null, isTerminal: true),
            Stdout = GuestOutput.ToStream(Stream.Null, isTerminal: true),
        });
        guest.Fdstat(0).Type.ShouldBe(FileType.CharacterDevice);
        guest.Fdstat(1).Type.ShouldBe(FileType.CharacterDevice);
        guest.Fdstat(2).Type.ShouldBe(FileType.Unknown);
    }

    [Fact]
    public void SetRights_CanOnlyTakeAway()
    {
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", openFlags: 1, rights: Rights.FdRead | Rights.FdWrite | Rights.FdSeek);
        guest.Call("fd_fdstat_set_rights", fd, (long)Rights.FdSeek, 0L).ShouldBe(Errno.Success);
        guest.Fdstat(fd).Rights.ShouldBe(Rights.FdSeek);
        guest.Call("fd_fdstat_set_rights", fd, (long)(Rights.FdSeek | Rights.FdRead), 0L).ShouldBe(Errno.NotCapable);
        guest.Read(fd, 1, out _).ShouldBe(Errno.Badf);
        guest.Write(fd, "x").ShouldBe(Errno.Badf);
    }

    [Fact]
    public void SetFlags_AppendOffAndOn_ChangesWhereWritesGo()
    {
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", openFlags: 1, rights: Everything, fdFlags: 1);
        guest.Write(fd, "one").ShouldBe(Errno.Success);
        guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        guest.Write(fd, "two").ShouldBe(Errno.Success);
        guest.Call("fd_tell", fd, 8).ShouldBe(Errno.Success);
        guest.LongResult.ShouldBe(6UL);
        guest.Call("fd_fdstat_set_flags", fd, 0).ShouldBe(Errno.Success);
        guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        guest.Write(fd, "ONE").ShouldBe(Errno.Success);
        _files.ReadFile("f").ShouldBe("ONEtwo"u8.ToArray());
        guest.Call("fd_fdstat_set_flags", fd, 32).ShouldBe(Errno.Inval);
    }

    [Fact]
    public void Seek_MovesInsideAndPastTheFile_NeverBeforeIt()
    {
        _files.WriteFile("f", new byte[100]);
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", rights: Everything);
        Seek(guest, fd, 30, 0).ShouldBe((Errno.Success, 30UL));
        Seek(guest, fd, -10, 1).ShouldBe((Errno.Success, 20UL));
        Seek(guest, fd, -1, 2).ShouldBe((Errno.Success, 99UL));
        Seek(guest, fd, 1_000, 1).ShouldBe((Errno.Success, 1_099UL));
        Seek(guest, fd, -1_100, 1).Errno.ShouldBe(Errno.Inval);
        Seek(guest, fd, long.MaxValue, 1).Errno.ShouldBe(Errno.Inval);
        Seek(guest, fd, 0, 3).Errno.ShouldBe(Errno.Inval);
        Seek(guest, fd, 0, 1).ShouldBe((Errno.Success, 1_099UL));
        Seek(guest, 1, 0, 1).Errno.ShouldBe(Errno.SPipe);
        Seek(guest, WasiGuest.Root, 0, 1).Errno.ShouldBe(Errno.Badf);
        Seek(guest, 99, 0, 1).Errno.ShouldBe(Errno.Badf);
        var teller = guest.Open("f", rights: Rights.FdTell);
        Seek(guest, teller, 0, 1).ShouldBe((Errno.Success, 0UL));
        Seek(guest, teller, 1, 1).Errno.ShouldBe(Errno.NotCapable);
    }

    [Fact]
    public void ReadAndWrite_GatherAndScatter()
    {
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", openFlags: 1, rights: Everything);
        guest.Write(fd, "ab", "", "cde").ShouldBe(Errno.Success);
        guest.Result.ShouldBe(5U);
        guest.PutBufferList([(2_000, 1), (3_000, 0), (2_100, 10)]);
        guest.Call("fd_pread", fd, 1_024, 3, 1L, 8).ShouldBe(Errno.Success);
        guest.Result.ShouldBe(4U);
        (guest.Memory.ReadUtf8(2_000, 1), guest.Memory.ReadUtf8(2_100, 3)).ShouldBe(("b", "cde"));
        guest.PutBuffers("X");
        guest.Call("fd_pwrite", fd, 1_024, 1, 7L, 8).ShouldBe(Errno.Success);
        guest.Call("fd_tell", fd, 8).ShouldBe(Errno.Success);
        guest.LongResult.ShouldBe(5UL);
        _files.ReadFile("f").ShouldBe("abcde\0\0X"u8.ToArray());
        guest.Call("fd_pread", 0, 1_024, 1, 0L, 8).ShouldBe(Errno.SPipe);
        guest.Call("fd_pread", WasiGuest.Root, 1_024, 1, 0L, 8).ShouldBe(Errno.Badf);
        guest.Write(0, "x").ShouldBe(Errno.Badf);
        guest.Read(1, 1, out _).ShouldBe(Errno.Badf);
        guest.Read(99, 1, out _).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Write_WithOneBadBuffer_WritesNothing()
    {
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", openFlags: 1, rights: Everything);
        guest.PutBufferList([(2_000, 4), (WasiGuest.Nowhere, 4)]);
        guest.Call("fd_write", fd, 1_024, 2, 8).ShouldBe(Errno.Fault);
        guest.StatOf(fd).SizeBytes.ShouldBe(0UL);
        guest.PutBufferList([(2_000, -1)]);
        guest.Call("fd_write", fd, 1_024, 1, 8).ShouldBe(Errno.Fault);
    }

    [Fact]
    public void Read_IntoItsOwnListOfBuffers_StaysInside()
    {
        _files.WriteFile("f", [.. Enumerable.Repeat((byte)0xF0, 64)]);
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", rights: Everything);
        guest.PutBufferList([(1_024 + 8, 8), (2_000, 8)]);
        guest.Call("fd_read", fd, 1_024, 2, 8).ShouldBe(Errno.Success);
        guest.Result.ShouldBe(8U);
    }

    [Fact]
    public void Write_WhenTheFileSystemIsFull_IsShortAndThenRefused()
    {
        using var guest = WasiGuest.With(new MemoryFileSystem(new() { MaxBytes = 4 }));
        var fd = guest.Open("f", openFlags: 1, rights: Everything);
        guest.Write(fd, "abc", "def").ShouldBe(Errno.Success);
        guest.Result.ShouldBe(4U);
        guest.Write(fd, "x").ShouldBe(Errno.NoSpc);
    }

    [Fact]
    public void SizeAndTimes_CanBeSet()
    {
        using var guest = WasiGuest.With(_files, WasiOptions.Deterministic(DateTimeOffset.UnixEpoch.AddSeconds(5), 0));
        var fd = guest.Open("f", openFlags: 1, rights: Everything);
        guest.Call("fd_filestat_set_size", fd, 100L).ShouldBe(Errno.Success);
        guest.Call("fd_allocate", fd, 90L, 20L).ShouldBe(Errno.Success);
        guest.StatOf(fd).SizeBytes.ShouldBe(110UL);
        guest.Call("fd_filestat_set_times", fd, 100L, 200L, 5).ShouldBe(Errno.Success);
        (guest.StatOf(fd).AccessedNs, guest.StatOf(fd).ModifiedNs).ShouldBe((100UL, 200UL));
        guest.Call("fd_filestat_set_times", fd, 300L, 300L, 8).ShouldBe(Errno.Success);
        (guest.StatOf(fd).AccessedNs, guest.StatOf(fd).ModifiedNs).ShouldBe((100UL, 5_000_001_000UL));
        foreach (var flags in new[] { 3, 12, 15, 16 })
            guest.Call("fd_filestat_set_times", fd, 1L, 1L, flags).ShouldBe(Errno.Inval, flags.ToString(null, null));
        foreach (var function in new[] { "fd_sync", "fd_datasync" })
            guest.Call(function, fd).ShouldBe(Errno.Success);
        guest.Call("fd_advise", fd, 0L, 10L, 5).ShouldBe(Errno.Success);
        guest.Call("fd_advise", fd, 0L, 10L, 6).ShouldBe(Errno.Inval);
        guest.Call("fd_advise", 1, 0L, 10L, 0).ShouldBe(Errno.SPipe);
    }

    [Fact]
    public void Attributes_WithoutTheRight_AreRefused()
    {
        using var guest = WasiGuest.With(_files);
        var fd = guest.Open("f", openFlags: 1);
        guest.Call("fd_filestat_get", fd, 100).ShouldBe(Errno.NotCapable);
        guest.Call("fd_filestat_set_size", fd, 1L).ShouldBe(Errno.NotCapable);
        guest.Call("fd_filestat_set_times", fd, 1L, 1L, 1).ShouldBe(Errno.NotCapable);
        guest.Call("fd_allocate", fd, 0L, 1L).ShouldBe(Errno.NotCapable);
        guest.Call("fd_sync", fd).ShouldBe(Errno.NotCapable);
        guest.Call("fd_datasync", fd).ShouldBe(Errno.NotCapable);
        guest.Call("fd_advise", fd, 0L, 0L, 0).ShouldBe(Errno.NotCapable);
        guest.Call("fd_fdstat_set_flags", fd, 0).ShouldBe(Errno.NotCapable);
        guest.Call("fd_tell", fd, 8).ShouldBe(Errno.NotCapable);
        guest.Call("fd_readdir", fd, 100, 100, 0L, 8).ShouldBe(Errno.NotDir);
    }

    [Fact]
    public void Renumber_MovesADescriptorOverAnother()
    {
        using var guest = WasiGuest.With(_files);
        var one = guest.Open("one", openFlags: 1, rights: Everything);
        var two = guest.Open("two", openFlags: 1, rights: Everything);
        guest.Call("fd_renumber", one, two).ShouldBe(Errno.Success);
        guest.Write(two, "x").ShouldBe(Errno.Success);
        _files.ReadFile("one").ShouldBe("x"u8.ToArray());
        guest.Call("fd_close", one).ShouldBe(Errno.Badf);
        guest.Call("fd_renumber", two, one).ShouldBe(Errno.Badf);
        guest.Call("fd_renumber", two, two).ShouldBe(Errno.Success);
        guest.Open("three", openFlags: 1).ShouldBe(one);
        guest.Call("fd_renumber", two, WasiGuest.Root).ShouldBe(Errno.Success);
        guest.Call("fd_prestat_get", WasiGuest.Root, 100).ShouldBe(Errno.Badf);
    }

    [Theory]
    [InlineData(4_096)]
    [InlineData(64)]
    [InlineData(37)]
    public void Readdir_ThroughAnyBuffer_SeesEachNameOnce(int bufferBytes)
    {
        for (var i = 0; i < 100; i++)
            _files.WriteFile($"file-{i:00}", []);
        using var guest = WasiGuest.With(_files);
        var names = guest.List(WasiGuest.Root, bufferBytes);
        names.Count.ShouldBe(102);
        names[..3].ShouldBe([".", "..", "file-00"]);
        names.Distinct().Count().ShouldBe(102);
    }

    [Fact]
    public void Readdir_WhileFilesAreRemoved_SkipsNone()
    {
        for (var i = 0; i < 30; i++)
            _files.WriteFile($"file-{i:00}", []);
        using var guest = WasiGuest.With(_files);
        guest.Call("fd_readdir", WasiGuest.Root, 65_536, 120, 0L, 8).ShouldBe(Errno.Success);
        guest.OnPath("path_unlink_file", "file-00").ShouldBe(Errno.Success);
        guest.OnPath("path_unlink_file", "file-05").ShouldBe(Errno.Success);
        guest.Call("fd_readdir", WasiGuest.Root, 65_536, 31, 3L, 8).ShouldBe(Errno.Success);
        guest.Memory.ReadUtf8(65_536 + 24, 7).ShouldBe("file-01");
        guest.List(WasiGuest.Root).Count.ShouldBe(30);
        guest.Call("fd_readdir", WasiGuest.Root, 65_536, 100, -1L, 8).ShouldBe(Errno.Success);
        guest.Result.ShouldBe(0U);
    }

    [Fact]
    public void Limits_OnDescriptorsAndBuffers_AreKept()
    {
        using var guest = WasiGuest.With(_files, new() { Limits = new() { MaxOpenFiles = 6, MaxBuffersPerCall = 3 } });
        guest.Open("a", out _, openFlags: 1).ShouldBe(Errno.Success);
        guest.Open("b", out var last, openFlags: 1).ShouldBe(Errno.Success);
        guest.Open("c", out _, openFlags: 1).ShouldBe(Errno.Mfile);
        guest.Call("fd_close", last).ShouldBe(Errno.Success);
        guest.Open("c", out _, openFlags: 1).ShouldBe(Errno.Success);
        guest.Write(1, "a", "b", "c").ShouldBe(Errno.Success);
        guest.Write(1, "a", "b", "c", "d").ShouldBe(Errno.Inval);
        Should.Throw<ArgumentException>(
            () => new WasiContext(new() { Limits = new() { MaxOpenFiles = 3 }, Preopens = [new("/", _files)] }));
    }

    [Fact]
    public void Streams_AreReadAndWritten()
    {
        var output = GuestOutput.ToMemory();
        using var guest = new WasiGuest(new() { Stdin = GuestInput.FromBytes("input"u8.ToArray()), Stdout = output });
        guest.Read(0, 3, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("inp");
        guest.Read(0, 30, out text).ShouldBe(Errno.Success);
        text.ShouldBe("ut");
        guest.Read(0, 30, out text).ShouldBe(Errno.Success);
        text.ShouldBe("");
        guest.Write(1, "out", "put").ShouldBe(Errno.Success);
        output.ToString().ShouldBe("output");
        (guest.Context.Stdin.BytesRead, guest.Context.Stdout.BytesWritten).ShouldBe((5L, 6L));
        guest.Write(2, "dropped").ShouldBe(Errno.Success);
        guest.Call("fd_close", 1).ShouldBe(Errno.Success);
        guest.Write(1, "x").ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Output_OverItsLimit_EndsTheGuest()
    {
        using var guest = new WasiGuest(new() { Stdout = GuestOutput.ToMemory(maxBytes: 4) });
        guest.Write(1, "four").ShouldBe(Errno.Success);
        Should.Throw<OutputLimitExceededException>(() => guest.Write(1, "x"));
    }

    [Fact]
    public void Streams_ThatFail_AnswerAnErrorOfInputOrOutput()
    {
        using var guest = new WasiGuest(new() { Stdin = GuestInput.FromStream(new Broken()), Stdout = GuestOutput.ToStream(new Broken()) });
        guest.Read(0, 1, out _).ShouldBe(Errno.Io);
        guest.Write(1, "x").ShouldBe(Errno.Io);
        guest.Call("fd_sync", 1).ShouldBe(Errno.Io);
    }

    [Fact]
    public void Output_ThatNobodyReads_IsABrokenPipe()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the numbers of errors are those of Unix");
        using var reader = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.In);
        using var writer = new FileStream(new SafeFileHandle(reader.ClientSafePipeHandle.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0);
        using var guest = new WasiGuest(new() { Stdout = GuestOutput.ToStream(writer) });
        guest.Write(1, "x").ShouldBe(Errno.Success);
        reader.SafePipeHandle.Dispose();
        guest.Write(1, "x").ShouldBe(Errno.Pipe);
    }

    private static (Errno Errno, ulong Offset) Seek(WasiGuest guest, int fd, long offset, int whence)
    {
        var errno = guest.Call("fd_seek", fd, offset, whence, 8);
        return (errno, guest.LongResult);
    }

    /// <summary>A stream whose other end is gone.</summary>
    private sealed class Broken : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("gone");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("gone");

        public override void Flush() => throw new IOException("gone");
    }
}
