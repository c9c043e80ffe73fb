namespace Stoa.Node.Hosting;

/// <summary>The folder of everything that a node keeps. It and the secrets in it are readable by their owner only.</summary>
public sealed class DataFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Opens the folder, and makes it when it is absent.</summary>
    public DataFolder(string path)
    {
        FullPath = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(FullPath);
        else
            Directory.CreateDirectory(FullPath, OwnerOnly | UnixFileMode.UserExecute);
    }

    /// <summary>Where it is.</summary>
    public string FullPath { get; }

    /// <summary>Where a file of it is.</summary>
    public string PathOf(string fileName) => Path.Combine(FullPath, fileName);

    /// <summary>Writes a secret, whole or not at all, readable by the owner only.</summary>
    public void WriteSecret(string fileName, string text)
    {
        var target = PathOf(fileName);
        var partial = target + ".partial";
        File.Delete(partial);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var stream = new FileStream(partial, options))
        {
            using var writer = new StreamWriter(stream);
            writer.Write(text);
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }

        File.Move(partial, target, overwrite: true);
    }
}
