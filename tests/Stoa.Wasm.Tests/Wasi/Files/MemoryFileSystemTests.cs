using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Tests.Wasi.Files;

public sealed class MemoryFileSystemTests
{
    private static readonly OpenRequest s_createNew = new(Read: true, Write: true, Create: true);

    [Fact]
    public void Write_OverTheByteLimit_TakesWhatFitsAndThenRefuses()
    {
        var files = new MemoryFileSystem(new() { MaxBytes = 10 });
        using var root = files.OpenRoot();
        using var one = Open(root, "one");
        using var two = Open(root, "two");
        one.WriteAt("123456"u8, 0, out var written).ShouldBe(Errno.Success);
        written.ShouldBe(6);
        two.WriteAt("123456"u8, 0, out written).ShouldBe(Errno.Success);
        written.ShouldBe(4);
        two.WriteAt("x"u8, 4, out written).ShouldBe(Errno.NoSpc);
        written.ShouldBe(0);
        two.SetSize(5).ShouldBe(Errno.NoSpc);
        two.Allocate(4, 1).ShouldBe(Errno.NoSpc);
        two.SetSize(ulong.MaxValue).ShouldBe(Errno.NoSpc);
        two.WriteAt("x"u8, ulong.MaxValue, out _).ShouldBe(Errno.NoSpc);
        two.WriteAt("1234"u8, 0, out written).ShouldBe(Errno.Success);
        files.UsedBytes.ShouldBe(10);
    }

    [Fact]
    public void Unlink_GivesBytesBackWhenTheLastDescriptorCloses()
    {
        var files = new MemoryFileSystem(new() { MaxBytes = 10 });
        using var root = files.OpenRoot();
        var file = Open(root, "one");
        file.WriteAt("12345"u8, 0, out _).ShouldBe(Errno.Success);
        root.Unlink("one").ShouldBe(Errno.Success);
        files.UsedBytes.ShouldBe(5);
        file.Dispose();
        files.UsedBytes.ShouldBe(0);
    }

    [Fact]
    public void Create_OverTheNodeLimit_IsRefusedWhateverTheKind()
    {
        using var root = new MemoryFileSystem(new() { MaxNodes = 3 }).OpenRoot();
        using var file = Open(root, "file");
        root.CreateDirectory("dir").ShouldBe(Errno.Success);
        root.CreateDirectory("dir2").ShouldBe(Errno.NoSpc);
        root.CreateLink("link", "x").ShouldBe(Errno.NoSpc);
        root.HardLink("file", root, "file2").ShouldBe(Errno.NoSpc);
        root.Open("file3", s_createNew, out _).ShouldBe(Errno.NoSpc);
        root.Rename("file", root, "renamed").ShouldBe(Errno.Success);
        root.RemoveDirectory("dir").ShouldBe(Errno.Success);
        root.CreateLink("link", "x").ShouldBe(Errno.Success);
    }

    [Fact]
    public void RemovedDirectory_StillOpen_TakesNothingMore()
    {
        using var root = new MemoryFileSystem().OpenRoot();
        root.CreateDirectory("dir").ShouldBe(Errno.Success);
        root.OpenDirectory("dir", out var dir).ShouldBe(Errno.Success);
        root.RemoveDirectory("dir").ShouldBe(Errno.Success);
        dir!.CreateDirectory("x").ShouldBe(Errno.NoEnt);
        dir.Open("x", s_createNew, out _).ShouldBe(Errno.NoEnt);
        root.CreateDirectory("other").ShouldBe(Errno.Success);
        root.Rename("other", dir, "x").ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void WriteFile_MakesDirectoriesAndReplaces()
    {
        var files = new MemoryFileSystem();
        files.WriteFile("/a/b/c.txt", "first"u8);
        files.WriteFile("a/b/c.txt", "two"u8);
        files.WriteFile("z", ""u8);
        files.ReadFile("a/b/c.txt").ShouldBe("two"u8.ToArray());
        files.ReadFile("a/b").ShouldBeNull();
        files.ReadFile("a/b/c.txt/d").ShouldBeNull();
        files.ListFiles().ShouldBe(["a/b/c.txt", "z"]);
        Should.Throw<IOException>(() => files.WriteFile("a/b", "x"u8));
        Should.Throw<IOException>(() => files.WriteFile("../x", "x"u8));
    }

    [Fact]
    public void Clock_Given_StampsFilesWithoutMovingIt()
    {
        var clock = WasiClock.Deterministic(DateTimeOffset.UnixEpoch.AddSeconds(1));
        var files = new MemoryFileSystem(new() { Clock = clock });
        files.WriteFile("x", "x"u8);
        using var root = files.OpenRoot();
        root.GetStat("x", out var stat).ShouldBe(Errno.Success);
        stat.ModifiedNs.ShouldBe(1_000_000_000UL);
        clock.ReadRealtimeNs().ShouldBe(1_000_001_000UL);
    }

    [Fact]
    public void Rename_ToAnotherFileSystem_IsRefused()
    {
        using var one = new MemoryFileSystem().OpenRoot();
        using var two = new MemoryFileSystem().OpenRoot();
        one.CreateDirectory("dir").ShouldBe(Errno.Success);
        one.Rename("dir", two, "dir").ShouldBe(Errno.Xdev);
        one.HardLink("dir", two, "dir").ShouldBe(Errno.Xdev);
    }

    [Fact]
    public void ReadOnly_LetsNothingChange()
    {
        var files = new MemoryFileSystem();
        files.WriteFile("dir/file", "abc"u8);
        using var root = new ReadOnlyFileSystem(files).OpenRoot();
        root.OpenDirectory("dir", out var dir).ShouldBe(Errno.Success);
        dir!.Open("file", s_createNew, out _).ShouldBe(Errno.Rofs);
        dir.Open("new", new OpenRequest(true, false, Create: true), out _).ShouldBe(Errno.Rofs);
        dir.Open("file", new OpenRequest(true, false, Truncate: true), out _).ShouldBe(Errno.Rofs);
        dir.Open("file", new OpenRequest(true, false, Create: true), out var node).ShouldBe(Errno.Success);
        var file = (FileNode)node!;
        file.WriteAt("x"u8, 0, out _).ShouldBe(Errno.Rofs);
        file.Append("x"u8, out _, out _).ShouldBe(Errno.Rofs);
        file.SetSize(0).ShouldBe(Errno.Rofs);
        file.Allocate(0, 9).ShouldBe(Errno.Rofs);
        file.SetTimes(new FileTimes(1, 1)).ShouldBe(Errno.Rofs);
        root.CreateDirectory("new").ShouldBe(Errno.Rofs);
        root.CreateDirectory("dir").ShouldBe(Errno.Exist);
        root.RemoveDirectory("dir").ShouldBe(Errno.Rofs);
        dir.Unlink("file").ShouldBe(Errno.Rofs);
        dir.Rename("file", dir, "b").ShouldBe(Errno.Rofs);
        dir.HardLink("file", dir, "b").ShouldBe(Errno.Rofs);
        dir.CreateLink("b", "file").ShouldBe(Errno.Rofs);
        dir.SetTimes(new FileTimes(1, 1)).ShouldBe(Errno.Rofs);
        files.ReadFile("dir/file").ShouldBe("abc"u8.ToArray());
    }

    private static FileNode Open(DirectoryNode root, string name)
    {
        root.Open(name, s_createNew, out var node).ShouldBe(Errno.Success);
        return (FileNode)node!;
    }
}
