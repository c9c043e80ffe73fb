using System.Security.Cryptography;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;

namespace Stoa.Node.Http.OpenApi;

/// <summary>Wires the OpenAPI document, which is made from the endpoints themselves.</summary>
public static class OpenApiModule
{
    private const string DocumentName = "v1";

    public static void AddOpenApiDocument(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOpenApi(DocumentName, options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.ShouldInclude = _ => true;
            options.AddDocumentTransformer(DescribeDocument.ApplyAsync);
            options.AddOperationTransformer(DescribeOperation.ApplyAsync);
            options.AddSchemaTransformer(DescribeSchema.ApplyAsync);
        });
        builder.Services.AddSingleton<OpenApiText>();
    }

    /// <summary>Serves the document, made once, when it is first asked for.</summary>
    public static void MapOpenApiDocument(this IEndpointRouteBuilder app) => app
        .MapGet($"/openapi/{DocumentName}.json", async (OpenApiText text, HttpContext context) =>
        {
            var utf8 = await text.GetAsync();
            context.Response.Headers.CacheControl = "no-cache";
            var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(utf8).AsSpan(0, 8))}\"");
            return TypedResults.Bytes(utf8, "application/json", entityTag: tag);
        })
        .ExcludeFromDescription();

    /// <summary>The document as JSON.</summary>
    internal sealed class OpenApiText(IServiceProvider services)
    {
        private readonly Lazy<Task<byte[]>> _made = new(() => MakeAsync(services));

        public Task<byte[]> GetAsync() => _made.Value;

        private static async Task<byte[]> MakeAsync(IServiceProvider services)
        {
            var provider = services.GetRequiredKeyedService<IOpenApiDocumentProvider>(DocumentName);
            var document = await provider.GetOpenApiDocumentAsync();
            using var utf8 = new MemoryStream();
            await document.SerializeAsJsonAsync(utf8, OpenApiSpecVersion.OpenApi3_1);
            return utf8.ToArray();
        }
    }
}
