namespace Stoa.Wasm.Wasi.Files;

/// <summary>What a file or a descriptor is.</summary>
/// <remarks>Values of <c>filetype</c> in the witx.</remarks>
public enum FileType : byte
{
    /// <summary>None of the others; also a pipe, for which WASI has no word.</summary>
    Unknown = 0,

    /// <summary>A block device.</summary>
    BlockDevice = 1,

    /// <summary>A character device, such as a terminal.</summary>
    CharacterDevice = 2,

    /// <summary>A directory.</summary>
    Directory = 3,

    /// <summary>A regular file.</summary>
    RegularFile = 4,

    /// <summary>A datagram socket.</summary>
    SocketDgram = 5,

    /// <summary>A stream socket.</summary>
    SocketStream = 6,

    /// <summary>A symbolic link.</summary>
    SymbolicLink = 7,
}

/// <summary>The attributes of a file.</summary>
/// <remarks><c>filestat</c> in the witx; times are nanoseconds since 1970-01-01T00:00:00Z.</remarks>
/// <param name="Device">The file system that holds the file.</param>
/// <param name="Inode">The file's number, unique within its file system.</param>
/// <param name="Type">What it is.</param>
/// <param name="LinkCount">How many names it has.</param>
/// <param name="SizeBytes">Its size; for a symbolic link the length of its target.</param>
/// <param name="AccessedNs">When it was last read.</param>
/// <param name="ModifiedNs">When its content last changed.</param>
/// <param name="ChangedNs">When its attributes last changed.</param>
public readonly record struct FileStat(
    ulong Device,
    ulong Inode,
    FileType Type,
    ulong LinkCount,
    ulong SizeBytes,
    ulong AccessedNs,
    ulong ModifiedNs,
    ulong ChangedNs);

/// <summary>The times to set on a file; null leaves a time as it is.</summary>
/// <param name="AccessedNs">Nanoseconds since 1970-01-01T00:00:00Z.</param>
/// <param name="ModifiedNs">Nanoseconds since 1970-01-01T00:00:00Z.</param>
public readonly record struct FileTimes(ulong? AccessedNs, ulong? ModifiedNs);

/// <summary>One name in a directory.</summary>
/// <param name="Name">The name, a single component.</param>
/// <param name="Inode">The number of the file that it names.</param>
/// <param name="Type">What the file is.</param>
public readonly record struct DirectoryEntry(string Name, ulong Inode, FileType Type);

/// <summary>How a name is to be opened.</summary>
/// <param name="Read">The content will be read.</param>
/// <param name="Write">The content will be written.</param>
/// <param name="Create">Create the file if the name is free.</param>
/// <param name="Exclusive">With <paramref name="Create"/>: refuse if the name exists.</param>
/// <param name="Truncate">Cut the file to nothing.</param>
/// <param name="MustBeDirectory">Refuse anything but a directory.</param>
public readonly record struct OpenRequest(
    bool Read,
    bool Write,
    bool Create = false,
    bool Exclusive = false,
    bool Truncate = false,
    bool MustBeDirectory = false);
