using System.Text;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary>The <c>path_*</c> calls but <c>path_open</c>.</summary>
internal sealed class PathCalls(DescriptorTable descriptors, WasiClock clock, WasiLimits limits)
{
    private const uint FollowLinks = 1;

    /// <summary>A path that the guest gives: the descriptor of a directory, and an address and a length in memory.</summary>
    public readonly record struct GuestPath(int Fd, uint Address, uint Length);

    public Errno CreateDirectory(Guest guest, GuestPath path)
    {
        using var walk = Walk(guest, path, Rights.PathCreateDirectory, out var errno);
        if (errno != Errno.Success)
            return errno;
        return walk!.Name is { } name ? walk.Directory.CreateDirectory(name) : Errno.Exist;
    }

    public Errno RemoveDirectory(Guest guest, GuestPath path)
    {
        using var walk = Walk(guest, path, Rights.PathRemoveDirectory, out var errno);
        if (errno != Errno.Success)
            return errno;
        return walk!.Name is { } name ? walk.Directory.RemoveDirectory(name) : Errno.Inval;
    }

    public Errno Unlink(Guest guest, GuestPath path)
    {
        using var walk = Walk(guest, path, Rights.PathUnlinkFile, out var errno);
        if (errno != Errno.Success)
            return errno;
        if (walk!.Name is not { } name)
            return Errno.IsDir;
        if (!walk.MustBeDirectory)
            return walk.Directory.Unlink(name);
        errno = walk.Directory.GetStat(name, out var stat);
        return errno != Errno.Success ? errno : stat.Type == FileType.Directory ? Errno.IsDir : Errno.NotDir;
    }

    public Errno GetFilestat(Guest guest, GuestPath path, uint lookupFlags, uint resultAddress)
    {
        using var walk = Walk(guest, path, Rights.PathFilestatGet, out var errno);
        if (errno != Errno.Success)
            return errno;
        if (lookupFlags > FollowLinks)
            return Errno.Inval;
        errno = Find(walk!, lookupFlags == FollowLinks, out var stat, out _);
        return errno == Errno.Success ? FdCalls.WriteFilestat(guest, resultAddress, stat) : errno;
    }

    public Errno SetTimes(Guest guest, GuestPath path, uint lookupFlags, ulong accessedNs, ulong modifiedNs, uint flags)
    {
        using var walk = Walk(guest, path, Rights.PathFilestatSetTimes, out var errno);
        if (errno != Errno.Success)
            return errno;
        if (lookupFlags > FollowLinks || !FdCalls.TryReadTimes(clock, accessedNs, modifiedNs, flags, out var times))
            return Errno.Inval;
        errno = Find(walk!, lookupFlags == FollowLinks, out _, out var name);
        if (errno != Errno.Success)
            return errno;
        return name is null ? walk!.Directory.SetTimes(times) : walk!.Directory.SetTimes(name, times);
    }

    public Errno ReadLink(Guest guest, GuestPath path, uint address, uint length, uint resultAddress)
    {
        using var walk = Walk(guest, path, Rights.PathReadlink, out var errno);
        if (errno != Errno.Success)
            return errno;
        if (!guest.TryGet(address, length, out var buffer))
            return Errno.Fault;
        if (walk!.Name is not { } name || walk.MustBeDirectory)
            return Errno.Inval;
        errno = walk.Directory.ReadLink(name, out var target);
        if (errno != Errno.Success)
            return errno;
        var bytes = Encoding.UTF8.GetBytes(target);
        var count = Math.Min(bytes.Length, buffer.Length);
        guest.Charge(count * WasiFuel.Byte);
        bytes.AsSpan(0, count).CopyTo(buffer);
        return guest.Write(resultAddress, (uint)count);
    }

