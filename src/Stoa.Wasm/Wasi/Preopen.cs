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
    /// <remarks>
    /// One colon before a slash or a dot, <c>HOST:/GUEST</c> or <c>HOST:.</c>, means the same; after a single letter it is a drive
    /// of Windows, and any other colon belongs to the name.
    /// </remarks>
    /// <returns>Null when a part is empty.</returns>
    public static (string HostPath, string GuestPath)? Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (hostEnd, guestStart) = (text.Length, 0);
        if (text.LastIndexOf("::", StringComparison.Ordinal) is var two and >= 0)
            (hostEnd, guestStart) = (two, two + 2);
        else if (text.LastIndexOf(':') is var one and not (-1 or 1) && (one + 1 == text.Length || text[one + 1] is '/' or '.'))
            (hostEnd, guestStart) = (one, one + 1);
        return hostEnd == 0 || guestStart == text.Length ? null : (text[..hostEnd], text[guestStart..]);
    }
}
