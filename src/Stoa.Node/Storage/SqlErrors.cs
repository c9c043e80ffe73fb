using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;

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
}
