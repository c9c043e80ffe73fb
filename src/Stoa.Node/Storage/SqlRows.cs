using System.Diagnostics.CodeAnalysis;

namespace Stoa.Node.Storage;

/// <summary>A statement that writes many rows, made once and kept: what a row costs is its columns, not its statement.</summary>
/// <remarks>
/// On PostgreSQL all rows go in one statement, each column as an array (<c>unnest</c>), or, when many are added, as a copy. On SQLite one prepared statement is stepped
/// through, its values bound without a detour over objects. Both say of every row whether it was written.
/// </remarks>
[SuppressMessage("Design", "CA1000", Justification = "The row's type is that of its fields.")]
public sealed class SqlRows<T>
{
    private SqlRows(IReadOnlyList<SqlField<T>> fields, string sqlite, string postgres, int key) =>
        (Fields, SqliteText, PostgresText, KeyField) = (fields, sqlite, postgres, key);

    internal IReadOnlyList<SqlField<T>> Fields { get; }

    internal string SqliteText { get; }

    internal string PostgresText { get; }

    /// <summary>For PostgreSQL, where many rows can be copied: they are all written then. Null where they cannot.</summary>
    internal string? CopyText { get; private init; }

    /// <summary>Whether PostgreSQL answers the statement with the rows that were written, be it none: otherwise all are, or the statement fails.</summary>
    internal bool GivesRows { get; private init; }

    /// <summary>The field that the rows answered by PostgreSQL name; −1 when they are numbered from 1.</summary>
    internal int KeyField { get; }

    /// <summary>Adds rows to a table.</summary>
    /// <param name="table">Its name.</param>
    /// <param name="fields">The columns that are given.</param>
    /// <param name="skipsConflictsOf">Columns of a unique constraint, with commas: a row that breaks it is left out. Null when none may.</param>
    /// <param name="key">The text column, different in every row, by which rows that were written are told from those left out.</param>
    public static SqlRows<T> Insert(string table, IReadOnlyList<SqlField<T>> fields, string? skipsConflictsOf = null, string? key = null)
    {
        var names = fields.Select(field => field.Name).ToList();
        var skip = skipsConflictsOf is null ? "" : $" ON CONFLICT ({skipsConflictsOf}) DO NOTHING";
        var returned = key is null ? -1 : names.IndexOf(key);
        var columns = string.Join(", ", names);
        return new SqlRows<T>(
            fields,
            $"INSERT INTO {table} ({columns}) VALUES ({string.Join(", ", names.Select((_, index) => $"?{index + 1}"))}){skip}",
            $"INSERT INTO {table} ({columns}) SELECT * FROM unnest({Arrays(fields)}){skip}" + (key is null ? "" : $" RETURNING {key}"),
            returned)
        {
            GivesRows = key is not null,
            CopyText = skipsConflictsOf is null ? $"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)" : null,
        };
    }

    /// <summary>Changes a row of a table for each row that is given.</summary>
    /// <param name="table">Its name; <c>t</c> in the texts.</param>
    /// <param name="set">What follows SET; a given value is <c>{name}</c>.</param>
    /// <param name="where">Finds the one row and guards it.</param>
    /// <param name="fields">The values that are given; no two rows of them find the same row.</param>
    public static SqlRows<T> Update(string table, string set, string where, IReadOnlyList<SqlField<T>> fields)
    {
        return new SqlRows<T>(
            fields,
            $"UPDATE {table} AS t SET {ToSqlite(set, fields)} WHERE {ToSqlite(where, fields)}",
            $"UPDATE {table} AS t SET {ToPostgres(set, fields)} FROM {Given(fields)} WHERE {ToPostgres(where, fields)} RETURNING r.row_number",
            -1)
        {
            GivesRows = true,
        };
    }

    /// <summary>Takes a row out of a table for each row that is given.</summary>
    /// <param name="table">Its name; <c>t</c> in the text.</param>
    /// <param name="where">Finds the one row and guards it; a given value is <c>{name}</c>.</param>
    /// <param name="fields">The values that are given; no two rows of them find the same row.</param>
    public static SqlRows<T> Delete(string table, string where, IReadOnlyList<SqlField<T>> fields) => new(
        fields,
        $"DELETE FROM {table} AS t WHERE {ToSqlite(where, fields)}",
        $"DELETE FROM {table} AS t USING {Given(fields)} WHERE {ToPostgres(where, fields)} RETURNING r.row_number",
        -1)
    {
        GivesRows = true,
    };

    private static string ToSqlite(string sql, IReadOnlyList<SqlField<T>> fields) => WithValues(sql, fields, (_, index) => $"?{index + 1}");

    private static string ToPostgres(string sql, IReadOnlyList<SqlField<T>> fields) => WithValues(sql, fields, (field, _) => $"r.{field.Name}");

    private static string WithValues(string sql, IReadOnlyList<SqlField<T>> fields, Func<SqlField<T>, int, string> write)
    {
        for (var index = 0; index < fields.Count; index++)
            sql = sql.Replace($"{{{fields[index].Name}}}", write(fields[index], index), StringComparison.Ordinal);
        return sql;
    }

    private static string Given(IReadOnlyList<SqlField<T>> fields) =>
        $"unnest({Arrays(fields)}) WITH ORDINALITY AS r ({string.Join(", ", fields.Select(field => field.Name))}, row_number)";

    private static string Arrays(IReadOnlyList<SqlField<T>> fields) => string.Join(", ", fields.Select((_, index) => $"${index + 1}"));
}
