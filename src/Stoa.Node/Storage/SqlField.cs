using System.Diagnostics.CodeAnalysis;
using Npgsql;
using NpgsqlTypes;
using Stoa.Primitives;

namespace Stoa.Node.Storage;

/// <summary>One column of the rows of a <see cref="SqlRows{T}"/>, and how a row gives its value.</summary>
[SuppressMessage("Design", "CA1000", Justification = "The row's type is what the getters are about; it cannot be inferred from them.")]
public abstract class SqlField<T>
{
    private protected SqlField(string name) => Name = name;

    /// <summary>The column.</summary>
    public string Name { get; }

    /// <summary>A column of text.</summary>
    /// <param name="name">The column.</param>
    /// <param name="get">The value whose text it is: a string, or a hash and the like as itself. Then the text is only made when it is another one than in the row before.</param>
    public static SqlField<T> OfText<TValue>(string name, Func<T, TValue> get) => new TextField<TValue>(name, get);

    /// <summary>A column of ids.</summary>
    public static SqlField<T> OfId<TId>(string name, Func<T, Id<TId>> get) where TId : IIdentified => new IdField<TId>(name, row => get(row));

    /// <summary>A column of ids that may be missing.</summary>
    public static SqlField<T> OfId<TId>(string name, Func<T, Id<TId>?> get) where TId : IIdentified => new IdField<TId>(name, get);

    /// <summary>A column of UUIDs.</summary>
    public static SqlField<T> OfUuid(string name, Func<T, Guid> get) => new UuidField(name, get);

    /// <summary>A column of integers: also instants in Unix milliseconds, and money in nanodollars.</summary>
    public static SqlField<T> OfInteger(string name, Func<T, long?> get) => new IntegerField(name, get);

    /// <summary>A boolean column.</summary>
    public static SqlField<T> OfFlag(string name, Func<T, bool> get) => new FlagField(name, get);

    /// <summary>A column of bytes.</summary>
    public static SqlField<T> OfBytes(string name, Func<T, byte[]?> get) => new BytesField(name, get);

    /// <summary>The values of many rows as one argument.</summary>
    internal abstract NpgsqlParameter ToArray(IReadOnlyList<T> rows);

    /// <summary>Writes the value of a row into a copy.</summary>
    internal abstract void Copy(PostgresCopyWriter copy, T row);

    /// <summary>A place of a prepared statement that takes the value of one row after another.</summary>
    internal abstract SqliteParameterSlot<T> ToSlot();

    /// <summary>The text of a row's value.</summary>
    internal virtual string TextOf(T row) => throw new InvalidOperationException($"The column {Name} is not text.");

    private static NpgsqlParameter<TValue[]> Column<TValue>(IReadOnlyList<T> rows, Func<T, TValue> get, NpgsqlDbType type)
    {
        var values = new TValue[rows.Count];
        for (var row = 0; row < values.Length; row++)
            values[row] = get(rows[row]);
        return new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type };
    }

    private sealed class TextField<TValue>(string name, Func<T, TValue> get) : SqlField<T>(name)
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, row => get(row)?.ToString(), NpgsqlDbType.Text);

        internal override void Copy(PostgresCopyWriter copy, T row)
        {
            if (get(row)?.ToString() is { } text)
                copy.WriteText(text);
            else
                copy.WriteNull();
        }

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteTextSlot<T, TValue>(get);

        internal override string TextOf(T row) => get(row)!.ToString()!;
    }

    private sealed class IdField<TId>(string name, Func<T, Id<TId>?> get) : SqlField<T>(name) where TId : IIdentified
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, row => get(row)?.ToString(), NpgsqlDbType.Text);

        internal override void Copy(PostgresCopyWriter copy, T row)
        {
            if (get(row) is { } id)
                copy.WriteId(id);
            else
                copy.WriteNull();
        }

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteIdSlot<T, TId>(get);

        internal override string TextOf(T row) => get(row)!.Value.ToString();
    }

    private sealed class UuidField(string name, Func<T, Guid> get) : SqlField<T>(name)
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, get, NpgsqlDbType.Uuid);

        internal override void Copy(PostgresCopyWriter copy, T row) => copy.WriteUuid(get(row));

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteUuidSlot<T>(get);
    }

    private sealed class IntegerField(string name, Func<T, long?> get) : SqlField<T>(name)
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, get, NpgsqlDbType.Bigint);

        internal override void Copy(PostgresCopyWriter copy, T row)
        {
            if (get(row) is { } value)
                copy.WriteInteger(value);
            else
                copy.WriteNull();
        }

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteIntegerSlot<T>(get);
    }

    private sealed class FlagField(string name, Func<T, bool> get) : SqlField<T>(name)
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, get, NpgsqlDbType.Boolean);

        internal override void Copy(PostgresCopyWriter copy, T row) => copy.WriteFlag(get(row));

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteIntegerSlot<T>(row => get(row) ? 1 : 0);
    }

    private sealed class BytesField(string name, Func<T, byte[]?> get) : SqlField<T>(name)
    {
        internal override NpgsqlParameter ToArray(IReadOnlyList<T> rows) => Column(rows, get, NpgsqlDbType.Bytea);

        internal override void Copy(PostgresCopyWriter copy, T row)
        {
            if (get(row) is { } value)
                copy.WriteBytes(value);
            else
                copy.WriteNull();
        }

        internal override SqliteParameterSlot<T> ToSlot() => new SqliteBytesSlot<T>(get);
    }
}
