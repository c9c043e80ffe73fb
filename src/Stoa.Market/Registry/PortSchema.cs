using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using NJsonSchema;
using NJsonSchema.References;
using NJsonSchema.Validation;

namespace Stoa.Market.Registry;

/// <summary>The JSON Schema of an agent's input or output: checked when it is published, applied when a task is submitted.</summary>
/// <remarks>A schema comes from a stranger. It may only refer to itself, so that reading it fetches nothing, and it is bounded in size.</remarks>
public static partial class PortSchema
{
    /// <summary>The largest schema that is read.</summary>
    public const int MaxBytes = 32 * 1024;

    private const int MaxDepth = 64;
    private const int MaxErrors = 50;

    // The schema library makes an object of some hundred and fifty bytes of each.
    private const int MaxValues = 500_000;
    private const int MaxCached = 256;
    private static readonly ConcurrentDictionary<string, JsonSchema> s_cache = new(StringComparer.Ordinal);

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
        if (errors.Count == 0)
            errors.AddRange(SchemaLoops.Find(document.RootElement));
        if (errors.Count > 0)
            return errors;
        try
        {
            _ = Compile(schema);
            return [];
        }
        catch (Exception e) when (e is Newtonsoft.Json.JsonException or InvalidOperationException or ArgumentException or FormatException or ArithmeticException)
        {
            return [new FieldError("", $"a valid JSON Schema: {e.Message}")];
        }
    }

    /// <summary>Everything in which a document differs from the schema, at most 50 reasons with pointers into the document; empty when it fits.</summary>
    /// <remarks>The text is parsed with a depth limit before the schema library sees it, so that a bomb of brackets is a refusal.</remarks>
    /// <param name="schema">A schema that <see cref="Check"/> accepted.</param>
    /// <param name="json">Any text in UTF-8.</param>
    public static IReadOnlyList<FieldError> Validate(string schema, ReadOnlyMemory<byte> json)
    {
        try
        {
            return FindErrors(schema, json);
        }
        catch (SchemaEffortException)
        {
            return [new FieldError("", "To check this against the agent's schema takes too long: it differs in too many places, or the schema is too involved.")];
        }
        catch (RegexMatchTimeoutException)
        {
            return [new FieldError("", "A pattern of the agent's schema takes too long on this input.")];
        }
    }

    /// <summary>Whether a document fits the schema; null when that took too long to find out, on this machine and by what else it does.</summary>
    /// <param name="schema">A schema that <see cref="Check"/> accepted.</param>
    /// <param name="json">Any text in UTF-8.</param>
    public static bool? Fits(string schema, ReadOnlyMemory<byte> json)
    {
        try
        {
            return FindErrors(schema, json).Count == 0;
        }
        catch (Exception e) when (e is SchemaEffortException or RegexMatchTimeoutException)
        {
            return null;
        }
    }

    private static IReadOnlyList<FieldError> FindErrors(string schema, ReadOnlyMemory<byte> json)
    {
        try
        {
            if (CountValues(json.Span) > MaxValues)
                return [new FieldError("", $"At most {MaxValues:N0} values are checked against a schema: give the document in parts.")];
        }
        catch (JsonException refusal)
        {
            return [new FieldError("", $"JSON at most {MaxDepth} levels deep is expected: {refusal.Message}")];
        }

        try
        {
            return [.. new BoundedSchemaValidator(json.Length).Validate(Encoding.UTF8.GetString(json.Span), Compile(schema).ActualSchema).SelectMany(Flatten).Take(MaxErrors)];
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or ArithmeticException)
        {
            // Such as a pattern that is none, or a multiple of zero. The publisher's mistake, found late: the consumer can do nothing but choose another version.
            return [new FieldError("", "The agent's own schema cannot be used, whatever the input: ask its publisher, or take another version.")];
        }
    }

    /// <summary>How many values a document has.</summary>
    /// <exception cref="JsonException">It is no JSON, or deeper than is read.</exception>
    internal static int CountValues(ReadOnlySpan<byte> json)
    {
        var count = 0;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.EndArray or JsonTokenType.EndObject))
                count++;
        }

        return count;
    }

    private static JsonSchema Compile(string schema)
    {
        if (s_cache.TryGetValue(schema, out var compiled))
            return compiled;
        // A version that was published before this was checked must not end the process either.
        using (var document = JsonDocument.Parse(schema))
        {
            if (SchemaLoops.Find(document.RootElement).Count > 0)
                throw new InvalidOperationException("The schema refers to itself without end.");
        }

        // Nothing is awaited in truth: what is not in the text itself is not looked for.
        compiled = JsonSchema.FromJsonAsync(schema, null, root => new ClosedResolver(root)).GetAwaiter().GetResult();
        if (s_cache.Count < MaxCached)
            s_cache.TryAdd(schema, compiled);
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

    /// <summary>The error and, where none of several branches fits, those of each branch.</summary>
    private static IEnumerable<FieldError> Flatten(ValidationError error)
    {
        yield return new FieldError(ToPointer(error.Path), Describe(error));
        if (error is ChildSchemaValidationError branches)
        {
            foreach (var inner in branches.Errors.SelectMany(branch => branch.Value).SelectMany(Flatten))
                yield return inner;
        }
    }

    private static string Describe(ValidationError error) => error.Kind switch
    {
        ValidationErrorKind.PropertyRequired => $"The member \"{error.Property}\" is required.",
        ValidationErrorKind.NoAdditionalPropertiesAllowed => $"The member \"{error.Property}\" is not known.",
        _ => $"{Capitals().Replace(error.Kind.ToString(), " $0").Trim().ToLowerInvariant()} (line {error.LineNumber})",
    };

    /// <summary><c>#/rows[3].name</c>, as the library says it, as a JSON Pointer.</summary>
    private static string ToPointer(string? path) =>
        string.IsNullOrEmpty(path) ? "" : Indexes().Replace(path.TrimStart('#'), "/$1").Replace('.', '/');

    [GeneratedRegex("[A-Z]", RegexOptions.CultureInvariant)]
    private static partial Regex Capitals();

    [GeneratedRegex(@"\[(\d+)\]", RegexOptions.CultureInvariant)]
    private static partial Regex Indexes();

    /// <summary>Finds nothing outside of the schema, should a reference have got past <see cref="Check"/>.</summary>
    private sealed class ClosedResolver(JsonSchema schema)
        : JsonReferenceResolver(new JsonSchemaAppender(schema, new DefaultTypeNameGenerator()))
    {
        public override Task<IJsonReference> ResolveFileReferenceAsync(string filePath, CancellationToken cancellationToken = default) =>
            throw Outside(filePath);

        public override Task<IJsonReference> ResolveUrlReferenceAsync(string url, CancellationToken cancellationToken = default) =>
            throw Outside(url);

        private static InvalidOperationException Outside(string reference) => new($"The schema points outside of itself, to {reference}.");
    }
}
