using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;

namespace Stoa.Node.Storage;

/// <summary>A value for a parameter, already in the form of its column; null stays typed.</summary>
internal readonly record struct SqlArgument(string Name, SqlColumn? Column, object? Value);

/// <summary>Takes the values of a statement's parameters from an object's properties or from a dictionary.</summary>
internal static class SqlArguments
{
    private static readonly ConcurrentDictionary<Type, Dictionary<string, (SqlType Type, Func<object, object?> Get)>> s_properties = new();

    /// <exception cref="ArgumentException">A parameter of the statement is not given.</exception>
    public static IEnumerable<SqlArgument> Take(SqlStatement statement, object? parameters) => parameters switch
    {
        null when statement.ParameterNames.Count == 0 => [],
        null => throw Missing(statement.ParameterNames[0]),
        IReadOnlyDictionary<string, object?> dictionary => statement.ParameterNames.Select(name => FromDictionary(dictionary, name)),
        _ => FromProperties(statement, parameters),
    };

    private static IEnumerable<SqlArgument> FromProperties(SqlStatement statement, object parameters)
    {
        var properties = s_properties.GetOrAdd(parameters.GetType(), Read);
        foreach (var name in statement.ParameterNames)
        {
            if (!properties.TryGetValue(name, out var property))
                throw Missing(name);
            var value = property.Get(parameters);
            yield return new SqlArgument(name, property.Type.Column, value is null ? null : property.Type.ToSql(value));
        }
    }

    private static SqlArgument FromDictionary(IReadOnlyDictionary<string, object?> dictionary, string name)
    {
        if (!dictionary.TryGetValue(name, out var value))
            throw Missing(name);
        if (value is null)
            return new SqlArgument(name, null, null);
        var type = SqlType.Of(value.GetType());
        return new SqlArgument(name, type.Column, type.ToSql(value));
    }

    // A property that no column can hold is left out: it is only an error when a statement asks for it.
    private static Dictionary<string, (SqlType Type, Func<object, object?> Get)> Read(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetIndexParameters().Length == 0 && SqlType.IsKnown(property.PropertyType))
            .ToDictionary(
                property => property.Name,
                property => (SqlType.Of(property.PropertyType), CompileGetter(type, property)),
                StringComparer.OrdinalIgnoreCase);

    private static Func<object, object?> CompileGetter(Type type, PropertyInfo property)
    {
        var target = Expression.Parameter(typeof(object), "target");
        var value = Expression.Property(Expression.Convert(target, type), property);
        return Expression.Lambda<Func<object, object?>>(Expression.Convert(value, typeof(object)), target).Compile();
    }

    private static ArgumentException Missing(string name) =>
        new($"The statement's parameter @{name} is not given, or no SQL column holds its type.");
}
