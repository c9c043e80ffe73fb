using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Stoa.Cli.Connection;

/// <summary>What a browser has brought back from a sign-in.</summary>
/// <param name="Code">To be exchanged for a session; null when the sign-in failed.</param>
/// <param name="Error">The refusal's code; null when it did not fail.</param>
/// <param name="Description">What happened and what to do.</param>
internal sealed record BrowserAnswer(string? Code, string? Error, string? Description);

/// <summary>Listens on the loopback interface for the one answer of a sign-in in a browser: RFC 8252, section 7.3.</summary>
/// <remarks>Any page and program of this machine can send it something, so only what has the sign-in's own state is taken, once, and nothing of it is shown as markup.</remarks>
internal sealed class LoopbackAnswer : IAsyncDisposable
{
    private const int LengthMax = 1_000;

    private readonly WebApplication _app;
    private readonly string _state;
    private readonly TaskCompletionSource<BrowserAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private LoopbackAnswer(WebApplication app, string state) => (_app, _state) = (app, state);

    /// <summary>Where it listens: a port that was free.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Port;

    /// <summary>Begins to listen.</summary>
    /// <param name="state">What the answer has to have with it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<LoopbackAnswer> ListenAsync(string state, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxConcurrentConnections = 16;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        var listening = new LoopbackAnswer(app, state);
        app.Run(listening.TakeAsync);
        await app.StartAsync(cancellationToken);
        return listening;
    }

    /// <summary>The answer, when it comes.</summary>
    public Task<BrowserAnswer> WaitAsync(CancellationToken cancellationToken) => _answer.Task.WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        // The page is on its way to the browser.
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task TakeAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var isOurs = HttpMethods.IsGet(context.Request.Method) && context.Request.Path == "/" && context.Request.Host.Host == "127.0.0.1"
            && query["state"].Count == 1 && query["state"] == _state;
        var answer = new BrowserAnswer(One(query, "code"), One(query, "error"), One(query, "error_description"));
        if (!isOurs || (answer.Code is null == answer.Error is null) || _answer.Task.IsCompleted)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            await WriteAsync(context, "Nothing here", "This address waits for the answer to a sign-in, and this is none.");
            return;
        }

        await (answer.Error is null
            ? WriteAsync(context, "Signed in at the provider", "Go back to the terminal. You can close this page.")
            : WriteAsync(context, "Not signed in", answer.Description ?? "Go back to the terminal: it says what happened."));
        _answer.TrySetResult(answer);
    }

    private static Task WriteAsync(HttpContext context, string title, string text)
    {
        var headers = context.Response.Headers;
        context.Response.ContentType = "text/html; charset=utf-8";
        headers.ContentSecurityPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(
            $"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title} · Stoa</title></head>
            <body><h1>{title}</h1><p>{HtmlEncoder.Default.Encode(text)}</p></body>
            </html>

            """)).AsTask();
    }

    private static string? One(IQueryCollection query, string name) => query[name] is { Count: 1 } values && values[0] is { Length: > 0 and <= LengthMax } value ? value : null;
}
