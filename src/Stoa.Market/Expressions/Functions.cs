using System.Collections.Frozen;

namespace Stoa.Market.Expressions;

/// <summary>What a function does.</summary>
/// <param name="evaluation">Pays, and evaluates arguments that are expressions.</param>
/// <param name="call">Which call it is.</param>
/// <param name="arguments">Their values, each of a type that the function takes; nothing where an argument is an expression.</param>
/// <param name="result">What it gives.</param>
/// <returns>False when there is a fault.</returns>
internal delegate bool FunctionBody(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result);

/// <summary>A function of the specification.</summary>
/// <param name="Name">As it is called.</param>
/// <param name="Takes">Of which types its arguments are, one after the other.</param>
/// <param name="Body">What it does.</param>
internal sealed record Function(string Name, IReadOnlyList<ValueTypes> Takes, FunctionBody Body)
{
    /// <summary>Of which types are arguments beyond those; nothing where there may be none.</summary>
    public ValueTypes More { get; init; }

    /// <summary>Whether the first argument that is not null is the result, and none behind it is evaluated.</summary>
    public bool EndsAtFirst { get; init; }

    /// <summary>Whether there may be any number of arguments.</summary>
    public bool TakesMore => More is not ValueTypes.None;

    /// <summary>Of which types an argument is.</summary>
    public ValueTypes At(int place) => place < Takes.Count ? Takes[place] : More;
}

/// <summary>Types of values that functions take.</summary>
[Flags]
internal enum ValueTypes
{
    None = 0,
    Number = 1,
    Text = 2,
    Boolean = 4,
    Array = 8,
    Object = 16,
    Null = 32,
    Any = Number | Text | Boolean | Array | Object | Null,
    Expression = 64,
}

/// <summary>The functions of the specification, by name.</summary>
internal static class Functions
{
    /// <summary>All twenty-six.</summary>
    public static FrozenDictionary<string, Function> All { get; } = new Function[]
    {
        new("abs", [ValueTypes.Number], NumberFunctions.Abs),
        new("avg", [ValueTypes.Array], NumberFunctions.Avg),
        new("ceil", [ValueTypes.Number], NumberFunctions.Ceil),
        new("contains", [ValueTypes.Array | ValueTypes.Text, ValueTypes.Any], TextFunctions.Contains),
        new("ends_with", [ValueTypes.Text, ValueTypes.Text], TextFunctions.EndsWith),
        new("floor", [ValueTypes.Number], NumberFunctions.Floor),
        new("join", [ValueTypes.Text, ValueTypes.Array], TextFunctions.Join),
        new("keys", [ValueTypes.Object], CollectionFunctions.Keys),
        new("length", [ValueTypes.Text | ValueTypes.Array | ValueTypes.Object], CollectionFunctions.Length),
        new("map", [ValueTypes.Expression, ValueTypes.Array], CollectionFunctions.Map),
        new("max", [ValueTypes.Array], OrderFunctions.Max),
        new("max_by", [ValueTypes.Array, ValueTypes.Expression], OrderFunctions.MaxBy),
        new("merge", [], CollectionFunctions.Merge) { More = ValueTypes.Object },
        new("min", [ValueTypes.Array], OrderFunctions.Min),
        new("min_by", [ValueTypes.Array, ValueTypes.Expression], OrderFunctions.MinBy),
        new("not_null", [ValueTypes.Any], CollectionFunctions.NotNull) { More = ValueTypes.Any, EndsAtFirst = true },
        new("reverse", [ValueTypes.Text | ValueTypes.Array], CollectionFunctions.Reverse),
        new("sort", [ValueTypes.Array], OrderFunctions.Sort),
        new("sort_by", [ValueTypes.Array, ValueTypes.Expression], OrderFunctions.SortBy),
        new("starts_with", [ValueTypes.Text, ValueTypes.Text], TextFunctions.StartsWith),
        new("sum", [ValueTypes.Array], NumberFunctions.Sum),
        new("to_array", [ValueTypes.Any], CollectionFunctions.ToArray),
        new("to_number", [ValueTypes.Any], NumberFunctions.ToNumber),
        new("to_string", [ValueTypes.Any], TextFunctions.ToText),
        new("type", [ValueTypes.Any], CollectionFunctions.Type),
        new("values", [ValueTypes.Object], CollectionFunctions.Values),
    }.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);
}
