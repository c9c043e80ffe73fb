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

    /// <summary>Understands <c>HOST::GUEST</c>, or <c>HOST</c> alone for a directory that the guest knows by the same name.</summary>
    /// <returns>Null when a part is empty.</returns>
    public static Preopen? Parse(string text, bool readOnly = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split("::", 2);
        return parts[0].Length == 0 || parts[^1].Length == 0 ? null : Host(parts[0], parts[^1], readOnly);
    }
}
