using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;
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
    private static readonly string[] s_yaml = ["application/yaml", "application/x-yaml", "text/yaml"];

    static async ValueTask<WorkflowDocument?> IBindableFromHttpContext<WorkflowDocument>.BindAsync(HttpContext context, ParameterInfo parameter)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || !s_yaml.Contains(type.MediaType.Value, StringComparer.OrdinalIgnoreCase))
        {
            var body = await RequestBody.ReadJsonAsync(context.Request, context.RequestAborted);
            return new WorkflowDocument(body, ContentHash.Of(body.Span));
        }

        var yaml = await RequestBody.ReadAsync(context.Request, context.RequestAborted);
        return YamlDocument.TryConvert(yaml, Workflow.MaxBytes, out var json) is { } fault
            ? throw new RequestRefusedException(RequestRefusal.RequestInvalid, "The document is not the YAML that is expected. Correct what is listed in errors and send it again.", [new FieldError("", fault)])
            : new WorkflowDocument(json, ContentHash.Of(yaml.Span));
    }

    static void IEndpointParameterMetadataProvider.PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata(["application/json", "application/yaml"], typeof(object)));
}
