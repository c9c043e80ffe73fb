namespace Stoa.Node.Storage;

/// <summary>Which database keeps the market's state.</summary>
public enum StorageProvider
{
    /// <summary>One file in the data folder, used by one node.</summary>
    Sqlite,

    /// <summary>A PostgreSQL server (or one that speaks its protocol), shared by any number of nodes.</summary>
    Postgres,
}

/// <summary>Where the market's state is kept.</summary>
/// <param name="Provider">See <see cref="StorageProvider"/>; embedded SQLite unless told otherwise.</param>
/// <param name="DataFolder">Folder of the SQLite file and its lock; made when absent. Not used with PostgreSQL.</param>
/// <param name="ConnectionString">Npgsql connection string; needed with PostgreSQL and not used without it.</param>
/// <param name="MaxQueuedWrites">How many acts may wait for the SQLite writer before further callers are held back; 1 or more. Default 8,192.</param>
public sealed record StorageOptions(
    StorageProvider Provider = StorageProvider.Sqlite,
    string DataFolder = "data",
    string? ConnectionString = null,
    int MaxQueuedWrites = 8192)
{
    /// <summary>Name of the SQLite file inside the data folder.</summary>
    public const string SqliteFileName = "stoa.db";

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (!Enum.IsDefined(Provider))
            yield return $"Storage:Provider is one of {string.Join(", ", Enum.GetNames<StorageProvider>())}.";
        if (Provider == StorageProvider.Sqlite && string.IsNullOrWhiteSpace(DataFolder))
            yield return "Storage:DataFolder names the folder that the SQLite file lives in.";
        if (Provider == StorageProvider.Postgres && string.IsNullOrWhiteSpace(ConnectionString))
            yield return "Storage:ConnectionString is needed with Storage:Provider=Postgres, for example \"Host=localhost;Database=stoa;Username=stoa\".";
        if (MaxQueuedWrites < 1)
            yield return "Storage:MaxQueuedWrites is 1 or more.";
    }
}
