namespace Stoa.Wasm.Wasi;

/// <summary>How much a guest may ask of WASI. Going over a limit is refused with the <see cref="Errno"/> named beside it.</summary>
public sealed record WasiLimits
{
    /// <summary>The limits that are used where none are given.</summary>
    public static WasiLimits Default { get; } = new();

    /// <summary>Descriptors open at a time, the streams and preopens included: <see cref="Errno.Mfile"/>. Default 1,024.</summary>
    public int MaxOpenFiles { get; init; } = 1_024;

    /// <summary>Buffers in one read or write: <see cref="Errno.Inval"/>, as POSIX says for IOV_MAX. Default 1,024.</summary>
    public int MaxBuffersPerCall { get; init; } = 1_024;

    /// <summary>Subscriptions in one <c>poll_oneoff</c>: <see cref="Errno.Inval"/>. Default 1,024.</summary>
    public int MaxSubscriptionsPerCall { get; init; } = 1_024;

    /// <summary>UTF-8 bytes of a path or of a symbolic link's target: <see cref="Errno.NameTooLong"/>. Default 4,096.</summary>
    public int MaxPathBytes { get; init; } = 4_096;

    /// <summary>UTF-8 bytes of a name in a directory: <see cref="Errno.NameTooLong"/>. Default 255.</summary>
    public int MaxNameBytes { get; init; } = 255;

    /// <summary>Names walked to resolve one path, those in symbolic links included: <see cref="Errno.NameTooLong"/>. Default 1,024.</summary>
    public int MaxPathComponents { get; init; } = 1_024;

    /// <summary>Directories open at a time while a path is resolved: <see cref="Errno.NameTooLong"/>. Default 128.</summary>
    public int MaxPathDepth { get; init; } = 128;

    /// <summary>Symbolic links followed to resolve one path: <see cref="Errno.Loop"/>. Default 40, as on Linux.</summary>
    public int MaxLinksFollowed { get; init; } = 40;

    /// <summary>Entries of a directory that is listed: <see cref="Errno.NoMem"/>. Default 262,144.</summary>
    public int MaxDirectoryEntries { get; init; } = 262_144;

    /// <summary>Bytes of all arguments together, or of all environment variables: refused when the context is made. Default 1 MiB.</summary>
    public int MaxArgumentBytes { get; init; } = 1 << 20;
}
