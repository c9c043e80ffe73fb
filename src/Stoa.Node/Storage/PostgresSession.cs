using System.Data.Common;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace Stoa.Node.Storage;

/// <summary>A session over one pooled PostgreSQL connection; Npgsql prepares the statements that recur.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection, CancellationToken cancellationToken)
    : SqlSession(SqlDialect.Postgres, cancellationToken)
{
    private protected override Task NotifyAsync(string topic, long value) => QuerySingleAsync<int>(
        "SELECT 1 FROM (SELECT pg_notify(@topic, @value)) AS notified",
        new { topic, value = value.ToString(CultureInfo.InvariantCulture) });

    private protected override DbCommand Prepare(SqlStatement statement, object? parameters)
    {
        var command = new NpgsqlCommand(statement.Text, connection);
        AddArguments(command.Parameters, statement, parameters);
        return command;
    }

    private protected override ValueTask ReleaseAsync(DbCommand command) => command.DisposeAsync();

    private protected override async Task<int> RunEachAsync(SqlStatement statement, IEnumerable<object> parameters)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var one in parameters)
        {
            var command = new NpgsqlBatchCommand(statement.Text);
            AddArguments(command.Parameters, statement, one);
            batch.BatchCommands.Add(command);
        }
        return batch.BatchCommands.Count == 0 ? 0 : await batch.ExecuteNonQueryAsync(CancellationToken);
    }

    private static void AddArguments(NpgsqlParameterCollection target, SqlStatement statement, object? parameters)
    {
        foreach (var argument in SqlArguments.Take(statement, parameters))
        {
            var parameter = new NpgsqlParameter { ParameterName = argument.Name, Value = argument.Value ?? DBNull.Value };
            if (argument.Column is { } column)
                parameter.NpgsqlDbType = ToPostgres(column);
            target.Add(parameter);
        }
    }

    private static NpgsqlDbType ToPostgres(SqlColumn column) => column switch
    {
        SqlColumn.Text => NpgsqlDbType.Text,
        SqlColumn.BigInt => NpgsqlDbType.Bigint,
        SqlColumn.Boolean => NpgsqlDbType.Boolean,
        SqlColumn.Double => NpgsqlDbType.Double,
        SqlColumn.Blob => NpgsqlDbType.Bytea,
        SqlColumn.TextList => NpgsqlDbType.Array | NpgsqlDbType.Text,
        SqlColumn.BigIntList => NpgsqlDbType.Array | NpgsqlDbType.Bigint,
        _ => throw new ArgumentOutOfRangeException(nameof(column)),
    };
}
