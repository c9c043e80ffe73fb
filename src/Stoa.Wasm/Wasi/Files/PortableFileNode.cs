using Microsoft.Win32.SafeHandles;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open file of any host, through what .NET offers everywhere.</summary>
internal sealed class PortableFileNode(SafeFileHandle handle, string path) : FileNode
{
    public override Errno ReadAt(Span<byte> buffer, ulong offset, out int bytesRead)
    {
        bytesRead = 0;
        if (offset > long.MaxValue)
            return Errno.Inval;
        try
        {
            bytesRead = RandomAccess.Read(handle, buffer, (long)offset);
            return Errno.Success;
        }
        catch (Exception exception) when (HostErrors.IsKnown(exception))
        {
            return HostErrors.ToErrno(exception);
        }
    }

    public override Errno WriteAt(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten)
    {
        bytesWritten = 0;
        if (offset > (ulong)(long.MaxValue - bytes.Length))
            return Errno.Fbig;
        try
        {
            RandomAccess.Write(handle, bytes, (long)offset);
            bytesWritten = bytes.Length;
            return Errno.Success;
        }
        catch (Exception exception) when (HostErrors.IsKnown(exception))
        {
            return HostErrors.ToErrno(exception);
        }
    }

    public override Errno Append(ReadOnlySpan<byte> bytes, out int bytesWritten, out ulong endOffset)
    {
        bytesWritten = 0;
        endOffset = 0;
        try
        {
            var offset = (ulong)RandomAccess.GetLength(handle);
            var errno = WriteAt(bytes, offset, out bytesWritten);
            endOffset = offset + (ulong)bytesWritten;
            return errno;
        }
        catch (Exception exception) when (HostErrors.IsKnown(exception))
        {
            return HostErrors.ToErrno(exception);
        }
    }

    public override Errno SetSize(ulong sizeBytes)
    {
        if (sizeBytes > long.MaxValue)
            return Errno.Fbig;
        return HostErrors.Try(() => RandomAccess.SetLength(handle, (long)sizeBytes));
    }

    public override Errno Allocate(ulong offset, ulong lengthBytes)
    {
        if (lengthBytes == 0)
            return Errno.Inval;
        if (offset > long.MaxValue || lengthBytes > long.MaxValue - offset)
            return Errno.Fbig;
        return HostErrors.Try(() =>
        {
            var end = (long)(offset + lengthBytes);
            if (RandomAccess.GetLength(handle) < end)
                RandomAccess.SetLength(handle, end);
        });
    }

    public override Errno GetStat(out FileStat stat)
    {
        var found = default(FileStat);
        // By the handle: what stands at the path may be another file by now, even one outside of the guest's root.
        var errno = HostErrors.Try(() => found = PortableDirectoryNode.StatOf(
            path, FileType.RegularFile, RandomAccess.GetLength(handle), File.GetLastAccessTimeUtc(handle), File.GetLastWriteTimeUtc(handle)));
        stat = found;
        return errno;
    }

    public override Errno SetTimes(FileTimes times) => HostErrors.Try(() =>
    {
        if (times.AccessedNs is { } accessed)
            File.SetLastAccessTimeUtc(handle, PortableDirectoryNode.ToDateTime(accessed));
        if (times.ModifiedNs is { } modified)
            File.SetLastWriteTimeUtc(handle, PortableDirectoryNode.ToDateTime(modified));
    });

    public override Errno Sync(bool dataOnly) => HostErrors.Try(() => RandomAccess.FlushToDisk(handle));

    protected override void Close() => handle.Dispose();
}
