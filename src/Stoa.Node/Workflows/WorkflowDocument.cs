using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Workflows;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Workflows;

/// <summary>The document of a workflow as the body of a request, in JSON or YAML.</summary>
/// <param name="Json">The same in JSON, UTF-8; not looked at.</param>
/// <param name="Hash">SHA-256 of the bytes as they came.</param>
public sealed record WorkflowDocument(ReadOnlyMemory<byte> Json, ContentHash Hash) : IRequestContent, IBindableFromHttpContext<WorkflowDocument>, IEndpointParameterMetadataProvider
{
    private const string NotYaml = "The document is not the YAML that is expected. Correct what is listed in errors and send it again.";

    private static readonly string[] s_yaml = ["application/yaml", "application/x-yaml", "text/yaml"];

    /// <summary>Documents that came beside it: JSON objects, or texts in YAML, by what it calls them.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Beside { get; private init; }

    static async ValueTask<WorkflowDocument?> IBindableFromHttpContext<WorkflowDocument>.BindAsync(HttpContext context, ParameterInfo parameter)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || !s_yaml.Contains(type.MediaType.Value, StringComparer.OrdinalIgnoreCase))
        {
            var body = await RequestBody.ReadJsonAsync(context.Request, context.RequestAborted);
            return IsWithOthers(body.Span) ? Open(body) : new WorkflowDocument(body, ContentHash.Of(body.Span));
        }

        var yaml = await RequestBody.ReadAsync(context.Request, context.RequestAborted);
        return YamlDocument.TryConvert(yaml, Workflow.MaxBytes, out var json) is { } fault
            ? throw new RequestRefusedException(RequestRefusal.RequestInvalid, NotYaml, [new FieldError("", fault)])
            : new WorkflowDocument(json, ContentHash.Of(yaml.Span));
    }

    /// <summary>Whether a body is a <see cref="ValidateWorkflowRequest"/>: no document has a member of the name workflow.</summary>
    private static bool IsWithOthers(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        try
        {
            if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("workflow"u8))
                    return true;
                reader.Skip();
            }
        }
        catch (JsonException)
        {
            // Whoever reads it says what is wrong.
        }

        return false;
    }

    private static WorkflowDocument Open(ReadOnlyMemory<byte> body)
    {
        var request = Body<ValidateWorkflowRequest>.Read(body);
        return DocumentText.TryJson(request.Workflow, out var json, out var fault)
            ? new WorkflowDocument(json, ContentHash.Of(body.Span)) { Beside = request.Workflows }
            : throw new RequestRefusedException(RequestRefusal.RequestInvalid, NotYaml, [new FieldError("/workflow", fault)]);
    }

    static void IEndpointParameterMetadataProvider.PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata(["application/json", "application/yaml"], typeof(object)));
}
