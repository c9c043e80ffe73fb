using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary>The <c>fd_*</c> calls about a descriptor and its attributes.</summary>
internal sealed class FdCalls(DescriptorTable descriptors, WasiClock clock)
{
    private const uint LastAdvice = 5;
    private const int FdstatBytes = 24;
    private const int FilestatBytes = 64;
    private const int PrestatBytes = 8;

    public Errno Close(int fd) => descriptors.Close(fd);

    public Errno Renumber(int fd, int to) => descriptors.Renumber(fd, to);

    public Errno GetFdstat(Guest guest, int fd, uint resultAddress)
    {
        if (descriptors.Find(fd) is not { } descriptor)
            return Errno.Badf;
        if (!guest.TryGet(resultAddress, FdstatBytes, out var result))
            return Errno.Fault;
        result.Clear();
        result[0] = (byte)descriptor.Type;
        BinaryPrimitives.WriteUInt16LittleEndian(result[2..], (ushort)descriptor.Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(result[8..], (ulong)descriptor.Rights);
        BinaryPrimitives.WriteUInt64LittleEndian(result[16..], (ulong)descriptor.Inheriting);
        return Errno.Success;
    }

    public Errno SetFlags(int fd, uint flags)
    {
        var errno = descriptors.Require(fd, Rights.FdFdstatSetFlags, out var descriptor);
        if (errno != Errno.Success)
            return errno;
        if ((flags & ~(uint)FdFlags.All) != 0)
            return Errno.Inval;
        descriptor!.Flags = (FdFlags)flags;
        return Errno.Success;
    }

    public Errno SetRights(int fd, ulong rights, ulong inheriting)
    {
        if (descriptors.Find(fd) is not { } descriptor)
            return Errno.Badf;
        if (((Rights)rights & ~descriptor.Rights) != 0 || ((Rights)inheriting & ~descriptor.Inheriting) != 0)
            return Errno.NotCapable;
        descriptor.Rights = (Rights)rights;
        descriptor.Inheriting = (Rights)inheriting;
        return Errno.Success;
    }

    public Errno GetFilestat(Guest guest, int fd, uint resultAddress)
    {
        var errno = descriptors.Require(fd, Rights.FdFilestatGet, out var descriptor);
        if (errno != Errno.Success)
            return errno;
        var stat = new FileStat(0, (ulong)fd, descriptor!.Type, 1, 0, 0, 0, 0);
        errno = descriptor switch
        {
            FileDescriptor file => file.Node.GetStat(out stat),
            DirectoryDescriptor directory => directory.Node.GetStat(out stat),
            _ => Errno.Success,
        };
        return errno == Errno.Success ? WriteFilestat(guest, resultAddress, stat) : errno;
    }

    public Errno SetSize(int fd, ulong sizeBytes)
    {
        var errno = RequireFile(fd, Rights.FdFilestatSetSize, out var file);
        return errno == Errno.Success ? file!.Node.SetSize(sizeBytes) : errno;
    }

    public Errno Allocate(int fd, ulong offset, ulong lengthBytes)
    {
        var errno = RequireFile(fd, Rights.FdAllocate, out var file);
        return errno == Errno.Success ? file!.Node.Allocate(offset, lengthBytes) : errno;
    }

    public Errno SetTimes(int fd, ulong accessedNs, ulong modifiedNs, uint flags)
    {
        var errno = descriptors.Require(fd, Rights.FdFilestatSetTimes, out var descriptor);
        if (errno != Errno.Success)
            return errno;
        if (!TryReadTimes(clock, accessedNs, modifiedNs, flags, out var times))
            return Errno.Inval;
        return descriptor switch
        {
            FileDescriptor file => file.Node.SetTimes(times),
            DirectoryDescriptor directory => directory.Node.SetTimes(times),
            _ => Errno.Inval,
        };
    }

    public Errno Advise(int fd, uint advice)
    {
        if (descriptors.Find(fd) is not (FileDescriptor or DirectoryDescriptor or null))
            return Errno.SPipe;
        var errno = descriptors.Require(fd, Rights.FdAdvise, out _);
        // Advice may be ignored, and is: it could change nothing but time.
        return errno != Errno.Success ? errno : advice > LastAdvice ? Errno.Inval : Errno.Success;
    }

    public Errno Sync(Guest guest, int fd, bool dataOnly)
    {
        var errno = descriptors.Require(fd, dataOnly ? Rights.FdDatasync : Rights.FdSync, out var descriptor);
        if (errno != Errno.Success)
            return errno;
        guest.Charge(WasiFuel.Sync);
        switch (descriptor)
        {
            case FileDescriptor file:
                return file.Node.Sync(dataOnly);
            case DirectoryDescriptor directory:
                return directory.Node.Sync(dataOnly);
            case OutputDescriptor output:
                return HostErrors.Try(output.Output.Flush);
            default:
                return Errno.Inval;
        }
    }

    public Errno Seek(Guest guest, int fd, long offset, uint whence, uint resultAddress)
    {
        var onlyTells = offset == 0 && whence == 1;
        var errno = RequireFile(fd, Rights.None, out var file);
        if (errno != Errno.Success)
            return errno;
        if (!file!.Rights.HasFlag(Rights.FdSeek) && !(onlyTells && file.Rights.HasFlag(Rights.FdTell)))
            return Errno.NotCapable;
        var start = 0UL;
        switch (whence)
        {
            case 0:
                break;
            case 1:
                start = file.Offset;
                break;
            case 2:
                errno = file.Node.GetStat(out var stat);
                start = stat.SizeBytes;
                break;
            default:
                return Errno.Inval;
        }

        var position = (Int128)start + offset;
        if (errno != Errno.Success || position < 0 || position > long.MaxValue)
            return errno != Errno.Success ? errno : Errno.Inval;
        errno = guest.Write(resultAddress, (ulong)position);
        if (errno == Errno.Success)
            file.Offset = (ulong)position;
        return errno;
    }

    public Errno Tell(Guest guest, int fd, uint resultAddress)
    {
        var errno = RequireFile(fd, Rights.None, out var file);
        if (errno != Errno.Success)
            return errno;
        return (file!.Rights & (Rights.FdTell | Rights.FdSeek)) == 0
            ? Errno.NotCapable
            : guest.Write(resultAddress, file.Offset);
    }

    public Errno GetPrestat(Guest guest, int fd, uint resultAddress)
    {
        if (descriptors.Find(fd) is not DirectoryDescriptor { PreopenPath: { } path })
            return Errno.Badf;
        if (!guest.TryGet(resultAddress, PrestatBytes, out var result))
            return Errno.Fault;
        result.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(result[4..], (uint)Encoding.UTF8.GetByteCount(path));
        return Errno.Success;
    }

    public Errno GetPrestatName(Guest guest, int fd, uint address, uint length)
    {
        if (descriptors.Find(fd) is not DirectoryDescriptor { PreopenPath: { } path })
            return Errno.Badf;
        var name = Encoding.UTF8.GetBytes(path);
        if (length < name.Length)
            return Errno.NameTooLong;
        if (!guest.TryGet(address, (uint)name.Length, out var result))
            return Errno.Fault;
        name.CopyTo(result);
        return Errno.Success;
    }

    /// <summary>Writes a <c>filestat</c>.</summary>
    public static Errno WriteFilestat(Guest guest, uint address, FileStat stat)
    {
        if (!guest.TryGet(address, FilestatBytes, out var result))
            return Errno.Fault;
        result.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(result, stat.Device);
        BinaryPrimitives.WriteUInt64LittleEndian(result[8..], stat.Inode);
        result[16] = (byte)stat.Type;
        BinaryPrimitives.WriteUInt64LittleEndian(result[24..], stat.LinkCount);
        BinaryPrimitives.WriteUInt64LittleEndian(result[32..], stat.SizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(result[40..], stat.AccessedNs);
        BinaryPrimitives.WriteUInt64LittleEndian(result[48..], stat.ModifiedNs);
        BinaryPrimitives.WriteUInt64LittleEndian(result[56..], stat.ChangedNs);
        return Errno.Success;
    }

    /// <summary>Understands <c>fstflags</c>; false when they contradict each other.</summary>
    public static bool TryReadTimes(WasiClock clock, ulong accessedNs, ulong modifiedNs, uint flags, out FileTimes times)
    {
        const uint Accessed = 1, AccessedNow = 2, Modified = 4, ModifiedNow = 8;
        times = default;
        if (flags > 15 || (flags & 3) == 3 || (flags & 12) == 12)
            return false;
        var nowNs = (flags & (AccessedNow | ModifiedNow)) != 0 ? clock.ReadRealtimeNs() : 0;
        times = new FileTimes(
            (flags & AccessedNow) != 0 ? nowNs : (flags & Accessed) != 0 ? accessedNs : null,
            (flags & ModifiedNow) != 0 ? nowNs : (flags & Modified) != 0 ? modifiedNs : null);
        return true;
    }

    private Errno RequireFile(int fd, Rights rights, out FileDescriptor? file)
    {
        var descriptor = descriptors.Find(fd);
        file = descriptor as FileDescriptor;
        return descriptor switch
        {
            null => Errno.Badf,
            // Where POSIX would say that it is a directory, WASI's own tests want the answer for what is not open for this.
            DirectoryDescriptor => Errno.Badf,
            FileDescriptor => (descriptor.Rights & rights) == rights ? Errno.Success : Errno.NotCapable,
            _ => Errno.SPipe,
        };
    }
}
