using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;

namespace Stoa.Node.Http;

/// <summary>An answer that is a refusal: problem details of RFC 9457.</summary>
/// <param name="Kind">Its row in the table of problems.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Errors">Every reason, where there are several.</param>
public sealed record ProblemResult(ProblemKind Kind, string Detail, IReadOnlyList<FieldError> Errors)
    : IResult, IStatusCodeHttpResult, IContentTypeHttpResult
{
    /// <summary>Media type of problem details.</summary>
    public const string MediaType = "application/problem+json";

    int? IStatusCodeHttpResult.StatusCode => Kind.Status;

    string? IContentTypeHttpResult.ContentType => MediaType;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        if (httpContext.GetEndpoint()?.Metadata.GetMetadata<OpenAiEndpoint>() is not null)
        {
            await OpenAiError.Of(this).WriteAsync(httpContext);
            return;
        }

        var response = httpContext.Response;
        response.StatusCode = Kind.Status;
        response.ContentType = MediaType;
        response.Headers.CacheControl = "no-store";
        if (Kind.RetryAfter is { } wait)
            response.Headers.RetryAfter = ((long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var body = JsonSerializer.SerializeToUtf8Bytes(ToContract(Activity.Current?.TraceId.ToHexString() ?? httpContext.TraceIdentifier), StoaJson.Default.Problem);
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(httpContext.Request.Method))
            await response.Body.WriteAsync(body, httpContext.RequestAborted);
    }

    /// <summary>The problem as it is on the wire.</summary>
    public Problem ToContract(string? traceId) => new(
        Kind.Type,
        Kind.Title,
        Kind.Status,
        Detail,
        Kind.Code,
        Errors.Count == 0 ? null : [.. Errors.Select(error => new ProblemError(error.Pointer, error.Reason))],
        traceId);
}
