using System.Buffers;
using System.Text;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open directory of any host, known by its path.</summary>
/// <remarks>
/// What .NET does not offer everywhere (hard links, inode numbers) is refused or derived from the path. Before each use every
/// name from the root to this directory is looked at: a guest that renames a directory which it holds open, and puts a link in
/// its place, finds its own descriptor gone.
/// </remarks>
/// <param name="root">The directory that the guest stays in.</param>
/// <param name="path">This directory: the root, or below it.</param>
internal sealed class PortableDirectoryNode(string root, string path) : DirectoryNode
{
    private static readonly SearchValues<char> s_notInWindowsNames = SearchValues.Create("\\/:*?\"<>|");

    public override Errno Open(string name, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        var errno = Look(name, out var full, out var found);
        if (errno != Errno.Success)
            return errno;
        if (found is not { } type)
            return !request.Create ? Errno.NoEnt : request.MustBeDirectory ? Errno.IsDir : OpenFile(full, FileMode.CreateNew, request, out node);
        if (request is { Create: true, Exclusive: true })
            return Errno.Exist;
        switch (type)
        {
            case FileType.SymbolicLink:
                return Errno.Loop;
            case FileType.Directory when request.Write || request.Create || request.Truncate:
                return Errno.IsDir;
            case FileType.Directory:
                node = new PortableDirectoryNode(root, full);
                return Errno.Success;
            case FileType.RegularFile when request.MustBeDirectory:
                return Errno.NotDir;
            case FileType.RegularFile:
                return OpenFile(full, FileMode.Open, request, out node);
            default:
                return Errno.NxIo;
        }
    }

    public override Errno OpenDirectory(string name, out DirectoryNode? directory)
    {
        var errno = Find(name, out var full, out var type);
        if (errno == Errno.Success)
            errno = type switch
            {
                FileType.Directory => Errno.Success,
                FileType.SymbolicLink => Errno.Loop,
                _ => Errno.NotDir,
            };
        directory = errno == Errno.Success ? new PortableDirectoryNode(root, full) : null;
        return errno;
    }

    public override Errno Reopen(out DirectoryNode? directory)
    {
        var errno = CheckPlace();
        directory = errno == Errno.Success ? new PortableDirectoryNode(root, path) : null;
        return errno;
    }

    public override Errno GetStat(out FileStat stat)
    {
        stat = default;
        var errno = CheckPlace();
        return errno == Errno.Success ? GetStat(new DirectoryInfo(path), out stat) : errno;
    }

    public override Errno GetStat(string name, out FileStat stat)
    {
        stat = default;
        var errno = Find(name, out var full, out var type);
        return errno != Errno.Success ? errno : GetStat(InfoOf(full, type), out stat);
    }

    public override Errno SetTimes(FileTimes times)
    {
        var errno = CheckPlace();
        return errno == Errno.Success ? SetTimes(new DirectoryInfo(path), times) : errno;
    }

    public override Errno SetTimes(string name, FileTimes times)
    {
        var errno = Find(name, out var full, out var type);
        if (errno != Errno.Success)
            return errno;
        // .NET sets the times of what a link leads to.
        return type == FileType.SymbolicLink ? Errno.NotSup : SetTimes(InfoOf(full, type), times);
    }

    public override Errno Sync(bool dataOnly) => Errno.Success;

    public override Errno CreateDirectory(string name)
    {
        var errno = Look(name, out var full, out var found);
        if (errno != Errno.Success)
            return errno;
        return found is null ? HostErrors.Try(() => Directory.CreateDirectory(full)) : Errno.Exist;
    }

    public override Errno RemoveDirectory(string name)
    {
        var errno = Find(name, out var full, out var type);
        if (errno != Errno.Success)
            return errno;
        if (type != FileType.Directory)
            return Errno.NotDir;
        return Directory.EnumerateFileSystemEntries(full).Any() ? Errno.NotEmpty : HostErrors.Try(() => Directory.Delete(full));
    }

