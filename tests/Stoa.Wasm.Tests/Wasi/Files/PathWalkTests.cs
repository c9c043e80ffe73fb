using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Tests.Wasi.Files;

public sealed class PathWalkTests : IDisposable
{
    private const string Secret = "secret.txt";

    private readonly TemporaryDirectory _outside = new();

    public void Dispose() => _outside.Dispose();

    public static TheoryData<string, Errno> Escapes { get; } = new()
    {
        { "..", Errno.Perm },
        { "../", Errno.Perm },
        { "../secret.txt", Errno.Perm },
        { "./../secret.txt", Errno.Perm },
        { "dir/../../secret.txt", Errno.Perm },
        { "dir/nested/../../../secret.txt", Errno.Perm },
        { "dir/./.././/../secret.txt", Errno.Perm },
        { "/", Errno.Perm },
        { "/etc/passwd", Errno.Perm },
        { "//etc/passwd", Errno.Perm },
        { "up/secret.txt", Errno.Perm },
        { "up-by-two/secret.txt", Errno.Perm },
        { "dir/up-from-dir/secret.txt", Errno.Perm },
        { "absolute", Errno.Perm },
        { "absolute-directory/passwd", Errno.Perm },
        { "link-to-up/secret.txt", Errno.Perm },
        { "direct", Errno.Perm },
        { "file/../secret.txt", Errno.NotDir },
        { "file/..", Errno.NotDir },
        { "missing/../file", Errno.NoEnt },
        { "loop", Errno.Loop },
        { "loop/x", Errno.Loop },
        { "ping", Errno.Loop },
        { "dangling", Errno.NoEnt },
        { "", Errno.NoEnt },
    };

    public static TheoryData<string> WaysInside { get; } = new()
    {
        "file",
        "./file",
        ".//file",
        "dir/../file",
        "dir/nested/../../file",
        "dir/.//nested/../../dir/nested/../nested///../../file",
        "to-file",
        "to-dir/../file",
        "dir/to-root-file",
        "chain",
    };

    [Theory]
    [MemberData(nameof(Escapes))]
    public void Open_PathThatLeadsOut_IsRefusedEverywhere(string path, Errno expected)
    {
        foreach (var (name, root) in Trees())
        {
            using (root)
                Open(root, path).ShouldBe(expected, $"{name}: '{path}'");
        }
    }

    [Theory]
    [MemberData(nameof(WaysInside))]
    public void Open_PathThatStaysInside_ReachesTheFile(string path)
    {
        foreach (var (name, root) in Trees())
        {
            using (root)
                Open(root, path).ShouldBe(Errno.Success, $"{name}: '{path}'");
        }
    }

    [Fact]
    public void Start_SlashAfterTheLastName_AsksForADirectory()
    {
        using var root = new MemoryFileSystem().OpenRoot();
        using var walk = PathWalk.Start(root, "name//", WasiLimits.Default, out var errno);
        errno.ShouldBe(Errno.Success);
        (walk.Name, walk.MustBeDirectory).ShouldBe(("name", true));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("dir/..")]
    [InlineData("dir/.")]
    [InlineData("dir/nested/../.")]
    public void Start_PathOfADirectoryItself_HasNoName(string path)
    {
        using var root = BuildMemoryTree();
        using var walk = PathWalk.Start(root, path, WasiLimits.Default, out var errno);
        errno.ShouldBe(Errno.Success);
        walk.Name.ShouldBeNull();
    }

    [Fact]
    public void Start_OverItsLimits_IsRefused()
    {
        using var root = BuildMemoryTree();
        Start(root, new string('n', 256)).ShouldBe(Errno.NameTooLong);
        Start(root, new string('n', 255)).ShouldBe(Errno.Success);
        Start(root, string.Concat(Enumerable.Repeat("dir/../", 600))).ShouldBe(Errno.NameTooLong);
        using var deep = new MemoryFileSystem().OpenRoot();
        MakeDeep(deep, 130);
        Start(deep, string.Concat(Enumerable.Repeat("d/", 128)) + "x").ShouldBe(Errno.Success);
        Start(deep, string.Concat(Enumerable.Repeat("d/", 129)) + "x").ShouldBe(Errno.NameTooLong);
    }

    [Fact]
    public void Open_LinksThatEachLeadToTheNext_StopAtTheLimit()
    {
        using var root = BuildMemoryTree();
        root.CreateLink("l0", "file").ShouldBe(Errno.Success);
        for (var i = 1; i <= 40; i++)
            root.CreateLink($"l{i}", $"l{i - 1}").ShouldBe(Errno.Success);
        Open(root, "l39").ShouldBe(Errno.Success);
        Open(root, "l40").ShouldBe(Errno.Loop);
    }

