using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Evaluates an expression once. It recurs as deep as its tree is, which <see cref="JmesPath.MaxNodes"/> bounds, whatever the value is.</summary>
/// <param name="budget">Pays.</param>
internal sealed class Evaluation(ExpressionBudget budget)
{
    /// <summary>Why there is no result.</summary>
    public ExpressionFault? Fault { get; private set; }

    /// <summary>What the specification calls a type.</summary>
    public static string NameOf(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Number => "number",
        JsonValueKind.String => "string",
        JsonValueKind.Array => "array",
        JsonValueKind.Object => "object",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "null",
    };

    /// <summary>Evaluates a part of an expression.</summary>
    /// <param name="node">The part.</param>
    /// <param name="current">On which value.</param>
    /// <param name="result">What it gives.</param>
    /// <returns>False when there is a fault.</returns>
    public bool TryEvaluate(Node node, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        if (!TrySpend(node, 1))
            return false;
        switch (node)
        {
            case CurrentNode:
                result = current;
                return true;
            case LiteralNode literal:
                result = literal.Value;
                return true;
            case FieldNode field:
                return TryEvaluate(field.Source, current, out var fields) && TryGetMember(field, fields, field.Name, out result);
            case IndexNode index:
                return TryEvaluate(index.Source, current, out var items) && TryGetItem(index, items, out result);
            case ChainNode chain:
                return TryEvaluate(chain.First, current, out var first) && TryEvaluate(chain.Second, first, out result);
            case ProjectionNode projection:
                return TryProject(projection, current, out result);
            case NotNode not:
                if (!TryEvaluate(not.Operand, current, out var operand))
                    return false;
                result = ExpressionValue.Of(!operand.IsTrue);
                return true;
            case AndNode and:
                return TryEvaluate(and.Left, current, out result) && (!result.IsTrue || TryEvaluate(and.Right, current, out result));
            case OrNode or:
                return TryEvaluate(or.Left, current, out result) && (result.IsTrue || TryEvaluate(or.Right, current, out result));
            case ComparisonNode comparison:
                return TryCompare(comparison, current, out result);
            case MultiListNode list:
                return TrySelect(list, current, out result);
            case MultiHashNode hash:
                return TrySelect(hash, current, out result);
            case CallNode call:
                return TryCall(call, current, out result);
            default:
                throw new InvalidOperationException($"A {node.GetType().Name} has no value.");
        }
    }

    /// <summary>Pays for something.</summary>
    public bool TrySpend(Node node, long cost) => budget.TrySpend(cost) || Fail(Faults.Spent(node.Offset));

    /// <summary>Reads a text, for money.</summary>
    public bool TryRead(Node node, ExpressionValue value, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (!TrySpend(node, 1 + (value.TextLength / ExpressionBudget.PerStep)))
            return false;
        return value.TryGetText(out text) || Fail(Faults.NoText(node.Offset));
    }

    /// <summary>Takes the name of a member, for money.</summary>
    public bool TryTake(Node node, string? name, [NotNullWhen(true)] out string? taken)
    {
        taken = name;
        if (taken is null)
            return Fail(Faults.NoText(node.Offset));
        return TrySpend(node, 1 + (taken.Length / ExpressionBudget.PerStep));
    }

    /// <summary>A text of a value: JSON.</summary>
    public bool TryWriteText(Node node, ExpressionValue value, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (!ValueWriter.TryToBytes(value, budget, node.Offset, out var bytes, out var fault))
            return Fail(fault);
        text = Encoding.UTF8.GetString(bytes.Span);
        return true;
    }

    /// <summary>A number that was computed.</summary>
    public bool TryCompute(CallNode call, double number, out ExpressionValue result)
    {
        result = default;
        if (!double.IsFinite(number))
            return Fail(new(ExpressionFaultKind.InvalidValue, call.Offset, $"A number below {double.MaxValue:E1} is expected here as the result of {call.Function.Name}."));
        result = ExpressionValue.Of(number);
        return true;
    }

    /// <summary>Evaluates an argument that is an expression.</summary>
    public bool TryApply(CallNode call, int argument, ExpressionValue item, out ExpressionValue result) =>
        TryEvaluate(((ExpressionNode)call.Arguments[argument]).Body, item, out result);

    /// <summary>Says that an item, or what is evaluated on it, is of none of the types that a function takes.</summary>
    public bool FailItem(CallNode call, ExpressionValue item, string expected) =>
        Fail(new(ExpressionFaultKind.InvalidType, call.Offset, $"Here {call.Function.Name} expects an array of which it gets {expected}, and one of them is of the type {NameOf(item.Kind)}."));

