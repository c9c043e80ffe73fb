using System.Runtime.InteropServices;

namespace Stoa.Node.Builds;

/// <summary>Makes a rename durable. On POSIX systems the entry in the folder is data of its own and must be synced; Windows has no such call and needs none.</summary>
internal static partial class DirectorySync
{
    private const int ReadOnly = 0;

    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0)
            throw new IOException($"Cannot open {folder} to sync it: error {Marshal.GetLastPInvokeError()}.");
        try
        {
            if (FSync(descriptor) != 0)
                throw new IOException($"Cannot sync {folder}: error {Marshal.GetLastPInvokeError()}.");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
