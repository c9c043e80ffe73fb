using Stoa.Wasm.Tests.Wasi.Files;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>A guest on a directory of the host, while a program beside it changes the tree between the guest's check and its use.</summary>
public sealed class ConfinementTests : IDisposable
{
    private const uint Create = 1;
    private const uint Truncate = 8;
    private const int Rounds = 600;

    private readonly TemporaryDirectory _directory = new();
    private readonly string _inside;
    private readonly string _outside;
    private int _round;
    private int _acts;
    private bool _guestEnded;

    public ConfinementTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the tree is trusted");
        _inside = Directory.CreateDirectory(Path.Combine(_directory.FullPath, "inside")).FullName;
        _outside = Directory.CreateDirectory(Path.Combine(_directory.FullPath, "outside")).FullName;
        File.WriteAllText(Path.Combine(_outside, "victim"), "outside");
        Directory.CreateDirectory(Path.Combine(_outside, "empty"));
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void EveryCall_WhileItsDirectoryIsSwappedForALinkThatLeadsOut_LeavesTheOutsideAsItWas()
    {
        var before = Describe(_outside);
        var dir = Directory.CreateDirectory(Path.Combine(_inside, "dir")).FullName;
        using var guest = WasiGuest.With(new HostFileSystem(_inside));
        var answers = new Dictionary<Errno, int>();
        Attack(
            () =>
            {
                Directory.Move(dir, dir + ".real");
                File.CreateSymbolicLink(dir, _outside);
                MeetGuest();
                File.Delete(dir);
                Directory.Move(dir + ".real", dir);
            },
            () =>
            {
                foreach (var call in Calls(guest))
                {
                    var errno = call();
                    answers[errno] = answers.GetValueOrDefault(errno) + 1;
                }
            });
        Describe(_outside).ShouldBe(before);
        answers.Keys.ShouldContain(Errno.Success);
        // The link was met and not followed.
        answers.Keys.ShouldContain(Errno.Perm);
        answers.Keys.ShouldBeSubsetOf([Errno.Success, Errno.NoEnt, Errno.Perm, Errno.Exist, Errno.Inval, Errno.NotDir, Errno.NotEmpty, Errno.Loop]);
    }

    [Fact]
    public void DotDot_WhileItsDirectoryIsMovedOutside_NeverGoesThroughTheNewParent()
    {
        var dir = Directory.CreateDirectory(Path.Combine(_inside, "deep", "dir")).FullName;
        var moved = Path.Combine(_outside, "moved");
        using var guest = WasiGuest.With(new HostFileSystem(_inside));
        var held = guest.Open("deep/dir", rights: Rights.PathOpen);
        var acts = 0;
        Attack(
            () =>
            {
                Directory.Move(dir, moved);
                MeetGuest();
                Directory.Move(moved, dir);
            },
            () =>
            {
                guest.Open("deep/dir/../victim", out _).ShouldBe(Errno.NoEnt);
                guest.Open("deep/dir/../../victim", out _).ShouldBe(Errno.NoEnt);
                guest.Open("deep/dir/../../../outside/victim", out _).ShouldBeOneOf(Errno.Perm, Errno.NoEnt);
                guest.Open("../victim", out _, at: held).ShouldBe(Errno.Perm);
                acts++;
            });
        acts.ShouldBePositive();
    }

    [Fact]
    public void HardLink_WhileItsSourceIsSwappedForALinkThatLeadsOut_IsNeverTheFileOutside()
    {
        var source = Path.Combine(_inside, "source");
        var link = Path.Combine(_inside, "link");
        File.WriteAllText(source, "inside");
        using var guest = WasiGuest.With(new HostFileSystem(_inside));
        var linked = 0;
        Attack(
            () =>
            {
                File.Move(source, source + ".real");
                File.CreateSymbolicLink(source, Path.Combine(_outside, "victim"));
                MeetGuest();
                File.Delete(source);
                File.Move(source + ".real", source);
            },
            () =>
            {
                if (guest.OnPaths("path_link", "source", "link") != Errno.Success)
                    return;
                linked++;
                var info = new FileInfo(link);
                if (info.LinkTarget is null)
                    File.ReadAllText(link).ShouldBe("inside");
                else
                    guest.Open("link", out _, follow: true).ShouldBe(Errno.Perm);
                File.Delete(link);
            });
        linked.ShouldBePositive();
        File.ReadAllText(Path.Combine(_outside, "victim")).ShouldBe("outside");
    }

