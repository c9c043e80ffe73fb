using System.Diagnostics;
using System.Globalization;

namespace Stoa.Faults.Nodes;

/// <summary>A file system of a few megabytes in memory, which can be filled and emptied.</summary>
internal sealed class SmallDisk
{
    private const string Ballast = "ballast";

    private SmallDisk(string folder) => Folder = folder;

    /// <summary>Whether this user may mount one.</summary>
    public static bool IsPossible => OperatingSystem.IsLinux() && Environment.UserName == "root";

    /// <summary>Where it is mounted.</summary>
    public string Folder { get; }

    /// <summary>Mounts one; it is unmounted at the end.</summary>
    /// <exception cref="NotHereException">This user may not mount.</exception>
    public static async Task<SmallDisk> MountAsync(string folder, int megabytes, Watchdog watchdog)
    {
        if (!IsPossible)
            throw new NotHereException("a small disk is made by mounting a tmpfs, which needs Linux and root.");
        Directory.CreateDirectory(folder);
        var size = megabytes.ToString(CultureInfo.InvariantCulture);
        using var mount = Process.Start(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", $"size={size}m,mode=0700", "tmpfs", folder]) { RedirectStandardError = true })!;
        var complaint = await mount.StandardError.ReadToEndAsync();
        await mount.WaitForExitAsync();
        if (mount.ExitCode != 0)
            throw new NotHereException($"a tmpfs cannot be mounted: {complaint.Trim()}");
        watchdog.AtEnd($"umount -l '{folder}'");
        return new SmallDisk(folder);
    }

    /// <summary>Writes until nothing more goes onto it.</summary>
    public void Fill()
    {
        using var file = new FileStream(Path.Combine(Folder, Ballast), FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        foreach (var size in (int[])[1 << 20, 1 << 14, 1 << 12])
        {
            var block = new byte[size];
            try
            {
                while (true)
                    file.Write(block);
            }
            catch (IOException)
            {
                // Full, for blocks of this size.
            }
        }
    }

    /// <summary>Gives the space back.</summary>
    public void Empty() => File.Delete(Path.Combine(Folder, Ballast));
}
