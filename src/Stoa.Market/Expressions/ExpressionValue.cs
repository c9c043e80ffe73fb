using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>What an expression gives: a JSON value that never changes. Parts of it may be parts of the value that it was evaluated on.</summary>
/// <remarks>
/// What is only selected is not copied, so it lives as long as the document that it is from, and its numbers keep their text. A number that was
/// computed is a double. A value may hold another one many times over: as text it can be exponentially larger, so writing it is paid by a budget.
/// </remarks>
public readonly struct ExpressionValue
{
    /// <summary>How deep values may be nested that are written, compared, or stand in an expression: as deep as JSON is read elsewhere.</summary>
    public const int MaxDepth = 64;

    private static readonly object s_true = true;
    private static readonly object s_false = false;

    private readonly JsonElement _given;

    // A text, a double, a truth value, an array of values, or an object of values; null when it is a part of what was given, or nothing.
    private readonly object? _made;

    private ExpressionValue(JsonElement given) => _given = given;

    private ExpressionValue(object made) => _made = made;

    /// <summary>What it is; <see cref="JsonValueKind.Null"/> where there is nothing.</summary>
    public JsonValueKind Kind => _made switch
    {
        null => _given.ValueKind is JsonValueKind.Undefined ? JsonValueKind.Null : _given.ValueKind,
        string => JsonValueKind.String,
        double => JsonValueKind.Number,
        bool isTrue => isTrue ? JsonValueKind.True : JsonValueKind.False,
        ExpressionValue[] => JsonValueKind.Array,
        _ => JsonValueKind.Object,
    };

    /// <summary>Whether a condition takes it for true: everything but null, false, and a text, array or object with nothing in it.</summary>
    public bool IsTrue => Kind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.String => TextLength > 0,
        JsonValueKind.Array or JsonValueKind.Object => Count > 0,
        _ => true,
    };

    /// <summary>A JSON value as it is.</summary>
    public static ExpressionValue Of(JsonElement value) => new(value);

    internal static ExpressionValue Of(string text) => new(text);

    internal static ExpressionValue Of(bool isTrue) => new(isTrue ? s_true : s_false);

    internal static ExpressionValue Of(ExpressionValue[] items) => new((object)items);

    internal static ExpressionValue Of(OrderedDictionary<string, ExpressionValue> members) => new((object)members);

    /// <summary>A number that JSON has: not infinite. Zero has no sign.</summary>
    internal static ExpressionValue Of(double number) => new((object)(number + 0.0));

    /// <summary>The whole value, when it is a part of what was given.</summary>
    internal bool IsGiven(out JsonElement given)
    {
        given = _given;
        return _made is null && _given.ValueKind is not JsonValueKind.Undefined;
    }

    /// <summary>The items of an array, the members of an object.</summary>
    internal int Count => _made switch
    {
        null => _given.ValueKind is JsonValueKind.Array ? _given.GetArrayLength() : _given.GetPropertyCount(),
        ExpressionValue[] items => items.Length,
        _ => Members.Count,
    };

    /// <summary>How many members of an object are looked through for one: those of one that was made are found by their names.</summary>
    internal int Looked => _made is null ? Count : 1;

    /// <summary>The length of a text, or of a number as it is written: in characters, or in bytes of JSON, which are no fewer.</summary>
    internal int TextLength => _made switch
    {
        null => JsonMarshal.GetRawUtf8Value(_given).Length - (_given.ValueKind is JsonValueKind.String ? 2 : 0),
        string text => text.Length,
        _ => 0,
    };

    private OrderedDictionary<string, ExpressionValue> Members => (OrderedDictionary<string, ExpressionValue>)_made!;

    /// <summary>An item of an array.</summary>
    internal ExpressionValue this[int index] => _made is ExpressionValue[] items ? items[index] : new(_given[index]);

    /// <summary>The items of an array, in order.</summary>
    internal IEnumerable<ExpressionValue> Items() => _made is ExpressionValue[] items ? items : _given.EnumerateArray().Select(Of);

    /// <summary>The values of an object's members, in order.</summary>
    internal IEnumerable<ExpressionValue> MemberValues() => _made is null ? _given.EnumerateObject().Select(member => Of(member.Value)) : Members.Values;

    /// <summary>The members of an object, in order; a name is null when it is no Unicode.</summary>
    internal IEnumerable<(string? Name, ExpressionValue Value)> NamedMembers() => _made is null
        ? _given.EnumerateObject().Select(member => (NameOf(member), Of(member.Value)))
        : Members.Select(member => ((string?)member.Key, member.Value));

    /// <summary>A member of an object, the last one of that name.</summary>
    /// <param name="name">Whose.</param>
    /// <param name="value">Null when there is none.</param>
    /// <param name="isThere">Whether there is one.</param>
    /// <returns>False when one of its names is no Unicode.</returns>
    internal bool TryGetMember(string name, out ExpressionValue value, out bool isThere)
    {
        value = default;
        isThere = false;
        if (_made is not null)
        {
            isThere = Members.TryGetValue(name, out value);
            return true;
        }

        try
        {
            isThere = _given.TryGetProperty(name, out var given);
            value = Of(given);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The text that a member is; null where there is no such member, or it is none.</summary>
    internal string? TryGetMemberText(string name) =>
        Kind is JsonValueKind.Object && TryGetMember(name, out var member, out _) && member.Kind is JsonValueKind.String && member.TryGetText(out var text) ? text : null;

    /// <summary>A text.</summary>
    /// <returns>False when it is no Unicode.</returns>
    internal bool TryGetText([NotNullWhen(true)] out string? text)
    {
        text = _made as string;
        if (text is not null)
            return true;
        try
        {
            text = _given.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>A number; infinite, or none, when no double is as large.</summary>
    internal double Number => _made is double made ? made : _given.TryGetDouble(out var given) ? given : double.NaN;

    /// <summary>Writes it as JSON.</summary>
    /// <param name="json">Where to. When this is refused, a part of it has been written.</param>
    /// <param name="budget">Pays for each value and its text, however often it is written.</param>
    /// <param name="fault">Why not.</param>
    public bool TryWrite(Utf8JsonWriter json, ExpressionBudget budget, [NotNullWhen(false)] out ExpressionFault? fault) =>
        new ValueWriter(json, budget, offset: 0).TryWrite(this, out fault);

    /// <summary>Makes a JSON value of it; of what is a part of what was given, just that part.</summary>
    /// <param name="budget">As with <see cref="TryWrite"/>.</param>
    /// <param name="json">At most <see cref="MaxDepth"/> deep, unless it was given.</param>
    /// <param name="fault">Why not.</param>
    public bool TryToJson(ExpressionBudget budget, out JsonElement json, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        fault = null;
        if (IsGiven(out json))
            return true;
        if (!ValueWriter.TryToBytes(this, budget, offset: 0, out var bytes, out fault))
            return false;
        json = JsonElement.Parse(bytes.Span);
        return true;
    }

    private static string? NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
