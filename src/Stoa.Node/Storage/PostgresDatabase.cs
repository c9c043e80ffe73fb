using System.Globalization;
using Npgsql;

namespace Stoa.Node.Storage;

/// <summary>A PostgreSQL server, shared by the nodes of a cell.</summary>
/// <remarks>Writing acts run at READ COMMITTED, reading ones at REPEATABLE READ. A serialisation failure (40001), a deadlock (40P01) or a
/// <see cref="SqlRetryException"/> runs the act again from its start, a bounded number of times.</remarks>
public sealed class PostgresDatabase : Database
{
    private const int MaxAttempts = 12;
    private const int MaxPreparedStatements = 300;

    private readonly NpgsqlDataSource _dataSource;

    private PostgresDatabase(NpgsqlDataSource dataSource) => _dataSource = dataSource;

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Postgres;

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _dataSource.DisposeAsync();

    /// <summary>Raises the signal of a topic whenever any node of the cell commits an act that raised it; goes on until it is cancelled or the connection breaks.</summary>
    internal Task ListenAsync(string topic, CancellationToken cancellationToken) => ListenAsync(
        [topic],
        (_, payload) =>
        {
            if (long.TryParse(payload, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
                GetSignal(topic).Raise(value);
        },
        () => { },
        cancellationToken);

    /// <summary>Hears what is sent on channels, whichever node of the cell sends it; goes on until it is cancelled or the connection breaks.</summary>
    /// <param name="channels">Constants, or made of them and of letters and digits.</param>
    /// <param name="heard">Given the channel and the text, in the order in which they were committed. Does not throw.</param>
    /// <param name="listening">Called once nothing is missed any more.</param>
    /// <param name="cancellationToken">Ends the listening.</param>
    internal async Task ListenAsync(
        IReadOnlyList<string> channels, Action<string, string> heard, Action listening, CancellationToken cancellationToken)
    {
        await using var connection = await OpenConnectionAsync(cancellationToken);
        connection.Notification += (_, notification) => heard(notification.Channel, notification.Payload);
        foreach (var channel in channels)
        {
            await using var listen = new NpgsqlCommand($"LISTEN {channel}", connection);
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }

        listening();
        while (true)
            await connection.WaitAsync(cancellationToken);
    }

    /// <summary>Sends texts to those who listen, all of them in order or none.</summary>
    /// <param name="notifications">Each of less than 8,000 bytes.</param>
    /// <param name="cancellationToken">Sends nothing.</param>
    internal async Task NotifyAsync(IReadOnlyList<(string Channel, string Payload)> notifications, CancellationToken cancellationToken)
    {
        if (notifications.Count == 0)
            return;
        await WriteAsync(
            session => session.ExecuteEachAsync(
                "SELECT pg_notify(@channel, @payload)", notifications.Select(one => (object)new { channel = one.Channel, payload = one.Payload })),
            cancellationToken);
    }

    /// <summary>Opens the pool; the schema stays as it is.</summary>
    internal static PostgresDatabase Open(StorageOptions options)
    {
        try
        {
            var builder = new NpgsqlDataSourceBuilder(options.ConnectionString);
            builder.ConnectionStringBuilder.MaxAutoPrepare = MaxPreparedStatements;
            builder.ConnectionStringBuilder.Enlist = false;
            builder.ConnectionStringBuilder.ApplicationName ??= "stoa";
            return new PostgresDatabase(builder.Build());
        }
        catch (ArgumentException wrong)
        {
            throw new StorageUnusableException($"Storage:ConnectionString is not a PostgreSQL connection string: {wrong.Message}", wrong);
        }
    }

    private protected override async Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        EnterAct();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await RunOnceAsync(act, cancellationToken);
            }
            catch (Exception conflict) when (attempt < MaxAttempts && IsConflict(conflict))
            {
                // Those who met once would meet again if all waited alike.
                var longestMs = Math.Min(1 << attempt, 200);
                await Task.Delay(Random.Shared.Next(longestMs), cancellationToken);
            }
        }
    }

    private protected override async Task<T> RunReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        EnterAct();
        await using var connection = await OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        var session = new PostgresSession(connection, cancellationToken);
        try
        {
            await session.ExecuteAsync("SET TRANSACTION READ ONLY");
            return await act(session);
        }
        finally
        {
            session.End();
        }
    }

    private async Task<Written<T>> RunOnceAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        await using var connection = await OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellationToken);
        var session = new PostgresSession(connection, cancellationToken);
        try
        {
            var result = await act(session);
            if (session.IsAbandoned)
                return new Written<T>(result, session);
            // A commit that is called off on its way may still happen: from here on it is waited for.
            await transaction.CommitAsync(CancellationToken.None);
            return new Written<T>(result, session);
        }
        finally
        {
            session.End();
        }
    }

    private async Task<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        await _dataSource.OpenConnectionAsync(cancellationToken);

    private static bool IsConflict(Exception exception) => exception is SqlRetryException
        or PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };
}
