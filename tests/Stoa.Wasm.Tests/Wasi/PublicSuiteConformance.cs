using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Tests.Wasi.Files;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using static Stoa.Wasm.Tests.Wasi.OpenFlags;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>What the programs of the public wasi-testsuite ask of a runtime, on each file system.</summary>
/// <remarks>
/// The suite's answers have changed over the years: where it once accepted one error only, that is the one expected here.
/// Its programs work in a directory that they open with the rights below, not in the preopened one.
/// </remarks>
public abstract class PublicSuiteConformance : IDisposable
{
    private const uint Append = 1;
    private const uint NonBlock = 4;
    private const uint Sync = 16;

    private const Rights DirectoryRights =
        Rights.FdFilestatGet | Rights.FdReaddir | Rights.PathCreateFile | Rights.PathCreateDirectory | Rights.PathRemoveDirectory |
        Rights.PathOpen | Rights.PathUnlinkFile | Rights.PathLinkSource | Rights.PathLinkTarget | Rights.PathReadlink |
        Rights.PathRenameSource | Rights.PathRenameTarget | Rights.PathFilestatGet | Rights.PathFilestatSetSize |
        Rights.PathFilestatSetTimes | Rights.PathSymlink;

    private const Rights InheritedRights =
        Rights.FdRead | Rights.FdWrite | Rights.FdReaddir | Rights.FdFilestatGet | Rights.FdSeek | Rights.PathLinkSource |
        Rights.PathLinkTarget | Rights.PathOpen | Rights.PathUnlinkFile | Rights.PathFilestatGet | Rights.FdFdstatSetFlags |
        Rights.FdSync | Rights.FdTell | Rights.FdAdvise | Rights.FdAllocate | Rights.FdFilestatSetSize | Rights.FdFilestatSetTimes;

    private readonly Lazy<WasiGuest> _guest;
    private readonly Lazy<int> _scratch;

    protected PublicSuiteConformance()
    {
        _guest = new(() => WasiGuest.With(MakeFiles()));
        _scratch = new(() =>
        {
            Guest.OnPath("path_create_directory", "scratch").ShouldBe(Errno.Success);
            Guest.Open("scratch", out var fd, DirectoryOnly, DirectoryRights, InheritedRights).ShouldBe(Errno.Success);
            return fd;
        });
    }

    /// <summary>False where the system offers no hard links, nor times of symbolic links.</summary>
    protected virtual bool HasLinks => true;

    private WasiGuest Guest => _guest.Value;

    private int Scratch => _scratch.Value;

