using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Stoa.Node.Storage;

/// <summary>Moves pages from the write-ahead log into the file, on a thread of its own, while the writer goes on.</summary>
/// <remarks>
/// SQLite on its own has the commit that finds the log long move all of it: under load a sixth of the writer's time. Here the writer only says how long the log is.
/// A log to which something is always added is never moved as a whole, and so never begun anew; when it is three times as long as it may be, the writer
/// waits for the little that is left.
/// </remarks>
internal sealed unsafe class SqliteCheckpoints : IDisposable
{
    /// <summary>From this many pages on the log is moved: 32 MB, so that pages that are written again and again are moved once.</summary>
    public const int Begin = 4096;

    /// <summary>At this many pages the writer waits.</summary>
    public const int Most = 3 * Begin;

    // How much longer than at the last time the log has to be.
    private const int Step = Begin / 2;

    private static readonly SqlStatement s_checkpoint = new("PRAGMA wal_checkpoint(PASSIVE)");
    private static readonly SqlStatement s_short = new("PRAGMA busy_timeout = 200");
    private static readonly SqlStatement s_long = new("PRAGMA busy_timeout = 10000");

    private readonly SqliteCommands _writer;
    private readonly SqliteCommands _own;
    private readonly int* _pages = (int*)NativeMemory.AllocZeroed(sizeof(int));
    private readonly Lock _moving = new();
    private readonly AutoResetEvent _wanted = new(initialState: false);
    private readonly Thread _thread;
    private int _askedAt;
    private volatile bool _isEnding;

    /// <param name="writer">The connection that writes. It stays the caller's.</param>
    /// <param name="own">Another one to the same file; becomes this object's own.</param>
    public SqliteCheckpoints(SqliteCommands writer, SqliteConnection own)
    {
        _writer = writer;
        _own = new SqliteCommands(own);
        // The hook takes the place of SQLite's own checkpoints.
        SqliteNative.sqlite3_wal_hook(writer.Connection.Handle!.DangerousGetHandle(), &TakeLength, _pages);
        _thread = new Thread(Run) { Name = "SQLite log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Called by the writer behind each commit, when those who wait have their answers.</summary>
    public void AfterCommit()
    {
        var pages = *_pages;
        if (pages < _askedAt)
            _askedAt = 0;
        if (pages >= Most)
        {
            lock (_moving)
                TryMove(_writer);
        }
        else if (pages >= Begin && pages >= _askedAt + Step)
        {
            _askedAt = pages;
            _wanted.Set();
        }
    }

    /// <summary>Moves all of the log into the file and cuts it off.</summary>
    /// <returns>False when readers or the writer were in the way.</returns>
    public bool TruncateLog()
    {
        lock (_moving)
        {
            // It holds the writer up while it waits for readers, so it waits for a moment only.
            _own.Run(s_short);
            try
            {
                using var command = _own.Connection.CreateCommand();
                command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
                using var row = command.ExecuteReader();
                return row.Read() && row.GetInt64(0) == 0;
            }
            catch (SqliteException)
            {
                return false;
            }
            finally
            {
                _own.Run(s_long);
            }
        }
    }

    /// <summary>Ends the thread; what is in the log stays there.</summary>
    public void Dispose()
    {
        if (_isEnding)
            return;
        _isEnding = true;
        _wanted.Set();
        _thread.Join();
        SqliteNative.sqlite3_wal_hook(_writer.Connection.Handle!.DangerousGetHandle(), null, null);
        NativeMemory.Free(_pages);
        _own.Dispose();
        _wanted.Dispose();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int TakeLength(void* pages, nint connection, byte* database, int length)
    {
        *(int*)pages = length;
        return 0;
    }

    private void Run()
    {
        while (true)
        {
            _wanted.WaitOne();
            if (_isEnding)
                return;
            lock (_moving)
                TryMove(_own);
        }
    }

    private static void TryMove(SqliteCommands commands)
    {
        try
        {
            commands.Run(s_checkpoint);
        }
        catch (SqliteException)
        {
            // A full disk, say. Every commit is durable in the log, and the next time comes soon.
        }
    }
}
