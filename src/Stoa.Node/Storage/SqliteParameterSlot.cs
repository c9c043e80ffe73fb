using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Stoa.Primitives;

namespace Stoa.Node.Storage;

/// <summary>One parameter of one prepared statement that is stepped through many rows. Bindings outlive a step, so what did not change since the row before is left.</summary>
internal abstract class SqliteParameterSlot<T>
{
    /// <summary>Binds the value of a row.</summary>
    /// <param name="statement">The prepared statement.</param>
    /// <param name="place">From 1.</param>
    /// <param name="row">Gives the value.</param>
    /// <returns>SQLite's result code.</returns>
    public abstract int Bind(nint statement, int place, T row);
}

/// <summary>A parameter that is an integer or null.</summary>
internal sealed class SqliteIntegerSlot<T>(Func<T, long?> get) : SqliteParameterSlot<T>
{
    // Parameters of a fresh statement are null.
    private long? _bound;

    public override int Bind(nint statement, int place, T row)
    {
        var value = get(row);
        if (value == _bound)
            return raw.SQLITE_OK;
        _bound = value;
        return value is { } integer ? SqliteNative.sqlite3_bind_int64(statement, place, integer) : SqliteNative.sqlite3_bind_null(statement, place);
    }
}

/// <summary>A parameter that is text or null.</summary>
/// <remarks>The bytes lie in a buffer of the slot that does not move, so SQLite need not copy them before they go into the row.</remarks>
internal sealed class SqliteTextSlot<T, TValue>(Func<T, TValue> get) : SqliteParameterSlot<T>
{
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(80, pinned: true);
    private TValue? _bound;
    private bool _isBound;

    public override unsafe int Bind(nint statement, int place, T row)
    {
        var value = get(row);
        if (_isBound && EqualityComparer<TValue>.Default.Equals(value, _bound))
            return raw.SQLITE_OK;
        _isBound = false;
        if (value?.ToString() is not { } text)
            return Keep(value, SqliteNative.sqlite3_bind_null(statement, place));
        if (!Encoding.UTF8.TryGetBytes(text, _buffer, out var length))
        {
            _buffer = GC.AllocateUninitializedArray<byte>(Encoding.UTF8.GetMaxByteCount(text.Length), pinned: true);
            length = Encoding.UTF8.GetBytes(text, _buffer);
        }

        fixed (byte* bytes = _buffer)
            return Keep(value, SqliteNative.sqlite3_bind_text(statement, place, bytes, length, SqliteNative.Static));
    }

    private int Keep(TValue value, int code)
    {
        (_bound, _isBound) = (value, code == raw.SQLITE_OK);
        return code;
    }
}

/// <summary>A parameter that is an id or null.</summary>
internal sealed class SqliteIdSlot<T, TId>(Func<T, Id<TId>?> get) : SqliteParameterSlot<T> where TId : IIdentified
{
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(TypeId.MaxLength, pinned: true);

    // Parameters of a fresh statement are null.
    private Id<TId>? _bound;

    public override unsafe int Bind(nint statement, int place, T row)
    {
        var value = get(row);
        if (value == _bound)
            return raw.SQLITE_OK;
        // What is bound points into the buffer: nothing is until it is bound anew.
        _bound = null;
        if (value is not { } id)
            return SqliteNative.sqlite3_bind_null(statement, place);
        id.TryFormat(_buffer, out var length);
        int code;
        fixed (byte* bytes = _buffer)
            code = SqliteNative.sqlite3_bind_text(statement, place, bytes, length, SqliteNative.Static);
        if (code == raw.SQLITE_OK)
            _bound = id;
        else
            _ = SqliteNative.sqlite3_bind_null(statement, place);
        return code;
    }
}

/// <summary>A parameter that is a UUID.</summary>
internal sealed class SqliteUuidSlot<T>(Func<T, Guid> get) : SqliteParameterSlot<T>
{
    private const int Size = 16;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Size, pinned: true);
    private bool _isBound;

    public override unsafe int Bind(nint statement, int place, T row)
    {
        // What is bound points into the buffer, so what is written there is bound.
        get(row).TryWriteBytes(_buffer, bigEndian: true, out _);
        if (_isBound)
            return raw.SQLITE_OK;
        int code;
        fixed (byte* bytes = _buffer)
            code = SqliteNative.sqlite3_bind_blob(statement, place, bytes, Size, SqliteNative.Static);
        _isBound = code == raw.SQLITE_OK;
        return code;
    }
}

/// <summary>A parameter that is bytes or null.</summary>
internal sealed class SqliteBytesSlot<T>(Func<T, byte[]?> get) : SqliteParameterSlot<T>
{
    public override unsafe int Bind(nint statement, int place, T row)
    {
        if (get(row) is not { } bytes)
            return SqliteNative.sqlite3_bind_null(statement, place);
        // A null address would be null, not no bytes.
        if (bytes.Length == 0)
            return SqliteNative.sqlite3_bind_zeroblob(statement, place, 0);
        fixed (byte* first = bytes)
            return SqliteNative.sqlite3_bind_blob(statement, place, first, bytes.Length, SqliteNative.Transient);
    }
}

/// <summary>A statement that is stepped through many rows, prepared for one connection.</summary>
internal sealed class SqliteRowsCommand<T>(sqlite3 database, sqlite3_stmt prepared, IReadOnlyList<SqlField<T>> fields) : IDisposable
{
    private readonly SqliteParameterSlot<T>[] _slots = [.. fields.Select(field => field.ToSlot())];

    /// <summary>Runs the statement for each row and says of each whether it was written.</summary>
    /// <exception cref="SqliteException">SQLite refused a row.</exception>
    public bool[] Run(IReadOnlyList<T> rows)
    {
        var (connection, statement) = (database.DangerousGetHandle(), prepared.DangerousGetHandle());
        var written = new bool[rows.Count];
        for (var row = 0; row < rows.Count; row++)
        {
            for (var slot = 0; slot < _slots.Length; slot++)
                Check(_slots[slot].Bind(statement, slot + 1, rows[row]));
            var stepped = SqliteNative.sqlite3_step(statement);
            var changed = SqliteNative.sqlite3_changes(connection);
            // Answers the same error again when the step failed; either way the statement is ready for the next row.
            Check(SqliteNative.sqlite3_reset(statement));
            written[row] = stepped == raw.SQLITE_DONE && changed > 0;
        }

        return written;
    }

    public void Dispose() => prepared.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
            SqliteException.ThrowExceptionForRC(code, database);
    }
}
