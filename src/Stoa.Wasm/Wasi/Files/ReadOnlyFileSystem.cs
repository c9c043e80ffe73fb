namespace Stoa.Wasm.Wasi.Files;

/// <summary>Another file system that can be looked at and not changed: every change answers <see cref="Errno.Rofs"/>.</summary>
/// <param name="inner">The file system that is shown.</param>
public sealed class ReadOnlyFileSystem(FileSystem inner) : FileSystem
{
    /// <inheritdoc/>
    public override DirectoryNode OpenRoot() => new ReadOnlyDirectory(inner.OpenRoot());
}

/// <summary>A directory whose tree can be looked at and not changed.</summary>
internal sealed class ReadOnlyDirectory(DirectoryNode inner) : DirectoryNode
{
    public override Errno Open(string name, OpenRequest request, out FileSystemNode? node)
    {
        node = null;
        var errno = inner.GetStat(name, out var stat);
        if (errno != Errno.Success)
            return errno == Errno.NoEnt && request.Create ? Errno.Rofs : errno;
        if (request is { Create: true, Exclusive: true })
            return Errno.Exist;
        // The answers of a read-only disk: it matters only of a file that nothing can be written, and first of all what the name is.
        var writes = request.Write || request.Truncate;
        if (stat.Type == FileType.Directory && (writes || request.Create))
            return Errno.IsDir;
        if (stat.Type == FileType.RegularFile && writes && !request.MustBeDirectory)
            return Errno.Rofs;
        errno = inner.Open(name, new OpenRequest(request.Read, Write: false, MustBeDirectory: request.MustBeDirectory), out node);
        if (node is DirectoryNode directory)
            node = new ReadOnlyDirectory(directory);
        else if (node is FileNode file)
            node = new ReadOnlyFile(file);
        return errno;
    }

    public override Errno OpenDirectory(string name, out DirectoryNode? directory)
    {
        var errno = inner.OpenDirectory(name, out directory);
        if (directory is not null)
            directory = new ReadOnlyDirectory(directory);
        return errno;
    }

    public override Errno Reopen(out DirectoryNode? directory)
    {
        var errno = inner.Reopen(out directory);
        if (directory is not null)
            directory = new ReadOnlyDirectory(directory);
        return errno;
    }

    public override Errno GetStat(out FileStat stat) => inner.GetStat(out stat);

    public override Errno GetStat(string name, out FileStat stat) => inner.GetStat(name, out stat);

    public override Errno ReadLink(string name, out string target) => inner.ReadLink(name, out target);

    public override Errno ReadEntries(List<DirectoryEntry> entries, int maxEntries) => inner.ReadEntries(entries, maxEntries);

    public override Errno SetTimes(FileTimes times) => Errno.Rofs;

    public override Errno SetTimes(string name, FileTimes times) => Errno.Rofs;

    public override Errno Sync(bool dataOnly) => Errno.Success;

    public override Errno CreateDirectory(string name) => RefuseNew(name);

    public override Errno RemoveDirectory(string name) => Errno.Rofs;

    public override Errno Unlink(string name) => Errno.Rofs;

    public override Errno CreateLink(string name, string target) => RefuseNew(name);

    public override Errno HardLink(string name, DirectoryNode toDirectory, string toName) =>
        toDirectory is ReadOnlyDirectory to ? to.RefuseNew(toName) : Errno.Xdev;

    public override Errno Rename(string name, DirectoryNode toDirectory, string toName) =>
        toDirectory is ReadOnlyDirectory ? Errno.Rofs : Errno.Xdev;

    protected override void Close() => inner.Dispose();

    private Errno RefuseNew(string name) => inner.GetStat(name, out _) == Errno.Success ? Errno.Exist : Errno.Rofs;
}

/// <summary>A file that can be read and not written.</summary>
internal sealed class ReadOnlyFile(FileNode inner) : FileNode
{
    public override Errno ReadAt(Span<byte> buffer, ulong offset, out int bytesRead) => inner.ReadAt(buffer, offset, out bytesRead);

    public override Errno WriteAt(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten)
    {
        bytesWritten = 0;
        return Errno.Rofs;
    }

    public override Errno Append(ReadOnlySpan<byte> bytes, out int bytesWritten, out ulong endOffset)
    {
        bytesWritten = 0;
        endOffset = 0;
        return Errno.Rofs;
    }

    public override Errno SetSize(ulong sizeBytes) => Errno.Rofs;

    public override Errno Allocate(ulong offset, ulong lengthBytes) => Errno.Rofs;

    public override Errno GetStat(out FileStat stat) => inner.GetStat(out stat);

    public override Errno SetTimes(FileTimes times) => Errno.Rofs;

    public override Errno Sync(bool dataOnly) => Errno.Success;

    protected override void Close() => inner.Dispose();
}
