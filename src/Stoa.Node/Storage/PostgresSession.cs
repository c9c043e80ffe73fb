using Npgsql;
using NpgsqlTypes;

namespace Stoa.Node.Storage;

/// <summary>A session over one pooled PostgreSQL connection; Npgsql prepares the statements that recur.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection, CancellationToken cancellationToken)
    : SqlSession(SqlDialect.Postgres, cancellationToken)
{
    // From about here on the copy's own round trip costs less than it saves.
    private const int MinCopied = 32;

    // What waits is in memory, and the server's answers to it in its buffers.
    private const int MaxSent = 200;

    private readonly List<NpgsqlBatchCommand> _sent = [];
    private int _sentResults;

    /// <summary>Runs what was sent and went with nothing yet.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_sent.Count > 0)
            await RunBatchAsync([], cancellationToken);
    }

    private protected override async Task<int> RunAsync(SqlStatement statement, object? parameters)
    {
        if (statement.ParameterNames.Count == 0)
        {
            // It may be a script, such as a migration: of those a command takes several statements, a batch does not.
            await FlushAsync(CancellationToken);
            await using var script = new NpgsqlCommand(statement.Text, connection);
            return await script.ExecuteNonQueryAsync(CancellationToken);
        }

        var command = ToCommand(statement, parameters);
        await RunBatchAsync([command], CancellationToken);
        return (int)command.RecordsAffected;
    }

    private protected override Task SendOneAsync(SqlStatement statement, object? parameters) =>
        SendAsync(ToCommand(statement, parameters), statement.GivesRows!.Value);

    private protected override async Task SendAllAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        if (statement.CopyText is { } copy && rows.Count >= MinCopied)
            await CopyAsync(copy, statement.Fields, rows);
        else
            await SendAsync(ToCommand(statement, rows), statement.GivesRows);
    }

    private protected override async Task<List<T>> ReadAsync<T>(SqlStatement statement, object? parameters, int limit)
    {
        await using var batch = TakeBatch([ToCommand(statement, parameters)], out var earlierResults);
        await using var reader = await OpenAsync(batch, earlierResults);
        return await ReadRowsAsync<T>(statement, reader, limit);
    }

    private protected override async Task<int> RunEachAsync(SqlStatement statement, IEnumerable<object> parameters)
    {
        var commands = parameters.Select(one => ToCommand(statement, one)).ToList();
        if (commands.Count > 0)
            await RunBatchAsync(commands, CancellationToken);
        return (int)commands.Sum(command => (long)command.RecordsAffected);
    }

    private protected override async Task<bool[]> RunRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        var written = new bool[rows.Count];
        if (!statement.GivesRows)
        {
            // Nothing is answered of a row: all were written, or it throws.
            if (statement.CopyText is { } copy && rows.Count >= MinCopied)
                await CopyAsync(copy, statement.Fields, rows);
            else
                await RunBatchAsync([ToCommand(statement, rows)], CancellationToken);
            Array.Fill(written, true);
            return written;
        }

        await using var batch = TakeBatch([ToCommand(statement, rows)], out var earlierResults);
        if (statement.KeyField < 0)
        {
            await using var changed = await OpenAsync(batch, earlierResults);
            while (await changed.ReadAsync(CancellationToken))
                written[changed.GetInt64(0) - 1] = true;
            return written;
        }

        var key = statement.Fields[statement.KeyField];
        var places = new Dictionary<string, int>(rows.Count, StringComparer.Ordinal);
        for (var row = 0; row < rows.Count; row++)
            places.Add(key.TextOf(rows[row]), row);
        await using var reader = await OpenAsync(batch, earlierResults);
        while (await reader.ReadAsync(CancellationToken))
            written[places[reader.GetString(0)]] = true;
        return written;
    }

    /// <summary>Lets a command wait for the next one that is asked something.</summary>
    private Task SendAsync(NpgsqlBatchCommand command, bool givesRows)
    {
        _sent.Add(command);
        if (givesRows)
            _sentResults++;
        return _sent.Count < MaxSent ? Task.CompletedTask : FlushAsync(CancellationToken);
    }

    /// <summary>What was sent before, and these behind it.</summary>
    private NpgsqlBatch TakeBatch(IReadOnlyList<NpgsqlBatchCommand> commands, out int earlierResults)
    {
        var batch = new NpgsqlBatch(connection);
        foreach (var command in _sent.Concat(commands))
            batch.BatchCommands.Add(command);
        earlierResults = _sentResults;
        _sent.Clear();
        _sentResults = 0;
        return batch;
    }

    private async Task RunBatchAsync(IReadOnlyList<NpgsqlBatchCommand> commands, CancellationToken cancellationToken)
    {
        await using var batch = TakeBatch(commands, out _);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>A reader at the result of the last command.</summary>
    private async Task<NpgsqlDataReader> OpenAsync(NpgsqlBatch batch, int earlierResults)
    {
        var reader = await batch.ExecuteReaderAsync(CancellationToken);
        for (var passed = 0; passed < earlierResults; passed++)
            await reader.NextResultAsync(CancellationToken);
        return reader;
    }

    private static NpgsqlBatchCommand ToCommand(SqlStatement statement, object? parameters)
    {
        var command = new NpgsqlBatchCommand(statement.Text);
        AddArguments(command.Parameters, statement, parameters);
        return command;
    }

    private static NpgsqlBatchCommand ToCommand<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        var command = new NpgsqlBatchCommand(statement.PostgresText);
        foreach (var field in statement.Fields)
            command.Parameters.Add(field.ToArray(rows));
        return command;
    }

    private async Task CopyAsync<T>(string text, IReadOnlyList<SqlField<T>> fields, IReadOnlyList<T> rows)
    {
        await FlushAsync(CancellationToken);
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
        SqlColumn.Uuid => NpgsqlDbType.Uuid,
        SqlColumn.UuidList => NpgsqlDbType.Array | NpgsqlDbType.Uuid,
        SqlColumn.TextList => NpgsqlDbType.Array | NpgsqlDbType.Text,
        SqlColumn.BigIntList => NpgsqlDbType.Array | NpgsqlDbType.Bigint,
        _ => throw new ArgumentOutOfRangeException(nameof(column)),
    };
}
