using Stoa.Wasm.Tests.Wasi.Files;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using static Stoa.Wasm.Tests.Wasi.OpenFlags;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>The paths of POSIX and WASI as a guest sees them, on each file system.</summary>
public abstract class PathCallConformance : IDisposable
{
    private readonly Lazy<FileSystem> _files;
    private readonly Lazy<WasiGuest> _guest;

    protected PathCallConformance()
    {
        _files = new(MakeFiles);
        _guest = new(() => WasiGuest.With(Files));
    }

    private FileSystem Files => _files.Value;

    private WasiGuest Guest => _guest.Value;

    public void Dispose()
    {
        if (_guest.IsValueCreated)
            Guest.Dispose();
        Cleanup();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Open_TrailingSlashes_OnlyFitDirectories()
    {
        Guest.Touch("file");
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Open("file/", out _).ShouldBe(Errno.NotDir);
        Guest.Open("file///", out _).ShouldBe(Errno.NotDir);
        Guest.Open("dir/", out _).ShouldBe(Errno.Success);
        Guest.Open("dir///", out _).ShouldBe(Errno.Success);
        Guest.Open("new/", out _, Create).ShouldBe(Errno.IsDir);
        Guest.Open("file/x", out _, Create).ShouldBe(Errno.NotDir);
    }

    [Fact]
    public void Open_FlagsThatContradict_AreRefused()
    {
        Guest.Open("x", out _, Create | DirectoryOnly).ShouldBe(Errno.Inval);
        Guest.Open("x", out _, 16).ShouldBe(Errno.Inval);
        Guest.Open("x", out _, fdFlags: 32).ShouldBe(Errno.Inval);
        Guest.Call("path_open", WasiGuest.Root, 2, 4_096, 1, 0, 0L, 0L, 0, 8).ShouldBe(Errno.Inval);
    }

    [Fact]
    public void Open_Directory_ForReadingOnly()
    {
        Guest.Open(".", out _, DirectoryOnly, Rights.FdRead).ShouldBe(Errno.Success);
        Guest.Open(".", out _, DirectoryOnly, Rights.FdRead | Rights.FdWrite).ShouldBe(Errno.IsDir);
        Guest.Open(".", out _, Create).ShouldBe(Errno.IsDir);
        Guest.Open(".", out _, Create | Exclusive).ShouldBe(Errno.Exist);
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Open("dir", out _, 0, Rights.FdWrite).ShouldBe(Errno.IsDir);
        Guest.Open("dir", out var fd, DirectoryOnly, Rights.FdSeek | Rights.FdReaddir).ShouldBe(Errno.Success);
        Guest.Fdstat(fd).Rights.ShouldBe(Rights.FdReaddir);
        Guest.Read(fd, 1, out _).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Open_SameRightsAsThePreopen_AreGranted()
    {
        var root = Guest.Fdstat(WasiGuest.Root);
        Guest.Open(".", out var fd, DirectoryOnly, root.Rights, root.Inheriting).ShouldBe(Errno.Success);
        Guest.Fdstat(fd).ShouldBe(root);
    }

    [Fact]
    public void Open_RightsBeyondTheDirectorys_AreRefused()
    {
        Guest.Open(".", out var fd, DirectoryOnly, Rights.PathOpen, Rights.FdRead).ShouldBe(Errno.Success);
        Guest.Touch("file");
        Guest.Open("file", out _, 0, Rights.FdRead, at: fd).ShouldBe(Errno.Success);
        Guest.Open("file", out _, 0, Rights.FdWrite, at: fd).ShouldBe(Errno.NotCapable);
        Guest.Open("file", out _, 0, Rights.FdRead, Rights.FdWrite, at: fd).ShouldBe(Errno.NotCapable);
        Guest.Open("file", out _, Create, at: fd).ShouldBe(Errno.NotCapable);
        Guest.Open("file", out _, Truncate, at: fd).ShouldBe(Errno.Perm);
        Guest.OnPath("path_unlink_file", "file", fd).ShouldBe(Errno.NotCapable);
        Guest.OnPath("path_create_directory", "dir", fd).ShouldBe(Errno.NotCapable);
    }

    [Fact]
    public void Open_BelowAFile_IsRefused()
    {
        Guest.Touch("file");
        var fd = Guest.Open("file");
        Guest.Open("x", out _, Create, at: fd).ShouldBe(Errno.NotDir);
        Guest.Open("x", out _, Create, at: 99).ShouldBe(Errno.Badf);
    }

    [Fact]
    public void Open_Truncate_WorksWithoutTheRightToWrite()
    {
        var fd = Guest.Open("file", Create, Rights.FdWrite | Rights.FdFilestatGet);
        Guest.Write(fd, "content").ShouldBe(Errno.Success);
        Guest.Open("file", out _, Truncate).ShouldBe(Errno.Success);
        Guest.StatOf(fd).SizeBytes.ShouldBe(0UL);
    }

    [Fact]
    public void Open_ForReadingAndForTheSize_GivesUpTheSizeWhereNothingCanBeWritten()
    {
        Guest.Touch("file");
        const Rights rights = Rights.FdRead | Rights.FdFilestatSetSize;
        Guest.Fdstat(Guest.Open("file", rights: rights)).Rights.ShouldBe(rights);
        using var readOnly = WasiGuest.With(new ReadOnlyFileSystem(Files));
        readOnly.Fdstat(readOnly.Open("file", rights: rights)).Rights.ShouldBe(Rights.FdRead);
        readOnly.Open("file", out _, rights: rights | Rights.FdWrite).ShouldBe(Errno.Rofs);
        readOnly.Open("new", out _, Create, rights).ShouldBe(Errno.Rofs);
    }

    [Fact]
    public void ReadOnly_AnswersAsAReadOnlyDisk()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Touch("file");
        Guest.OnPaths("path_symlink", "file", "link").ShouldBe(Errno.Success);
        using var guest = new WasiGuest(new() { Preopens = [new("/", new ReadOnlyFileSystem(Files)), new("/out", new MemoryFileSystem())] });
        guest.Open("file", out _, 0, Rights.FdRead).ShouldBe(Errno.Success);
        guest.Open("file", out _, Create).ShouldBe(Errno.Success);
        guest.Open("file", out _, 0, Rights.FdWrite).ShouldBe(Errno.Rofs);
        guest.Open("file", out _, Truncate).ShouldBe(Errno.Rofs);
        guest.Open("file", out _, Create | Exclusive, Rights.FdWrite).ShouldBe(Errno.Exist);
        guest.Open("file", out _, DirectoryOnly, Rights.FdWrite).ShouldBe(Errno.NotDir);
        guest.Open("dir", out _, 0, Rights.FdWrite).ShouldBe(Errno.IsDir);
        guest.Open("link", out _, 0, Rights.FdWrite).ShouldBe(Errno.Loop);
        guest.Open("link", out _, 0, Rights.FdWrite, follow: true).ShouldBe(Errno.Rofs);
        guest.Open("missing", out _, 0, Rights.FdWrite).ShouldBe(Errno.NoEnt);
        guest.Open("missing", out _, Create).ShouldBe(Errno.Rofs);
        guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Exist);
        guest.OnPath("path_create_directory", "new").ShouldBe(Errno.Rofs);
        guest.OnPaths("path_symlink", "x", "file").ShouldBe(Errno.Exist);
        guest.OnPaths("path_symlink", "x", "new").ShouldBe(Errno.Rofs);
        guest.OnPaths("path_link", "file", "new").ShouldBe(Errno.Rofs);
        guest.OnPaths("path_link", "file", "new", otherAt: 4).ShouldBe(Errno.Xdev);
        guest.OnPaths("path_rename", "file", "new", otherAt: 4).ShouldBe(Errno.Xdev);
        guest.OnPaths("path_rename", "file", "new").ShouldBe(Errno.Rofs);
        guest.OnPath("path_unlink_file", "file").ShouldBe(Errno.Rofs);
        guest.OnPath("path_remove_directory", "dir").ShouldBe(Errno.Rofs);
        guest.SetTimes("file", 1, 1, 5).ShouldBe(Errno.Rofs);
        guest.List(WasiGuest.Root).Order(StringComparer.Ordinal).ShouldBe([".", "..", "dir", "file", "link"]);
    }

