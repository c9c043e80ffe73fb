using System.Text;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open directory of an in-memory file system.</summary>
internal sealed class MemoryDirectoryNode(MemoryFileSystem fileSystem, MemoryDirectory directory) : DirectoryNode
{
    public override Errno Open(string name, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        lock (fileSystem.Gate)
        {
            if (directory.Children.TryGetValue(name, out var inode))
                return OpenExisting(inode, request, out node);
            if (!request.Create)
                return Errno.NoEnt;
            if (request.MustBeDirectory)
                return Errno.IsDir;
            var file = new MemoryFile(fileSystem.NextNumber(), fileSystem.NowNs);
            var errno = fileSystem.Attach(directory, name, file);
            if (errno == Errno.Success)
                node = new MemoryFileNode(fileSystem, file);
            return errno;
        }
    }

    public override Errno OpenDirectory(string name, out DirectoryNode? opened)
    {
        lock (fileSystem.Gate)
        {
            var child = directory.Children.GetValueOrDefault(name);
            opened = child is MemoryDirectory found ? new MemoryDirectoryNode(fileSystem, found) : null;
            return child switch
            {
                MemoryDirectory => Errno.Success,
                MemoryLink => Errno.Loop,
                null => Errno.NoEnt,
                _ => Errno.NotDir,
            };
        }
    }

    public override Errno Reopen(out DirectoryNode? opened)
    {
        opened = new MemoryDirectoryNode(fileSystem, directory);
        return Errno.Success;
    }

    public override Errno GetStat(out FileStat stat)
    {
        lock (fileSystem.Gate)
            stat = directory.Stat();
        return Errno.Success;
    }

    public override Errno GetStat(string name, out FileStat stat)
    {
        lock (fileSystem.Gate)
        {
            var found = directory.Children.TryGetValue(name, out var inode);
            stat = found ? inode!.Stat() : default;
            return found ? Errno.Success : Errno.NoEnt;
        }
    }

    public override Errno SetTimes(FileTimes times)
    {
        lock (fileSystem.Gate)
            SetTimes(fileSystem, directory, times);
        return Errno.Success;
    }

    public override Errno SetTimes(string name, FileTimes times)
    {
        lock (fileSystem.Gate)
        {
            if (!directory.Children.TryGetValue(name, out var inode))
                return Errno.NoEnt;
            SetTimes(fileSystem, inode, times);
            return Errno.Success;
        }
    }

    public override Errno Sync(bool dataOnly) => Errno.Success;

    public override Errno CreateDirectory(string name)
    {
        lock (fileSystem.Gate)
        {
            return directory.Children.ContainsKey(name)
                ? Errno.Exist
                : fileSystem.Attach(directory, name, new MemoryDirectory(fileSystem.NextNumber(), fileSystem.NowNs));
        }
    }

    public override Errno RemoveDirectory(string name)
    {
        lock (fileSystem.Gate)
        {
            switch (directory.Children.GetValueOrDefault(name))
            {
                case null:
                    return Errno.NoEnt;
                case MemoryDirectory { Children.Count: > 0 }:
                    return Errno.NotEmpty;
                case MemoryDirectory:
                    fileSystem.Detach(directory, name);
                    return Errno.Success;
                default:
                    return Errno.NotDir;
            }
        }
    }

    public override Errno Unlink(string name)
    {
        lock (fileSystem.Gate)
        {
            switch (directory.Children.GetValueOrDefault(name))
            {
                case null:
                    return Errno.NoEnt;
                case MemoryDirectory:
                    return Errno.IsDir;
                default:
                    fileSystem.Detach(directory, name);
                    return Errno.Success;
            }
        }
    }

    public override Errno ReadLink(string name, out string target)
    {
        lock (fileSystem.Gate)
        {
            var found = directory.Children.TryGetValue(name, out var inode);
            target = inode is MemoryLink link ? link.Target : "";
            return !found ? Errno.NoEnt : inode is MemoryLink ? Errno.Success : Errno.Inval;
        }
    }

    public override Errno CreateLink(string name, string target)
    {
        lock (fileSystem.Gate)
        {
            if (directory.Children.ContainsKey(name))
                return Errno.Exist;
            var bytes = Encoding.UTF8.GetByteCount(target);
            return fileSystem.Attach(directory, name, new MemoryLink(fileSystem.NextNumber(), fileSystem.NowNs, target, bytes));
        }
    }

