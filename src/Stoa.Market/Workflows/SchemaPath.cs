using System.Text.Json;
using Stoa.Market.Registry;

namespace Stoa.Market.Workflows;

/// <summary>What a JSON Schema says of a value that is read by its path, as far as it says it plainly; of what it says by conditions and alternatives nothing is taken for granted.</summary>
internal sealed record SchemaPath
{
    private static readonly string[] s_anyType = ["null", "boolean", "object", "array", "number", "string", "integer"];

    /// <summary>Why no document that fits the schema has such a value; null when one may have.</summary>
    public string? WhyMissing { get; init; }

    /// <summary>Of which types it can be, as the schema calls them; null when anything is possible.</summary>
    public IReadOnlyList<string>? Types { get; init; }

    /// <summary>Looks up a path.</summary>
    /// <param name="root">A schema that <see cref="PortSchema.Check"/> accepted.</param>
    /// <param name="path">Names of members, from the outermost.</param>
    /// <param name="what">What the document is called in words.</param>
    public static SchemaPath Find(JsonElement root, IEnumerable<string> path, string what)
    {
        var at = Resolve(root, root);
        foreach (var name in path)
        {
            if (at is not { ValueKind: JsonValueKind.Object } here || IsInvolved(here))
                return new SchemaPath();
            if (TypesOf(here) is { } types && !types.Contains("object"))
                return new SchemaPath { WhyMissing = $"{what} is of the type {string.Join(" or ", types)} and has no member {name}." };
            if (here.TryGetProperty("properties", out var properties) && properties.ValueKind is JsonValueKind.Object && properties.TryGetProperty(name, out var member))
                at = Resolve(member, root);
            else if (here.TryGetProperty("additionalProperties", out var more) && more.ValueKind is JsonValueKind.False && !here.TryGetProperty("patternProperties", out _))
                return new SchemaPath { WhyMissing = $"{what} has no member {name}{Told(properties)}." };
            else
                return new SchemaPath();
            what = $"{what}.{name}";
        }

        return at is { ValueKind: JsonValueKind.Object } found && !IsInvolved(found) ? new SchemaPath { Types = TypesOf(found) } : new SchemaPath();
    }

    /// <summary>Names of members that every object has that fits the schema, as far as it says so plainly.</summary>
    public static IEnumerable<string> Required(JsonElement root) =>
        Resolve(root, root) is { ValueKind: JsonValueKind.Object } schema && schema.TryGetProperty("required", out var names) && names.ValueKind is JsonValueKind.Array
            ? names.EnumerateArray().Where(name => name.ValueKind is JsonValueKind.String).Select(name => name.GetString()!)
            : [];

    /// <summary>Whether a value of these types may be one of those.</summary>
    public static bool MayBe(IReadOnlyList<string>? types, string type) => (types ?? s_anyType).Any(known => known == type || (type == "number" && known == "integer") || (type == "integer" && known == "number"));

    private static bool IsInvolved(JsonElement schema) => schema.EnumerateObject().Any(member => member.Name is "$ref" or "allOf" or "anyOf" or "oneOf" or "not" or "if");

    private static IReadOnlyList<string>? TypesOf(JsonElement schema) => schema.TryGetProperty("type", out var type)
        ? type.ValueKind switch
        {
            JsonValueKind.String => [type.GetString()!],
            JsonValueKind.Array => [.. type.EnumerateArray().Where(each => each.ValueKind is JsonValueKind.String).Select(each => each.GetString()!)],
            _ => null,
        }
        : null;

    /// <summary>Follows references into the schema itself; gives up after as many as a schema may have in a row.</summary>
    private static JsonElement? Resolve(JsonElement schema, JsonElement root)
    {
        for (var followed = 0; followed <= SchemaLoops.MaxChain; followed++)
        {
            if (schema.ValueKind is not JsonValueKind.Object || !schema.TryGetProperty("$ref", out var reference))
                return schema;
            if (reference.ValueKind is not JsonValueKind.String || !SchemaLoops.TryFind(root, reference.GetString()!, out schema, out _))
                return null;
        }

        return null;
    }

    private static string Told(JsonElement properties)
    {
        var names = properties.ValueKind is JsonValueKind.Object ? properties.EnumerateObject().Select(member => member.Name).Take(8).ToList() : [];
        return names.Count == 0 ? "" : $": it has {string.Join(", ", names)}";
    }
}
