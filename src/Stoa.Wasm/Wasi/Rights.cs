namespace Stoa.Wasm.Wasi;

/// <summary>What a file descriptor may be used for.</summary>
/// <remarks>Bits as in <c>rights</c> of the witx of snapshot preview 1.</remarks>
[Flags]
public enum Rights : ulong
{
    /// <summary>No right.</summary>
    None = 0,

    /// <summary><c>fd_datasync</c>.</summary>
    FdDatasync = 1UL << 0,

    /// <summary><c>fd_read</c>, and with <see cref="FdSeek"/> <c>fd_pread</c>.</summary>
    FdRead = 1UL << 1,

    /// <summary><c>fd_seek</c>; it implies <see cref="FdTell"/>.</summary>
    FdSeek = 1UL << 2,

    /// <summary><c>fd_fdstat_set_flags</c>.</summary>
    FdFdstatSetFlags = 1UL << 3,

    /// <summary><c>fd_sync</c>.</summary>
    FdSync = 1UL << 4,

    /// <summary><c>fd_tell</c>.</summary>
    FdTell = 1UL << 5,

    /// <summary><c>fd_write</c>, and with <see cref="FdSeek"/> <c>fd_pwrite</c>.</summary>
    FdWrite = 1UL << 6,

    /// <summary><c>fd_advise</c>.</summary>
    FdAdvise = 1UL << 7,

    /// <summary><c>fd_allocate</c>.</summary>
    FdAllocate = 1UL << 8,

    /// <summary><c>path_create_directory</c>.</summary>
    PathCreateDirectory = 1UL << 9,

    /// <summary><c>path_open</c> with the flag to create.</summary>
    PathCreateFile = 1UL << 10,

    /// <summary><c>path_link</c> from this directory.</summary>
    PathLinkSource = 1UL << 11,

    /// <summary><c>path_link</c> into this directory.</summary>
    PathLinkTarget = 1UL << 12,

    /// <summary><c>path_open</c>.</summary>
    PathOpen = 1UL << 13,

    /// <summary><c>fd_readdir</c>.</summary>
    FdReaddir = 1UL << 14,

    /// <summary><c>path_readlink</c>.</summary>
    PathReadlink = 1UL << 15,

    /// <summary><c>path_rename</c> from this directory.</summary>
    PathRenameSource = 1UL << 16,

    /// <summary><c>path_rename</c> into this directory.</summary>
    PathRenameTarget = 1UL << 17,

    /// <summary><c>path_filestat_get</c>.</summary>
    PathFilestatGet = 1UL << 18,

    /// <summary><c>path_open</c> with the flag to truncate.</summary>
    PathFilestatSetSize = 1UL << 19,

    /// <summary><c>path_filestat_set_times</c>.</summary>
    PathFilestatSetTimes = 1UL << 20,

    /// <summary><c>fd_filestat_get</c>.</summary>
    FdFilestatGet = 1UL << 21,

    /// <summary><c>fd_filestat_set_size</c>.</summary>
    FdFilestatSetSize = 1UL << 22,

    /// <summary><c>fd_filestat_set_times</c>.</summary>
    FdFilestatSetTimes = 1UL << 23,

    /// <summary><c>path_symlink</c>.</summary>
    PathSymlink = 1UL << 24,

    /// <summary><c>path_remove_directory</c>.</summary>
    PathRemoveDirectory = 1UL << 25,

    /// <summary><c>path_unlink_file</c>.</summary>
    PathUnlinkFile = 1UL << 26,

    /// <summary><c>poll_oneoff</c> on the descriptor.</summary>
    PollFdReadwrite = 1UL << 27,

    /// <summary><c>sock_shutdown</c>.</summary>
    SockShutdown = 1UL << 28,

    /// <summary><c>sock_accept</c>.</summary>
    SockAccept = 1UL << 29,
}

/// <summary>The rights that make sense for each kind of descriptor; others are dropped when it is opened.</summary>
internal static class RightsOf
{
    internal const Rights RegularFile =
        Rights.FdDatasync | Rights.FdRead | Rights.FdSeek | Rights.FdFdstatSetFlags | Rights.FdSync | Rights.FdTell |
        Rights.FdWrite | Rights.FdAdvise | Rights.FdAllocate | Rights.FdFilestatGet | Rights.FdFilestatSetSize |
        Rights.FdFilestatSetTimes | Rights.PollFdReadwrite;

    internal const Rights Directory =
        Rights.FdFdstatSetFlags | Rights.FdSync | Rights.FdAdvise | Rights.PathCreateDirectory | Rights.PathCreateFile |
        Rights.PathLinkSource | Rights.PathLinkTarget | Rights.PathOpen | Rights.FdReaddir | Rights.PathReadlink |
        Rights.PathRenameSource | Rights.PathRenameTarget | Rights.PathFilestatGet | Rights.PathFilestatSetSize |
        Rights.PathFilestatSetTimes | Rights.FdFilestatGet | Rights.FdFilestatSetTimes | Rights.PathSymlink |
        Rights.PathRemoveDirectory | Rights.PathUnlinkFile | Rights.PollFdReadwrite;

    internal const Rights InheritedFromDirectory = Directory | RegularFile;

    internal const Rights Input =
        Rights.FdRead | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.PollFdReadwrite;

    internal const Rights Output =
        Rights.FdWrite | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.FdSync | Rights.FdDatasync |
        Rights.PollFdReadwrite;
}
