namespace Stoa.Wasm.Wasi.Files;

/// <summary>A directory of the host and all that is below it, and nothing else.</summary>
/// <remarks>
/// On 64-bit Linux every step is taken from an open directory and follows no link, so the guest stays inside whatever other
/// processes do to the tree meanwhile. Elsewhere (Windows, macOS) paths are joined and links looked for before each use: the
/// guest cannot leave by itself, but a program beside it that replaces directories by links could lead it out, and one that
/// puts a pipe there could make it wait.
/// On Linux only regular files and directories can be opened: a device, a pipe or a socket answers <see cref="Errno.NxIo"/>.
/// Names that are not UTF-8 are not shown.
/// </remarks>
public sealed class HostFileSystem : FileSystem
{
    private readonly string _root;
    private readonly bool _portable;

    /// <summary>Shows the tree below a directory of the host.</summary>
    /// <param name="root">The directory; links on the way to it are followed.</param>
    public HostFileSystem(string root)
        : this(root, portable: !LinuxNative.IsSupported)
    {
    }

    internal HostFileSystem(string root, bool portable)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        _portable = portable;
    }

    /// <inheritdoc/>
    public override DirectoryNode OpenRoot()
    {
        if (_portable || !LinuxNative.IsSupported)
        {
            return Directory.Exists(_root)
                ? new PortableDirectoryNode(_root, _root)
                : throw new DirectoryNotFoundException($"'{_root}' is not a directory.");
        }

        var handle = LinuxNative.Open(_root, LinuxNative.OpenDirectoryOnly | LinuxNative.OpenCloseOnExec, 0);
        return handle.IsInvalid
            ? throw new DirectoryNotFoundException($"'{_root}' cannot be opened as a directory: {LinuxNative.LastErrno()}.")
            : new LinuxDirectoryNode(handle);
    }
}
