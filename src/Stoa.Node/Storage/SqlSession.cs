using System.Data.Common;

namespace Stoa.Node.Storage;

/// <summary>The statements of one act, inside its transaction. Used by one flow of control at a time, and not after the act.</summary>
/// <remarks>
/// SQL is written in the common subset of SQLite and PostgreSQL with the tokens of <see cref="SqlDialect"/>. Parameters
/// are the properties of an object (or the entries of a dictionary), named with an at sign: <c>@id</c>. Write statements as
/// constants: each is prepared once per connection and kept.
/// </remarks>
public abstract class SqlSession
{
    private readonly List<Action> _committed = [];
    private readonly Dictionary<string, long> _raised = new(StringComparer.Ordinal);
    private bool _ended;

    private protected SqlSession(SqlDialect dialect, CancellationToken cancellationToken) =>
        (Dialect, CancellationToken) = (dialect, cancellationToken);

    /// <summary>How the database differs from the common subset.</summary>
    public SqlDialect Dialect { get; }

    /// <summary>The token of the act; every statement heeds it.</summary>
    public CancellationToken CancellationToken { get; }

    internal bool IsAbandoned { get; private set; }

    internal IReadOnlyList<Action> Committed => IsAbandoned ? [] : _committed;

    internal IEnumerable<KeyValuePair<string, long>> Raised => IsAbandoned ? [] : _raised;

    /// <summary>Has all writes of this act rolled back although it returns normally, for instance with a refusal.</summary>
    public void Abandon() => IsAbandoned = true;

    /// <summary>Has an action called once the act is committed and durable, before its caller goes on; never when it is rolled back.</summary>
    /// <param name="action">Short, and does not throw: what it would undo is already written.</param>
    public void OnCommitted(Action action) => _committed.Add(action);

    /// <summary>Raises a signal of the database at this node once the act is committed, before its caller goes on. Other nodes learn of it by pg_notify on the
    /// channel of the topic's name, which the act sends itself.</summary>
    /// <param name="topic">A constant: lower-case letters and underscores.</param>
    /// <param name="value">What the signal is raised to, unless it is there already.</param>
    public void RaiseOnCommit(string topic, long value)
    {
        ArgumentNullException.ThrowIfNull(topic);
        _raised[topic] = Math.Max(value, _raised.GetValueOrDefault(topic, long.MinValue));
    }

    /// <summary>Runs a statement and answers how many rows it changed.</summary>
    public Task<int> ExecuteAsync(string sql, object? parameters = null) => RunAsync(Start(sql), parameters);

    /// <summary>Runs a statement of which nothing is asked but that it does not fail.</summary>
    /// <remarks>On PostgreSQL it waits for the next statement that is asked something, or for the commit, and goes with it in one round trip. A failure is thrown there.</remarks>
    /// <param name="sql">A SELECT, INSERT, UPDATE, DELETE or SET without comments: of these it is known which give rows.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <exception cref="ArgumentException">It is another statement. Execute it.</exception>
    public Task SendAsync(string sql, object? parameters = null) => SendOneAsync(StartSent(sql), parameters);

    /// <summary>The same for each of the parameter objects.</summary>
    public async Task SendEachAsync(string sql, IEnumerable<object> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var statement = StartSent(sql);
        foreach (var one in parameters)
            await SendOneAsync(statement, one);
    }

    /// <summary>The same for many rows of one statement.</summary>
    public Task SendRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        ArgumentNullException.ThrowIfNull(statement);
        ArgumentNullException.ThrowIfNull(rows);
        ThrowIfOver();
        return rows.Count == 0 ? Task.CompletedTask : SendAllAsync(statement, rows);
    }

    /// <summary>Runs one statement for each of the parameter objects, in one round trip where the database can, and answers how many rows were changed in all.</summary>
    public Task<int> ExecuteEachAsync(string sql, IEnumerable<object> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return RunEachAsync(Start(sql), parameters);
    }

    /// <summary>Writes many rows by one statement and answers, for each in order, whether it was written.</summary>
    public Task<bool[]> ExecuteRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows)
    {
        ArgumentNullException.ThrowIfNull(statement);
        ArgumentNullException.ThrowIfNull(rows);
        ThrowIfOver();
        return rows.Count == 0 ? Task.FromResult<bool[]>([]) : RunRowsAsync(statement, rows);
    }

    /// <summary>Runs a query and answers all its rows.</summary>
    /// <typeparam name="T">A value that fits in one column, a tuple (read by position), or a record whose constructor's
    /// parameters bear the names of the columns, case and underscores ignored.</typeparam>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        await ReadAsync<T>(Start(sql), parameters, int.MaxValue);

    /// <summary>The first row, or the default of <typeparamref name="T"/> when there is none. Ask for <c>long?</c> rather than <c>long</c>.</summary>
    public async Task<T?> QueryFirstOrDefaultAsync<T>(string sql, object? parameters = null)
    {
        var rows = await ReadAsync<T>(Start(sql), parameters, 1);
        return rows.Count == 0 ? default : rows[0];
    }

    /// <summary>The only row.</summary>
    /// <exception cref="InvalidOperationException">There is none, or more than one.</exception>
    public async Task<T> QuerySingleAsync<T>(string sql, object? parameters = null)
    {
        var rows = await ReadAsync<T>(Start(sql), parameters, 2);
        return rows.Count == 1
            ? rows[0]
            : throw new InvalidOperationException($"One row was expected of a query that gave {(rows.Count == 0 ? "none" : "more")}.");
    }

    internal void End() => _ended = true;

    private protected abstract Task<int> RunAsync(SqlStatement statement, object? parameters);

    private protected abstract Task SendOneAsync(SqlStatement statement, object? parameters);

    private protected abstract Task SendAllAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows);

    private protected abstract Task<List<T>> ReadAsync<T>(SqlStatement statement, object? parameters, int limit);

    private protected abstract Task<int> RunEachAsync(SqlStatement statement, IEnumerable<object> parameters);

    private protected abstract Task<bool[]> RunRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows);

    /// <summary>Reads so many rows of the result that a reader stands at.</summary>
    private protected async Task<List<T>> ReadRowsAsync<T>(SqlStatement statement, DbDataReader reader, int limit)
    {
        List<T> rows = [];
        Func<DbDataReader, T>? readRow = null;
        while (rows.Count < limit && await reader.ReadAsync(CancellationToken))
        {
            readRow ??= statement.GetRowReader<T>(reader);
            rows.Add(readRow(reader));
        }

        return rows;
    }

    private SqlStatement Start(string sql)
    {
        ArgumentNullException.ThrowIfNull(sql);
        ThrowIfOver();
        return Dialect.GetStatement(sql);
    }

    private SqlStatement StartSent(string sql)
    {
        var statement = Start(sql);
        return statement.GivesRows is null
            ? throw new ArgumentException("Only a SELECT, INSERT, UPDATE, DELETE or SET without comments can be sent, since of others it is not known whether they give rows.", nameof(sql))
            : statement;
    }

    private void ThrowIfOver()
    {
        if (_ended)
            throw new InvalidOperationException("The act of this session has ended.");
        CancellationToken.ThrowIfCancellationRequested();
    }
}
