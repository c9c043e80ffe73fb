using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open directory of a Linux host.</summary>
/// <remarks>
/// Each operation is one system call on this open directory and one name in it, and none follows a symbolic link in that
/// name. What another process does to the paths meanwhile changes nothing: no path is looked at.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class LinuxDirectoryNode(SafeFileHandle handle) : DirectoryNode
{
    private const uint NewFileMode = 0x1B6; // rw-rw-rw-, less the host's umask
    private const uint NewDirectoryMode = 0x1FF;
    private const int MaxLinkBytes = 4_096;

    // A pipe would block until somebody opens its other end; such files are found out and closed again.
    private static readonly int s_alwaysFlags =
        LinuxNative.OpenNoFollow | LinuxNative.OpenCloseOnExec | LinuxNative.OpenNonBlocking | LinuxNative.OpenNoTerminal;

    public override Errno Open(string name, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        var writes = request.Write || request.Truncate;
        var flags = s_alwaysFlags
            | (writes ? request.Read ? LinuxNative.OpenReadWrite : LinuxNative.OpenWriteOnly : LinuxNative.OpenReadOnly)
            | (request.Create ? LinuxNative.OpenCreate : 0)
            | (request.Exclusive ? LinuxNative.OpenExclusive : 0)
            | (request.Truncate ? LinuxNative.OpenTruncate : 0)
            | (request.MustBeDirectory ? LinuxNative.OpenDirectoryOnly : 0);
        if (request is { Create: true, MustBeDirectory: true })
            return GetStat(name, out var stat) == Errno.Success && stat.Type != FileType.Directory ? Errno.NotDir : Errno.IsDir;
        var opened = LinuxNative.OpenAt(handle, name, flags, NewFileMode);
        if (opened.IsInvalid)
        {
            var errno = LinuxNative.LastErrno();
            return errno == Errno.NotDir && IsLink(name) ? Errno.Loop : errno;
        }

        return Classify(opened, out node);
    }

    public override Errno OpenDirectory(string name, out DirectoryNode? directory)
    {
        directory = null;
        var flags = LinuxNative.OpenPathOnly | LinuxNative.OpenDirectoryOnly | LinuxNative.OpenNoFollow | LinuxNative.OpenCloseOnExec;
        var opened = LinuxNative.OpenAt(handle, name, flags, 0);
        if (opened.IsInvalid)
        {
            var errno = LinuxNative.LastErrno();
            return errno == Errno.NotDir && IsLink(name) ? Errno.Loop : errno;
        }

        directory = new LinuxDirectoryNode(opened);
        return Errno.Success;
    }

    public override Errno Reopen(out DirectoryNode? directory)
    {
        var opened = LinuxNative.OpenAt(handle, ".", s_alwaysFlags | LinuxNative.OpenDirectoryOnly, 0);
        directory = opened.IsInvalid ? null : new LinuxDirectoryNode(opened);
        return opened.IsInvalid ? LinuxNative.LastErrno() : Errno.Success;
    }

    public override Errno GetStat(out FileStat stat) => GetStat(handle, "", out stat);

    public override Errno GetStat(string name, out FileStat stat) => GetStat(handle, name, out stat);

    // By the name of itself, because a directory on the way of a path is open for nothing but its names.
    public override Errno SetTimes(FileTimes times) => SetTimes(".", times);

    public override Errno SetTimes(string name, FileTimes times)
    {
        var specs = ToTimeSpecs(times);
        return Answer(LinuxNative.SetTimesAt(handle, name, ref specs[0], LinuxNative.AtNoFollow));
    }

    public override Errno Sync(bool dataOnly) => Answer(dataOnly ? LinuxNative.SyncData(handle) : LinuxNative.Sync(handle));

    public override Errno CreateDirectory(string name) => Answer(LinuxNative.CreateDirectoryAt(handle, name, NewDirectoryMode));

    public override Errno RemoveDirectory(string name) => Answer(LinuxNative.UnlinkAt(handle, name, LinuxNative.AtRemoveDirectory));

    public override Errno Unlink(string name) => Answer(LinuxNative.UnlinkAt(handle, name, 0));

    public override Errno ReadLink(string name, out string target)
    {
        target = "";
        var buffer = new byte[MaxLinkBytes];
        var count = LinuxNative.ReadLinkAt(handle, name, ref buffer[0], buffer.Length);
        if (count < 0)
            return LinuxNative.LastErrno();
        if (count == buffer.Length)
            return Errno.NameTooLong;
        return TryDecode(buffer.AsSpan(0, (int)count), out target) ? Errno.Success : Errno.Ilseq;
    }

    public override Errno CreateLink(string name, string target) => Answer(LinuxNative.CreateLinkAt(target, handle, name));

    public override Errno HardLink(string name, DirectoryNode toDirectory, string toName) =>
        toDirectory is LinuxDirectoryNode to
            ? Answer(LinuxNative.HardLinkAt(handle, name, to.Handle, toName, 0))
            : Errno.Xdev;

    public override Errno Rename(string name, DirectoryNode toDirectory, string toName) =>
        toDirectory is LinuxDirectoryNode to ? Answer(LinuxNative.RenameAt(handle, name, to.Handle, toName)) : Errno.Xdev;

    public override Errno ReadEntries(List<DirectoryEntry> entries, int maxEntries)
    {
        // A listing needs a directory that is open for reading, and takes it over.
        var errno = Reopen(out var reopened);
        if (errno != Errno.Success)
            return errno;
        using (reopened)
        {
            var own = LinuxNative.Duplicate(((LinuxDirectoryNode)reopened!).Handle);
            if (own < 0)
                return LinuxNative.LastErrno();
            var listing = LinuxNative.OpenListing(own);
            if (listing == 0)
            {
                errno = LinuxNative.LastErrno();
                _ = LinuxNative.Close(own);
                return errno;
            }

            try
            {
                return ReadListing(listing, ((LinuxDirectoryNode)reopened!).Handle, entries, maxEntries);
            }
            finally
            {
                _ = LinuxNative.CloseListing(listing);
            }
        }
    }

    internal static Errno GetStat(SafeFileHandle at, string name, out FileStat stat)
    {
        var result = LinuxNative.Stat(at, name, out var raw);
        stat = result < 0
            ? default
            : new FileStat(
                ((ulong)raw.DeviceMajor << 32) | raw.DeviceMinor,
                raw.Inode,
                TypeOf(raw.Mode),
                raw.LinkCount,
                raw.Size,
                raw.Accessed.TotalNs,
                raw.Modified.TotalNs,
                raw.Changed.TotalNs);
        return Answer(result);
    }

    internal static Errno SetTimes(SafeFileHandle file, FileTimes times)
    {
        var specs = ToTimeSpecs(times);
        return Answer(LinuxNative.SetTimes(file, ref specs[0]));
    }

    protected override void Close() => handle.Dispose();

    private SafeFileHandle Handle => handle;

    private bool IsLink(string name) => GetStat(name, out var stat) == Errno.Success && stat.Type == FileType.SymbolicLink;

    private static Errno Classify(SafeFileHandle opened, out FileSystemNode? node)
    {
        node = null;
        var errno = GetStat(opened, "", out var stat);
        node = (errno, stat.Type) switch
        {
            (Errno.Success, FileType.Directory) => new LinuxDirectoryNode(opened),
            (Errno.Success, FileType.RegularFile) => new LinuxFileNode(opened),
            _ => null,
        };
        if (node is not null)
            return Errno.Success;
        // Devices, pipes and sockets could block, or do more than hold bytes.
        opened.Dispose();
        return errno == Errno.Success ? Errno.NxIo : errno;
    }

    private static unsafe Errno ReadListing(nint listing, SafeFileHandle directory, List<DirectoryEntry> entries, int maxEntries)
    {
        while (true)
        {
            Marshal.SetLastSystemError(0);
            var entry = (byte*)LinuxNative.ReadListing(listing);
            if (entry is null)
                return LinuxNative.LastErrno();
            // struct dirent: inode, offset, record length (16 bits), type (8 bits), name with a NUL.
            var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
            if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
                continue;
            if (entries.Count >= maxEntries)
                return Errno.NoMem;
            // A name that is not UTF-8 cannot be said in WASI, so it is not listed either.
            if (!TryDecode(name, out var text))
                continue;
            var type = TypeOf((ushort)(entry[18] << 12));
            // Some file systems leave the type out of their listings.
            if (entry[18] == 0 && GetStat(directory, text, out var stat) == Errno.Success)
                type = stat.Type;
            entries.Add(new DirectoryEntry(text, *(ulong*)entry, type));
        }
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, out string text)
    {
        var valid = System.Text.Unicode.Utf8.IsValid(bytes);
        text = valid ? Encoding.UTF8.GetString(bytes) : "";
        return valid;
    }

    private static FileType TypeOf(ushort mode) => (mode & LinuxNative.ModeTypeMask) switch
    {
        LinuxNative.ModeRegularFile => FileType.RegularFile,
        LinuxNative.ModeDirectory => FileType.Directory,
        LinuxNative.ModeLink => FileType.SymbolicLink,
        LinuxNative.ModeCharacterDevice => FileType.CharacterDevice,
        LinuxNative.ModeBlockDevice => FileType.BlockDevice,
        LinuxNative.ModeSocket => FileType.SocketStream,
        _ => FileType.Unknown,
    };

    private static LinuxNative.TimeSpec[] ToTimeSpecs(FileTimes times) =>
        [ToTimeSpec(times.AccessedNs), ToTimeSpec(times.ModifiedNs)];

    private static LinuxNative.TimeSpec ToTimeSpec(ulong? ns) => ns is { } value
        ? new LinuxNative.TimeSpec { Seconds = (long)(value / 1_000_000_000), Nanoseconds = (long)(value % 1_000_000_000) }
        : new LinuxNative.TimeSpec { Nanoseconds = LinuxNative.TimeOmit };

    private static Errno Answer(int result) => result < 0 ? LinuxNative.LastErrno() : Errno.Success;
}