    public void Dispose()
    {
        if (_guest.IsValueCreated)
            Guest.Dispose();
        Cleanup();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Directory_AsIfItWereAFile_IsNotOpenForThat()
    {
        Guest.PutBuffers("x");
        Guest.Call("fd_read", Scratch, 1_024, 1, 8).ShouldBe(Errno.Badf);
        Guest.Call("fd_write", Scratch, 1_024, 1, 8).ShouldBe(Errno.Badf);
        Guest.Call("fd_pread", Scratch, 1_024, 1, 0L, 8).ShouldBe(Errno.Badf);
        Guest.Call("fd_pwrite", Scratch, 1_024, 1, 0L, 8).ShouldBe(Errno.Badf);
        for (var whence = 0; whence < 3; whence++)
            Guest.Call("fd_seek", Scratch, 0L, whence, 8).ShouldBe(Errno.Badf);
        Guest.Call("fd_tell", Scratch, 8).ShouldBe(Errno.Badf);
        Guest.Call("fd_allocate", Scratch, 0L, 0L).ShouldBe(Errno.Badf);
        Guest.Call("fd_allocate", Scratch, 0L, 1L).ShouldBe(Errno.Badf);
        Guest.Call("fd_filestat_set_size", Scratch, 0L).ShouldBe(Errno.Badf);
        Guest.StatOf(Scratch).Type.ShouldBe(FileType.Directory);
    }

    [Fact]
    public void Directory_OpenedToSeek_DoesNotGetThatRight()
    {
        Guest.Open(".", out var fd, DirectoryOnly, Rights.FdSeek, at: Scratch).ShouldBe(Errno.Success);
        Guest.Fdstat(fd).ShouldBe((FileType.Directory, 0U, Rights.None, Rights.None));
        Guest.Open(".", out _, fdFlags: NonBlock, at: Scratch).ShouldBe(Errno.Success);
    }

    [Fact]
    public void Directory_Unclosed_CanBeRemovedAndMadeAnew()
    {
        Do("path_create_directory", "dir");
        Guest.Open("dir", out var fd, DirectoryOnly, at: Scratch).ShouldBe(Errno.Success);
        Do("path_remove_directory", "dir");
        Do("path_create_directory", "dir");
        Guest.Call("fd_close", fd).ShouldBe(Errno.Success);
        Guest.Open("file", out fd, Create, at: Scratch).ShouldBe(Errno.Success);
        Do("path_unlink_file", "file");
        Guest.Open("file", out _, Create | Exclusive, at: Scratch).ShouldBe(Errno.Success);
        Guest.Call("fd_close", fd).ShouldBe(Errno.Success);
    }

    [Fact]
    public void Preopen_CanBeClosedOrReplaced()
    {
        var scratch = Guest.StatOf(Scratch);
        Guest.Call("fd_renumber", Scratch, WasiGuest.Root).ShouldBe(Errno.Success);
        (Guest.StatOf(WasiGuest.Root).Device, Guest.StatOf(WasiGuest.Root).Inode).ShouldBe((scratch.Device, scratch.Inode));
        Guest.Call("fd_fdstat_get", Scratch, 100).ShouldBe(Errno.Badf);
        Guest.Call("fd_close", WasiGuest.Root).ShouldBe(Errno.Success);
        Guest.Call("fd_fdstat_get", WasiGuest.Root, 100).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Renumber_OverAFile_KeepsWhatTheDescriptorIs()
    {
        var from = Open("one", Create, Rights.FdRead | Rights.FdWrite);
        var to = Open("two", Create, Rights.FdRead | Rights.FdWrite);
        var stat = Guest.Fdstat(from);
        Guest.Call("fd_renumber", from, to).ShouldBe(Errno.Success);
        Guest.Fdstat(to).ShouldBe(stat);
        Guest.Call("fd_close", from).ShouldBe(Errno.Badf);
        Guest.Call("fd_renumber", to, from).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Renumber_OfTheStandardStreams_ClosesTheirNumbers()
    {
        for (var fd = 0; fd < 3; fd++)
        {
            var file = Open("file", Create, Rights.None);
            Guest.Call("fd_renumber", fd, file).ShouldBe(Errno.Success);
            Guest.Fdstat(file).Type.ShouldNotBe(FileType.RegularFile);
            Guest.Call("fd_fdstat_get", fd, 100).ShouldBe(Errno.Badf);
            Do("path_unlink_file", "file");
        }
    }

    [Fact]
    public void Rights_ThatAreDropped_AreGone()
    {
        var fd = Open("file", Create, Rights.FdRead | Rights.FdWrite | Rights.FdSeek | Rights.FdTell);
        Guest.Write(fd, "text").ShouldBe(Errno.Success);
        Guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        Guest.Read(fd, 4, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("text");
        Guest.Call("fd_fdstat_set_rights", fd, (long)(Rights.FdSeek | Rights.FdTell), 0L).ShouldBe(Errno.Success);
        Guest.Fdstat(fd).Rights.ShouldBe(Rights.FdSeek | Rights.FdTell);
        Guest.Read(fd, 4, out _).ShouldBe(Errno.Badf);
        Guest.Write(fd, "x").ShouldBe(Errno.Badf);
        Guest.Call("fd_fdstat_set_rights", fd, (long)(Rights.FdSeek | Rights.FdRead), 0L).ShouldBe(Errno.NotCapable);
    }

    [Fact]
    public void Truncation_WithoutItsRight_IsNotPermitted()
    {
        Touch("file");
        var stat = Guest.Fdstat(Scratch);
        (stat.Type, stat.Flags, stat.Rights & Rights.FdFilestatSetSize).ShouldBe((FileType.Directory, 0U, Rights.None));
        Guest.Open("file", out _, Truncate, at: Scratch).ShouldBe(Errno.Success);
        var inheriting = stat.Inheriting & ~Rights.FdFilestatSetSize;
        Guest.Call("fd_fdstat_set_rights", Scratch, (long)stat.Rights, (long)inheriting).ShouldBe(Errno.Success);
        Guest.Open("file", out _, Truncate, at: Scratch).ShouldBe(Errno.Success);
        var rights = stat.Rights & ~Rights.PathFilestatSetSize;
        Guest.Call("fd_fdstat_set_rights", Scratch, (long)rights, (long)inheriting).ShouldBe(Errno.Success);
        Guest.Fdstat(Scratch).Rights.ShouldBe(rights);
        Guest.Open("file", out _, Truncate, at: Scratch).ShouldBe(Errno.Perm);
        Do("path_unlink_file", "file");
    }

    [Fact]
    public void File_OpenedForOneWay_IsNotOpenForTheOther()
    {
        Touch("file");
        var reader = Open("file", 0, Rights.FdRead);
        var writer = Open("file", 0, Rights.FdWrite);
        var neither = Open("file", 0, Rights.None);
        Guest.Write(writer, "x").ShouldBe(Errno.Success);
        Guest.Read(reader, 10, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("x");
        Guest.Read(writer, 1, out _).ShouldBe(Errno.Badf);
        Guest.Write(reader, "x").ShouldBe(Errno.Badf);
        Guest.Read(neither, 1, out _).ShouldBe(Errno.Badf);
        Guest.Fdstat(reader).ShouldBe((FileType.RegularFile, 0U, Rights.FdRead, Rights.None));
    }

    [Fact]
    public void File_WithRightsOfADirectory_DropsThemAndKeepsItsFlags()
    {
        var fd = Open("file", Create, Rights.FdRead | Rights.FdWrite | Rights.PathFilestatGet, Append | Sync);
        Guest.Fdstat(fd).ShouldBe((FileType.RegularFile, Append | Sync, Rights.FdRead | Rights.FdWrite, Rights.None));
        Guest.Open("x", out _, Create, at: fd).ShouldBe(Errno.NotDir);
    }

    [Fact]
    public void File_ThatIsToBeSynchronized_NeedsARightForIt()
    {
        const uint dsync = 2, rsync = 8;
        Touch("file");
        foreach (var (right, refused) in new[] { (Rights.FdSync, 0U), (Rights.FdDatasync, Sync | rsync), (Rights.FdRead, Sync | rsync | dsync) })
        {
            Guest.Open("scratch", out var at, DirectoryOnly, Rights.PathOpen, right).ShouldBe(Errno.Success);
            foreach (var flag in new[] { dsync, rsync, Sync })
                Guest.Open("file", out _, fdFlags: flag, at: at).ShouldBe((refused & flag) != 0 ? Errno.NotCapable : Errno.Success, $"{right} {flag}");
        }
    }

    [Fact]
    public void AppendingWrites_GoToTheEndUntilTheFlagIsOff()
    {
        var fd = Open("file", Create, InheritedRights & ~Rights.FdReaddir, Append);
        Guest.Write(fd, "aa").ShouldBe(Errno.Success);
        Guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        Guest.Write(fd, "bb").ShouldBe(Errno.Success);
        Tell(fd).ShouldBe(4UL);
        Guest.PutBuffers("ccc");
        Guest.Call("fd_pwrite", fd, 1_024, 1, 0L, 8).ShouldBe(Errno.Success);
        Tell(fd).ShouldBe(4UL);
        Guest.StatOf(fd).SizeBytes.ShouldBe(7UL);
        Guest.Call("fd_fdstat_set_flags", fd, 0).ShouldBe(Errno.Success);
        Guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        Guest.Write(fd, "dd").ShouldBe(Errno.Success);
        Guest.Call("fd_seek", fd, 0L, 0, 8).ShouldBe(Errno.Success);
        Guest.Read(fd, 10, out var text).ShouldBe(Errno.Success);
        text.ShouldBe("ddbbccc");
    }

    [Fact]
    public void PositionedWrites_MoveNoPositionAndOfNothingChangeNothing()
    {
        var fd = Open("file", Create, InheritedRights & ~Rights.FdReaddir);
        Guest.PutBufferList([(65_536, 0)]);
        Guest.Call("fd_pwrite", fd, 1_024, 1, 50L, 8).ShouldBe(Errno.Success);
        (Guest.Result, Guest.StatOf(fd).SizeBytes, Tell(fd)).ShouldBe((0U, 0UL, 0UL));
        Guest.PutBuffers("x");
        Guest.Call("fd_pwrite", fd, 1_024, 1, 50L, 8).ShouldBe(Errno.Success);
        (Guest.Result, Guest.StatOf(fd).SizeBytes, Tell(fd)).ShouldBe((1U, 51UL, 0UL));
        Guest.PutBufferList([(65_536, 2), (65_600, 2)]);
        Guest.Call("fd_pread", fd, 1_024, 2, 48L, 8).ShouldBe(Errno.Success);
        (Guest.Result, Guest.Memory.ReadUtf8(65_536, 2), Guest.Memory.ReadUtf8(65_600, 1)).ShouldBe((3U, "\0\0", "x"));
    }

    [Fact]
    public void SizesAndTimes_OfAFile_AreSetOneByOne()
    {
        var fd = Open("file", Create, InheritedRights & ~Rights.FdReaddir);
        Guest.Call("fd_filestat_set_size", fd, 100L).ShouldBe(Errno.Success);
        Guest.Call("fd_advise", fd, 10L, 50L, 0).ShouldBe(Errno.Success);
        Guest.Call("fd_allocate", fd, 100L, 100L).ShouldBe(Errno.Success);
        Guest.Call("fd_allocate", fd, 10L, 10L).ShouldBe(Errno.Success);
        var before = Guest.StatOf(fd);
        before.SizeBytes.ShouldBe(200UL);
        var modified = before.ModifiedNs - 100;
        Guest.Call("fd_filestat_set_times", fd, (long)modified, (long)modified, 4).ShouldBe(Errno.Success);
        var after = Guest.StatOf(fd);
        (after.SizeBytes, after.AccessedNs, after.ModifiedNs).ShouldBe((200UL, before.AccessedNs, modified));
        Guest.Call("fd_filestat_set_times", fd, 100L, 200L, 12).ShouldBe(Errno.Inval);
        Guest.Call("fd_filestat_set_times", fd, 100L, 200L, 3).ShouldBe(Errno.Inval);
        Guest.SetTimes("file", 0, modified - 100, 12, at: Scratch).ShouldBe(Errno.Inval);
        Guest.SetTimes("file", 0, 0, 3, at: Scratch).ShouldBe(Errno.Inval);
        Guest.StatOf(fd).ShouldBe(after);
        Guest.SetTimes("file", 0, modified - 100, 4, at: Scratch).ShouldBe(Errno.Success);
        Guest.StatOf(fd).ModifiedNs.ShouldBe(modified - 100);
    }

    [Fact]
    public void Times_OfASymbolicLink_AreItsOwn()
    {
        Touch("file");
        Link("file", "link").ShouldBe(Errno.Success);
        if (!HasLinks)
        {
            Guest.SetTimes("link", 0, 1, 4, at: Scratch).ShouldBe(Errno.NotSup);
            return;
        }

        var file = StatOf("file");
        var link = StatOf("link");
        Guest.SetTimes("link", 0, link.ModifiedNs - 200, 4, at: Scratch).ShouldBe(Errno.Success);
        StatOf("link").ModifiedNs.ShouldBe(link.ModifiedNs - 200);
        StatOf("file").ModifiedNs.ShouldBe(file.ModifiedNs);
        Guest.Stat("link", out var target, follow: true, at: Scratch).ShouldBe(Errno.Success);
        target.ShouldBe(StatOf("file"));
        Guest.SetTimes("link", 0, 7_000_000_000, 4, follow: true, at: Scratch).ShouldBe(Errno.Success);
        StatOf("file").ModifiedNs.ShouldBe(7_000_000_000UL);
    }

    [Fact]
    public void HardLink_IsTheSameFileWithTheSameRights()
    {
        if (!HasLinks)
        {
            Touch("file");
            HardLink("file", "link").ShouldBe(Errno.NotSup);
            return;
        }

        const Rights rights = Rights.FdRead | Rights.PathLinkSource | Rights.PathLinkTarget | Rights.FdFilestatGet | Rights.PathOpen | Rights.PathUnlinkFile;
        Guest.Open("file", out var file, Create, rights, rights, at: Scratch).ShouldBe(Errno.Success);
        Do("path_create_directory", "dir");
        Guest.Open("dir", out var dir, DirectoryOnly, rights, rights, at: Scratch).ShouldBe(Errno.Success);
        foreach (var at in new[] { Scratch, dir })
        {
            Guest.OnPaths("path_link", "file", "link", Scratch, at).ShouldBe(Errno.Success);
            Guest.Open("link", out var link, 0, rights, rights, at: at).ShouldBe(Errno.Success);
            Guest.StatOf(link).ShouldBe(Guest.StatOf(file));
            Guest.Fdstat(link).ShouldBe(Guest.Fdstat(file));
            Guest.OnPath("path_unlink_file", "link", at).ShouldBe(Errno.Success);
        }

        HardLink("file", "file").ShouldBe(Errno.Exist);
        HardLink("file", "dir").ShouldBe(Errno.Exist);
        HardLink("dir", "new").ShouldBe(Errno.Perm);
        HardLink("file", "new/").ShouldBe(Errno.NoEnt);
        foreach (var target in new[] { "dangling", "itself" })
        {
            Link(target, "itself").ShouldBe(Errno.Success);
            HardLink("file", "itself").ShouldBe(Errno.Exist);
            HardLink("itself", "new").ShouldBe(Errno.Success);
            Do("path_unlink_file", "itself");
            Do("path_unlink_file", "new");
        }

        Link("dangling", "link").ShouldBe(Errno.Success);
        var path = "link"u8;
        path.CopyTo(Guest.Memory.GetSpan(4_096, path.Length));
        Guest.Call("path_link", Scratch, 1, 4_096, 4, Scratch, 4_096, 4).ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void Paths_OfEveryForm_AreFoundOrRefused()
    {
        Do("path_create_directory", "dir");
        Do("path_create_directory", "dir/nested");
        Touch("dir/nested/file");
        Guest.Open("/dir/nested/file", out _, at: Scratch).ShouldBe(Errno.Perm);
        Guest.Open("dir/.//nested/../../dir/nested/../nested///./file", out _, at: Scratch).ShouldBe(Errno.Success);
        Guest.Open("dir/nested/file\0", out _, at: Scratch).ShouldBe(Errno.Inval);
        Guest.Open("dir/nested/file/", out _, at: Scratch).ShouldBe(Errno.NotDir);
        Guest.Open("dir/nested/file///", out _, at: Scratch).ShouldBe(Errno.NotDir);
        Guest.Open("dir/nested/", out _, at: Scratch).ShouldBe(Errno.Success);
        Guest.Open("dir/nested///", out _, at: Scratch).ShouldBe(Errno.Success);
        Guest.Open("dir/nested/../../../scratch/dir/nested/file", out _, at: Scratch).ShouldBe(Errno.Perm);
        Guest.Open("dir/nested/file", out _, Create | Exclusive, at: Scratch).ShouldBe(Errno.Exist);
        Guest.Open("missing", out _, at: Scratch).ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void SymbolicLinks_DanglingLoopingOrGood_AreOpenedAsAsked()
    {
        Link("target", "link").ShouldBe(Errno.Success);
        Guest.Open("link", out _, DirectoryOnly, at: Scratch).ShouldBe(Errno.Loop);
        Guest.Open("link", out _, at: Scratch).ShouldBe(Errno.Loop);
        Do("path_create_directory", "target");
        Guest.Open("link", out _, DirectoryOnly, at: Scratch).ShouldBe(Errno.Loop);
        Guest.Open("link", out _, DirectoryOnly, follow: true, at: Scratch).ShouldBe(Errno.Success);
        Do("path_remove_directory", "target");
        Touch("target");
        Guest.Open("link", out _, DirectoryOnly, follow: true, at: Scratch).ShouldBe(Errno.NotDir);
        Guest.Open("link", out _, follow: true, at: Scratch).ShouldBe(Errno.Success);
        Link("loop", "loop").ShouldBe(Errno.Success);
        Guest.Open("loop", out _, at: Scratch).ShouldBe(Errno.Loop);
        Guest.Open("loop", out _, follow: true, at: Scratch).ShouldBe(Errno.Loop);
        Link("/", "root").ShouldBe(Errno.Perm);
        Link("x", "new/").ShouldBe(Errno.NoEnt);
        Link("x", "target/").ShouldBe(Errno.NotDir);
        Link("x", "target").ShouldBe(Errno.Exist);
    }

    [Fact]
    public void Rename_OfFilesAndDirectories_ReplacesWhatPosixAllows()
    {
        Do("path_create_directory", "source");
        Rename("source/", "target").ShouldBe(Errno.Success);
        Rename("target", "source/").ShouldBe(Errno.Success);
        Rename("source/", "target/").ShouldBe(Errno.Success);
        Guest.Open("source", out _, DirectoryOnly, at: Scratch).ShouldBe(Errno.NoEnt);
        Do("path_create_directory", "source");
        Rename("source", "target").ShouldBe(Errno.Success);
        Do("path_create_directory", "source");
        Touch("target/file");
        Rename("source", "target").ShouldBe(Errno.NotEmpty);
        Rename("source", "target/file").ShouldBe(Errno.NotDir);
        Rename("target/file", "source").ShouldBe(Errno.IsDir);
        Rename("target/file/", "new").ShouldBe(Errno.NotDir);
        Rename("target/file", "new/").ShouldBe(Errno.NotDir);
        Rename("target/file/", "new/").ShouldBe(Errno.NotDir);
        Touch("other");
        Rename("target/file", "other").ShouldBe(Errno.Success);
        Guest.Open("target/file", out _, at: Scratch).ShouldBe(Errno.NoEnt);
        Guest.Open("other", out _, at: Scratch).ShouldBe(Errno.Success);
    }

    [Fact]
    public void Removal_MindsWhatTheNameIs()
    {
        Do("path_create_directory", "dir");
        Do("path_create_directory", "dir/nested");
        Touch("file");
        Guest.OnPath("path_remove_directory", "dir", Scratch).ShouldBe(Errno.NotEmpty);
        Do("path_remove_directory", "dir/nested/");
        Guest.OnPath("path_unlink_file", "dir", Scratch).ShouldBe(Errno.IsDir);
        Guest.OnPath("path_unlink_file", "dir/", Scratch).ShouldBe(Errno.IsDir);
        Guest.OnPath("path_remove_directory", "file", Scratch).ShouldBe(Errno.NotDir);
        Guest.OnPath("path_remove_directory", "file/", Scratch).ShouldBe(Errno.NotDir);
        Guest.OnPath("path_unlink_file", "file/", Scratch).ShouldBe(Errno.NotDir);
        Do("path_unlink_file", "file");
        Do("path_remove_directory", "dir");
    }

    [Fact]
    public void Listing_HasNumbersTypesAndCookies()
    {
        var entries = List(Scratch, 256, 0);
        entries.Select(entry => (entry.Name, entry.Type)).ShouldBe([(".", FileType.Directory), ("..", FileType.Directory)]);
        entries[0].Inode.ShouldBe(Guest.StatOf(Scratch).Inode);
        Touch("file");
        Do("path_create_directory", "nested");
        Guest.Open("nested", out var nested, 0, Rights.FdReaddir | Rights.FdFilestatGet, at: Scratch).ShouldBe(Errno.Success);
        entries = List(Scratch, 256, 0);
        entries.Count.ShouldBe(4);
        entries.Single(entry => entry.Name == "file").ShouldBe(entries.Single(entry => entry.Type == FileType.RegularFile));
        entries.Single(entry => entry.Name == "file").Inode.ShouldBe(StatOf("file").Inode);
        entries.Single(entry => entry.Name == "nested").Inode.ShouldBe(Guest.StatOf(nested).Inode);
        List(Scratch, 256, entries[2].Next).ShouldBe([entries[3]]);
        List(Scratch, 256, entries[3].Next).ShouldBeEmpty();
        List(nested, 256, 0).Count.ShouldBe(2);
    }

    [Fact]
    public void Listing_OfAThousandFiles_SeesEachOnce()
    {
        for (var i = 0; i < 1_000; i++)
            Touch($"file.{i}");
        Guest.List(Scratch, 256).Distinct().Count().ShouldBe(1_002);
    }

    [Fact]
    public void Listing_IntoABufferThatGrowsByteByByte_EndsWithTheWholeName()
    {
        const string name = "Действие";
        Touch(name);
        var size = 0;
        while (size < 4_096 && !List(Scratch, size, 0).Any(entry => entry.Name == name))
            size++;
        size.ShouldBe((3 * 24) + 1 + 2 + Encoding.UTF8.GetByteCount(name));
        Do("path_unlink_file", name);
    }

    protected abstract FileSystem MakeFiles();

    protected virtual void Cleanup()
    {
    }

    private void Do(string function, string path) => Guest.OnPath(function, path, Scratch).ShouldBe(Errno.Success, $"{function} {path}");

    private void Touch(string path)
    {
        Guest.Open(path, out var fd, Create, at: Scratch).ShouldBe(Errno.Success, path);
        Guest.Call("fd_close", fd).ShouldBe(Errno.Success);
    }

    private int Open(string path, uint openFlags, Rights rights, uint fdFlags = 0)
    {
        Guest.Open(path, out var fd, openFlags, rights, fdFlags: fdFlags, at: Scratch).ShouldBe(Errno.Success, path);
        return fd;
    }

    private Errno Link(string target, string path) => Guest.OnPaths("path_symlink", target, path, otherAt: Scratch);

    private Errno HardLink(string path, string other) => Guest.OnPaths("path_link", path, other, Scratch, Scratch);

    private Errno Rename(string path, string other) => Guest.OnPaths("path_rename", path, other, Scratch, Scratch);

    private FileStat StatOf(string path)
    {
        Guest.Stat(path, out var stat, at: Scratch).ShouldBe(Errno.Success, path);
        return stat;
    }

    private ulong Tell(int fd)
    {
        Guest.Call("fd_tell", fd, 16).ShouldBe(Errno.Success);
        return (ulong)Guest.Memory.ReadInt64(16);
    }

    /// <summary>The entries that one call gives whole.</summary>
    private List<(string Name, FileType Type, ulong Inode, long Next)> List(int fd, int bufferBytes, long cookie)
    {
        Guest.Call("fd_readdir", fd, 65_536, bufferBytes, cookie, 8).ShouldBe(Errno.Success);
        Guest.Result.ShouldBeLessThanOrEqualTo((uint)bufferBytes);
        var bytes = Guest.Memory.GetSpan(65_536, (int)Guest.Result);
        var entries = new List<(string, FileType, ulong, long)>();
        while (bytes.Length >= 24 && bytes.Length - 24 >= BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]))
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
            entries.Add((
                Encoding.UTF8.GetString(bytes.Slice(24, length)),
                (FileType)bytes[20],
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes)));
            bytes = bytes[(24 + length)..];
        }

        return entries;
    }
}

public sealed class MemoryPublicSuiteTests : PublicSuiteConformance
{
    protected override FileSystem MakeFiles() => new MemoryFileSystem(new() { Clock = WasiClock.Deterministic(DateTimeOffset.UnixEpoch.AddYears(50)) });
}

public sealed class HostPublicSuiteTests : PublicSuiteConformance
{
    private readonly TemporaryDirectory _directory = new();

    public HostPublicSuiteTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the host's files are the portable ones");
    }

    protected override FileSystem MakeFiles() => new HostFileSystem(_directory.FullPath);

    protected override void Cleanup() => _directory.Dispose();
}

public sealed class PortablePublicSuiteTests : PublicSuiteConformance
{
    private readonly TemporaryDirectory _directory = new();

    public PortablePublicSuiteTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "symbolic links need a privilege there, and open directories cannot be removed");
    }

    protected override bool HasLinks => false;

    protected override FileSystem MakeFiles() => new HostFileSystem(_directory.FullPath, portable: true);

    protected override void Cleanup() => _directory.Dispose();
}
