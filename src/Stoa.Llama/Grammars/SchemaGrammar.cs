using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stoa.Llama.Grammars;

/// <summary>Makes a grammar of a JSON Schema: whatever the grammar takes, the schema takes.</summary>
/// <remarks>
/// Members come in the order of <c>properties</c>; those that are not required may be left out. Where an object names its members, no others are written, which every schema allows.
/// What a grammar cannot hold to, such as <c>pattern</c> or <c>minimum</c>, is refused and not passed over.
/// A grammar is held against every token of the vocabulary by each way in which it may go on at that point. So it is counted how many ways there can be at once, and a schema with too many is refused: else one request could hold up all others.
/// </remarks>
internal sealed class SchemaGrammar
{
    private const int MostRules = 4_096;
    private const int MostDepth = 48;
    private const int MostRepeats = 2_000;
    private const int MostRepeatsOfAll = 10_000;
    private const int MostCharacters = 256 << 10;
    private static readonly string[] s_beforeType = ["$ref", "const", "enum", "anyOf", "oneOf"];
    private const int MostWays = 512;

    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What says something about a value without ruling any out.</summary>
    private static readonly HashSet<string> s_remarks = ["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"];

    private readonly JsonElement _root;
    private readonly List<string> _rules = [];
    private readonly Dictionary<string, Part> _references = [];
    private int _open;
    private int _repeats;
    private int _characters;

    private SchemaGrammar(JsonElement root) => _root = root;

    /// <summary>Makes a grammar with a rule <c>root</c>.</summary>
    /// <exception cref="SchemaFaultException">The schema is none, or has something that a grammar cannot hold to.</exception>
    public static string Of(JsonElement schema)
    {
        var grammar = new SchemaGrammar(schema);
        var root = grammar.Rule(schema, "", 0).Rule;
        return $"root ::= {root}\n{string.Join('\n', grammar._rules)}\n{JsonRules.All}";
    }

    private Part Rule(JsonElement schema, string path, int depth)
    {
        if (depth > MostDepth)
            throw new SchemaFaultException(path, $"it is nested more than {MostDepth} deep.");
        if (schema.ValueKind is JsonValueKind.True)
            return Part.Any;
        if (schema.ValueKind is not JsonValueKind.Object)
            throw new SchemaFaultException(path, "a schema is an object.");
        if (schema.TryGetProperty("$ref", out var reference))
            return Reference(schema, reference, path, depth);
        if (schema.TryGetProperty("const", out var one))
        {
            Expect(schema, path, ["const", "type"]);
            return new Part(Literal(one, path), BeginningOf(one), 1);
        }

        if (schema.TryGetProperty("enum", out var values))
        {
            Expect(schema, path, ["enum", "type"]);
            if (values.ValueKind is not JsonValueKind.Array || values.GetArrayLength() == 0)
                throw new SchemaFaultException(path, "enum is a list of values.");
            return OneOf([.. values.EnumerateArray().Select(value => new Part(Literal(value, path), BeginningOf(value), 1))], path);
        }

        foreach (var word in (string[])["anyOf", "oneOf"])
        {
            if (!schema.TryGetProperty(word, out var choices))
                continue;
            Expect(schema, path, [word, "type"]);
            if (choices.ValueKind is not JsonValueKind.Array || choices.GetArrayLength() == 0)
                throw new SchemaFaultException(path, $"{word} is a list of schemas.");
            return OneOf([.. choices.EnumerateArray().Select((choice, at) => Rule(choice, $"{path}/{word}/{at}", depth + 1))], path);
        }

        if (!schema.TryGetProperty("type", out var type))
        {
            if (schema.TryGetProperty("properties", out _))
                return ObjectOf(schema, path, depth);
            Expect(schema, path, []);
            return Part.Any;
        }

        return type.ValueKind switch
        {
            JsonValueKind.String => OfType(type.GetString()!, schema, path, depth),
            JsonValueKind.Array when type.GetArrayLength() > 0 && type.EnumerateArray().All(word => word.ValueKind is JsonValueKind.String) =>
                OneOf([.. type.EnumerateArray().Select(word => OfType(word.GetString()!, schema, path, depth, isOneOfMany: true))], path),
            _ => throw new SchemaFaultException(path, "type is a word, or a list of words."),
        };
    }

