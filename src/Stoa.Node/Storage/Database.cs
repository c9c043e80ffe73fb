using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Stoa.Node.Storage;

/// <summary>The database of a cell. An act is a function over a session: all of its statements commit together, or none do.</summary>
/// <remarks>
/// An act may be run more than once before its result is answered (PostgreSQL, after a serialisation failure), so it
/// touches nothing but its session and its own locals. It never calls the database again: it would wait for itself.
/// <para>On SQLite acts run one after another. On PostgreSQL they run side by side at isolation level READ COMMITTED,
/// so a decision is guarded by the row that it read: with <c>{for update}</c>, a conditional update or a unique
/// index.</para>
/// </remarks>
public abstract class Database : IAsyncDisposable
{
    // Flows into acts and all that they await; a call from inside one is a bug that would otherwise show as a hang.
    private static readonly AsyncLocal<bool> s_insideAct = new();

    private readonly ConcurrentDictionary<string, Signal> _signals = new(StringComparer.Ordinal);

    /// <summary>Names this opening of the database, as no other was or will be.</summary>
    public string Boot { get; } = Guid.NewGuid().ToString("n");

    /// <summary>How this database differs from the common subset of SQL.</summary>
    public abstract SqlDialect Dialect { get; }

    /// <summary>Opens the database of the options and brings its schema up to this version.</summary>
    /// <exception cref="StorageUnusableException">The options are wrong, the data is in use by another node, or the schema is newer or altered.</exception>
    public static async Task<Database> OpenAsync(
        StorageOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        var errors = options.Validate().ToList();
        if (errors.Count > 0)
            throw new StorageUnusableException(string.Join(" ", errors));

        Database database = options.Provider == StorageProvider.Sqlite
            ? SqliteDatabase.Open(options)
            : PostgresDatabase.Open(options);
        try
        {
            await Migrations.ApplyAsync(database, Migrations.Embedded, time, cancellationToken);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs an act in one transaction and answers once its commit is durable.</summary>
    /// <remarks>When the act throws, or abandons its session, nothing of it is written. A token that is cancelled before
    /// the act has ended stops it; after that the act is committed and answered whatever the token says.</remarks>
    /// <exception cref="InvalidOperationException">Called from inside an act.</exception>
    /// <exception cref="CommitUnknownException">The act was committed or undone, and nobody could say which.</exception>
    public async Task<T> WriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(act);
        ThrowIfInsideAct();
        var (result, session) = await RunWriteAsync(act, cancellationToken);
        foreach (var action in session.Committed)
            action();
        foreach (var (topic, value) in session.Raised)
            GetSignal(topic).Raise(value);
        return result;
    }

    /// <inheritdoc cref="WriteAsync{T}"/>
    public Task WriteAsync(Func<SqlSession, Task> act, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(act);
        return WriteAsync(
            async session =>
            {
                await act(session);
                return true;
            },
            cancellationToken);
    }

    /// <summary>Runs queries over one unchanging snapshot that holds every commit answered before. Reads run side by side.</summary>
    /// <exception cref="InvalidOperationException">Called from inside an act.</exception>
    public Task<T> ReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(act);
        ThrowIfInsideAct();
        return RunReadAsync(act, cancellationToken);
    }

    /// <summary>The signal of a topic that acts raise by <see cref="SqlSession.RaiseOnCommit"/>.</summary>
    public Signal GetSignal(string topic) => _signals.GetOrAdd(topic, _ => new Signal());

    /// <summary>Has the server end the sessions of another opening, whose process is gone or paused: what it had under way is undone, and nobody waits for its locks any more.</summary>
    /// <param name="boot">The other's <see cref="Boot"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public abstract Task EndSessionsAsync(string boot, CancellationToken cancellationToken);

    /// <summary>Has what was deleted and overwritten disappear from the files of the database as well, as far as that can be done while others go on.</summary>
    /// <param name="tables">Where it was.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public abstract Task ScrubAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken);

    /// <summary>Stops taking acts, finishes those that were taken, and lets go of the data.</summary>
    [SuppressMessage("Usage", "CA1816", Justification = "No finalizer: the operating system frees what a crash leaves.")]
    public abstract ValueTask DisposeAsync();

    private protected abstract Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken);

    private protected abstract Task<T> RunReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken);

    /// <summary>Marks all that runs from here on in this flow of control as the inside of an act.</summary>
    private protected static void EnterAct() => s_insideAct.Value = true;

    private static void ThrowIfInsideAct()
    {
        if (s_insideAct.Value)
            throw new InvalidOperationException("An act uses its own session; it does not call the database again.");
    }

    /// <summary>The result of an act and its session, whose writes are durable or, when it was abandoned, gone.</summary>
    private protected readonly record struct Written<T>(T Result, SqlSession Session);
}
