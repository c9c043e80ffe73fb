using System.Globalization;
using System.Net.Sockets;
using Npgsql;

namespace Stoa.Node.Storage;

/// <summary>A PostgreSQL server, shared by the nodes of a cell.</summary>
/// <remarks>Writing acts run at READ COMMITTED, reading ones at REPEATABLE READ. A serialisation failure (40001), a deadlock (40P01) or a
/// <see cref="SqlRetryException"/> runs the act again, and so does a row that a unique constraint named <c>…_retry</c> refuses: somebody has committed the same
/// meanwhile, and the act sees it then. It runs
/// from its start, a bounded number of times.</remarks>
public sealed class PostgresDatabase : Database
{
    private const int MaxAttempts = 12;
    private const int MaxPreparedStatements = 300;

    // The server keeps 63 bytes of the name of a session, and the boot behind it takes 33.
    private const int MaxNameLength = 30;

    // A node that is paused in the middle of an act holds locks that all others wait for, the event stream's among them. Acts do nothing but their
    // statements, so who says nothing for so long is gone; the server ends the session, and a node that wakes runs the act again.
    private const int IdleInActMs = 2_000;

    // What the server calls that.
    private const string IdleInActTimeout = "25P03";

    private readonly NpgsqlDataSource _dataSource;

    private PostgresDatabase(NpgsqlConnectionStringBuilder connection)
    {
        var name = connection.ApplicationName ?? "stoa";
        connection.ApplicationName = $"{(name.Length > MaxNameLength ? name[..MaxNameLength] : name)}-{Boot}";
        _dataSource = NpgsqlDataSource.Create(connection);
    }

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Postgres;

    /// <inheritdoc/>
    public override Task EndSessionsAsync(string boot, CancellationToken cancellationToken) => ReadAsync(
        session => session.QueryAsync<bool>(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE @name AND pid <> pg_backend_pid()", new { name = "%-" + boot }),
        cancellationToken);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _dataSource.DisposeAsync();

    /// <inheritdoc/>
    /// <remarks>Rows of before are taken out of their tables. What the server keeps besides, in its log and in backups, is the operator's to let go.</remarks>
    public override Task ScrubAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken) => VacuumAsync(tables, cancellationToken);

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

    /// <summary>Clears tables of rows that nobody sees any more, beside their readers and writers. One that is being cleared already is left out.</summary>
    /// <param name="tables">Constants.</param>
    /// <param name="cancellationToken">Stops it.</param>
    internal async Task VacuumAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken)
    {
        await using var connection = await OpenConnectionAsync(cancellationToken);
        await using var vacuum = new NpgsqlCommand($"VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {string.Join(", ", tables)}", connection);
        await vacuum.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Opens the pool; the schema stays as it is.</summary>
    internal static PostgresDatabase Open(StorageOptions options)
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString) { MaxAutoPrepare = MaxPreparedStatements, Enlist = false };
            // Every statement of an act finds its rows by an index. Of a table without statistics, as it is after its first thousands of rows, the planner
            // thinks that it is small and reads all of it.
            connection.Options = $"{connection.Options} -c idle_in_transaction_session_timeout={IdleInActMs} -c enable_seqscan=off -c jit=off".TrimStart();
            return new PostgresDatabase(connection);
        }
        catch (ArgumentException wrong)
        {
            throw new StorageUnusableException($"Storage:ConnectionString is not a PostgreSQL connection string: {wrong.Message}", wrong);
        }
    }

    private protected override async Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        EnterAct();
        var mayReconnect = true;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await RunOnceAsync(act, cancellationToken);
            }
            catch (BrokenConnectionException) when (mayReconnect)
            {
                mayReconnect = false;
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
        try
        {
            return await ReadOnceAsync(act, cancellationToken);
        }
        catch (BrokenConnectionException)
        {
            return await ReadOnceAsync(act, cancellationToken);
        }
    }

    private async Task<T> ReadOnceAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        await using var connection = await OpenConnectionAsync(cancellationToken);
        var session = new PostgresSession(connection, cancellationToken);
        try
        {
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
            await session.SendAsync("SET TRANSACTION READ ONLY");
            return await act(session);
        }
        catch (Exception broken) when (IsBroken(connection, broken))
        {
            throw new BrokenConnectionException(broken);
        }
        finally
        {
            session.End();
        }
    }

    private async Task<Written<T>> RunOnceAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        await using var connection = await OpenConnectionAsync(cancellationToken);
        var session = new PostgresSession(connection, cancellationToken);
        var isCommitting = false;
        try
        {
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellationToken);
            var result = await act(session);
            if (session.IsAbandoned)
                return new Written<T>(result, session);
            // The act has ended: whatever its token says from here on, it is committed.
            await session.FlushAsync(CancellationToken.None);
            isCommitting = true;
            await transaction.CommitAsync(CancellationToken.None);
            return new Written<T>(result, session);
        }
        catch (Exception broken) when (IsBroken(connection, broken))
        {
            throw isCommitting && !HadEndedBefore(broken)
                ? new CommitUnknownException($"The connection to the database broke at the commit, which may have happened: {broken.Message}", broken)
                : new BrokenConnectionException(broken);
        }
        finally
        {
            session.End();
        }
    }

    private async Task<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        await _dataSource.OpenConnectionAsync(cancellationToken);

    /// <summary>Whether the connection broke under an act. Npgsql has several words for it, some of them of its own parts; those may be disposed of a moment
    /// before the connection says that it is not open any more, and an act has nothing else that could be.</summary>
    private static bool IsBroken(NpgsqlConnection connection, Exception exception) =>
        exception is ObjectDisposedException
        || (exception is NpgsqlException or InvalidOperationException && connection.FullState is not System.Data.ConnectionState.Open);

    /// <summary>Whether the session was over before the server began with what was sent last: it says that nothing came for too long, or its end of the
    /// connection was closed when this one wrote. That an operator has ended the session (57P01) it may say after a commit too.</summary>
    private static bool HadEndedBefore(Exception broken)
    {
        for (var cause = broken; cause is not null; cause = cause.InnerException)
        {
            if (cause is PostgresException { SqlState: IdleInActTimeout }
                or SocketException { SocketErrorCode: SocketError.Shutdown })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The connection broke before a commit was sent, as those in the pool do when the server restarts: nothing was done, and it can be tried over another one.</summary>
    private sealed class BrokenConnectionException(Exception cause)
        : IOException($"The connection to the database broke: {cause.Message}", cause);

    private static bool IsConflict(Exception exception) => exception is SqlRetryException
        || (exception is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: { } constraint } && constraint.EndsWith("_retry", StringComparison.Ordinal))
        || exception is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };
}
