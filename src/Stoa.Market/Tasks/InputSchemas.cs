using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using NJsonSchema;
using NJsonSchema.Validation;

namespace Stoa.Market.Tasks;

/// <summary>Checks JSON inputs against the schemas of agents.</summary>
/// <remarks>
/// The text is parsed with a depth limit before the schema library sees it, so that a bomb of brackets is a refusal. A
/// schema that points outside of itself finds nothing: no address is fetched, no file is read.
/// </remarks>
internal sealed class InputSchemas
{
    private const int MaxDepth = 64;
    private const int MaxReasons = 50;
    private const int CachedSchemas = 256;

    private readonly ConcurrentDictionary<string, Task<JsonSchema>> compiled = new(StringComparer.Ordinal);

    /// <summary>Every reason why the input does not fit; empty when it does.</summary>
    public async Task<IReadOnlyList<FieldError>> CheckAsync(string schemaJson, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        try
        {
            using var document = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException refusal)
        {
            return [new FieldError("/input", $"JSON at most {MaxDepth} levels deep is expected: {refusal.Message}")];
        }

        JsonSchema schema;
        try
        {
            schema = await GetAsync(schemaJson).WaitAsync(cancellationToken);
        }
        catch (Exception refusal) when (refusal is not OperationCanceledException)
        {
            // The publisher's mistake, found late: the consumer can do nothing but choose another version.
            return [new FieldError("/agent", $"The agent's own schema cannot be used: {refusal.Message}")];
        }

        try
        {
            return [.. schema.Validate(Encoding.UTF8.GetString(input.Span)).SelectMany(Flatten).Take(MaxReasons)];
        }
        catch (RegexMatchTimeoutException)
        {
            return [new FieldError("/input", "A pattern of the agent's schema takes too long on this input.")];
        }
    }

    private Task<JsonSchema> GetAsync(string schemaJson)
    {
        if (compiled.Count >= CachedSchemas)
            compiled.Clear();
        return compiled.GetOrAdd(schemaJson, static text => JsonSchema.FromJsonAsync(text, null, schema => new ClosedResolver(schema)));
    }

    private static IEnumerable<FieldError> Flatten(ValidationError error)
    {
        yield return new FieldError("/input" + ToPointer(error.Path), Describe(error));
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
        _ => string.Concat(Words().Replace(error.Kind.ToString(), " $1").Trim().ToLowerInvariant(), " (line ", error.LineNumber, ")"),
    };

    /// <summary><c>#/rows[3].name</c>, as the library says it, as a JSON Pointer.</summary>
    private static string ToPointer(string? path) =>
        string.IsNullOrEmpty(path) ? "" : Indexes().Replace(path.TrimStart('#'), "/$1").Replace('.', '/');

    // Source-generated expressions would need a partial class for two patterns that only run on a refusal.
    private static Regex Words() => new("([A-Z])", RegexOptions.None, TimeSpan.FromSeconds(1));

    private static Regex Indexes() => new(@"\[(\d+)\]", RegexOptions.None, TimeSpan.FromSeconds(1));

    private sealed class ClosedResolver(JsonSchema schema)
        : JsonReferenceResolver(new JsonSchemaAppender(schema, new DefaultTypeNameGenerator()))
    {
        public override Task<NJsonSchema.References.IJsonReference> ResolveFileReferenceAsync(string filePath, CancellationToken cancellationToken = default) =>
            throw Outside(filePath);

        public override Task<NJsonSchema.References.IJsonReference> ResolveUrlReferenceAsync(string url, CancellationToken cancellationToken = default) =>
            throw Outside(url);

        private static InvalidOperationException Outside(string reference) => new($"it points outside of itself, to {reference}");
    }
}
