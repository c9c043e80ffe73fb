using Microsoft.Data.Sqlite;

namespace Stoa.Node.Storage;

/// <summary>The prepared statements of one connection. Not safe for use by two threads at once, as the connection is not.</summary>
internal sealed class SqliteCommands(SqliteConnection connection) : IDisposable
{
    private const int MaxKept = 500;

    private readonly Dictionary<SqlStatement, SqliteCommand> _kept = [];

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

    public void Dispose()
    {
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
        { Column: SqlColumn.TextList or SqlColumn.BigIntList } => SqlType.ListToJson(argument.Value),
        _ => argument.Value,
    };
}
