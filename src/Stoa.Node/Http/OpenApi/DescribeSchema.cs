using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Stoa.Node.Http.OpenApi;

/// <summary>What the OpenAPI document says of a contract beyond its members: an example of it, and that answers may grow.</summary>
internal static class DescribeSchema
{
    public static Task ApplyAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var type = context.JsonTypeInfo.Type;
        // Its converter is ours, so the framework does not know what it writes.
        if ((Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTimeOffset))
        {
            schema.Type = type == typeof(DateTimeOffset) ? JsonSchemaType.String : JsonSchemaType.String | JsonSchemaType.Null;
            schema.Format = "date-time";
        }

        if (context.JsonTypeInfo.Kind is JsonTypeInfoKind.Object && context.JsonPropertyInfo is null && Examples.Of(type) is { } example)
            schema.Examples = [example];
        // Requests are closed, answers are not: a later version of the node may add members to them.
        if (context.JsonTypeInfo.Kind is JsonTypeInfoKind.Object && IsAnswer(type))
        {
            schema.AdditionalPropertiesAllowed = true;
            schema.AdditionalProperties = null;
        }

        return Task.CompletedTask;
    }

    private static bool IsAnswer(Type type) =>
        type.Name.Contains("Response", StringComparison.Ordinal) || type.Name is "Problem" or "ProblemError" or "CloudEvent";
}