    public Errno CreateLink(Guest guest, uint targetAddress, uint targetLength, GuestPath path)
    {
        var errno = guest.ReadPath(targetAddress, targetLength, limits, out var target);
        if (errno != Errno.Success)
            return errno;
        using var walk = Walk(guest, path, Rights.PathSymlink, out errno);
        if (errno != Errno.Success)
            return errno;
        // A link that could never be followed is refused when it is made.
        if (target.StartsWith('/'))
            return Errno.Perm;
        if (target.Length == 0)
            return Errno.NoEnt;
        if (walk!.Name is not { } name)
            return Errno.Exist;
        return walk.MustBeDirectory ? RefuseSlashAfter(walk, name) : walk.Directory.CreateLink(name, target);
    }

    public Errno HardLink(Guest guest, GuestPath from, uint lookupFlags, GuestPath to)
    {
        using var source = Walk(guest, from, Rights.PathLinkSource, out var errno);
        if (errno != Errno.Success)
            return errno;
        if (lookupFlags > FollowLinks)
            return Errno.Inval;
        errno = Find(source!, lookupFlags == FollowLinks, out var stat, out _);
        if (errno != Errno.Success)
            return errno;
        using var target = Walk(guest, to, Rights.PathLinkTarget, out errno);
        if (errno != Errno.Success)
            return errno;
        if (target!.Name is not { } name)
            return Errno.Exist;
        if (source!.Name is not { } sourceName || stat.Type == FileType.Directory)
            return target.Directory.GetStat(name, out _) == Errno.Success ? Errno.Exist : Errno.Perm;
        return target.MustBeDirectory
            ? RefuseSlashAfter(target, name)
            : source.Directory.HardLink(sourceName, target.Directory, name);
    }

    public Errno Rename(Guest guest, GuestPath from, GuestPath to)
    {
        using var source = Walk(guest, from, Rights.PathRenameSource, out var errno);
        if (errno != Errno.Success)
            return errno;
        using var target = Walk(guest, to, Rights.PathRenameTarget, out errno);
        if (errno != Errno.Success)
            return errno;
        if (source!.Name is not { } name || target!.Name is not { } toName)
            return Errno.Busy;
        if (source.MustBeDirectory || target.MustBeDirectory)
        {
            errno = source.Directory.GetStat(name, out var stat);
            if (errno != Errno.Success || stat.Type != FileType.Directory)
                return errno != Errno.Success ? errno : Errno.NotDir;
        }

        return source.Directory.Rename(name, target.Directory, toName);
    }

    // A name that is not a directory's was given with a slash after it.
    private static Errno RefuseSlashAfter(PathWalk walk, string name)
    {
        var errno = walk.Directory.GetStat(name, out var stat);
        if (errno != Errno.Success)
            return errno;
        return stat.Type == FileType.Directory ? Errno.Exist : Errno.NotDir;
    }

    /// <summary>Finds what a path stands for, following links where asked, or where a slash after the path asks for it.</summary>
    private static Errno Find(PathWalk walk, bool followLinks, out FileStat stat, out string? name)
    {
        while (true)
        {
            name = walk.Name;
            var errno = name is null ? walk.Directory.GetStat(out stat) : walk.Directory.GetStat(name, out stat);
            if (errno != Errno.Success)
                return errno;
            if (stat.Type != FileType.SymbolicLink || !(followLinks || walk.MustBeDirectory))
                return walk.MustBeDirectory && stat.Type != FileType.Directory ? Errno.NotDir : Errno.Success;
            errno = walk.FollowName();
            if (errno != Errno.Success)
                return errno;
        }
    }

    /// <summary>Walks to the last name of a path; the walk is null where that is refused.</summary>
    private PathWalk? Walk(Guest guest, GuestPath path, Rights rights, out Errno errno)
    {
        errno = descriptors.RequireDirectory(path.Fd, rights, out var directory);
        if (errno != Errno.Success)
            return null;
        errno = guest.ReadPath(path.Address, path.Length, limits, out var text);
        if (errno != Errno.Success)
            return null;
        var walk = PathWalk.Start(directory!.Node, text, limits, out errno);
        try
        {
            guest.Charge((walk.Steps + 1) * WasiFuel.PathStep);
        }
        catch (TrapException)
        {
            walk.Dispose();
            throw;
        }

        if (errno == Errno.Success)
            return walk;
        walk.Dispose();
        return null;
    }
}
