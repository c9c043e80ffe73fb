using System.Text;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Tests.Wasi.Files;

/// <summary>What every file system promises; each implementation runs it.</summary>
public abstract class FileSystemConformance : IDisposable
{
    private static readonly OpenRequest s_readOnly = new(Read: true, Write: false);
    private static readonly OpenRequest s_readWrite = new(Read: true, Write: true);
    private static readonly OpenRequest s_createNew = new(Read: true, Write: true, Create: true);

    private readonly Lazy<DirectoryNode> _root;

    protected FileSystemConformance()
    {
        _root = new(OpenRoot);
    }

    /// <summary>False where the system offers no hard links.</summary>
    protected virtual bool HasHardLinks => true;

    private DirectoryNode Root => _root.Value;

    public void Dispose()
    {
        if (_root.IsValueCreated)
            Root.Dispose();
        Cleanup();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Open_NewName_CreatesAnEmptyFile()
    {
        using var file = Create("new");
        file.GetStat(out var stat).ShouldBe(Errno.Success);
        stat.Type.ShouldBe(FileType.RegularFile);
        stat.SizeBytes.ShouldBe(0UL);
        stat.LinkCount.ShouldBe(1UL);
    }

    [Fact]
    public void Open_MissingName_IsRefused() => Root.Open("missing", s_readOnly, out _).ShouldBe(Errno.NoEnt);

    [Fact]
    public void Open_ExclusiveOnExistingName_IsRefused()
    {
        Create("there").Dispose();
        Root.Open("there", s_createNew with { Exclusive = true }, out _).ShouldBe(Errno.Exist);
    }

    [Fact]
    public void Open_FileAsDirectory_IsRefused()
    {
        Create("file").Dispose();
        Root.Open("file", s_readOnly with { MustBeDirectory = true }, out _).ShouldBe(Errno.NotDir);
        Root.OpenDirectory("file", out _).ShouldBe(Errno.NotDir);
    }

    [Fact]
    public void Open_DirectoryForWriting_IsRefused()
    {
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Root.Open("dir", s_readWrite, out _).ShouldBe(Errno.IsDir);
        Root.Open("dir", s_readOnly, out var node).ShouldBe(Errno.Success);
        node.ShouldBeAssignableTo<DirectoryNode>();
        node!.Dispose();
    }

    [Fact]
    public void Open_SymbolicLink_IsNeverFollowed()
    {
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Create("file").Dispose();
        Root.CreateLink("to-dir", "dir").ShouldBe(Errno.Success);
        Root.CreateLink("to-file", "file").ShouldBe(Errno.Success);
        Root.CreateLink("dangling", "nothing").ShouldBe(Errno.Success);
        foreach (var name in new[] { "to-dir", "to-file", "dangling" })
        {
            Root.Open(name, s_readOnly, out _).ShouldBe(Errno.Loop, name);
            Root.Open(name, s_createNew, out _).ShouldBe(Errno.Loop, name);
            Root.Open(name, s_readOnly with { MustBeDirectory = true }, out _).ShouldBe(Errno.Loop, name);
            Root.OpenDirectory(name, out _).ShouldBe(Errno.Loop, name);
        }
    }

    [Fact]
    public void Write_PastTheEnd_LeavesZerosBetween()
    {
        using var file = Create("holes");
        Write(file, "end", 200_000);
        file.GetStat(out var stat).ShouldBe(Errno.Success);
        stat.SizeBytes.ShouldBe(200_003UL);
        ReadAll(file, 199_998).ShouldBe([0, 0, (byte)'e', (byte)'n', (byte)'d']);
    }

    [Fact]
    public void Read_PastTheEnd_GivesNothing()
    {
        using var file = Create("short");
        Write(file, "abc", 0);
        ReadAll(file, 3).ShouldBeEmpty();
        ReadAll(file, 1_000).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(257)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(200_000)]
    public void Write_AnySize_ReadsBackTheSame(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        using var file = Create("data");
        Write(file, bytes, 0);
        ReadAll(file, 0).ShouldBe(bytes);
    }

    [Fact]
    public void SetSize_ShorterThenLonger_ForgetsWhatWasCut()
    {
        using var file = Create("cut");
        Write(file, "abcdef", 0);
        file.SetSize(2).ShouldBe(Errno.Success);
        file.SetSize(5).ShouldBe(Errno.Success);
        ReadAll(file, 0).ShouldBe([(byte)'a', (byte)'b', 0, 0, 0]);
    }

    [Fact]
    public void Open_WithTruncate_EmptiesTheFile()
    {
        using (var file = Create("full"))
            Write(file, "abc", 0);
        Root.Open("full", s_readOnly with { Truncate = true }, out var node).ShouldBe(Errno.Success);
        using (node)
            node!.GetStat(out var stat).ShouldBe(Errno.Success);
        StatOf("full").SizeBytes.ShouldBe(0UL);
    }

    [Fact]
    public void Append_AlwaysGoesToTheEnd()
    {
        using var file = Create("log");
        Write(file, "one", 0);
        file.Append("two"u8, out var written, out var end).ShouldBe(Errno.Success);
        (written, end).ShouldBe((3, 6UL));
        Write(file, "ONE", 0);
        ReadAll(file, 0).ShouldBe("ONEtwo"u8.ToArray());
    }

    [Fact]
    public void Allocate_GrowsAndNeverShrinks()
    {
        using var file = Create("space");
        file.Allocate(0, 0).ShouldBe(Errno.Inval);
        file.Allocate(0, 100).ShouldBe(Errno.Success);
        StatOf("space").SizeBytes.ShouldBe(100UL);
        file.Allocate(10, 10).ShouldBe(Errno.Success);
        StatOf("space").SizeBytes.ShouldBe(100UL);
        file.Allocate(90, 20).ShouldBe(Errno.Success);
        StatOf("space").SizeBytes.ShouldBe(110UL);
    }

    [Fact]
    public void CreateDirectory_OnExistingName_IsRefused()
    {
        Create("file").Dispose();
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Root.CreateDirectory("dir").ShouldBe(Errno.Exist);
        Root.CreateDirectory("file").ShouldBe(Errno.Exist);
    }

    [Fact]
    public void RemoveDirectory_OnlyTakesEmptyDirectories()
    {
        Create("file").Dispose();
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Inside("dir", dir => dir.CreateDirectory("nested").ShouldBe(Errno.Success));
        Root.RemoveDirectory("missing").ShouldBe(Errno.NoEnt);
        Root.RemoveDirectory("file").ShouldBe(Errno.NotDir);
        Root.RemoveDirectory("dir").ShouldBe(Errno.NotEmpty);
        Inside("dir", dir => dir.RemoveDirectory("nested").ShouldBe(Errno.Success));
        Root.RemoveDirectory("dir").ShouldBe(Errno.Success);
        Root.GetStat("dir", out _).ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void Unlink_TakesFilesAndLinksButNoDirectories()
    {
        Create("file").Dispose();
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Root.CreateLink("link", "dir").ShouldBe(Errno.Success);
        Root.Unlink("dir").ShouldBe(Errno.IsDir);
        Root.Unlink("link").ShouldBe(Errno.Success);
        Root.Unlink("file").ShouldBe(Errno.Success);
        Root.Unlink("file").ShouldBe(Errno.NoEnt);
        Names().ShouldBe(["dir"]);
    }

    [Fact]
    public void ReadLink_GivesTheTargetAsItWasWritten()
    {
        Create("file").Dispose();
        Root.CreateLink("link", "a/../b c/ü").ShouldBe(Errno.Success);
        Root.ReadLink("link", out var target).ShouldBe(Errno.Success);
        target.ShouldBe("a/../b c/ü");
        Root.ReadLink("file", out _).ShouldBe(Errno.Inval);
        Root.ReadLink("missing", out _).ShouldBe(Errno.NoEnt);
        Root.CreateLink("link", "x").ShouldBe(Errno.Exist);
        var stat = StatOf("link");
        (stat.Type, stat.SizeBytes).ShouldBe((FileType.SymbolicLink, (ulong)Encoding.UTF8.GetByteCount("a/../b c/ü")));
    }

    [Fact]
    public void HardLink_SharesTheFile()
    {
        if (!HasHardLinks)
        {
            Create("one").Dispose();
            Root.HardLink("one", Root, "two").ShouldBe(Errno.NotSup);
            return;
        }

        using (var file = Create("one"))
            Write(file, "abc", 0);
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Inside("dir", dir => Root.HardLink("one", dir, "two").ShouldBe(Errno.Success));
        StatOf("one").LinkCount.ShouldBe(2UL);
        Inside("dir", dir =>
        {
            dir.GetStat("two", out var stat).ShouldBe(Errno.Success);
            stat.ShouldBe(StatOf("one"));
        });
        Root.HardLink("one", Root, "one").ShouldBe(Errno.Exist);
        Root.HardLink("one", Root, "dir").ShouldBe(Errno.Exist);
        Root.HardLink("dir", Root, "three").ShouldBe(Errno.Perm);
        Root.HardLink("missing", Root, "three").ShouldBe(Errno.NoEnt);
        Root.Unlink("one").ShouldBe(Errno.Success);
        Inside("dir", dir =>
        {
            dir.GetStat("two", out var stat).ShouldBe(Errno.Success);
            (stat.LinkCount, stat.SizeBytes).ShouldBe((1UL, 3UL));
        });
    }

    [Fact]
    public void Rename_File_ReplacesAFileAndNoDirectory()
    {
        using (var file = Create("a"))
            Write(file, "abc", 0);
        Create("b").Dispose();
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Root.Rename("missing", Root, "c").ShouldBe(Errno.NoEnt);
        Root.Rename("a", Root, "dir").ShouldBe(Errno.IsDir);
        Root.Rename("a", Root, "a").ShouldBe(Errno.Success);
        Root.Rename("a", Root, "b").ShouldBe(Errno.Success);
        Names().ShouldBe(["b", "dir"]);
        StatOf("b").SizeBytes.ShouldBe(3UL);
        Inside("dir", dir => Root.Rename("b", dir, "c").ShouldBe(Errno.Success));
        Names().ShouldBe(["dir"]);
    }

    [Fact]
    public void Rename_Directory_ReplacesOnlyAnEmptyDirectory()
    {
        Root.CreateDirectory("source").ShouldBe(Errno.Success);
        Inside("source", dir => dir.CreateDirectory("inner").ShouldBe(Errno.Success));
        Root.CreateDirectory("empty").ShouldBe(Errno.Success);
        Root.CreateDirectory("full").ShouldBe(Errno.Success);
        Inside("full", dir => dir.CreateDirectory("x").ShouldBe(Errno.Success));
        Create("file").Dispose();
        Root.Rename("source", Root, "full").ShouldBe(Errno.NotEmpty);
        Root.Rename("source", Root, "file").ShouldBe(Errno.NotDir);
        Inside("source", dir => Root.Rename("source", dir, "self").ShouldBe(Errno.Inval));
        Root.Rename("source", Root, "empty").ShouldBe(Errno.Success);
        Names().ShouldBe(["empty", "file", "full"]);
        Inside("empty", dir => dir.GetStat("inner", out _).ShouldBe(Errno.Success));
    }

    [Fact]
    public void SetTimes_SetsEachTimeAlone()
    {
        using (var file = Create("file"))
        {
            file.SetTimes(new FileTimes(1_000_000_100, 2_000_000_200)).ShouldBe(Errno.Success);
            file.SetTimes(new FileTimes(null, 3_000_000_300)).ShouldBe(Errno.Success);
        }

        var stat = StatOf("file");
        (stat.AccessedNs, stat.ModifiedNs).ShouldBe((1_000_000_100UL, 3_000_000_300UL));
        Root.SetTimes("file", new FileTimes(4_000_000_400, null)).ShouldBe(Errno.Success);
        stat = StatOf("file");
        (stat.AccessedNs, stat.ModifiedNs).ShouldBe((4_000_000_400UL, 3_000_000_300UL));
        Root.SetTimes("missing", new FileTimes(1, 1)).ShouldBe(Errno.NoEnt);
    }

    [Fact]
    public void SetTimes_OnADirectoryThatIsWalkedThrough_Works()
    {
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Inside("dir", dir => dir.SetTimes(new FileTimes(null, 7_000_000_000)).ShouldBe(Errno.Success));
        StatOf("dir").ModifiedNs.ShouldBe(7_000_000_000UL);
    }

    [Fact]
    public void ReadEntries_ListsNamesTypesAndNumbers()
    {
        Create("file").Dispose();
        Root.CreateDirectory("dir").ShouldBe(Errno.Success);
        Root.CreateLink("link", "file").ShouldBe(Errno.Success);
        var entries = new List<DirectoryEntry>();
        Root.ReadEntries(entries, 3).ShouldBe(Errno.Success);
        entries.OrderBy(entry => entry.Name, StringComparer.Ordinal).ShouldBe(
        [
            new DirectoryEntry("dir", StatOf("dir").Inode, FileType.Directory),
            new DirectoryEntry("file", StatOf("file").Inode, FileType.RegularFile),
            new DirectoryEntry("link", StatOf("link").Inode, FileType.SymbolicLink),
        ]);
        Root.ReadEntries([], 2).ShouldBe(Errno.NoMem);
    }

    [Fact]
    public void Unlink_WhileOpen_KeepsTheContent()
    {
        using var file = Create("gone");
        Write(file, "abc", 0);
        Root.Unlink("gone").ShouldBe(Errno.Success);
        ReadAll(file, 0).ShouldBe("abc"u8.ToArray());
        Names().ShouldBeEmpty();
    }

    [Fact]
    public void Reopen_GivesTheSameDirectory()
    {
        Root.Reopen(out var again).ShouldBe(Errno.Success);
        using (again)
        {
            again!.CreateDirectory("dir").ShouldBe(Errno.Success);
            again.Sync(dataOnly: false).ShouldBe(Errno.Success);
        }

        Names().ShouldBe(["dir"]);
    }

    [Fact]
    public void Dispose_Twice_IsHarmless()
    {
        var file = Create("file");
        file.Dispose();
        file.Dispose();
    }

    protected abstract DirectoryNode OpenRoot();

    protected virtual void Cleanup()
    {
    }

    private FileNode Create(string name)
    {
        Root.Open(name, s_createNew, out var node).ShouldBe(Errno.Success, name);
        return node.ShouldBeAssignableTo<FileNode>()!;
    }

    private FileStat StatOf(string name)
    {
        Root.GetStat(name, out var stat).ShouldBe(Errno.Success, name);
        return stat;
    }

    private string[] Names()
    {
        var entries = new List<DirectoryEntry>();
        Root.ReadEntries(entries, 1_000).ShouldBe(Errno.Success);
        return [.. entries.Select(entry => entry.Name).Order(StringComparer.Ordinal)];
    }

    private void Inside(string name, Action<DirectoryNode> act)
    {
        Root.OpenDirectory(name, out var directory).ShouldBe(Errno.Success, name);
        using (directory)
            act(directory!);
    }

    private static void Write(FileNode file, string text, ulong offset) => Write(file, Encoding.UTF8.GetBytes(text), offset);

    private static void Write(FileNode file, ReadOnlySpan<byte> bytes, ulong offset)
    {
        while (!bytes.IsEmpty)
        {
            file.WriteAt(bytes, offset, out var written).ShouldBe(Errno.Success);
            written.ShouldBePositive();
            bytes = bytes[written..];
            offset += (ulong)written;
        }
    }

    private static byte[] ReadAll(FileNode file, ulong offset)
    {
        var all = new List<byte>();
        var buffer = new byte[50_000];
        while (true)
        {
            file.ReadAt(buffer, offset + (ulong)all.Count, out var count).ShouldBe(Errno.Success);
            if (count == 0)
                return [.. all];
            all.AddRange(buffer.AsSpan(0, count));
        }
    }
}

public sealed class MemoryFileSystemConformance : FileSystemConformance
{
    protected override DirectoryNode OpenRoot() => new MemoryFileSystem().OpenRoot();
}

public sealed class HostFileSystemConformance : FileSystemConformance
{
    private readonly TemporaryDirectory _directory = new();

    protected override bool HasHardLinks => OperatingSystem.IsLinux();

    protected override DirectoryNode OpenRoot() => new HostFileSystem(_directory.FullPath).OpenRoot();

    protected override void Cleanup() => _directory.Dispose();
}

public sealed class PortableHostFileSystemConformance : FileSystemConformance
{
    private readonly TemporaryDirectory _directory = new();

    protected override bool HasHardLinks => false;

    protected override DirectoryNode OpenRoot() => new HostFileSystem(_directory.FullPath, portable: true).OpenRoot();

    protected override void Cleanup() => _directory.Dispose();
}