    /// <summary>Whether two values are equal: of one type, numbers as doubles, texts by their code points, and arrays and objects by what is in them.</summary>
    public bool TryCompare(Node node, ExpressionValue one, ExpressionValue other, out bool isEqual) => TryCompare(node, one, other, 0, out isEqual);

    private bool TryCompare(Node node, ExpressionValue one, ExpressionValue other, int depth, out bool isEqual)
    {
        isEqual = false;
        var kind = one.Kind;
        if (depth > ExpressionValue.MaxDepth)
            return Fail(Faults.TooDeep(node.Offset));
        if (!TrySpend(node, 1))
            return false;
        if (kind != other.Kind)
            return true;
        switch (kind)
        {
            case JsonValueKind.Number:
                isEqual = one.Number == other.Number;
                return TrySpend(node, (one.TextLength + other.TextLength) / ExpressionBudget.PerStep);
            case JsonValueKind.String:
                if (!TryRead(node, one, out var text) || !TryRead(node, other, out var otherText))
                    return false;
                isEqual = text == otherText;
                return true;
            case JsonValueKind.Array:
                return one.Count != other.Count || TryCompareItems(node, one, other, depth, out isEqual);
            case JsonValueKind.Object:
                return one.Count != other.Count || TryCompareMembers(node, one, other, depth, out isEqual);
            default:
                isEqual = true;
                return true;
        }
    }

    private bool TryCompareItems(Node node, ExpressionValue one, ExpressionValue other, int depth, out bool isEqual)
    {
        isEqual = true;
        foreach (var (item, otherItem) in one.Items().Zip(other.Items()))
        {
            if (!TryCompare(node, item, otherItem, depth + 1, out isEqual))
                return false;
            if (!isEqual)
                return true;
        }

        return true;
    }

    private bool TryCompareMembers(Node node, ExpressionValue one, ExpressionValue other, int depth, out bool isEqual)
    {
        isEqual = true;
        foreach (var (name, member) in one.NamedMembers())
        {
            if (!TryTake(node, name, out var key) || !TryFindMember(node, other, key, out var otherMember, out isEqual))
                return false;
            if (isEqual && !TryCompare(node, member, otherMember, depth + 1, out isEqual))
                return false;
            if (!isEqual)
                return true;
        }

        return true;
    }

    private bool TryCompare(ComparisonNode comparison, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        if (!TryEvaluate(comparison.Left, current, out var left) || !TryEvaluate(comparison.Right, current, out var right))
            return false;
        if (comparison.Comparator is TokenKind.Equal or TokenKind.NotEqual)
        {
            if (!TryCompare(comparison, left, right, out var isEqual))
                return false;
            result = ExpressionValue.Of(isEqual == comparison.Comparator is TokenKind.Equal);
            return true;
        }

        // Only numbers have an order here; of all else it is null, and no fault.
        if ((left.Kind, right.Kind) is not (JsonValueKind.Number, JsonValueKind.Number))
            return true;
        var (one, other) = (left.Number, right.Number);
        result = ExpressionValue.Of(comparison.Comparator switch
        {
            TokenKind.Less => one < other,
            TokenKind.LessOrEqual => one <= other,
            TokenKind.Greater => one > other,
            _ => one >= other,
        });
        return TrySpend(comparison, (left.TextLength + right.TextLength) / ExpressionBudget.PerStep);
    }

    private bool TryGetMember(Node node, ExpressionValue source, string name, out ExpressionValue member)
    {
        member = default;
        return source.Kind is not JsonValueKind.Object || TryFindMember(node, source, name, out member, out _);
    }

    private bool TryFindMember(Node node, ExpressionValue source, string name, out ExpressionValue member, out bool isThere)
    {
        (member, isThere) = (default, false);
        // A name with escapes is read before it is compared, if it could be as long as this one.
        if (!TrySpend(node, source.Looked * (1L + (name.Length / ExpressionBudget.PerStep)) / ExpressionBudget.PerStep))
            return false;
        return source.TryGetMember(name, out member, out isThere) || Fail(Faults.NoText(node.Offset));
    }

    private bool TryGetItem(IndexNode node, ExpressionValue source, out ExpressionValue item)
    {
        item = default;
        if (source.Kind is not JsonValueKind.Array)
            return true;
        var count = source.Count;
        var index = node.Index < 0 ? node.Index + count : node.Index;
        if (index < 0 || index >= count)
            return true;
        if (!TrySpend(node, index / ExpressionBudget.PerStep))
            return false;
        item = source[index];
        return true;
    }

