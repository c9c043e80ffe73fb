using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>path_open</c>.</summary>
internal sealed class PathOpenCall(DescriptorTable descriptors, WasiLimits limits)
{
    private const uint Create = 1;
    private const uint DirectoryOnly = 2;
    private const uint Exclusive = 4;
    private const uint Truncate = 8;
    private const uint FollowLinks = 1;

    // Sockets have rights too, but nothing that is opened by a path can have them.
    private const Rights KnownRights = RightsOf.InheritedFromDirectory;

    /// <summary>The arguments as the guest gives them.</summary>
    public readonly record struct Request(
        int Fd,
        uint LookupFlags,
        uint PathAddress,
        uint PathLength,
        uint OpenFlags,
        ulong Rights,
        ulong Inheriting,
        uint FdFlags,
        uint ResultAddress);

    public Errno Open(Guest guest, Request request)
    {
        var rights = (Rights)request.Rights & KnownRights;
        var inheriting = (Rights)request.Inheriting & KnownRights;
        var errno = descriptors.RequireDirectory(request.Fd, Rights.PathOpen, out var directory);
        if (errno == Errno.Success)
            errno = Check(request, rights, inheriting, directory!);
        var path = "";
        if (errno == Errno.Success)
            errno = guest.ReadPath(request.PathAddress, request.PathLength, limits, out path);
        if (errno == Errno.Success && !guest.TryGet(request.ResultAddress, sizeof(uint), out _))
            errno = Errno.Fault;
        if (errno != Errno.Success)
            return errno;

        var open = new OpenRequest(
            Read: (rights & Rights.FdRead) != 0,
            Write: (rights & (Rights.FdWrite | Rights.FdAllocate | Rights.FdFilestatSetSize)) != 0,
            Create: (request.OpenFlags & Create) != 0,
            Exclusive: (request.OpenFlags & Exclusive) != 0,
            Truncate: (request.OpenFlags & Truncate) != 0,
            MustBeDirectory: (request.OpenFlags & DirectoryOnly) != 0);
        var followLinks = (request.LookupFlags & FollowLinks) != 0;
        errno = Find(guest, directory!.Node, path, open, followLinks, out var node);
        if (errno is Errno.Rofs or Errno.Acces or Errno.TxtBsy && IsForReading(rights))
        {
            rights &= ~Rights.FdFilestatSetSize;
            errno = Find(guest, directory.Node, path, open with { Write = false }, followLinks, out node);
        }

        return errno == Errno.Success ? Keep(guest, request, node!, rights, inheriting) : errno;
    }

    /// <summary>True where only the right to set the size makes the file open for writing.</summary>
    /// <remarks>Go's runtime asks for it on every file that it opens for reading, those on a read-only disk too.</remarks>
    private static bool IsForReading(Rights rights) =>
        (rights & (Rights.FdWrite | Rights.FdAllocate | Rights.FdFilestatSetSize)) == Rights.FdFilestatSetSize;

    private static Errno Check(Request request, Rights rights, Rights inheriting, DirectoryDescriptor directory)
    {
        if (request.LookupFlags > FollowLinks || request.OpenFlags > 15 || request.FdFlags > (uint)FdFlags.All)
            return Errno.Inval;
        if ((request.OpenFlags & (Create | DirectoryOnly)) == (Create | DirectoryOnly))
            return Errno.Inval;
        if ((rights & ~directory.Inheriting) != 0 || (inheriting & ~directory.Inheriting) != 0)
            return Errno.NotCapable;
        if ((request.OpenFlags & Create) != 0 && !directory.Rights.HasFlag(Rights.PathCreateFile))
            return Errno.NotCapable;
        // The one missing right for which WASI's tests want the same answer as for a path that leads out.
        if ((request.OpenFlags & Truncate) != 0 && !directory.Rights.HasFlag(Rights.PathFilestatSetSize))
            return Errno.Perm;
        var flags = (FdFlags)request.FdFlags;
        // The right to fd_sync counts for each of these flags, that to fd_datasync for one.
        var sufficient = (flags & (FdFlags.Sync | FdFlags.Rsync)) != 0 ? Rights.FdSync : Rights.FdSync | Rights.FdDatasync;
        var syncs = (flags & (FdFlags.Sync | FdFlags.Rsync | FdFlags.Dsync)) != 0;
        return syncs && (sufficient & (directory.Rights | directory.Inheriting)) == 0 ? Errno.NotCapable : Errno.Success;
    }

    private Errno Find(Guest guest, DirectoryNode root, string path, OpenRequest request, bool followLinks, out FileSystemNode? node)
    {
        node = null;
        using var walk = PathWalk.Start(root, path, limits, out var errno);
        while (errno == Errno.Success)
        {
            if (walk.Name is not { } name)
            {
                errno = OpenSelf(walk.Directory, request, out node);
                break;
            }

            errno = walk.Directory.Open(name, request with { MustBeDirectory = request.MustBeDirectory || walk.MustBeDirectory }, out node);
            if (errno != Errno.Loop || !(followLinks || walk.MustBeDirectory))
                break;
            errno = walk.FollowName();
        }

        var walked = node;
        try
        {
            guest.Charge((walk.Steps + 1) * WasiFuel.PathStep);
        }
        catch (TrapException)
        {
            walked?.Dispose();
            throw;
        }

        return errno;
    }

    private static Errno OpenSelf(DirectoryNode directory, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        if (request is { Create: true, Exclusive: true })
            return Errno.Exist;
        if (request.Write || request.Create || request.Truncate)
            return Errno.IsDir;
        var errno = directory.Reopen(out var opened);
        node = opened;
        return errno;
    }

    private Errno Keep(Guest guest, Request request, FileSystemNode node, Rights rights, Rights inheriting)
    {
        var flags = (FdFlags)request.FdFlags;
        Descriptor descriptor = node switch
        {
            FileNode file => new FileDescriptor(file, rights & RightsOf.RegularFile, inheriting, flags),
            _ => new DirectoryDescriptor((DirectoryNode)node, rights & RightsOf.Directory, inheriting, flags, preopenPath: null),
        };
        var errno = descriptors.Add(descriptor, out var fd);
        if (errno == Errno.Success)
            return guest.Write(request.ResultAddress, (uint)fd);
        descriptor.Dispose();
        return errno;
    }
}
