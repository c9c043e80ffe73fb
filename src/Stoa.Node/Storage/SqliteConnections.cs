using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Stoa.Node.Storage;

/// <summary>Opens connections to one SQLite file with the settings that the promises of <see cref="SqliteDatabase"/> rest on.</summary>
internal static class SqliteConnections
{
    // A connection is used by one thread at a time here, so SQLite need not lock it at every call, nor count its memory under one lock for all.
    // Only before its first use can it be told so; in a process that has used it already it stays as careful as it was.
    static SqliteConnections()
    {
        RuntimeHelpers.RunClassConstructor(typeof(SqliteConnection).TypeHandle);
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MULTITHREAD);
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0);
    }

    /// <summary>The one connection that writes.</summary>
    /// <remarks>With the write-ahead log and synchronous=FULL a commit is one append and one fsync, and survives a power cut.</remarks>
    public static SqliteConnection OpenWriter(string path) => Open(
        path,
        SqliteOpenMode.ReadWriteCreate,
        [
            "PRAGMA busy_timeout = 10000",
            // Of a new file: rows of tasks are long, and twice the page holds more than twice of them.
            "PRAGMA page_size = 8192",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            // What is deleted is overwritten: a user who deletes something, or is erased, means the file, too.
            "PRAGMA secure_delete = ON",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -16384",
            // As long as the log may get: begun anew, it is written over.
            "PRAGMA journal_size_limit = 100663296",
        ]);

    /// <summary>A connection that moves the log into the file, see <see cref="SqliteCheckpoints"/>.</summary>
    public static SqliteConnection OpenMover(string path) => Open(
        path,
        SqliteOpenMode.ReadWrite,
        [
            "PRAGMA busy_timeout = 10000",
            "PRAGMA synchronous = FULL",
            "PRAGMA cache_size = -64",
        ]);

    /// <summary>A connection that only reads.</summary>
    public static SqliteConnection OpenReader(string path) => Open(
        path,
        SqliteOpenMode.ReadOnly,
        [
            "PRAGMA busy_timeout = 10000",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -16384",
        ]);

    private static SqliteConnection Open(string path, SqliteOpenMode mode, IReadOnlyList<string> settings)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
        }.ConnectionString);
        try
        {
            connection.Open();
            // One by one: of a script, Microsoft.Data.Sqlite reports no error behind the first statement that gives rows.
            foreach (var setting in settings)
                Run(connection, setting);
            // The first that must read the file, and so finds out when it is none of SQLite's.
            Run(connection, "SELECT count(*) FROM sqlite_schema");
            return connection;
        }
        catch (SqliteException broken)
        {
            connection.Dispose();
            throw new StorageUnusableException($"{path} cannot be opened as an SQLite database: {broken.Message}", broken);
        }
    }

    private static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