    [Fact]
    public void Open_OnlyRegularFilesAndDirectories_OnLinux()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the device nodes of Linux");
        using var devices = new HostFileSystem("/dev").OpenRoot();
        Open(devices, "null").ShouldBe(Errno.NxIo);
        Open(devices, "zero").ShouldBe(Errno.NxIo);
    }

    [Fact]
    public void Open_WhileAnotherThreadSwapsADirectoryForALink_NeverLeavesTheRoot()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the tree is trusted");
        using var inside = new TemporaryDirectory();
        File.WriteAllText(Path.Combine(_outside.FullPath, Secret), "outside");
        var real = Path.Combine(inside.FullPath, "real");
        var swapped = Path.Combine(inside.FullPath, "swapped");
        Directory.CreateDirectory(real);
        File.WriteAllText(Path.Combine(real, Secret), "inside");
        using var root = new HostFileSystem(inside.FullPath).OpenRoot();
        using var stop = new CancellationTokenSource();
        var swaps = 0;
        var attacker = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(real, swapped);
                File.CreateSymbolicLink(real, _outside.FullPath);
                File.Delete(real);
                Directory.Move(swapped, real);
                Volatile.Write(ref swaps, swaps + 1);
            }
        });
        attacker.Start();
        try
        {
            var opened = 0;
            var refused = 0;
            while (Volatile.Read(ref swaps) < 2_000 || opened == 0 || refused == 0)
            {
                using var walk = PathWalk.Start(root, $"real/{Secret}", WasiLimits.Default, out var errno);
                FileSystemNode? node = null;
                if (errno == Errno.Success)
                    errno = walk.Directory.Open(walk.Name!, new OpenRequest(true, false), out node);
                using (node)
                {
                    errno.ShouldBeOneOf(Errno.Success, Errno.NoEnt, Errno.Perm, Errno.NotDir, Errno.Inval);
                    if (errno != Errno.Success)
                    {
                        refused++;
                        continue;
                    }

                    opened++;
                    var buffer = new byte[16];
                    ((FileNode)node!).ReadAt(buffer, 0, out var count).ShouldBe(Errno.Success);
                    System.Text.Encoding.UTF8.GetString(buffer, 0, count).ShouldBe("inside");
                }
            }
        }
        finally
        {
            stop.Cancel();
            attacker.Join();
        }
    }

    private IEnumerable<(string Name, DirectoryNode Root)> Trees()
    {
        yield return ("memory", BuildMemoryTree());
        File.WriteAllText(Path.Combine(_outside.FullPath, Secret), "outside");
        var inside = Path.Combine(_outside.FullPath, "inside");
        Directory.CreateDirectory(inside);
        using (var root = new HostFileSystem(inside).OpenRoot())
            Build(root);
        yield return ("host", new HostFileSystem(inside).OpenRoot());
        yield return ("portable", new HostFileSystem(inside, portable: true).OpenRoot());
        yield return ("read-only", new ReadOnlyFileSystem(new HostFileSystem(inside)).OpenRoot());
    }

    private static DirectoryNode BuildMemoryTree()
    {
        var root = new MemoryFileSystem().OpenRoot();
        Build(root);
        return root;
    }

    private static void Build(DirectoryNode root)
    {
        root.Open("file", new OpenRequest(true, true, Create: true), out var file).ShouldBe(Errno.Success);
        file!.Dispose();
        root.CreateDirectory("dir").ShouldBe(Errno.Success);
        root.OpenDirectory("dir", out var dir).ShouldBe(Errno.Success);
        using (dir)
        {
            dir!.CreateDirectory("nested").ShouldBe(Errno.Success);
            dir.CreateLink("up-from-dir", "../..").ShouldBe(Errno.Success);
            dir.CreateLink("to-root-file", "../file").ShouldBe(Errno.Success);
        }

        foreach (var (name, target) in new[]
        {
            ("up", ".."),
            ("up-by-two", "dir/../.."),
            ("absolute", "/etc/passwd"),
            ("absolute-directory", "/etc"),
            ("link-to-up", "up"),
            ("direct", "../" + Secret),
            ("loop", "loop"),
            ("ping", "pong"),
            ("pong", "ping"),
            ("dangling", "missing"),
            ("to-file", "file"),
            ("to-dir", "dir"),
            ("chain", "to-dir/to-root-file"),
        })
        {
            root.CreateLink(name, target).ShouldBe(Errno.Success);
        }
    }

    private static void MakeDeep(DirectoryNode root, int depth)
    {
        root.Reopen(out var current).ShouldBe(Errno.Success);
        for (var i = 0; i < depth; i++)
        {
            current!.CreateDirectory("d").ShouldBe(Errno.Success);
            current.OpenDirectory("d", out current).ShouldBe(Errno.Success);
        }
    }

    private static Errno Start(DirectoryNode root, string path)
    {
        using var walk = PathWalk.Start(root, path, WasiLimits.Default, out var errno);
        return errno;
    }

    private static Errno Open(DirectoryNode root, string path)
    {
        using var walk = PathWalk.Start(root, path, WasiLimits.Default, out var errno);
        while (errno == Errno.Success)
        {
            if (walk.Name is null)
                return Errno.Success;
            errno = walk.Directory.Open(walk.Name, new OpenRequest(true, false), out var node);
            node?.Dispose();
            if (errno != Errno.Loop)
                return errno;
            errno = walk.FollowName();
        }

        return errno;
    }
}
