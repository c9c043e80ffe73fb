using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;
using Stoa.Market.Builds;

namespace Stoa.Node.Storage;

/// <summary>Tells apart the errors that both databases report in their own ways.</summary>
public static class SqlErrors
{
    /// <summary>Whether a statement was stopped by a unique index or a primary key.</summary>
    /// <remarks>PostgreSQL ends the transaction with it, so catch it around the act, not inside; inside use <c>ON CONFLICT DO NOTHING</c>.</remarks>
    public static bool IsUniqueViolation(this Exception exception) => exception switch
    {
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is raw.SQLITE_CONSTRAINT_UNIQUE or raw.SQLITE_CONSTRAINT_PRIMARYKEY,
        PostgresException postgres => postgres.SqlState == PostgresErrorCodes.UniqueViolation,
        _ => false,
    };

    // ENOSPC and EDQUOT, as exceptions bear them on Unix, and ERROR_DISK_FULL.
    private static readonly int[] s_fullDisk = [28, 122, unchecked((int)0x80070070)];

    /// <summary>Whether the database could not do its part now and may do it later: away, starting, stopping, out of room.</summary>
    /// <remarks>What was sent last may have been written all the same.</remarks>
    public static bool MayPass(this Exception exception) => exception switch
    {
        PostgresException postgres => postgres.IsTransient
            || postgres.SqlState is PostgresErrorCodes.DiskFull or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        NpgsqlException npgsql => npgsql.IsTransient || npgsql.InnerException is IOException or TimeoutException or System.Net.Sockets.SocketException,
        SqliteException sqlite => sqlite.SqliteErrorCode is raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_BUSY,
        IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>Whether there was no room left on a disk, the database's or the node's own.</summary>
    public static bool IsDiskFull(this Exception exception) => exception switch
    {
        PostgresException postgres => postgres.SqlState == PostgresErrorCodes.DiskFull,
        SqliteException sqlite => sqlite.SqliteErrorCode == raw.SQLITE_FULL,
        NoRoomException => true,
        IOException io => s_fullDisk.Contains(io.HResult) || io.InnerException?.IsDiskFull() == true,
        _ => false,
    };
}
