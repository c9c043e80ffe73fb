using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Stoa.Node.Storage;

/// <summary>The one writer of an SQLite file: a thread that takes what has queued up, runs each act in a savepoint, commits all with one fsync, then answers.</summary>
/// <remarks>
/// There is no delay to gather acts: those that arrive while the disk is busy are the next group. So a lone act
/// costs one fsync, and a thousand at once cost little more. Statements run synchronously inside Microsoft.Data.Sqlite whatever
/// their names say; a thread of its own keeps them off the thread pool.
/// <para>No answer is given before the commit, not even of an act that failed or was abandoned: what it saw may have been
/// written by an act of the same group.</para>
/// </remarks>
internal sealed class SqliteWriter : IDisposable
{
    // Bounds how long the first of a group waits for the last under a load that never pauses.
    private const int MaxActsPerCommit = 1024;

    /// <summary>Of the thread that does all writing; short enough for the system to keep it whole.</summary>
    public const string ThreadName = "SQLite writer";

    private static readonly SqlStatement s_begin = new("BEGIN IMMEDIATE");
    private static readonly SqlStatement s_commit = new("COMMIT");
    private static readonly SqlStatement s_rollback = new("ROLLBACK");
    private static readonly SqlStatement s_openSavepoint = new("SAVEPOINT act");
    private static readonly SqlStatement s_releaseSavepoint = new("RELEASE act");
    private static readonly SqlStatement s_undoSavepoint = new("ROLLBACK TO act");

    private readonly SqliteCommands _commands;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly Action _enterAct;
    private readonly SemaphoreSlim _room;
    private readonly BlockingCollection<QueuedAct> _queue = [];
    private readonly Thread _thread;

    /// <param name="connection">The writing connection; becomes this object's own.</param>
    /// <param name="mover">Another one, by which the log is moved into the file; becomes this object's own.</param>
    /// <param name="maxQueued">How many acts may wait before callers are held back.</param>
    /// <param name="enterAct">Called once on the writer's thread: marks its flow of control as the inside of acts.</param>
    public SqliteWriter(SqliteConnection connection, SqliteConnection mover, int maxQueued, Action enterAct)
    {
        _commands = new SqliteCommands(connection);
        _checkpoints = new SqliteCheckpoints(_commands, mover);
        _enterAct = enterAct;
        _room = new SemaphoreSlim(maxQueued);
        _thread = new Thread(Run) { Name = ThreadName, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Queues an act and answers once it is durable, or undone.</summary>
    public async Task<(T Result, SqlSession Session)> RunAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        var queued = new QueuedAct<T>(act, cancellationToken);
        try
        {
            _queue.Add(queued, CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(nameof(SqliteDatabase));
        }
        return await queued.Answer;
    }

    /// <summary>Moves all of the log into the file and cuts it off, beside the writer.</summary>
    /// <returns>False when a reader or the writer was in the way for longer than a moment.</returns>
    public bool TruncateLog() => _checkpoints.TruncateLog();

    /// <summary>Finishes what is queued, moves the log into the file and closes it.</summary>
    public void Dispose()
    {
        if (_queue.IsAddingCompleted)
            return;
        _queue.CompleteAdding();
        _thread.Join();
        _checkpoints.Dispose();
        CheckpointLog();
        _commands.Dispose();
    }

    private void CheckpointLog()
    {
        try
        {
            _commands.Run(new SqlStatement("PRAGMA wal_checkpoint(TRUNCATE)"));
        }
        catch (SqliteException)
        {
            // Only tidiness: every commit is durable in the log, which the next start reads.
        }
    }

    private void Run()
    {
        _enterAct();
        var group = new List<QueuedAct>();
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            _room.Release();
            group.Add(first);
            try
            {
                RunGroup(group);
            }
            catch (Exception broken) when (broken is not OutOfMemoryException)
            {
                TryUndoGroup();
                foreach (var act in group)
                    act.AnswerBroken(broken);
            }
            group.Clear();
        }
    }

    private void RunGroup(List<QueuedAct> group)
    {
        // Of an earlier group that could not even be undone.
        UndoGroup();
        _commands.Run(s_begin);
        RunOne(group[0]);
        while (group.Count < MaxActsPerCommit && _queue.TryTake(out var next))
        {
            _room.Release();
            group.Add(next);
            RunOne(next);
        }
        _commands.Run(s_commit);
        foreach (var act in group)
            act.AnswerDone();
        _checkpoints.AfterCommit();
    }

    private void RunOne(QueuedAct act)
    {
        if (act.SkipIfCancelled())
            return;
        _commands.Run(s_openSavepoint);
        var keep = act.Run(_commands);
        // A full disk or the like makes SQLite roll back the transaction as a whole: then the group is lost with it.
        if (raw.sqlite3_get_autocommit(_commands.Connection.Handle!) != 0)
            throw new IOException("The SQLite database rolled back a group of acts.", act.Failure);
        if (!keep)
            _commands.Run(s_undoSavepoint);
        _commands.Run(s_releaseSavepoint);
    }

    private void TryUndoGroup()
    {
        try
        {
            UndoGroup();
        }
        catch (SqliteException)
        {
            // The disk does not even take that: the next group begins with it.
        }
    }

    private void UndoGroup()
    {
        if (raw.sqlite3_get_autocommit(_commands.Connection.Handle!) == 0)
            _commands.Run(s_rollback);
    }

    private abstract class QueuedAct
    {
        /// <summary>What the act threw, if it did.</summary>
        public abstract Exception? Failure { get; }

        public abstract bool SkipIfCancelled();

        /// <summary>Runs the act to its end and says whether its writes are to be kept.</summary>
        public abstract bool Run(SqliteCommands commands);

        public abstract void AnswerDone();

        public abstract void AnswerBroken(Exception broken);
    }

    private sealed class QueuedAct<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken) : QueuedAct
    {
        // Callers go on elsewhere: the writer's thread is for writing.
        private readonly TaskCompletionSource<(T, SqlSession)> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private ExceptionDispatchInfo? _failure;
        private SqlSession? _session;
        private T? _result;

        public Task<(T Result, SqlSession Session)> Answer => _answer.Task;

        public override Exception? Failure => _failure?.SourceException;

        public override bool SkipIfCancelled()
        {
            if (!cancellationToken.IsCancellationRequested)
                return false;
            _failure = ExceptionDispatchInfo.Capture(new OperationCanceledException(cancellationToken));
            return true;
        }

        public override bool Run(SqliteCommands commands)
        {
            _session = new SqliteSession(commands, cancellationToken);
            try
            {
                // Completed by now unless the act awaited something besides its statements; then the writer waits for it.
                _result = act(_session).GetAwaiter().GetResult();
                return !_session.IsAbandoned;
            }
            catch (Exception thrown) when (thrown is not OutOfMemoryException)
            {
                _failure = ExceptionDispatchInfo.Capture(thrown);
                return false;
            }
            finally
            {
                _session.End();
            }
        }

        public override void AnswerDone()
        {
            switch (_failure?.SourceException)
            {
                case null:
                    _answer.SetResult((_result!, _session!));
                    break;
                case OperationCanceledException cancelled when cancellationToken.IsCancellationRequested:
                    _answer.SetCanceled(cancelled.CancellationToken);
                    break;
                case var thrown:
                    _answer.SetException(thrown);
                    break;
            }
        }

        public override void AnswerBroken(Exception broken) => _answer.TrySetException(broken);
    }
}
