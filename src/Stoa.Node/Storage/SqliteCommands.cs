using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Stoa.Node.Storage;

/// <summary>The prepared statements of one connection. Not safe for use by two threads at once, as the connection is not.</summary>
internal sealed class SqliteCommands(SqliteConnection connection) : IDisposable
{
    private const int MaxKept = 500;

    private readonly Dictionary<SqlStatement, SqliteCommand> _kept = [];
    private readonly Dictionary<object, sqlite3_stmt> _keptRows = [];

    public SqliteConnection Connection => connection;

    /// <summary>The prepared command of a statement with its parameters set. Stays this object's own.</summary>
    public SqliteCommand Prepare(SqlStatement statement, object? parameters)
    {
        if (!_kept.TryGetValue(statement, out var command))
        {
            command = Make(statement);
            _kept.Add(statement, command);
        }
        var index = 0;
        foreach (var argument in SqlArguments.Take(statement, parameters))
            command.Parameters[index++].Value = ToSqlite(argument);
        return command;
    }

    /// <summary>Runs a statement without parameters.</summary>
    public void Run(SqlStatement statement) => Prepare(statement, null).ExecuteNonQuery();

    /// <summary>Steps a statement through rows and says of each whether it was written.</summary>
    public bool[] RunRows<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        var database = connection.Handle!;
        if (!_keptRows.TryGetValue(statement, out var prepared))
        {
            Check(raw.sqlite3_prepare_v3(database, statement.SqliteText, raw.SQLITE_PREPARE_PERSISTENT, out prepared), database);
            _keptRows.Add(statement, prepared);
        }

        var written = new bool[rows.Count];
        for (var row = 0; row < rows.Count; row++)
        {
            Bind(prepared, statement.Fields, rows[row]);
            var stepped = raw.sqlite3_step(prepared);
            var changed = raw.sqlite3_changes(database);
            // Answers the same error again when the step failed; either way the statement is ready for the next row.
            Check(raw.sqlite3_reset(prepared), database);
            written[row] = stepped == raw.SQLITE_DONE && changed > 0;
        }

        return written;
    }

    public void Dispose()
    {
        foreach (var prepared in _keptRows.Values)
            prepared.Dispose();
        _keptRows.Clear();
        Clear();
        connection.Dispose();
    }

    private static void Bind<T>(sqlite3_stmt prepared, IReadOnlyList<SqlField<T>> fields, T row)
    {
        for (var index = 0; index < fields.Count; index++)
        {
            var field = fields[index];
            var place = index + 1;
            _ = field switch
            {
                { Text: { } get } => get(row) is { } text ? raw.sqlite3_bind_text(prepared, place, text) : raw.sqlite3_bind_null(prepared, place),
                { Integer: { } get } => get(row) is { } integer ? raw.sqlite3_bind_int64(prepared, place, integer) : raw.sqlite3_bind_null(prepared, place),
                { Flag: { } get } => raw.sqlite3_bind_int(prepared, place, get(row) ? 1 : 0),
                { Bytes: { } get } => get(row) is { } bytes ? BindBytes(prepared, place, bytes) : raw.sqlite3_bind_null(prepared, place),
                _ => throw new InvalidOperationException($"The field {field.Name} has no getter."),
            };
        }
    }

    private static int BindBytes(sqlite3_stmt prepared, int place, byte[] bytes) =>
        bytes.Length == 0 ? raw.sqlite3_bind_zeroblob(prepared, place, 0) : raw.sqlite3_bind_blob(prepared, place, bytes);

    private static void Check(int code, sqlite3 database)
    {
        if (code != raw.SQLITE_OK)
            SqliteException.ThrowExceptionForRC(code, database);
    }

    private SqliteCommand Make(SqlStatement statement)
    {
        // Only SQL composed from values comes here often enough to fill the cache; then starting over costs least.
        if (_kept.Count >= MaxKept)
            Clear();
        var command = connection.CreateCommand();
        command.CommandText = statement.Text;
        foreach (var name in statement.ParameterNames)
            command.Parameters.Add(new SqliteParameter("@" + name, DBNull.Value));
        return command;
    }

    private void Clear()
    {
        foreach (var command in _kept.Values)
            command.Dispose();
        _kept.Clear();
    }

    private static object ToSqlite(SqlArgument argument) => argument switch
    {
        { Value: null } => DBNull.Value,
        { Column: SqlColumn.TextList or SqlColumn.BigIntList } => SqlType.ListToJson(argument.Value),
        _ => argument.Value,
    };
}
