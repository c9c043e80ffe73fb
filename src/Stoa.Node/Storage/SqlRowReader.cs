using System.Data.Common;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Stoa.Node.Storage;

/// <summary>Makes the function that turns rows into values.</summary>
/// <remarks>
/// A type that fits in one column is read from the first. A tuple is read by position. Anything else is made by its
/// longest public constructor: each parameter takes the column of its name, case and underscores ignored. The getter
/// follows the parameter's type, not the column's, so both databases give the same record.
/// </remarks>
internal static class SqlRowReader
{
    private static readonly NullabilityInfoContext s_nullability = new();

    public static Func<DbDataReader, T> Compile<T>(DbDataReader open)
    {
        var reader = Expression.Parameter(typeof(DbDataReader), "reader");
        return Expression.Lambda<Func<DbDataReader, T>>(ReadRow(typeof(T), open, reader), reader).Compile();
    }

    private static Expression ReadRow(Type type, DbDataReader open, ParameterExpression reader)
    {
        if (SqlType.IsKnown(type))
            return SqlType.ReadColumn(type, mayBeNull: !type.IsValueType, reader, 0);

        var row = Nullable.GetUnderlyingType(type) ?? type;
        var byPosition = typeof(ITuple).IsAssignableFrom(row);
        var constructor = row.GetConstructors().MaxBy(candidate => candidate.GetParameters().Length)
            ?? throw new NotSupportedException($"{row} has no public constructor to be read by.");
        var arguments = constructor.GetParameters().Select(parameter => SqlType.ReadColumn(
            parameter.ParameterType, MayBeNull(parameter, byPosition), reader, byPosition ? parameter.Position : FindColumn(open, parameter)));
        Expression made = Expression.New(constructor, arguments);
        return row == type ? made : Expression.Convert(made, type);
    }

    private static bool MayBeNull(ParameterInfo parameter, bool byPosition)
    {
        if (parameter.ParameterType.IsValueType)
            return false;
        if (byPosition)
            return true;
        lock (s_nullability)
            return s_nullability.Create(parameter).WriteState != NullabilityState.NotNull;
    }

    private static int FindColumn(DbDataReader open, ParameterInfo parameter)
    {
        for (var ordinal = 0; ordinal < open.FieldCount; ordinal++)
        {
            var name = open.GetName(ordinal).Replace("_", "", StringComparison.Ordinal);
            if (name.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase))
                return ordinal;
        }
        throw new InvalidOperationException($"The query has no column for {parameter.Name} of {parameter.Member.DeclaringType}.");
    }
}
