using System.Globalization;
using System.Text.Json;

namespace Stoa.Market.Registry;

/// <summary>One object of a document that is being read, with the faults found so far. Reading goes on after a fault, so that all are told.</summary>
internal sealed class JsonFields
{
    // What nobody reads to the end: a document of megabytes may have a fault in each of its bytes.
    private const int MostErrors = 1_000;

    /// <summary>The longest name of a member where names are anybody's choice.</summary>
    internal const int MostNameLength = 256;

    private readonly JsonElement _element;
    private readonly string _pointer;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly bool _absent;

    public JsonFields(JsonElement root)
        : this(root, "", [])
    {
    }

    private JsonFields(JsonElement element, string pointer, List<FieldError> errors)
    {
        (_element, _pointer, Errors) = (element, pointer, errors);
        _absent = element.ValueKind is not JsonValueKind.Object;
        if (_absent)
            errors.Add(new FieldError(pointer, "Must be an object."));
    }

    public List<FieldError> Errors { get; }

    /// <summary>Another object, whose faults are told together with those of this one.</summary>
    /// <param name="element">It.</param>
    /// <param name="pointer">Where it stands.</param>
    public JsonFields Elsewhere(JsonElement element, string pointer) => new(element, pointer, Errors);

    /// <summary>Where the object stands in the document (RFC 6901).</summary>
    public string Pointer => _pointer;

    public void Refuse(string name, string mustBe) => Add($"{_pointer}/{name}", $"Must be {mustBe}.");

    /// <summary>Says what is wrong at the object itself.</summary>
    public void RefuseAll(string reason) => Add(_pointer, reason);

    /// <summary>Whether a text has no control characters but the ends of lines and tabs: it is shown on terminals, and PostgreSQL stores no NUL.</summary>
    public static bool IsReadable(string text) => !text.Any(character => char.IsControl(character) && character is not ('\n' or '\r' or '\t'));

