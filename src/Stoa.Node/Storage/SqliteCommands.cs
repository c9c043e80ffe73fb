using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Stoa.Node.Storage;

/// <summary>The prepared statements of one connection. Not safe for use by two threads at once, as the connection is not.</summary>
internal sealed class SqliteCommands(SqliteConnection connection) : IDisposable
{
    private const int MaxKept = 500;

    private readonly Dictionary<SqlStatement, SqliteCommand> _kept = [];
    private readonly Dictionary<object, IDisposable> _keptRows = [];

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
        if (!_keptRows.TryGetValue(statement, out var kept))
        {
            var database = connection.Handle!;
            SqliteException.ThrowExceptionForRC(
                raw.sqlite3_prepare_v3(database, statement.SqliteText, raw.SQLITE_PREPARE_PERSISTENT, out var prepared), database);
            kept = new SqliteRowsCommand<T>(database, prepared, statement.Fields);
            _keptRows.Add(statement, kept);
        }

        return ((SqliteRowsCommand<T>)kept).Run(rows);
    }

    public void Dispose()
    {
        foreach (var prepared in _keptRows.Values)
            prepared.Dispose();
        _keptRows.Clear();
        Clear();
        connection.Dispose();
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
        { Column: SqlColumn.TextList or SqlColumn.BigIntList or SqlColumn.UuidList } => SqlType.ListToJson(argument.Value),
        { Column: SqlColumn.Uuid } => ((Guid)argument.Value).ToByteArray(bigEndian: true),
        _ => argument.Value,
    };
}
