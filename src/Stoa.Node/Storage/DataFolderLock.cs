using System.Globalization;

namespace Stoa.Node.Storage;

/// <summary>Holds a data folder for one process. The operating system lets go of it when the process ends, however it ends.</summary>
internal sealed class DataFolderLock : IDisposable
{
    private readonly FileStream _file;

    private DataFolderLock(FileStream file) => _file = file;

    /// <exception cref="StorageUnusableException">Another process, or another database of this one, holds it.</exception>
    public static DataFolderLock Take(string folder)
    {
        var path = Path.Combine(folder, StorageOptions.SqliteFileName + ".lock");
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            file.SetLength(0);
            using (var writer = new StreamWriter(file, leaveOpen: true))
                writer.Write(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new DataFolderLock(file);
        }
        catch (IOException inUse) when (inUse is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new StorageUnusableException(
                $"The data folder {folder} is in use by another node{NameHolder(path)}. Stop that node, or give this one a data folder of its own. ({inUse.Message})", inUse);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new StorageUnusableException($"The data folder {folder} cannot be written to. Give this user the right to, or choose another folder.", denied);
        }
    }

    // The file stays: deleting it would let a third process lock a new file of the same name beside the second's.
    public void Dispose() => _file.Dispose();

    private static string NameHolder(string path)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return int.TryParse(reader.ReadToEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? $" (process {id})" : "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
