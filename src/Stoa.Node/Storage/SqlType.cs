using System.Collections;
using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using Npgsql;
using Stoa.Primitives;

namespace Stoa.Node.Storage;

/// <summary>The column types of the common subset.</summary>
internal enum SqlColumn
{
    Text,
    BigInt,
    Boolean,
    Double,
    Blob,
    Uuid,
    TextList,
    BigIntList,
    UuidList,
}

/// <summary>How values of one .NET type are written into columns and read back.</summary>
/// <remarks>
/// Integers, booleans, doubles, strings, UUIDs and byte arrays are as they are. A <see cref="DateTimeOffset"/> is Unix
/// milliseconds, money is nanodollars, an enum is its name; every other type that parses from text (ids, hashes, keys) is that text.
/// A sequence of any of them is a list, for <c>IN @list</c>.
/// </remarks>
internal sealed record SqlType(SqlColumn Column, Func<object, object> ToSql)
{
    private static readonly ConcurrentDictionary<Type, SqlType?> s_known = new();

    /// <summary>Whether a value of the type fits in one column.</summary>
    public static bool IsKnown(Type type) => Find(type) is not null;

    /// <exception cref="NotSupportedException">No column holds such a value.</exception>
    public static SqlType Of(Type type) =>
        Find(type) ?? throw new NotSupportedException($"No SQL column holds a {type}; hand over a string, an integer, a boolean, a double or bytes.");

    /// <summary>The expression that reads a column of the current row as <paramref name="type"/>.</summary>
    public static Expression ReadColumn(Type type, bool mayBeNull, ParameterExpression reader, int ordinal)
    {
        var index = Expression.Constant(ordinal);
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        var value = ReadValue(inner, reader, index);
        if (value.Type != type)
            value = Expression.Convert(value, type);
        return mayBeNull || inner != type
            ? Expression.Condition(Expression.Call(reader, "IsDBNull", null, index), Expression.Default(type), value)
            : value;
    }

    private static Expression ReadValue(Type type, ParameterExpression reader, ConstantExpression index)
    {
        Expression Get(string method) => Expression.Call(reader, method, null, index);
        Expression Own(string method, string getter) => Expression.Call(typeof(SqlType), method, [type], Get(getter));

        if (type == typeof(string))
            return Get("GetString");
        if (type == typeof(long))
            return Get("GetInt64");
        if (type == typeof(int))
            return Get("GetInt32");
        if (type == typeof(bool))
            return Get("GetBoolean");
        if (type == typeof(double))
            return Get("GetDouble");
        if (type == typeof(byte[]))
            return Expression.Call(reader, "GetFieldValue", [typeof(byte[])], index);
        if (type == typeof(Guid))
            return Expression.Call(typeof(SqlType), nameof(ReadUuid), null, reader, index);
        if (type == typeof(DateTimeOffset))
            return Expression.Call(typeof(DateTimeOffset), nameof(DateTimeOffset.FromUnixTimeMilliseconds), null, Get("GetInt64"));
        if (type == typeof(Money))
            return Expression.New(typeof(Money).GetConstructor([typeof(long)])!, Get("GetInt64"));
        if (type.IsEnum)
            return Own(nameof(ParseEnum), "GetString");
        return IsParsable(type) ? Own(nameof(ParseText), "GetString") : throw new NotSupportedException($"No SQL column is read as a {type}.");
    }

    private static SqlType? Find(Type type) => s_known.GetOrAdd(Nullable.GetUnderlyingType(type) ?? type, Make);

    private static SqlType? Make(Type type)
    {
        if (type == typeof(string))
            return new SqlType(SqlColumn.Text, value => value);
        if (type == typeof(long))
            return new SqlType(SqlColumn.BigInt, value => value);
        if (type == typeof(int))
            return new SqlType(SqlColumn.BigInt, value => (long)(int)value);
        if (type == typeof(bool))
            return new SqlType(SqlColumn.Boolean, value => value);
        if (type == typeof(double))
            return new SqlType(SqlColumn.Double, value => value);
        if (type == typeof(byte[]))
            return new SqlType(SqlColumn.Blob, value => value);
        if (type == typeof(Guid))
            return new SqlType(SqlColumn.Uuid, value => value);
        if (type == typeof(DateTimeOffset))
            return new SqlType(SqlColumn.BigInt, value => ((DateTimeOffset)value).ToUnixTimeMilliseconds());
        if (type == typeof(Money))
            return new SqlType(SqlColumn.BigInt, value => ((Money)value).Nanodollars);
        if (type.IsEnum || IsParsable(type))
            return new SqlType(SqlColumn.Text, WriteText);
        return MakeList(type);
    }

    private static SqlType? MakeList(Type type)
    {
        var sequence = type.GetInterfaces().Append(type)
            .FirstOrDefault(candidate => candidate.IsGenericType && candidate.GetGenericTypeDefinition() == typeof(IEnumerable<>));
        return sequence is null || Find(sequence.GenericTypeArguments[0]) is not { } element
            ? null
            : element.Column switch
            {
                SqlColumn.Text => new SqlType(SqlColumn.TextList, value => WriteList<string>(value, element)),
                SqlColumn.Uuid => new SqlType(SqlColumn.UuidList, value => WriteList<Guid>(value, element)),
                SqlColumn.BigInt => new SqlType(SqlColumn.BigIntList, value => WriteList<long>(value, element)),
                _ => null,
            };
    }

    /// <summary>The text of a list for SQLite's <c>json_each</c>; of UUIDs, for its <c>unhex</c> too.</summary>
    public static string ListToJson(object list) => list is Guid[] uuids
        ? JsonSerializer.Serialize(Array.ConvertAll(uuids, uuid => Convert.ToHexString(uuid.ToByteArray(bigEndian: true))))
        : JsonSerializer.Serialize(list, list.GetType());

    // SQLite has no type of its own for them.
    private static Guid ReadUuid(DbDataReader reader, int ordinal) =>
        reader is NpgsqlDataReader ? reader.GetGuid(ordinal) : new Guid(reader.GetFieldValue<byte[]>(ordinal), bigEndian: true);

    private static T[] WriteList<T>(object list, SqlType element) =>
        [.. ((IEnumerable)list).Cast<object>().Select(value => (T)element.ToSql(value))];

    private static string WriteText(object value) =>
        value is IFormattable formattable ? formattable.ToString(null, CultureInfo.InvariantCulture) : value.ToString()!;

    private static T ParseText<T>(string text) where T : IParsable<T> => T.Parse(text, CultureInfo.InvariantCulture);

    private static T ParseEnum<T>(string text) where T : struct, Enum => Enum.Parse<T>(text);

    // Numbers parse from text too, and are not to become text unnoticed.
    private static bool IsParsable(Type type) =>
        !type.IsPrimitive && type != typeof(decimal) && type != typeof(DateTime) && type.GetInterfaces().Any(candidate =>
            candidate.IsGenericType && candidate.GetGenericTypeDefinition() == typeof(IParsable<>) && candidate.GenericTypeArguments[0] == type);
}