    [Fact]
    public void TwoGuests_OnOneDirectory_CannotHelpEachOtherOut()
    {
        Directory.CreateDirectory(Path.Combine(_inside, "a", "b"));
        using var guest = WasiGuest.With(new HostFileSystem(_inside));
        using var helper = WasiGuest.With(new HostFileSystem(_inside));
        var b = guest.Open("a/b", rights: Rights.PathOpen | Rights.PathRenameTarget | Rights.PathCreateDirectory);
        helper.OnPaths("path_rename", "a/b", "b").ShouldBe(Errno.Success);
        helper.OnPath("path_remove_directory", "a").ShouldBe(Errno.Success);
        guest.Open("..", out _, at: b).ShouldBe(Errno.Perm);
        guest.Open("../../outside/victim", out _, at: b).ShouldBe(Errno.Perm);
        guest.OnPath("path_create_directory", "../x", b).ShouldBe(Errno.Perm);
        helper.OnPaths("path_symlink", "../../outside", "b/out").ShouldBe(Errno.Success);
        guest.Open("out/victim", out _, at: b).ShouldBe(Errno.Perm);
        helper.Open("b/out/victim", out _).ShouldBe(Errno.Perm);
        helper.OnPaths("path_link", "b/out", "linked").ShouldBe(Errno.Success);
        helper.Open("linked/victim", out _).ShouldBe(Errno.Perm);
        helper.OnPath("path_remove_directory", "linked/empty").ShouldBe(Errno.Perm);
        helper.OnPaths("path_rename", "b", "linked/b").ShouldBe(Errno.Perm);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OpenDirectory_WhoseOldPathNowLeadsOut_IsNotThere(bool portable)
    {
        Directory.CreateDirectory(Path.Combine(_inside, "a", "outside"));
        File.WriteAllText(Path.Combine(_inside, "a", "outside", "file"), "inside");
        var before = Describe(_outside);
        using var guest = WasiGuest.With(new HostFileSystem(_inside, portable));
        const Rights rights = Rights.PathOpen | Rights.PathCreateFile | Rights.PathUnlinkFile | Rights.PathCreateDirectory |
            Rights.FdReaddir | Rights.PathFilestatGet | Rights.PathFilestatSetTimes | Rights.FdFilestatGet | Rights.FdFilestatSetTimes;
        guest.Open("a/outside", out var dir, rights: rights, inheriting: rights).ShouldBe(Errno.Success);
        guest.Open("a/outside/file", out var file, rights: Rights.FdRead | Rights.FdFilestatGet | Rights.FdFilestatSetTimes).ShouldBe(Errno.Success);
        guest.OnPaths("path_rename", "a", "b").ShouldBe(Errno.Success);
        guest.OnPaths("path_symlink", "..", "a").ShouldBe(Errno.Success);
        guest.Open("victim", out _, at: dir).ShouldBe(Errno.NoEnt);
        guest.Stat("victim", out _, at: dir).ShouldBe(Errno.NoEnt);
        guest.SetTimes("victim", 1, 1, 5, at: dir).ShouldBe(Errno.NoEnt);
        guest.OnPath("path_unlink_file", "victim", dir).ShouldBe(Errno.NoEnt);
        // Where a directory is known by its path, it is gone; where it is held open, all of this happens to it.
        var expected = portable ? Errno.NoEnt : Errno.Success;
        guest.Call("fd_filestat_get", dir, 100).ShouldBe(expected);
        guest.Call("fd_filestat_set_times", dir, 1_000L, 1_000L, 5).ShouldBe(expected);
        guest.Call("fd_readdir", dir, 65_536, 1_000, 0L, 8).ShouldBe(expected);
        guest.Open(".", out _, at: dir).ShouldBe(expected);
        guest.Open("new", out _, Create, at: dir).ShouldBe(expected);
        guest.OnPath("path_create_directory", "sub", dir).ShouldBe(expected);
        guest.StatOf(file).SizeBytes.ShouldBe(6UL);
        guest.Call("fd_filestat_set_times", file, 1_000_000_000L, 2_000_000_000L, 5).ShouldBe(Errno.Success);
        guest.StatOf(file).ModifiedNs.ShouldBe(2_000_000_000UL);
        Describe(_outside).ShouldBe(before);
    }

    private static IEnumerable<Func<Errno>> Calls(WasiGuest guest)
    {
        yield return () => OpenAndClose(guest, "dir/new", Create);
        yield return () => OpenAndClose(guest, "dir/victim", Create | Truncate);
        yield return () => guest.SetTimes("dir/victim", 1_000_000_000, 1_000_000_000, 5);
        yield return () => guest.SetTimes("dir/", 1_000_000_000, 1_000_000_000, 5, follow: true);
        yield return () => guest.OnPaths("path_link", "dir/victim", "dir/second");
        yield return () => guest.OnPaths("path_symlink", "x", "dir/link");
        yield return () => guest.OnPaths("path_rename", "dir/victim", "dir/moved");
        yield return () => guest.OnPaths("path_rename", "dir/empty", "dir/full");
        yield return () => guest.OnPath("path_create_directory", "dir/sub");
        yield return () => guest.OnPath("path_remove_directory", "dir/sub");
        yield return () => guest.OnPath("path_remove_directory", "dir/empty");
        yield return () => guest.OnPath("path_unlink_file", "dir/victim");
        yield return () => guest.OnPath("path_unlink_file", "dir/moved");
        yield return () => guest.OnPath("path_unlink_file", "dir/second");
        yield return () => guest.OnPath("path_unlink_file", "dir/link");
        yield return () => guest.OnPath("path_unlink_file", "dir/new");
    }

    private static Errno OpenAndClose(WasiGuest guest, string path, uint openFlags)
    {
        var errno = guest.Open(path, out var fd, openFlags, Rights.FdWrite);
        if (errno != Errno.Success)
            return errno;
        guest.Write(fd, "guest").ShouldBe(Errno.Success);
        return guest.Call("fd_close", fd);
    }

    /// <summary>Lets the guest act for as long as the program beside it makes its rounds, and then once more.</summary>
    private void Attack(Action round, Action act)
    {
        Exception? failure = null;
        var attacker = new Thread(() =>
        {
            try
            {
                for (_round = 0; _round < Rounds && !Volatile.Read(ref _guestEnded); _round++)
                    round();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        attacker.Start();
        try
        {
            do
            {
                act();
                Interlocked.Increment(ref _acts);
            }
            while (attacker.IsAlive);
            act();
        }
        finally
        {
            Volatile.Write(ref _guestEnded, true);
            attacker.Join();
        }

        failure.ShouldBeNull();
    }

    /// <summary>Holds what has been swapped in place until the guest has acted on it, in every tenth round; else the race is free.</summary>
    private void MeetGuest()
    {
        var acts = Volatile.Read(ref _acts);
        if (_round % 10 == 0)
            SpinWait.SpinUntil(() => Volatile.Read(ref _acts) > acts + 1 || Volatile.Read(ref _guestEnded));
    }

    private static string[] Describe(string folder) =>
    [
        .. new DirectoryInfo(folder).EnumerateFileSystemInfos()
            .OrderBy(info => info.Name, StringComparer.Ordinal)
            .Select(info => $"{info.Name} {info.Attributes} {info.LastWriteTimeUtc.Ticks} {(info is FileInfo file ? File.ReadAllText(file.FullName) : "")}"),
        new DirectoryInfo(folder).LastWriteTimeUtc.Ticks.ToString(System.Globalization.CultureInfo.InvariantCulture),
    ];
}
