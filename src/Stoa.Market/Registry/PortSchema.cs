using System.Collections.Concurrent;
using System.Text.Json;
using NJsonSchema;
using NJsonSchema.Validation;

namespace Stoa.Market.Registry;

/// <summary>The JSON Schema of an agent's input or output: checked when it is published, applied when a task is submitted.</summary>
/// <remarks>A schema comes from a stranger. It may only refer to itself, so that reading it fetches nothing, and it is bounded in size.</remarks>
public static class PortSchema
{
    /// <summary>The largest schema that is read.</summary>
    public const int MaxBytes = 32 * 1024;

    private const int MaxErrors = 50;
    private const int MaxCached = 256;
    private static readonly ConcurrentDictionary<string, JsonSchema> Cache = new(StringComparer.Ordinal);

    /// <summary>Everything that makes the schema unusable; empty when it is fine.</summary>
    public static IReadOnlyList<FieldError> Check(string schema)
    {
        if (schema.Length > MaxBytes)
            return [new FieldError("", $"a schema of at most {MaxBytes:N0} bytes")];
        using var document = JsonDocument.Parse(schema);
        if (document.RootElement.ValueKind is not JsonValueKind.Object)
            return [new FieldError("", "a JSON Schema, which is an object")];
        var errors = new List<FieldError>();
        RefuseOutsideReferences(document.RootElement, "", errors);
        if (errors.Count > 0)
            return errors;
        try
        {
            _ = Compile(schema);
            return [];
        }
        catch (Exception e) when (e is Newtonsoft.Json.JsonException or InvalidOperationException or ArgumentException or FormatException)
        {
            return [new FieldError("", $"a valid JSON Schema: {e.Message}")];
        }
    }

    /// <summary>Everything in which the document differs from the schema, at most 50 reasons; empty when it fits.</summary>
    /// <param name="schema">A schema that <see cref="Check"/> accepted.</param>
    /// <param name="json">Any JSON text.</param>
    public static IReadOnlyList<FieldError> Validate(string schema, string json)
    {
        try
        {
            var errors = Compile(schema).Validate(json);
            return [.. errors.Take(MaxErrors).Select(error => new FieldError(ToPointer(error), Describe(error)))];
        }
        catch (Newtonsoft.Json.JsonException e)
        {
            return [new FieldError("", $"The input is not JSON: {e.Message}")];
        }
    }

    private static JsonSchema Compile(string schema)
    {
        if (Cache.TryGetValue(schema, out var compiled))
            return compiled;
        // Nothing is awaited in truth: references to other documents were refused before.
        compiled = JsonSchema.FromJsonAsync(schema).GetAwaiter().GetResult();
        if (Cache.Count < MaxCached)
            Cache.TryAdd(schema, compiled);
        return compiled;
    }

    private static void RefuseOutsideReferences(JsonElement element, string pointer, List<FieldError> errors)
    {
        if (element.ValueKind is JsonValueKind.Array)
        {
            foreach (var (item, i) in element.EnumerateArray().Select((item, i) => (item, i)))
                RefuseOutsideReferences(item, $"{pointer}/{i}", errors);
        }
        else if (element.ValueKind is JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                if (member.Name is "$ref" && member.Value.ValueKind is JsonValueKind.String
                    && !member.Value.GetString()!.StartsWith('#'))
                {
                    errors.Add(new FieldError($"{pointer}/$ref", "a reference within the schema, such as #/definitions/row"));
                }

                RefuseOutsideReferences(member.Value, $"{pointer}/{member.Name}", errors);
            }
        }
    }

    private static string ToPointer(ValidationError error) =>
        string.IsNullOrEmpty(error.Path) ? "" : error.Path.Replace(".", "/", StringComparison.Ordinal).Replace('[', '/').Replace("]", "", StringComparison.Ordinal).Replace("#", "", StringComparison.Ordinal);

    private static string Describe(ValidationError error) =>
        error.Property is { Length: > 0 } property ? $"{error.Kind} at '{property}'." : $"{error.Kind}.";
}
