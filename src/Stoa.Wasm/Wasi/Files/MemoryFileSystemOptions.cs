namespace Stoa.Wasm.Wasi.Files;

/// <summary>How large an in-memory file system may grow. Going over answers <see cref="Errno.NoSpc"/>.</summary>
public sealed record MemoryFileSystemOptions
{
    /// <summary>Bytes in all files together, by their sizes (holes count). Default 64 MiB.</summary>
    public long MaxBytes { get; init; } = 64L << 20;

    /// <summary>Files, directories, symbolic links and further names of a file, together. Default 16,384.</summary>
    public int MaxNodes { get; init; } = 16_384;

    /// <summary>Stamps the files; null stamps all with the beginning of 1970.</summary>
    public WasiClock? Clock { get; init; }
}