    public override Errno HardLink(string name, DirectoryNode toDirectory, string toName)
    {
        if (toDirectory is not MemoryDirectoryNode to || to.FileSystem != fileSystem)
            return Errno.Xdev;
        lock (fileSystem.Gate)
        {
            if (!directory.Children.TryGetValue(name, out var inode))
                return Errno.NoEnt;
            if (to.Directory.Children.ContainsKey(toName))
                return Errno.Exist;
            if (inode is MemoryDirectory)
                return Errno.Perm;
            inode.ChangedNs = fileSystem.NowNs;
            return fileSystem.Attach(to.Directory, toName, inode);
        }
    }

    public override Errno Rename(string name, DirectoryNode toDirectory, string toName)
    {
        if (toDirectory is not MemoryDirectoryNode to || to.FileSystem != fileSystem)
            return Errno.Xdev;
        lock (fileSystem.Gate)
        {
            if (!directory.Children.TryGetValue(name, out var inode) || to.Directory.LinkCount == 0)
                return Errno.NoEnt;
            if (inode is MemoryDirectory moved && to.Directory.IsInside(moved))
                return Errno.Inval;
            var replaced = to.Directory.Children.GetValueOrDefault(toName);
            // Two names of one file: POSIX leaves both as they are.
            if (replaced == inode)
                return Errno.Success;
            var errno = CanReplace(inode, replaced);
            if (errno != Errno.Success)
                return errno;
            if (replaced is not null)
                fileSystem.Detach(to.Directory, toName);
            // The new name takes the old one's place in the count of nodes, so this cannot fail.
            directory.Children.Remove(name);
            directory.Touch(fileSystem.NowNs);
            to.Directory.Children.Add(toName, inode);
            to.Directory.Touch(fileSystem.NowNs);
            if (inode is MemoryDirectory child)
                child.Parent = to.Directory;
            inode.ChangedNs = fileSystem.NowNs;
            return Errno.Success;
        }
    }

    public override Errno ReadEntries(List<DirectoryEntry> entries, int maxEntries)
    {
        lock (fileSystem.Gate)
        {
            if (directory.Children.Count > maxEntries)
                return Errno.NoMem;
            foreach (var (name, inode) in directory.Children)
                entries.Add(new DirectoryEntry(name, inode.Number, inode.Type));
            directory.AccessedNs = fileSystem.NowNs;
            return Errno.Success;
        }
    }

    internal static void SetTimes(MemoryFileSystem fileSystem, MemoryInode inode, FileTimes times)
    {
        inode.AccessedNs = times.AccessedNs ?? inode.AccessedNs;
        inode.ModifiedNs = times.ModifiedNs ?? inode.ModifiedNs;
        inode.ChangedNs = fileSystem.NowNs;
    }

    private MemoryFileSystem FileSystem => fileSystem;

    private MemoryDirectory Directory => directory;

    private static Errno CanReplace(MemoryInode inode, MemoryInode? replaced) => (inode, replaced) switch
    {
        (_, null) => Errno.Success,
        (MemoryDirectory, MemoryDirectory { Children.Count: > 0 }) => Errno.NotEmpty,
        (MemoryDirectory, MemoryDirectory) => Errno.Success,
        (MemoryDirectory, _) => Errno.NotDir,
        (_, MemoryDirectory) => Errno.IsDir,
        _ => Errno.Success,
    };

    private Errno OpenExisting(MemoryInode inode, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        if (request is { Create: true, Exclusive: true })
            return Errno.Exist;
        switch (inode)
        {
            case MemoryLink:
                return Errno.Loop;
            case MemoryDirectory when request.Write || request.Create || request.Truncate:
                return Errno.IsDir;
            case MemoryDirectory child:
                node = new MemoryDirectoryNode(fileSystem, child);
                return Errno.Success;
            case MemoryFile when request.MustBeDirectory:
                return Errno.NotDir;
            case MemoryFile file:
                if (request.Truncate)
                    fileSystem.Resize(file, 0UL);
                node = new MemoryFileNode(fileSystem, file);
                return Errno.Success;
            default:
                return Errno.NotSup;
        }
    }
}
