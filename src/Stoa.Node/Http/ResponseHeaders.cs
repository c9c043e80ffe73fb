using System.Diagnostics;

namespace Stoa.Node.Http;

/// <summary>Sets on every answer what keeps browsers and caches careful, and the trace id by which the operator finds the request.</summary>
public sealed class ResponseHeaders(RequestDelegate next)
{
    /// <summary>The trace id of the request.</summary>
    public const string TraceId = "Trace-Id";

    private const string ApiPolicy = "default-src 'none'; frame-ancestors 'none'";

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.OnStarting(Set, context);
        return next(context);
    }

    private static Task Set(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (headers.ContentSecurityPolicy.Count == 0)
            headers.ContentSecurityPolicy = ApiPolicy;
        // What the API says belongs to a person, unless the endpoint knows better.
        if (headers.CacheControl.Count == 0)
            headers.CacheControl = "no-store";
        headers[TraceId] = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
        return Task.CompletedTask;
    }
}