    public string Text(string name, Func<string, bool> rule, string mustBe)
    {
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.String && rule(value.GetString()!))
            return value.GetString()!;
        RefuseUnlessAbsent(name, mustBe);
        return "";
    }

    public string? OptionalText(string name, int maxLength)
    {
        if (!TryGet(name, out var value))
            return null;
        if (value.ValueKind is JsonValueKind.String && value.GetString() is { } text && text.Length <= maxLength && IsReadable(text))
            return text;
        Refuse(name, $"a text of at most {maxLength} characters, none of them a control character");
        return null;
    }

    public T? Parsed<T>(string name, string mustBe)
        where T : IParsable<T>
    {
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.String && T.TryParse(value.GetString(), null, out var parsed))
            return parsed;
        RefuseUnlessAbsent(name, mustBe);
        return default;
    }

    public long Number(string name, long least, long most)
    {
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.Number
            && value.TryGetInt64(out var number) && number >= least && number <= most)
        {
            return number;
        }

        RefuseUnlessAbsent(name, $"a whole number from {least:N0} to {most:N0}");
        return least;
    }

    public bool Flag(string name)
    {
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.ValueKind is JsonValueKind.True;
        RefuseUnlessAbsent(name, "true or false");
        return false;
    }

    /// <summary>An instant as signed records have it.</summary>
    public DateTimeOffset Instant(string name)
    {
        var instant = DateTimeOffset.UnixEpoch;
        Text(name, text => SignedJson.TryInstant(text, out instant), "an instant in UTC with milliseconds, such as 2026-01-31T12:00:00.000Z");
        return instant;
    }

    /// <summary>A number with at most three decimals, in parts per thousand.</summary>
    public int Thousandths(string name, int least, int most)
    {
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetDecimal(out var number)
            && number >= least / 1000m && number <= most / 1000m && number * 1000 is var parts && parts == decimal.Truncate(parts))
        {
            return (int)parts;
        }

        RefuseUnlessAbsent(name, string.Create(CultureInfo.InvariantCulture, $"a number from {least / 1000m} to {most / 1000m} with at most three decimals"));
        return least;
    }

    public T OneOf<T>(string name)
        where T : struct, Enum
    {
        var names = Enum.GetValues<T>();
        if (TryGet(name, out var value) && value.ValueKind is JsonValueKind.String)
        {
            foreach (var candidate in names)
            {
                if (candidate.ToString().Equals(value.GetString(), StringComparison.OrdinalIgnoreCase)
                    && value.GetString()!.All(char.IsAsciiLetterLower))
                {
                    return candidate;
                }
            }
        }

        RefuseUnlessAbsent(name, "one of " + string.Join(", ", names.Select(candidate => candidate.ToString().ToLowerInvariant())));
        return default;
    }

    public IReadOnlyList<string> Texts(string name, int least, int most, Func<string, bool> rule, string eachMustBe)
    {
        var items = Items(name, least, most);
        var texts = new List<string>(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i].ValueKind is JsonValueKind.String && rule(items[i].GetString()!))
                texts.Add(items[i].GetString()!);
            else
                Refuse($"{name}/{i}", eachMustBe);
        }

        return texts;
    }

    public IReadOnlyList<T> Objects<T>(string name, int most, Func<JsonFields, T> read, int least = 0) =>
        [.. Items(name, least, most).Select((item, i) => read(new JsonFields(item, $"{_pointer}/{name}/{i}", Errors)))];

    public JsonFields Object(string name)
    {
        _ = TryGet(name, out var value);
        // A missing object is told once, as the object itself and not as each of its members.
        return _absent ? this : new JsonFields(value, $"{_pointer}/{name}", Errors);
    }

    /// <summary>Objects by their names, in the order in which they stand.</summary>
    public IReadOnlyList<(string Name, JsonFields Fields)> Named(string name, int most)
    {
        if (!TryGet(name, out var value))
            return [];
        if (value.ValueKind is JsonValueKind.Object && value.GetPropertyCount() <= most)
        {
            if (value.EnumerateObject().Any(member => member.Name.Length > MostNameLength))
            {
                Refuse(name, $"an object whose names have at most {MostNameLength} characters");
                return [];
            }

            return [.. value.EnumerateObject().Select(member => (member.Name, new JsonFields(member.Value, $"{_pointer}/{name}/{Escape(member.Name)}", Errors)))];
        }

        RefuseUnlessAbsent(name, $"an object of at most {most} members");
        return [];
    }

    /// <summary>All of it; null when it is no object.</summary>
    public JsonElement? Whole => _absent ? null : _element;

    /// <summary>A member of any form; null when it is not there, or null.</summary>
    public JsonElement? Element(string name) => TryGet(name, out var value) ? value : null;

    /// <summary>Whether an optional member is there.</summary>
    public bool Has(string name) => TryGet(name, out _);

    /// <summary>Whether a member is there, be it null.</summary>
    public bool IsNamed(string name) => TryGet(name, out var value) || value.ValueKind is JsonValueKind.Null;

    public string? Raw(string name) => TryGet(name, out var value) ? value.GetRawText() : null;

    public void RefuseRepeated(string name, IEnumerable<string> texts)
    {
        foreach (var repeated in texts.Where(text => text.Length > 0).GroupBy(text => text).Where(group => group.Count() > 1))
            Refuse(name, $"free of repetitions, but '{repeated.Key}' is there more than once");
    }

    public void RefuseUnknown()
    {
        if (_absent)
            return;
        string? known = null;
        foreach (var member in _element.EnumerateObject().Where(member => !_known.Contains(member.Name)))
        {
            if (Errors.Count >= MostErrors)
                return;
            known ??= $"Unknown member; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}.";
            Add($"{_pointer}/{Escape(member.Name)}", known);
        }
    }

    /// <summary>Says what is wrong at a place, unless enough is said.</summary>
    public void Add(string pointer, string reason)
    {
        if (Errors.Count < MostErrors)
            Errors.Add(new FieldError(pointer, reason));
    }

    // RFC 6901: ~ and / are escaped in a pointer.
    internal static string Escape(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private IReadOnlyList<JsonElement> Items(string name, int least, int most)
    {
        if (!TryGet(name, out var value) && least == 0)
            return [];
        if (value.ValueKind is JsonValueKind.Array && value.GetArrayLength() >= least && value.GetArrayLength() <= most)
            return [.. value.EnumerateArray()];
        RefuseUnlessAbsent(name, $"a list of {least} to {most} items");
        return [];
    }

    private void RefuseUnlessAbsent(string name, string mustBe)
    {
        if (!_absent)
            Refuse(name, mustBe);
    }

    private bool TryGet(string name, out JsonElement value)
    {
        _known.Add(name);
        value = default;
        return !_absent && _element.TryGetProperty(name, out value) && value.ValueKind is not JsonValueKind.Null;
    }
}