    private bool TryProject(ProjectionNode node, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        if (!TryEvaluate(node.Source, current, out var source))
            return false;
        if (source.Kind != (node is ValuesNode ? JsonValueKind.Object : JsonValueKind.Array))
            return true;
        // What comes to nothing is gone through as well.
        if (node is SliceNode or FlattenNode && !TrySpend(node, source.Count))
            return false;
        var projected = new List<ExpressionValue>();
        foreach (var item in ItemsOf(node, source))
        {
            if (node is FilterNode filter)
            {
                if (!TryEvaluate(filter.Condition, item, out var condition))
                    return false;
                if (!condition.IsTrue)
                    continue;
            }

            if (!TryEvaluate(node.Each, item, out var value))
                return false;
            if (value.Kind is not JsonValueKind.Null)
                projected.Add(value);
        }

        result = ExpressionValue.Of([.. projected]);
        return true;
    }

    private static IEnumerable<ExpressionValue> ItemsOf(ProjectionNode node, ExpressionValue source) => node switch
    {
        ValuesNode => source.MemberValues(),
        FlattenNode => Flattened(source),
        SliceNode slice => Sliced(slice, source),
        _ => source.Items(),
    };

    private static IEnumerable<ExpressionValue> Flattened(ExpressionValue source)
    {
        foreach (var item in source.Items())
        {
            if (item.Kind is not JsonValueKind.Array)
            {
                yield return item;
                continue;
            }

            foreach (var inner in item.Items())
                yield return inner;
        }
    }

    /// <summary>As Python slices: negative places are from the end, and what is beyond an end is cut off there.</summary>
    private static IEnumerable<ExpressionValue> Sliced(SliceNode node, ExpressionValue source)
    {
        ExpressionValue[] items = [.. source.Items()];
        var (step, least, most) = ((long)node.Step, node.Step < 0 ? -1 : 0, node.Step < 0 ? items.Length - 1 : items.Length);
        var start = node.Start is { } first ? Bounded(first) : node.Step < 0 ? most : least;
        var stop = node.Stop is { } last ? Bounded(last) : node.Step < 0 ? least : most;
        for (var place = start; step < 0 ? place > stop : place < stop; place += step)
            yield return items[place];

        long Bounded(long place) => Math.Clamp(place < 0 ? place + items.Length : place, least, most);
    }

    private bool TrySelect(MultiListNode node, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        // Nothing is selected of nothing.
        if (current.Kind is JsonValueKind.Null)
            return true;
        var items = new ExpressionValue[node.Items.Count];
        for (var place = 0; place < items.Length; place++)
        {
            if (!TryEvaluate(node.Items[place], current, out items[place]))
                return false;
        }

        result = ExpressionValue.Of(items);
        return true;
    }

    private bool TrySelect(MultiHashNode node, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        if (current.Kind is JsonValueKind.Null)
            return true;
        var members = new OrderedDictionary<string, ExpressionValue>(node.Members.Count, StringComparer.Ordinal);
        foreach (var (name, value) in node.Members)
        {
            if (!TryEvaluate(value, current, out var member))
                return false;
            members[name] = member;
        }

        result = ExpressionValue.Of(members);
        return true;
    }

    private bool TryCall(CallNode call, ExpressionValue current, out ExpressionValue result)
    {
        result = default;
        var arguments = new ExpressionValue[call.Arguments.Count];
        for (var place = 0; place < arguments.Length; place++)
        {
            if (call.Arguments[place] is ExpressionNode)
                continue;
            if (!TryEvaluate(call.Arguments[place], current, out var value))
                return false;
            if (!call.Function.At(place).HasFlag(TypeOf(value.Kind)))
            {
                return Fail(new(
                    ExpressionFaultKind.InvalidType,
                    call.Arguments[place].Offset,
                    $"Here {call.Function.Name} expects {Named(call.Function.At(place))}, and the value is of the type {NameOf(value.Kind)}."));
            }

            if (value.Kind is JsonValueKind.Number && !TrySpend(call, value.TextLength / ExpressionBudget.PerStep))
                return false;
            if (call.Function.EndsAtFirst && value.Kind is not JsonValueKind.Null)
            {
                result = value;
                return true;
            }

            arguments[place] = value;
        }

        return call.Function.Body(this, call, arguments, out result);
    }

    private static ValueTypes TypeOf(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Number => ValueTypes.Number,
        JsonValueKind.String => ValueTypes.Text,
        JsonValueKind.Array => ValueTypes.Array,
        JsonValueKind.Object => ValueTypes.Object,
        JsonValueKind.True or JsonValueKind.False => ValueTypes.Boolean,
        _ => ValueTypes.Null,
    };

    private static string Named(ValueTypes types) => string.Join(" or ", new[]
    {
        (ValueTypes.Number, "a number"), (ValueTypes.Text, "a string"), (ValueTypes.Array, "an array"), (ValueTypes.Object, "an object"),
    }.Where(type => types.HasFlag(type.Item1)).Select(type => type.Item2));

    private bool Fail(ExpressionFault fault)
    {
        Fault = fault;
        return false;
    }
}