    [Fact]
    public void Open_SymbolicLinks_AreFollowedOnRequestOnly()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Touch("file");
        foreach (var (link, target) in new[] { ("to-dir", "dir"), ("to-file", "file"), ("dangling", "new"), ("self", "self") })
            Guest.OnPaths("path_symlink", target, link).ShouldBe(Errno.Success, link);
        Guest.Open("to-dir", out _, DirectoryOnly).ShouldBe(Errno.Loop);
        Guest.Open("to-file", out _).ShouldBe(Errno.Loop);
        Guest.Open("dangling", out _).ShouldBe(Errno.Loop);
        Guest.Open("self", out _, follow: true).ShouldBe(Errno.Loop);
        Guest.Open("to-dir", out _, DirectoryOnly, follow: true).ShouldBe(Errno.Success);
        Guest.Open("to-dir/", out _).ShouldBe(Errno.Success);
        Guest.Open("to-file", out _, DirectoryOnly, follow: true).ShouldBe(Errno.NotDir);
        Guest.Open("to-file", out _, Create | Exclusive, follow: true).ShouldBe(Errno.Exist);
        Guest.Open("dangling", out _, follow: true).ShouldBe(Errno.NoEnt);
        Guest.Open("dangling", out _, Create, follow: true).ShouldBe(Errno.Success);
        Guest.Stat("new", out var stat).ShouldBe(Errno.Success);
        stat.Type.ShouldBe(FileType.RegularFile);
    }

    [Fact]
    public void Open_PathThatIsNoText_IsRefused()
    {
        Guest.Touch("file");
        Guest.Open("file\0", out _).ShouldBe(Errno.Inval);
        Guest.Open("", out _).ShouldBe(Errno.NoEnt);
        Guest.Memory.WriteInt32(4_096, 0xFF);
        Guest.Call("path_unlink_file", WasiGuest.Root, 4_096, 1).ShouldBe(Errno.Ilseq);
        Guest.Open(new string('p', 4_097), out _).ShouldBe(Errno.NameTooLong);
        Guest.Open(new string('p', 256), out _, Create).ShouldBe(Errno.NameTooLong);
    }

    [Fact]
    public void Stat_FollowsOnRequestOrForASlash()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Touch("dir/file");
        Guest.OnPaths("path_symlink", "dir", "to-dir").ShouldBe(Errno.Success);
        Guest.OnPaths("path_symlink", "dir/file", "to-file").ShouldBe(Errno.Success);
        TypeOf("to-dir").ShouldBe(FileType.SymbolicLink);
        TypeOf("to-dir", follow: true).ShouldBe(FileType.Directory);
        TypeOf("to-dir/").ShouldBe(FileType.Directory);
        TypeOf("to-dir/file").ShouldBe(FileType.RegularFile);
        TypeOf("to-file", follow: true).ShouldBe(FileType.RegularFile);
        TypeOf("dir/.").ShouldBe(FileType.Directory);
        Guest.Stat("to-file/", out _).ShouldBe(Errno.NotDir);
        Guest.Stat("dir/file/", out _).ShouldBe(Errno.NotDir);
        Guest.Stat("..", out _).ShouldBe(Errno.Perm);
    }

    [Fact]
    public void Stat_TwoFiles_DifferInNumberAndNotInDevice()
    {
        Guest.Touch("one");
        Guest.Touch("two");
        Guest.Stat("one", out var one).ShouldBe(Errno.Success);
        Guest.Stat("two", out var two).ShouldBe(Errno.Success);
        two.Device.ShouldBe(one.Device);
        two.Inode.ShouldNotBe(one.Inode);
    }

    [Fact]
    public void SetTimes_FollowsOnRequest()
    {
        Guest.Touch("file");
        Guest.OnPaths("path_symlink", "file", "link").ShouldBe(Errno.Success);
        Guest.Stat("link", out _).ShouldBe(Errno.Success);
        SetModified("link", 5_000_000_000, follow: true).ShouldBe(Errno.Success);
        Guest.Stat("file", out var file).ShouldBe(Errno.Success);
        file.ModifiedNs.ShouldBe(5_000_000_000UL);
        SetModified(".", 7_000_000_000, follow: false).ShouldBe(Errno.Success);
        SetModified("missing", 1, follow: false).ShouldBe(Errno.NoEnt);
        Guest.Call("path_filestat_set_times", WasiGuest.Root, 0, 4_096, 1, 0L, 0L, 12).ShouldBe(Errno.Inval);
    }

    [Fact]
    public void CreateDirectory_OnNamesThatExist_IsRefused()
    {
        Guest.OnPath("path_create_directory", "dir/").ShouldBe(Errno.Success);
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Exist);
        Guest.OnPath("path_create_directory", ".").ShouldBe(Errno.Exist);
        Guest.OnPath("path_create_directory", "missing/dir").ShouldBe(Errno.NoEnt);
        Guest.OnPath("path_create_directory", "../dir").ShouldBe(Errno.Perm);
    }

    [Fact]
    public void Remove_ByWhatTheNameIs()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.OnPath("path_create_directory", "dir/nested").ShouldBe(Errno.Success);
        Guest.Touch("file");
        Guest.OnPath("path_unlink_file", "dir").ShouldBe(Errno.IsDir);
        Guest.OnPath("path_unlink_file", "dir/").ShouldBe(Errno.IsDir);
        Guest.OnPath("path_unlink_file", "file/").ShouldBe(Errno.NotDir);
        Guest.OnPath("path_unlink_file", "missing/").ShouldBe(Errno.NoEnt);
        Guest.OnPath("path_unlink_file", ".").ShouldBe(Errno.IsDir);
        Guest.OnPath("path_remove_directory", "file").ShouldBe(Errno.NotDir);
        Guest.OnPath("path_remove_directory", "file/").ShouldBe(Errno.NotDir);
        Guest.OnPath("path_remove_directory", "dir").ShouldBe(Errno.NotEmpty);
        Guest.OnPath("path_remove_directory", ".").ShouldBe(Errno.Inval);
        Guest.OnPath("path_remove_directory", "dir/nested/").ShouldBe(Errno.Success);
        Guest.OnPath("path_remove_directory", "dir").ShouldBe(Errno.Success);
        Guest.OnPath("path_unlink_file", "file").ShouldBe(Errno.Success);
        Guest.List(WasiGuest.Root).Order(StringComparer.Ordinal).ShouldBe([".", ".."]);
    }

    [Fact]
    public void Symlink_OnNamesAndTargetsThatDoNotFit_IsRefused()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.Touch("file");
        Guest.OnPaths("path_symlink", "/", "link").ShouldBe(Errno.Perm);
        Guest.OnPaths("path_symlink", "", "link").ShouldBe(Errno.NoEnt);
        Guest.OnPaths("path_symlink", "x", "link/").ShouldBe(Errno.NoEnt);
        Guest.OnPaths("path_symlink", "x", "dir/").ShouldBe(Errno.Exist);
        Guest.OnPaths("path_symlink", "x", "dir").ShouldBe(Errno.Exist);
        Guest.OnPaths("path_symlink", "x", "file/").ShouldBe(Errno.NotDir);
        Guest.OnPaths("path_symlink", "x", "file").ShouldBe(Errno.Exist);
        Guest.OnPaths("path_symlink", "x", ".").ShouldBe(Errno.Exist);
    }

    [Fact]
    public void ReadLink_IntoAShortBuffer_GivesWhatFits()
    {
        Guest.OnPaths("path_symlink", "target", "link").ShouldBe(Errno.Success);
        ReadLink("link", 10).ShouldBe((Errno.Success, "target"));
        ReadLink("link", 4).ShouldBe((Errno.Success, "targ"));
        ReadLink(".", 10).Errno.ShouldBe(Errno.Inval);
        ReadLink("missing", 10).Errno.ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void Rename_ByWhatBothNamesAre()
    {
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.OnPath("path_create_directory", "full").ShouldBe(Errno.Success);
        Guest.Touch("full/file");
        Guest.Touch("file");
        Guest.OnPaths("path_rename", "dir", "full").ShouldBe(Errno.NotEmpty);
        Guest.OnPaths("path_rename", "dir", "full/file").ShouldBe(Errno.NotDir);
        Guest.OnPaths("path_rename", "file", "dir").ShouldBe(Errno.IsDir);
        Guest.OnPaths("path_rename", "file", "new/").ShouldBe(Errno.NotDir);
        Guest.OnPaths("path_rename", "file/", "new").ShouldBe(Errno.NotDir);
        Guest.OnPaths("path_rename", ".", "new").ShouldBe(Errno.Busy);
        Guest.OnPaths("path_rename", "dir", "dir/inner").ShouldBe(Errno.Inval);
        Guest.OnPaths("path_rename", "missing", "new").ShouldBe(Errno.NoEnt);
        Guest.OnPaths("path_rename", "file", "../file").ShouldBe(Errno.Perm);
        Guest.OnPaths("path_rename", "dir/", "other/").ShouldBe(Errno.Success);
        Guest.OnPaths("path_rename", "other", "full/dir").ShouldBe(Errno.Success);
        Guest.OnPaths("path_rename", "file", "full/file").ShouldBe(Errno.Success);
        Guest.List(WasiGuest.Root).Order(StringComparer.Ordinal).ShouldBe([".", "..", "full"]);
    }

    [Fact]
    public void Link_ByWhatBothNamesAre()
    {
        Guest.Touch("file");
        Guest.OnPath("path_create_directory", "dir").ShouldBe(Errno.Success);
        Guest.OnPaths("path_link", "file", "dir/link").ShouldBe(Errno.Success);
        Guest.OnPaths("path_link", "file", "file").ShouldBe(Errno.Exist);
        Guest.OnPaths("path_link", "file", "dir").ShouldBe(Errno.Exist);
        Guest.OnPaths("path_link", "dir", "link").ShouldBe(Errno.Perm);
        Guest.OnPaths("path_link", "file", "link/").ShouldBe(Errno.NoEnt);
        Guest.OnPaths("path_link", "file/", "link").ShouldBe(Errno.NotDir);
        Guest.OnPaths("path_symlink", "missing", "dangling").ShouldBe(Errno.Success);
        Guest.OnPaths("path_link", "dangling", "link").ShouldBe(Errno.Success);
        TypeOf("link").ShouldBe(FileType.SymbolicLink);
        Guest.OnPaths("path_link", "file", "dangling").ShouldBe(Errno.Exist);
        Guest.Call("path_link", WasiGuest.Root, 1, 4_096, 4, WasiGuest.Root, 4_096, 4).ShouldBe(Errno.Exist);
    }

    [Fact]
    public void Unlink_OpenFile_CanBeMadeAnew()
    {
        var fd = Guest.Open("file", Create, Rights.FdRead | Rights.FdWrite | Rights.FdFilestatGet);
        Guest.OnPath("path_unlink_file", "file").ShouldBe(Errno.Success);
        Guest.Open("file", out _, Create | Exclusive).ShouldBe(Errno.Success);
        Guest.Write(fd, "old").ShouldBe(Errno.Success);
        Guest.Stat("file", out var stat).ShouldBe(Errno.Success);
        stat.SizeBytes.ShouldBe(0UL);
    }

    protected abstract FileSystem MakeFiles();

    protected virtual void Cleanup()
    {
    }

    private FileType TypeOf(string path, bool follow = false)
    {
        Guest.Stat(path, out var stat, follow).ShouldBe(Errno.Success, path);
        return stat.Type;
    }

    private (Errno Errno, string Target) ReadLink(string path, int length)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(path);
        bytes.CopyTo(Guest.Memory.GetSpan(4_096, bytes.Length));
        var errno = Guest.Call("path_readlink", WasiGuest.Root, 4_096, bytes.Length, 100, length, 8);
        return (errno, errno == Errno.Success ? Guest.Memory.ReadUtf8(100, (int)Guest.Result) : "");
    }

    private Errno SetModified(string path, ulong ns, bool follow) => Guest.SetTimes(path, 0, ns, 4, follow);
}

public sealed class MemoryPathCallTests : PathCallConformance
{
    protected override FileSystem MakeFiles() => new MemoryFileSystem();
}

public sealed class HostPathCallTests : PathCallConformance
{
    private readonly TemporaryDirectory _directory = new();

    public HostPathCallTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "without hard links and numbers of files elsewhere");
    }

    protected override FileSystem MakeFiles() => new HostFileSystem(_directory.FullPath);

    protected override void Cleanup() => _directory.Dispose();
}
