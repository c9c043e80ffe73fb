using System.Text;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>A file system that lives in memory: what a sandboxed guest is given to work with.</summary>
/// <remarks>
/// Deterministic: listings are in ordinal order, inode numbers count up, and times come from the given clock. Limited: see
/// <see cref="MemoryFileSystemOptions"/>. Safe to use from several threads.
/// </remarks>
public sealed class MemoryFileSystem : FileSystem
{
    private readonly MemoryFileSystemOptions _options;
    private readonly MemoryDirectory _root;
    private ulong _lastNumber;
    private long _nodeCount = 1;
    private long _usedBytes;

    /// <summary>Makes an empty file system.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is negative, or no node is allowed.</exception>
    public MemoryFileSystem(MemoryFileSystemOptions? options = null)
    {
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfNegative(_options.MaxBytes, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxNodes, 1, nameof(options));
        _root = new MemoryDirectory(NextNumber(), NowNs) { LinkCount = 1 };
    }

    /// <summary>Bytes in all files together.</summary>
    public long UsedBytes
    {
        get
        {
            lock (Gate)
                return _usedBytes;
        }
    }

    internal Lock Gate { get; } = new();

    internal ulong NowNs => _options.Clock?.PeekRealtimeNs() ?? 0;

    /// <inheritdoc/>
    public override DirectoryNode OpenRoot() => new MemoryDirectoryNode(this, _root);

    /// <summary>Writes a whole file, making the directories on its way.</summary>
    /// <param name="path">Names joined by slashes, from the root.</param>
    /// <param name="content">The content; it is copied.</param>
    /// <exception cref="IOException">The path is not valid, stands for a directory, or a limit is reached.</exception>
    public void WriteFile(string path, ReadOnlySpan<byte> content)
    {
        var names = Split(path);
        lock (Gate)
        {
            var directory = _root;
            foreach (var name in names.AsSpan(0, names.Length - 1))
                directory = (MemoryDirectory)GetOrAdd(directory, name, static (n, now) => new MemoryDirectory(n, now), path);
            var file = (MemoryFile)GetOrAdd(directory, names[^1], static (n, now) => new MemoryFile(n, now), path);
            Check(Resize(file, 0), path);
            Check(Resize(file, content.Length), path);
            file.Write(content, 0);
        }
    }

    /// <summary>Reads a whole file; null when there is none.</summary>
    /// <param name="path">Names joined by slashes, from the root. Symbolic links are not followed.</param>
    public byte[]? ReadFile(string path)
    {
        lock (Gate)
        {
            MemoryInode? node = _root;
            foreach (var name in Split(path))
                node = node is MemoryDirectory directory ? directory.Children.GetValueOrDefault(name) : null;
            if (node is not MemoryFile file)
                return null;
            var content = new byte[file.Length];
            file.Read(content, 0);
            return content;
        }
    }

    /// <summary>The paths of all regular files, from the root, in ordinal order within each directory.</summary>
    public IReadOnlyList<string> ListFiles()
    {
        var paths = new List<string>();
        lock (Gate)
            Collect(_root, "", paths);
        return paths;
    }

    // The members below expect the gate to be held.

    internal ulong NextNumber() => ++_lastNumber;

    internal Errno Attach(MemoryDirectory directory, string name, MemoryInode node)
    {
        if (directory.LinkCount == 0)
            return Errno.NoEnt;
        if (_nodeCount >= _options.MaxNodes)
            return Errno.NoSpc;
        _nodeCount++;
        node.LinkCount++;
        if (node is MemoryDirectory child)
            child.Parent = directory;
        directory.Children.Add(name, node);
        directory.Touch(NowNs);
        return Errno.Success;
    }

    internal void Detach(MemoryDirectory directory, string name)
    {
        directory.Children.Remove(name, out var node);
        directory.Touch(NowNs);
        _nodeCount--;
        node!.LinkCount--;
        node.ChangedNs = NowNs;
        if (node is MemoryFile file)
            ReleaseIfUnused(file);
    }

    internal void Close(MemoryFile file)
    {
        file.OpenCount--;
        ReleaseIfUnused(file);
    }

    internal Errno Resize(MemoryFile file, ulong sizeBytes)
    {
        if (sizeBytes > (ulong)_options.MaxBytes)
            return Errno.NoSpc;
        return Resize(file, (long)sizeBytes);
    }

    private Errno Resize(MemoryFile file, long sizeBytes)
    {
        var usedBytes = _usedBytes - file.Length + sizeBytes;
        if (usedBytes > _options.MaxBytes)
            return Errno.NoSpc;
        _usedBytes = usedBytes;
        file.SetLength(sizeBytes);
        file.Touch(NowNs);
        return Errno.Success;
    }

    /// <summary>How many bytes can be written at an offset: as many as there is space for.</summary>
    internal int Fit(MemoryFile file, ulong offset, int count)
    {
        var freeEnd = (ulong)(_options.MaxBytes - _usedBytes + file.Length);
        return offset >= freeEnd ? 0 : (int)Math.Min((ulong)count, freeEnd - offset);
    }

    private void ReleaseIfUnused(MemoryFile file)
    {
        if (file is { LinkCount: 0, OpenCount: 0 })
            Resize(file, 0L);
    }

    private MemoryInode GetOrAdd(MemoryDirectory directory, string name, Func<ulong, ulong, MemoryInode> make, string path)
    {
        var made = make(NextNumber(), NowNs);
        if (directory.Children.TryGetValue(name, out var node))
        {
            if (node.Type == made.Type)
                return node;
            throw new IOException($"'{path}': '{name}' exists and is a {node.Type}.");
        }

        Check(Attach(directory, name, made), path);
        return made;
    }

    private static void Check(Errno errno, string path)
    {
        if (errno != Errno.Success)
            throw new IOException($"'{path}' cannot be written: {errno}.");
    }

    private static string[] Split(string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0 || names.Any(name => name is "." or ".." || name.Contains('\0')))
            throw new IOException($"'{path}' is not a path from the root.");
        if (Encoding.UTF8.GetByteCount(path) > WasiLimits.Default.MaxPathBytes)
            throw new IOException("The path is too long.");
        return names;
    }

    private static void Collect(MemoryDirectory directory, string prefix, List<string> paths)
    {
        foreach (var (name, node) in directory.Children)
        {
            if (node is MemoryDirectory child)
                Collect(child, $"{prefix}{name}/", paths);
            else if (node is MemoryFile)
                paths.Add(prefix + name);
        }
    }
}
