using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Stoa.Wasm.Wasi.Files;

/// <summary>Resolves a path below a directory, one name at a time, without ever leaving it.</summary>
/// <remarks>
/// The walk holds every directory between the root and where it stands. <c>..</c> goes back to the one before, never through
/// the file system, and from the root it is refused; a symbolic link is read and its target walked by the same rules; an
/// absolute path or target is refused. Both refusals are <see cref="Errno.Perm"/>. So whatever others do to the tree meanwhile, a directory is reached only by
/// descending from the root: there is no gap between check and use.
/// The result is a <see cref="Directory"/> and a <see cref="Name"/> in it, or no name when the path stands for the directory itself.
/// </remarks>
internal sealed class PathWalk : IDisposable
{
    private readonly DirectoryNode _root;
    private readonly WasiLimits _limits;
    private readonly List<DirectoryNode> _below = [];
    private readonly Stack<string> _pending = new();
    private int _linksFollowed;

    private PathWalk(DirectoryNode root, WasiLimits limits)
    {
        _root = root;
        _limits = limits;
    }

    /// <summary>The directory that holds the name.</summary>
    public DirectoryNode Directory => _below.Count == 0 ? _root : _below[^1];

    /// <summary>The last name of the path, not yet looked up; null when the path stands for <see cref="Directory"/> itself.</summary>
    public string? Name { get; private set; }

    /// <summary>The path ended with a slash, so it can only mean a directory.</summary>
    public bool MustBeDirectory { get; private set; }

    /// <summary>How many names were walked: what the walk costs.</summary>
    public int Steps { get; private set; }

    /// <summary>Walks up to the last name of a path. The walk is to be disposed whatever the answer is.</summary>
    public static PathWalk Start(DirectoryNode root, string path, WasiLimits limits, out Errno errno)
    {
        var walk = new PathWalk(root, limits);
        errno = walk.Push(path);
        if (errno == Errno.Success)
            errno = walk.Advance();
        return walk;
    }

    /// <summary>The name is a symbolic link: walks on to what it leads to.</summary>
    public Errno FollowName()
    {
        if (Name is not { } link)
            return Errno.Inval;
        Name = null;
        var errno = PushLink(link);
        return errno == Errno.Success ? Advance() : errno;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var directory in _below)
            directory.Dispose();
        _below.Clear();
    }

    private Errno Advance()
    {
        while (_pending.TryPop(out var name))
        {
            if (++Steps > _limits.MaxPathComponents)
                return Errno.NameTooLong;
            var errno = name switch
            {
                "." => Errno.Success,
                ".." => Ascend(),
                _ when Encoding.UTF8.GetByteCount(name) > _limits.MaxNameBytes => Errno.NameTooLong,
                _ when _pending.Count == 0 => Arrive(name),
                _ => Descend(name),
            };
            if (errno != Errno.Success)
                return errno;
        }

        return Errno.Success;
    }

    private Errno Arrive(string name)
    {
        Name = name;
        return Errno.Success;
    }

    private Errno Ascend()
    {
        if (_below.Count == 0)
            return Errno.Perm;
        _below[^1].Dispose();
        _below.RemoveAt(_below.Count - 1);
        return Errno.Success;
    }

    private Errno Descend(string name)
    {
        if (_below.Count >= _limits.MaxPathDepth)
            return Errno.NameTooLong;
        var errno = Directory.OpenDirectory(name, out var directory);
        if (errno == Errno.Success)
        {
            _below.Add(directory!);
            return Errno.Success;
        }

        return errno == Errno.Loop ? PushLink(name) : errno;
    }

    private Errno PushLink(string link)
    {
        if (++_linksFollowed > _limits.MaxLinksFollowed)
            return Errno.Loop;
        var errno = Directory.ReadLink(link, out var target);
        return errno == Errno.Success ? Push(target) : errno;
    }

    private Errno Push(string path)
    {
        if (path.Length == 0)
            return Errno.NoEnt;
        if (path[0] == '/')
            return Errno.Perm;
        // A slash after the last name counts for the whole path only where that name is the last one.
        if (_pending.Count == 0 && path[^1] == '/')
            MustBeDirectory = true;
        var end = path.Length;
        while (LastName(path, ref end, out var name))
            _pending.Push(name);
        return Errno.Success;
    }

    private static bool LastName(string path, ref int end, [NotNullWhen(true)] out string? name)
    {
        while (end > 0 && path[end - 1] == '/')
            end--;
        if (end == 0)
        {
            name = null;
            return false;
        }

        var start = path.LastIndexOf('/', end - 1) + 1;
        name = path[start..end];
        end = start;
        return true;
    }
}