    public override Errno Unlink(string name)
    {
        var errno = Find(name, out var full, out var type);
        if (errno != Errno.Success)
            return errno;
        return type switch
        {
            FileType.Directory => Errno.IsDir,
            // On Windows a link to a directory is deleted as a directory.
            FileType.SymbolicLink when OperatingSystem.IsWindows() && Directory.Exists(full) => HostErrors.Try(() => Directory.Delete(full)),
            _ => HostErrors.Try(() => File.Delete(full)),
        };
    }

    public override Errno ReadLink(string name, out string target)
    {
        target = "";
        var errno = Find(name, out var full, out var type);
        if (errno != Errno.Success)
            return errno;
        if (type != FileType.SymbolicLink)
            return Errno.Inval;
        var read = new FileInfo(full).LinkTarget;
        if (read is null)
            return Errno.Inval;
        target = OperatingSystem.IsWindows() ? ToGuest(read) : read;
        return Errno.Success;
    }

    public override Errno CreateLink(string name, string target)
    {
        var errno = Look(name, out var full, out var found);
        if (errno != Errno.Success)
            return errno;
        return found is null ? HostErrors.Try(() => File.CreateSymbolicLink(full, target)) : Errno.Exist;
    }

    public override Errno HardLink(string name, DirectoryNode toDirectory, string toName) => Errno.NotSup;

    public override Errno Rename(string name, DirectoryNode toDirectory, string toName)
    {
        if (toDirectory is not PortableDirectoryNode to)
            return Errno.Xdev;
        var errno = Find(name, out var full, out var type);
        if (errno != Errno.Success)
            return errno;
        errno = to.Look(toName, out var toFull, out var toType);
        if (errno != Errno.Success)
            return errno;
        if (full == toFull)
            return Errno.Success;
        if (type != FileType.Directory)
            return toType == FileType.Directory ? Errno.IsDir : HostErrors.Try(() => File.Move(full, toFull, overwrite: true));
        if (toFull.StartsWith(full + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            return Errno.Inval;
        if (toType is not (null or FileType.Directory))
            return Errno.NotDir;
        if (toType is not null && to.RemoveDirectory(toName) is var removed and not Errno.Success)
            return removed;
        return HostErrors.Try(() => Directory.Move(full, toFull));
    }

    public override Errno ReadEntries(List<DirectoryEntry> entries, int maxEntries)
    {
        var tooMany = false;
        var errno = CheckPlace();
        if (errno != Errno.Success)
            return errno;
        errno = HostErrors.Try(() =>
        {
            foreach (var info in new DirectoryInfo(path).EnumerateFileSystemInfos())
            {
                tooMany = entries.Count >= maxEntries;
                if (tooMany)
                    return;
                entries.Add(new DirectoryEntry(info.Name, NumberOf(info.FullName), TypeOf(info)));
            }
        });
        return tooMany ? Errno.NoMem : errno;
    }

    internal static FileStat StatOf(string full, FileType type, long sizeBytes, DateTime accessed, DateTime modified) =>
        new(1, NumberOf(full), type, 1, (ulong)sizeBytes, ToNs(accessed), ToNs(modified), ToNs(modified));

    internal static DateTime ToDateTime(ulong ns) => DateTime.UnixEpoch.AddTicks((long)Math.Min(ns / 100, (ulong)TimeSpan.TicksPerDay * 365 * 1_000));

    private static Errno OpenFile(string full, FileMode mode, OpenRequest request, out FileSystemNode? node)
    {
        FileSystemNode? opened = null;
        var errno = HostErrors.Try(() =>
        {
            var writes = request.Write || request.Truncate || request.Create;
            var access = writes ? request.Read ? FileAccess.ReadWrite : FileAccess.Write : FileAccess.Read;
            var handle = File.OpenHandle(full, mode, access, FileShare.ReadWrite | FileShare.Delete);
            if (request.Truncate)
                RandomAccess.SetLength(handle, 0);
            opened = new PortableFileNode(handle, full);
        });
        node = opened;
        return errno;
    }

    /// <summary>Finds what a name stands for.</summary>
    private Errno Find(string name, out string full, out FileType type)
    {
        var errno = Look(name, out full, out var found);
        type = found ?? FileType.Unknown;
        return errno == Errno.Success && found is null ? Errno.NoEnt : errno;
    }

    /// <summary>Looks what a name stands for; null when it is free.</summary>
    private Errno Look(string name, out string full, out FileType? type)
    {
        full = "";
        type = null;
        if (OperatingSystem.IsWindows() && !IsPlainWindowsName(name))
            return Errno.NoEnt;
        var errno = CheckPlace();
        if (errno != Errno.Success)
            return errno;
        full = Path.Join(path, name);
        var info = new FileInfo(full);
        var found = default(FileType?);
        errno = HostErrors.Try(() =>
        {
            if (info.LinkTarget is not null)
                found = FileType.SymbolicLink;
            else if (Directory.Exists(info.FullName))
                found = FileType.Directory;
            else if (info.Exists)
                found = TypeOf(info);
        });
        type = found;
        return errno;
    }

    /// <summary>Refuses where a name between the root and here is no directory any more, or has become a link.</summary>
    private Errno CheckPlace()
    {
        for (var end = root.Length; end < path.Length;)
        {
            var next = path.IndexOf(Path.DirectorySeparatorChar, end + 1);
            end = next < 0 ? path.Length : next;
            var step = new DirectoryInfo(path[..end]);
            var isDirectory = false;
            var errno = HostErrors.Try(() => isDirectory = step.LinkTarget is null && step.Exists);
            if (errno != Errno.Success || !isDirectory)
                return errno == Errno.Success ? Errno.NoEnt : errno;
        }

        return Errno.Success;
    }

    /// <summary>False for a name that Windows takes for more than a name: a device, a stream, a drive, or one that it trims.</summary>
    private static bool IsPlainWindowsName(string name)
    {
        if (name.AsSpan().ContainsAny(s_notInWindowsNames) || name.Any(char.IsControl) || name[^1] is '.' or ' ')
            return false;
        var stem = name.Split('.')[0].TrimEnd().ToUpperInvariant();
        return stem is not ("CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$")
            && !(stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal)));
    }

