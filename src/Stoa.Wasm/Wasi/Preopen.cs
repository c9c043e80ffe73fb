using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Wasi;

/// <summary>A directory that the guest finds open when it starts.</summary>
/// <param name="GuestPath">The name by which the guest knows it, such as <c>/</c>, <c>/data</c> or <c>.</c>.</param>
/// <param name="FileSystem">What it shows.</param>
public sealed record Preopen(string GuestPath, FileSystem FileSystem)
{
    /// <summary>A directory of the host.</summary>
    public static Preopen Host(string hostPath, string guestPath, bool readOnly = false)
    {
        var fileSystem = new HostFileSystem(hostPath);
        return new Preopen(guestPath, readOnly ? new ReadOnlyFileSystem(fileSystem) : fileSystem);
    }
}
