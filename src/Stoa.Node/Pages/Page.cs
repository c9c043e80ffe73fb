using System.Text;
using System.Text.Encodings.Web;

namespace Stoa.Node.Pages;

/// <summary>A page for people, whole in itself: nothing is loaded from elsewhere.</summary>
/// <param name="Title">Plain text.</param>
/// <param name="Body">HTML.</param>
/// <param name="Script">Address of the page's own script; null when it needs none.</param>
public sealed record Page(string Title, string Body, string? Script = null) : IResult
{
    private const string Policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Plain text as HTML.</summary>
    public static string Text(string plain) => HtmlEncoder.Default.Encode(plain);

    /// <summary>The status that goes with it.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>Whether it is for one person, and kept nowhere.</summary>
    public bool IsPrivate { get; init; }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var script = Script is null ? "" : $"\n<script src=\"{Script}\" defer></script>";
        var html = $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{Text(Title)} · Stoa</title>
            <link rel="icon" href="/assets/stoa.svg">
            <link rel="stylesheet" href="/assets/pages.css">{script}
            </head>
            <body>
            <header><a class="brand" href="/"><img src="/assets/stoa.svg" alt="" width="28" height="28">Stoa</a>
            <nav><a href="/reference">API reference</a><a href="/problems">Problems</a><a href="/openapi/v1.json">OpenAPI</a></nav></header>
            <main>
            {Body}
            </main>
            </body>
            </html>

            """;
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = IsPrivate ? "no-store" : "no-cache";
        await response.Body.WriteAsync(Encoding.UTF8.GetBytes(html), httpContext.RequestAborted);
    }
}