    private static string ToGuest(string target) => Path.IsPathRooted(target) ? "/" + target : target.Replace('\\', '/');

    private static FileSystemInfo InfoOf(string full, FileType type) =>
        type == FileType.Directory ? new DirectoryInfo(full) : new FileInfo(full);

    private static Errno GetStat(FileSystemInfo info, out FileStat stat)
    {
        var found = default(FileStat);
        var errno = HostErrors.Try(() =>
        {
            var target = info.LinkTarget;
            if (!info.Exists && target is null)
                throw new FileNotFoundException(null, info.Name);
            var type = TypeOf(info);
            var sizeBytes = info is FileInfo file && type == FileType.RegularFile ? file.Length
                : target is null ? 0 : Encoding.UTF8.GetByteCount(target);
            found = StatOf(info.FullName, type, sizeBytes, info.LastAccessTimeUtc, info.LastWriteTimeUtc);
        });
        stat = found;
        return errno;
    }

    private static Errno SetTimes(FileSystemInfo info, FileTimes times) => HostErrors.Try(() =>
    {
        if (times.AccessedNs is { } accessed)
            info.LastAccessTimeUtc = ToDateTime(accessed);
        if (times.ModifiedNs is { } modified)
            info.LastWriteTimeUtc = ToDateTime(modified);
    });

    private static FileType TypeOf(FileSystemInfo info)
    {
        if (info.LinkTarget is not null)
            return FileType.SymbolicLink;
        if (info.Attributes.HasFlag(FileAttributes.Directory))
            return FileType.Directory;
        return info.Attributes.HasFlag(FileAttributes.Device) ? FileType.Unknown : FileType.RegularFile;
    }

    private static ulong NumberOf(string full)
    {
        // FNV-1a over the path: stable, and different for different files.
        var hash = 14_695_981_039_346_656_037UL;
        foreach (var unit in full)
            hash = (hash ^ unit) * 1_099_511_628_211UL;
        return hash | 1;
    }

    private static ulong ToNs(DateTime time) => time <= DateTime.UnixEpoch ? 0 : (ulong)(time - DateTime.UnixEpoch).Ticks * 100;
}
