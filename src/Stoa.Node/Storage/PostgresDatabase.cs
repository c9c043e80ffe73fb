using Npgsql;

namespace Stoa.Node.Storage;

/// <summary>A PostgreSQL server, shared by the nodes of a cell.</summary>
/// <remarks>Writing acts run at READ COMMITTED, reading ones at REPEATABLE READ. A serialisation failure (40001), a deadlock (40P01) or a
/// <see cref="SqlRetryException"/> runs the act again from its start, a bounded number of times.</remarks>
public sealed class PostgresDatabase : Database
{
    private const int MaxAttempts = 12;
    private const int MaxPreparedStatements = 300;

    private PostgresDatabase(NpgsqlDataSource dataSource) => DataSource = dataSource;

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Postgres;

    /// <summary>For what needs a connection of its own, such as listening.</summary>
    internal NpgsqlDataSource DataSource { get; }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => DataSource.DisposeAsync();

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
                return new Written<T>(result, []);
            // A commit that is called off on its way may still happen: from here on it is waited for.
            await transaction.CommitAsync(CancellationToken.None);
            return new Written<T>(result, session.Committed);
        }
        finally
        {
            session.End();
        }
    }

    private async Task<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        await DataSource.OpenConnectionAsync(cancellationToken);

    private static bool IsConflict(Exception exception) => exception is SqlRetryException
        or PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };
}