    /// <summary>One of several. Those that begin with the same character go on beside each other.</summary>
    private Part OneOf(IReadOnlyList<Part> parts, string path)
    {
        var ways = 0;
        foreach (var beginning in Enum.GetValues<Beginnings>())
        {
            var alike = parts.Where(part => part.Beginnings.HasFlag(beginning)).ToList();
            ways = Math.Max(ways, alike.Sum(part => part.Ways));
            if (alike.Count > 1 && alike.Any(part => part.IsOpen))
                throw new SchemaFaultException(path, "of its choices several begin alike, and one of them leads back to it by $ref.");
        }

        if (ways > MostWays || parts.Sum(part => part.Ways) > 4 * MostWays)
            throw new SchemaFaultException(path, $"it may go on in more than {MostWays} ways at once.");
        var beginnings = parts.Aggregate(default(Beginnings), (all, part) => all | part.Beginnings);
        return new Part(Name(string.Join(" | ", parts.Select(part => part.Rule).Distinct()), path), beginnings, ways) { IsOpen = parts.Any(part => part.IsOpen) };
    }

    private static Beginnings BeginningOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => Beginnings.Brace,
        JsonValueKind.Array => Beginnings.Bracket,
        JsonValueKind.String => Beginnings.Quote,
        JsonValueKind.Number => Beginnings.Digit,
        JsonValueKind.Null => Beginnings.Null,
        _ => Beginnings.Boolean,
    };

    private Part OfType(string type, JsonElement schema, string path, int depth, bool isOneOfMany = false)
    {
        // With several types each says what belongs to it, and what belongs to none has been refused by one of them.
        string[] all = isOneOfMany ? ["type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength"] : [];
        switch (type)
        {
            case "object":
                return ObjectOf(schema, path, depth, all);
            case "array":
                return ArrayOf(schema, path, depth, all);
            case "string":
                Expect(schema, path, ["type", "minLength", "maxLength", .. all]);
                var repeats = Repeats(schema, path, "minLength", "maxLength");
                return new Part(repeats == "*" ? "string" : Name($"\"\\\"\" char{repeats} \"\\\"\"", path), Beginnings.Quote, 1);
            case "number" or "integer" or "boolean":
                Expect(schema, path, ["type", .. all]);
                return new Part(type, type == "boolean" ? Beginnings.Boolean : Beginnings.Digit, 1);
            case "null":
                Expect(schema, path, ["type", .. all]);
                return new Part("\"null\"", Beginnings.Null, 1);
            default:
                throw new SchemaFaultException(path, $"there is no type '{type}'.");
        }
    }

    private Part ObjectOf(JsonElement schema, string path, int depth, params string[] more)
    {
        Expect(schema, path, ["type", "properties", "required", "additionalProperties", .. more]);
        var members = new List<(string Name, JsonElement? Schema)>();
        if (schema.TryGetProperty("properties", out var properties))
        {
            if (properties.ValueKind is not JsonValueKind.Object)
                throw new SchemaFaultException(path, "properties is an object.");
            members.AddRange(properties.EnumerateObject().Select(member => (member.Name, (JsonElement?)member.Value)));
        }

        var required = new HashSet<string>(StringComparer.Ordinal);
        if (schema.TryGetProperty("required", out var names))
        {
            if (names.ValueKind is not JsonValueKind.Array || names.EnumerateArray().Any(name => name.ValueKind is not JsonValueKind.String))
                throw new SchemaFaultException(path, "required is a list of names.");
            required.UnionWith(names.EnumerateArray().Select(name => name.GetString()!));
        }

        var others = schema.TryGetProperty("additionalProperties", out var additional) ? additional : (JsonElement?)null;
        members.AddRange(required.Except(members.Select(member => member.Name)).Select(name => (name, others?.ValueKind is JsonValueKind.Object ? others : null)));
        if (members.Count == 0)
        {
            if (others?.ValueKind is JsonValueKind.False)
                return new Part("\"{}\"", Beginnings.Brace, 1);
            var value = others?.ValueKind is JsonValueKind.Object ? Rule(others.Value, path + "/additionalProperties", depth + 1) : Part.Any;
            var any = Name($"string \":\" ws {value.Rule} ws", path);
            return value with { Rule = Name($"\"{{\" ws ( {any} ( \",\" ws {any} )* )? \"}}\"", path), Beginnings = Beginnings.Brace };
        }

        // From the end: what may follow after some members were written, and after none were.
        var (after, atStart) = ("", "");
        var (ways, isOpen) = (members.Count + 1, false);
        foreach (var (name, member) in Enumerable.Reverse(members))
        {
            var value = member is { } known ? Rule(known, $"{path}/properties/{name}", depth + 1) : Part.Any;
            (ways, isOpen) = (Math.Max(ways, value.Ways), isOpen || value.IsOpen);
            var written = $"{Quote(JsonSerializer.Serialize(name, s_plain) + ":")} ws {value.Rule} ws {after}";
            if (required.Contains(name))
                (after, atStart) = (Name($"\",\" ws {written}", path), Name(written, path));
            else
                (after, atStart) = (Name($"\",\" ws {written} | {OrNothing(after)}", path), Name($"{written} | {OrNothing(atStart)}", path));
        }

        if (ways > MostWays)
            throw new SchemaFaultException(path, $"it may go on in more than {MostWays} ways at once.");
        return new Part(Name($"\"{{\" ws {atStart} \"}}\"", path), Beginnings.Brace, ways) { IsOpen = isOpen };
    }

    private Part ArrayOf(JsonElement schema, string path, int depth, params string[] more)
    {
        Expect(schema, path, ["type", "items", "minItems", "maxItems", .. more]);
        var item = schema.TryGetProperty("items", out var items) ? Rule(items, path + "/items", depth + 1) : Part.Any;
        var (least, most) = (Count(schema, path, "minItems") ?? 0, Count(schema, path, "maxItems"));
        if (most == 0)
            return new Part("\"[]\"", Beginnings.Bracket, 1);
        if (most < least)
            throw new SchemaFaultException(path, "maxItems is less than minItems.");
        var all = $"{item.Rule} ws ( \",\" ws {item.Rule} ws ){Braces(Math.Max(least - 1, 0), most - 1)}";
        return item with { Rule = Name($"\"[\" ws {(least == 0 ? $"( {all} )?" : all)} \"]\"", path), Beginnings = Beginnings.Bracket };
    }

    private Part Reference(JsonElement schema, JsonElement reference, string path, int depth)
    {
        Expect(schema, path, ["$ref"]);
        if (reference.ValueKind is not JsonValueKind.String || reference.GetString() is not { } pointer || !(pointer == "#" || pointer.StartsWith("#/", StringComparison.Ordinal)))
            throw new SchemaFaultException(path, "$ref leads to a place in the same schema, such as #/$defs/person.");
        string[] steps = [.. pointer.Split('/').Skip(1).Select(step => Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
        // However a place is written, it is the same one.
        var key = string.Join('\n', steps.Select(step => step.Replace("\n", "~\n", StringComparison.Ordinal)));
        if (_references.TryGetValue(key, out var known))
            return known;
        var target = _root;
        foreach (var step in steps)
        {
            if (target.ValueKind is not JsonValueKind.Object || !target.TryGetProperty(step, out target))
                throw new SchemaFaultException(path, $"$ref leads to {pointer}, and nothing is there.");
        }

        // Before what it stands for: that may lead back to it.
        var name = Reserve(path);
        _references[key] = new Part(name, BeginningsAhead(target), 1) { IsOpen = true };
        _open++;
        var part = Rule(target, pointer, depth + 1);
        _open--;
        // A rule that is nothing but itself would never end.
        if (part.Rule == name)
            throw new SchemaFaultException(path, $"$ref leads from {pointer} to itself.");
        _rules[NumberOf(name)] = Counted($"{name} ::= {part.Rule}", path);
        return _references[key] = part with { Rule = name, IsOpen = part.IsOpen && _open > 0 };
    }

    /// <summary>What a schema begins with that is not gone through yet; anything, where it does not say so at once.</summary>
    private static Beginnings BeginningsAhead(JsonElement schema)
    {
        // In the order in which a rule is made of them: these go before what type says.
        if (schema.ValueKind is not JsonValueKind.Object || s_beforeType.Any(word => schema.TryGetProperty(word, out _)))
            return Part.Any.Beginnings;
        var type = schema.TryGetProperty("type", out var word) && word.ValueKind is JsonValueKind.String ? word.GetString() : null;
        if (type == "object" || (type is null && schema.TryGetProperty("properties", out _)))
            return Beginnings.Brace;
        return type == "array" ? Beginnings.Bracket : Part.Any.Beginnings;
    }

    private static string OrNothing(string rule) => rule.Length > 0 ? rule : "\"\"";

    private string Name(string expression, string path)
    {
        var name = Reserve(path);
        _rules[NumberOf(name)] = Counted($"{name} ::= {expression}", path);
        return name;
    }

    private string Counted(string text, string path)
    {
        _characters += text.Length;
        return _characters <= MostCharacters ? text : throw new SchemaFaultException(path, $"its grammar has more than {MostCharacters:N0} characters.");
    }

    private string Reserve(string path)
    {
        if (_rules.Count >= MostRules)
            throw new SchemaFaultException(path, $"it is larger than what {MostRules} rules of a grammar can say.");
        _rules.Add("");
        return $"r{_rules.Count - 1}";
    }

    private static int NumberOf(string name) => int.Parse(name.AsSpan(1), CultureInfo.InvariantCulture);

    private string Literal(JsonElement value, string path) => Counted(Quote(JsonSerializer.Serialize(value, s_plain)), path);

    private string Repeats(JsonElement schema, string path, string leastName, string mostName)
    {
        var (least, most) = (Count(schema, path, leastName) ?? 0, Count(schema, path, mostName));
        if (most < least)
            throw new SchemaFaultException(path, $"{mostName} is less than {leastName}.");
        return Braces(least, most);
    }

    private static string Braces(int least, int? most) => (least, most) switch
    {
        (0, null) => "*",
        (_, null) => $"{{{least},}}",
        _ => $"{{{least},{most}}}",
    };

    private int? Count(JsonElement schema, string path, string name)
    {
        if (!schema.TryGetProperty(name, out var count))
            return null;
        if (count.ValueKind is not JsonValueKind.Number || !count.TryGetInt32(out var number) || number is < 0 or > MostRepeats)
            throw new SchemaFaultException(path, $"{name} is a whole number from 0 to {MostRepeats}.");
        _repeats += number;
        return _repeats <= MostRepeatsOfAll ? number : throw new SchemaFaultException(path, $"what it counts comes to more than {MostRepeatsOfAll:N0} together.");
    }

    private static void Expect(JsonElement schema, string path, IReadOnlyCollection<string> names)
    {
        foreach (var member in schema.EnumerateObject())
        {
            if (!s_remarks.Contains(member.Name) && !names.Contains(member.Name))
                throw new SchemaFaultException(path, $"'{member.Name}' is not something that an answer can be held to here. Leave it out, and check it yourself.");
        }
    }

    /// <summary>What a value may begin with.</summary>
    [Flags]
    private enum Beginnings
    {
        Brace = 1,
        Bracket = 2,
        Quote = 4,
        Digit = 8,
        Boolean = 16,
        Null = 32,
    }

    /// <summary>A part of the grammar.</summary>
    /// <param name="Rule">An expression that may stand wherever a name may.</param>
    /// <param name="Beginnings">What it may begin with.</param>
    /// <param name="Ways">In how many ways it may go on at once.</param>
    private sealed record Part(string Rule, Beginnings Beginnings, int Ways)
    {
        public static Part Any { get; } = new("value", Beginnings.Brace | Beginnings.Bracket | Beginnings.Quote | Beginnings.Digit | Beginnings.Boolean | Beginnings.Null, 1);

        /// <summary>Whether it leads to something that it is itself a part of, of which nothing is known yet.</summary>
        public bool IsOpen { get; init; }
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var letter in text)
        {
            _ = letter switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                < ' ' or '\x7F' => quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:X2}"),
                _ => quoted.Append(letter),
            };
        }

        return quoted.Append('"').ToString();
    }
}

/// <summary>A schema that no grammar is made of; the message says why.</summary>
public sealed class SchemaFaultException : Exception
{
    public SchemaFaultException()
    {
    }

    public SchemaFaultException(string message)
        : base(message)
    {
    }

    public SchemaFaultException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal SchemaFaultException(string path, string reason)
        : base($"The schema cannot be held to at {(path.Length == 0 ? "its root" : path)}: {reason}")
    {
    }
}
