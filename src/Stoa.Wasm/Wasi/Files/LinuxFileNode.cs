using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open file of a Linux host.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LinuxFileNode(SafeFileHandle handle) : FileNode
{
    private const int GetFlagsCommand = 3;
    private const int SetFlagsCommand = 4;

    public override Errno ReadAt(Span<byte> buffer, ulong offset, out int bytesRead)
    {
        bytesRead = 0;
        if (offset > long.MaxValue)
            return Errno.Inval;
        nint count;
        do
            count = LinuxNative.ReadAt(handle, ref MemoryMarshal.GetReference(buffer), buffer.Length, (long)offset);
        while (IsInterrupted(count));
        return Answer(count, out bytesRead);
    }

    public override Errno WriteAt(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten)
    {
        bytesWritten = 0;
        if (offset > long.MaxValue)
            return Errno.Fbig;
        nint count;
        do
            count = LinuxNative.WriteAt(handle, ref MemoryMarshal.GetReference(bytes), bytes.Length, (long)offset);
        while (IsInterrupted(count));
        return Answer(count, out bytesWritten);
    }

    public override Errno Append(ReadOnlySpan<byte> bytes, out int bytesWritten, out ulong endOffset)
    {
        bytesWritten = 0;
        endOffset = 0;
        // The kernel appends atomically, among other processes too, only while the flag is on.
        var flags = LinuxNative.SetFlags(handle, GetFlagsCommand, 0);
        if (flags < 0 || LinuxNative.SetFlags(handle, SetFlagsCommand, flags | LinuxNative.OpenAppend) < 0)
            return LinuxNative.LastErrno();
        nint count;
        do
            count = LinuxNative.Write(handle, ref MemoryMarshal.GetReference(bytes), bytes.Length);
        while (IsInterrupted(count));
        var errno = Answer(count, out bytesWritten);
        endOffset = (ulong)Math.Max(LinuxNative.Seek(handle, 0, 1), 0);
        LinuxNative.SetFlags(handle, SetFlagsCommand, flags);
        return errno;
    }

    public override Errno SetSize(ulong sizeBytes)
    {
        if (sizeBytes > long.MaxValue)
            return Errno.Fbig;
        return Answer(LinuxNative.Truncate(handle, (long)sizeBytes), out _);
    }

    public override Errno Allocate(ulong offset, ulong lengthBytes)
    {
        if (lengthBytes == 0)
            return Errno.Inval;
        if (offset > long.MaxValue || lengthBytes > long.MaxValue - offset)
            return Errno.Fbig;
        nint result;
        do
            result = LinuxNative.Allocate(handle, 0, (long)offset, (long)lengthBytes);
        while (IsInterrupted(result));
        var errno = Answer(result, out _);
        if (errno is not (Errno.NotSup or Errno.NoSys))
            return errno;
        // Where the file system cannot do it, writing zeros over the region could take hours, so the file only grows.
        errno = GetStat(out var stat);
        return errno == Errno.Success && stat.SizeBytes < offset + lengthBytes ? SetSize(offset + lengthBytes) : errno;
    }

    public override Errno GetStat(out FileStat stat) => LinuxDirectoryNode.GetStat(handle, "", out stat);

    public override Errno SetTimes(FileTimes times) => LinuxDirectoryNode.SetTimes(handle, times);

    public override Errno Sync(bool dataOnly) => Answer(dataOnly ? LinuxNative.SyncData(handle) : LinuxNative.Sync(handle), out _);

    protected override void Close() => handle.Dispose();

    private static bool IsInterrupted(nint result) => result < 0 && LinuxNative.LastErrno() == Errno.Intr;

    private static Errno Answer(nint result, out int count)
    {
        count = (int)Math.Max(result, 0);
        return result < 0 ? LinuxNative.LastErrno() : Errno.Success;
    }
}
