namespace Stoa.Wasm.Wasi.Files;

/// <summary>An open file or directory. Disposing it closes it.</summary>
public abstract class FileSystemNode : IDisposable
{
    /// <summary>Reads the attributes.</summary>
    public abstract Errno GetStat(out FileStat stat);

    /// <summary>Sets the times that are not null.</summary>
    public abstract Errno SetTimes(FileTimes times);

    /// <summary>Makes what was written durable; <paramref name="dataOnly"/> leaves the attributes out.</summary>
    public abstract Errno Sync(bool dataOnly);

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of what the node holds; may be called more than once.</summary>
    protected virtual void Close()
    {
    }
}

/// <summary>An open regular file: bytes at offsets, without a position of its own.</summary>
public abstract class FileNode : FileSystemNode
{
    /// <summary>Reads up to <paramref name="buffer"/>'s length at an offset; 0 bytes mean the end of the file.</summary>
    public abstract Errno ReadAt(Span<byte> buffer, ulong offset, out int bytesRead);

    /// <summary>Writes at an offset; a hole before it reads as zeros. Fewer bytes than asked may be written.</summary>
    public abstract Errno WriteAt(ReadOnlySpan<byte> bytes, ulong offset, out int bytesWritten);

    /// <summary>Writes at the end of the file, wherever that is by then, and tells where it ends now.</summary>
    public abstract Errno Append(ReadOnlySpan<byte> bytes, out int bytesWritten, out ulong endOffset);

    /// <summary>Cuts the file or extends it with zeros.</summary>
    public abstract Errno SetSize(ulong sizeBytes);

    /// <summary>Makes sure that a region has space; the file grows when the region ends after it.</summary>
    public abstract Errno Allocate(ulong offset, ulong lengthBytes);
}

/// <summary>An open directory, addressed one name at a time.</summary>
/// <remarks>
/// A name is a single component: not empty, not <c>.</c> or <c>..</c>, without a slash or a NUL. No member ever follows a
/// symbolic link in the name it is given: <see cref="Open"/> and <see cref="OpenDirectory"/> answer <see cref="Errno.Loop"/>
/// for one. Walking paths, following links and staying inside the root is the work of <see cref="PathWalk"/>, the same for
/// every file system.
/// </remarks>
public abstract class DirectoryNode : FileSystemNode
{
    /// <summary>Opens a file or a directory, or creates a file.</summary>
    public abstract Errno Open(string name, OpenRequest request, out FileSystemNode? node);

    /// <summary>Opens a directory in order to walk through it.</summary>
    public abstract Errno OpenDirectory(string name, out DirectoryNode? directory);

    /// <summary>Opens this same directory once more.</summary>
    public abstract Errno Reopen(out DirectoryNode? directory);

    /// <summary>Reads the attributes of what the name stands for, a symbolic link included.</summary>
    public abstract Errno GetStat(string name, out FileStat stat);

    /// <summary>Sets the times of what the name stands for, a symbolic link included.</summary>
    public abstract Errno SetTimes(string name, FileTimes times);

    /// <summary>Creates an empty directory.</summary>
    public abstract Errno CreateDirectory(string name);

    /// <summary>Removes an empty directory.</summary>
    public abstract Errno RemoveDirectory(string name);

    /// <summary>Removes a name of a file or of a symbolic link.</summary>
    public abstract Errno Unlink(string name);

    /// <summary>Reads where a symbolic link leads.</summary>
    public abstract Errno ReadLink(string name, out string target);

    /// <summary>Creates a symbolic link.</summary>
    public abstract Errno CreateLink(string name, string target);

    /// <summary>Gives a file or a symbolic link of this directory a further name in a directory of the same file system.</summary>
    public abstract Errno HardLink(string name, DirectoryNode toDirectory, string toName);

    /// <summary>Moves a name into a directory of the same file system, replacing what stands there as POSIX rename does.</summary>
    public abstract Errno Rename(string name, DirectoryNode toDirectory, string toName);

    /// <summary>Adds the entries, without <c>.</c> and <c>..</c>, to <paramref name="entries"/>.</summary>
    /// <remarks>Answers <see cref="Errno.NoMem"/> when there are more than <paramref name="maxEntries"/>.</remarks>
    public abstract Errno ReadEntries(List<DirectoryEntry> entries, int maxEntries);
}

/// <summary>A tree of files that a guest can be given.</summary>
public abstract class FileSystem
{
    /// <summary>Opens the directory that is the guest's root; nothing outside it can be reached from it.</summary>
    /// <exception cref="IOException">The root does not exist or cannot be opened.</exception>
    public abstract DirectoryNode OpenRoot();
}
