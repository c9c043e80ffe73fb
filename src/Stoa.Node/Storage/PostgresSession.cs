using System.Data.Common;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace Stoa.Node.Storage;

/// <summary>A session over one pooled PostgreSQL connection; Npgsql prepares the statements that recur.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection, CancellationToken cancellationToken)
    : SqlSession(SqlDialect.Postgres, cancellationToken)
{
    // From about here on the copy's own round trip costs less than it saves.
    private const int MinCopied = 32;

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

    private protected override async Task<bool[]> RunRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        if (statement.CopyText is { } copy && rows.Count >= MinCopied)
            return await CopyAsync(copy, statement.Fields, rows);
        await using var command = new NpgsqlCommand(statement.PostgresText, connection);
        foreach (var field in statement.Fields)
            command.Parameters.Add(field.ToArray(rows));
        var written = new bool[rows.Count];
        if (statement.KeyField < 0)
        {
            // Of an insert without conflicts nothing is answered: all was written, or it threw.
            await using var changed = await command.ExecuteReaderAsync(CancellationToken);
            if (changed.FieldCount == 0)
                Array.Fill(written, true);
            while (await changed.ReadAsync(CancellationToken))
                written[changed.GetInt64(0) - 1] = true;
            return written;
        }

        var key = statement.Fields[statement.KeyField];
        var places = new Dictionary<string, int>(rows.Count, StringComparer.Ordinal);
        for (var row = 0; row < rows.Count; row++)
            places.Add(key.TextOf(rows[row]), row);
        await using var reader = await command.ExecuteReaderAsync(CancellationToken);
        while (await reader.ReadAsync(CancellationToken))
            written[places[reader.GetString(0)]] = true;
        return written;
    }

    private async Task<bool[]> CopyAsync<T>(string text, IReadOnlyList<SqlField<T>> fields, IReadOnlyList<T> rows)
    {
        await using (var copy = await connection.BeginRawBinaryCopyAsync(text, CancellationToken))
        {
            using var writer = new PostgresCopyWriter();
            foreach (var row in rows)
            {
                writer.BeginRow(fields.Count);
                foreach (var field in fields)
                    field.Copy(writer, row);
                if (writer.Written.Length >= PostgresCopyWriter.PartBytes)
                    await SendAsync(copy, writer);
            }

            writer.End();
            await SendAsync(copy, writer);
        }

        var written = new bool[rows.Count];
        Array.Fill(written, true);
        return written;
    }

    private async Task SendAsync(Stream copy, PostgresCopyWriter writer)
    {
        await copy.WriteAsync(writer.Written, CancellationToken);
        writer.Clear();
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
