namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open file of an in-memory file system.</summary>
internal sealed class MemoryFileNode : FileNode
{
    private readonly MemoryFileSystem _fileSystem;
    private readonly MemoryFile _file;
    private bool _closed;

    /// <summary>Opens a file; the gate is held.</summary>
    public MemoryFileNode(MemoryFileSystem fileSystem, MemoryFile file)
    {
        _fileSystem = fileSystem;
        _file = file;
        file.OpenCount++;
    }

    public override Errno ReadAt(Span<byte> buffer, ulong offset, out int bytesRead)
    {
        lock (_fileSystem.Gate)
        {
            bytesRead = offset > long.MaxValue ? 0 : _file.Read(buffer, (long)offset);
            if (bytesRead > 0)
                _file.AccessedNs = _fileSystem.NowNs;
            return Errno.Success;
        }
    }

    public override Errno WriteAt(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten)
    {
        lock (_fileSystem.Gate)
            return Write(bytes, offset, out bytesWritten);
    }

    public override Errno Append(ReadOnlySpan<byte> bytes, out int bytesWritten, out ulong endOffset)
    {
        lock (_fileSystem.Gate)
        {
            var errno = Write(bytes, _file.SizeBytes, out bytesWritten);
            endOffset = _file.SizeBytes;
            return errno;
        }
    }

    public override Errno SetSize(ulong sizeBytes)
    {
        lock (_fileSystem.Gate)
            return _fileSystem.Resize(_file, sizeBytes);
    }

    public override Errno Allocate(ulong offset, ulong lengthBytes)
    {
        if (lengthBytes == 0)
            return Errno.Inval;
        if (offset > long.MaxValue || lengthBytes > long.MaxValue)
            return Errno.Fbig;
        lock (_fileSystem.Gate)
        {
            var end = offset + lengthBytes;
            return end <= _file.SizeBytes ? Errno.Success : _fileSystem.Resize(_file, end);
        }
    }

    public override Errno GetStat(out FileStat stat)
    {
        lock (_fileSystem.Gate)
            stat = _file.Stat();
        return Errno.Success;
    }

    public override Errno SetTimes(FileTimes times)
    {
        lock (_fileSystem.Gate)
            MemoryDirectoryNode.SetTimes(_fileSystem, _file, times);
        return Errno.Success;
    }

    public override Errno Sync(bool dataOnly) => Errno.Success;

    protected override void Close()
    {
        lock (_fileSystem.Gate)
        {
            if (!_closed)
                _fileSystem.Close(_file);
            _closed = true;
        }
    }

    private Errno Write(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten)
    {
        bytesWritten = 0;
        if (bytes.IsEmpty)
            return Errno.Success;
        var count = _fileSystem.Fit(_file, offset, bytes.Length);
        if (count == 0)
            return Errno.NoSpc;
        var end = offset + (ulong)count;
        var errno = end > _file.SizeBytes ? _fileSystem.Resize(_file, end) : Errno.Success;
        if (errno != Errno.Success)
            return errno;
        _file.Write(bytes[..count], (long)offset);
        _file.Touch(_fileSystem.NowNs);
        bytesWritten = count;
        return Errno.Success;
    }
}
