using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Identity;

namespace Stoa.Node.Http.OpenApi;

/// <summary>What the OpenAPI document says of an operation beyond its own metadata: who may call it, and every way in which it refuses.</summary>
internal static class DescribeOperation
{
    /// <summary>Parameters that mean the same wherever they are.</summary>
    private static readonly Dictionary<string, string> s_parameterTexts = new(StringComparer.Ordinal)
    {
        ["organisation"] = "Handle of an organisation that you belong to.",
        ["id"] = "The id, a TypeID.",
        ["deliveryId"] = "The id of the delivery, a TypeID.",
        ["digest"] = "SHA-256 of the content, `sha256:` and 64 hexadecimal digits.",
        ["handle"] = "Handle of the user.",
        ["publisher"] = "Handle of the publisher.",
        ["name"] = "Name of the agent, mailbox or topic.",
        ["topic"] = "Name of the topic.",
        ["max"] = "At most so many messages, 1 to 50; 1 when left out.",
        ["visibility"] = "For how many seconds they are held, 1 to 43,200; as the mailbox says when left out.",
        ["version"] = "Semantic version.",
        ["state"] = "Only those in this state.",
        ["wait"] = "How long the line is held, such as `30s` or `500ms`; at most a minute.",
        ["force"] = "Do it although something else uses it; false when left out.",
    };

    public static async Task ApplyAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var needsCaller = metadata.OfType<ApiEndpoint>().Any() && !metadata.OfType<IAllowAnonymous>().Any();
        operation.Security = needsCaller
            ? [Requirement(DescribeDocument.ApiKeyScheme, context), Requirement(DescribeDocument.SessionScheme, context)]
            : [];
        foreach (var parameter in operation.Parameters ?? [])
        {
            if (parameter.Name is { } name && s_parameterTexts.TryGetValue(name, out var text))
                parameter.Description ??= text;
        }

        if (IsApi(context) && Access.Of(new EndpointMetadataCollection(metadata)).Permission is { } permission)
        {
            operation.Description += $" Needs `{PermissionSet.WordOf(permission)}`.";
            if (operation.Parameters?.Any(parameter => parameter.Name == PermissionGate.OrganisationParameter) is not true)
                (operation.Parameters ??= []).Add(DescribeOrganisation());
        }

        if (metadata.OfType<Idempotency.IdempotencyKeyTaken>().Any())
            (operation.Parameters ??= []).Add(DescribeIdempotencyKey());

        var document = context.Document ?? throw new InvalidOperationException("An operation is described as part of a document.");
        if (document.Components?.Schemas?.ContainsKey(nameof(Problem)) is not true)
            document.AddComponent(nameof(Problem), await context.GetOrCreateSchemaAsync(typeof(Problem), cancellationToken: cancellationToken));
        var problem = new OpenApiSchemaReference(nameof(Problem), document);
        var refusals = Refusals(operation, metadata, context.Description.RelativePath ?? "");
        operation.Responses ??= [];
        foreach (var status in refusals.GroupBy(kind => kind.Status))
            operation.Responses[$"{status.Key}"] = DescribeRefusals([.. status], problem);
        foreach (var (status, response) in operation.Responses)
        {
            if (string.IsNullOrWhiteSpace(response.Description))
                response.Description = $"Status {status}.";
        }
    }

    private static SortedSet<ProblemKind> Refusals(OpenApiOperation operation, IList<object> metadata, string path)
    {
        var isApi = path.StartsWith("api/", StringComparison.Ordinal);
        var refusals = new SortedSet<ProblemKind>(Comparer<ProblemKind>.Create((left, right) =>
            (left.Status, left.Code).CompareTo((right.Status, right.Code))));
        refusals.UnionWith(metadata.OfType<RefusedWith>().Select(refused => refused.Kind));
        Add(operation.Parameters is { Count: > 0 } || operation.RequestBody is not null, RequestRefusal.RequestInvalid);
        // A wrong credential is refused where none is needed, too.
        Add(isApi, RequestRefusal.Unauthenticated);
        Add(isApi && (Access.Of(new EndpointMetadataCollection(metadata)).Permission is not null || Access.IsOpen(new EndpointMetadataCollection(metadata))), RequestRefusal.Forbidden);
        Add(operation.RequestBody is not null, RequestRefusal.PayloadTooLarge);
        Add(operation.RequestBody is not null && metadata.OfType<IAcceptsMetadata>().Any(), RequestRefusal.UnsupportedMediaType);
        Add(isApi, RequestRefusal.RateLimited);
        Add(isApi, RequestRefusal.Unavailable);
        Add(isApi && operation.RequestBody is not null, RequestRefusal.StorageFull);
        Add(true, RequestRefusal.InternalError);
        return refusals;

        void Add(bool applies, RequestRefusal refusal)
        {
            if (applies)
                refusals.Add(Problems.Of(refusal));
        }
    }

    private static OpenApiResponse DescribeRefusals(IReadOnlyList<ProblemKind> kinds, OpenApiSchemaReference problem)
    {
        var response = new OpenApiResponse
        {
            Description = string.Join(" ", kinds.Select(kind => $"`{kind.Code}`: {kind.Explanation}")),
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [ProblemResult.MediaType] = new()
                {
                    Schema = problem,
                    Examples = kinds.ToDictionary(
                        kind => kind.Code,
                        kind => (IOpenApiExample)new OpenApiExample { Summary = kind.Title, Value = Examples.Of(kind) }),
                },
            },
        };
        if (kinds.Any(kind => kind.Status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable))
        {
            response.Headers = new Dictionary<string, IOpenApiHeader>
            {
                ["Retry-After"] = new OpenApiHeader
                {
                    Description = "Seconds to wait.",
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Integer },
                },
            };
        }

        return response;
    }

    private static bool IsApi(OpenApiOperationTransformerContext context) =>
        context.Description.RelativePath?.StartsWith("api/", StringComparison.Ordinal) is true;

    private static OpenApiParameter DescribeOrganisation() => new()
    {
        Name = PermissionGate.OrganisationHeader,
        In = ParameterLocation.Header,
        Description = "Handle of an organisation that you belong to and act for; left out to act for yourself, or for the account of an API key.",
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 2, MaxLength = 39 },
        Example = "acme",
    };

    private static OpenApiParameter DescribeIdempotencyKey() => new()
    {
        Name = IdempotencyKeyHeader.Name,
        In = ParameterLocation.Header,
        Description = "Makes the request safe to repeat: the same key with the same content gets the same answer, the same key with other content is refused. 1 to 255 visible ASCII characters; a UUID is a good key.",
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 255, Pattern = "^[!-~]+$" },
        Example = "5f0c6d1e-8f7a-4b1e-9a57-0d6c3a1f2b44",
    };

    private static OpenApiSecurityRequirement Requirement(string scheme, OpenApiOperationTransformerContext context) =>
        new() { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] };
}
