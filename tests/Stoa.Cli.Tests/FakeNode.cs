using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Stoa.Cli.Tests;

/// <summary>What a client sent.</summary>
internal sealed record SeenRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>An HTTP server that answers as a test tells it to: for what a real node does only when something goes wrong.</summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<RequestDelegate>> _answers = new();

    private FakeNode(WebApplication app) => _app = app;

    public ConcurrentQueue<SeenRequest> Seen { get; } = new();

    public Uri Address => new(_app.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>()
        .Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public static async Task<FakeNode> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var node = new FakeNode(app);
        app.Run(node.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>The next answer to such a request. The last one is given again and again.</summary>
    public FakeNode On(string methodAndPath, RequestDelegate answer)
    {
        _answers.GetOrAdd(methodAndPath, _ => new()).Enqueue(answer);
        return this;
    }

    public FakeNode On(string methodAndPath, int status, string json = "{}", params (string Name, string Value)[] headers) =>
        On(methodAndPath, async context =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = "application/json";
            foreach (var (name, value) in headers)
                context.Response.Headers[name] = value;
            if (!HttpMethods.IsHead(context.Request.Method))
                await context.Response.WriteAsync(json);
        });

    public IReadOnlyList<SeenRequest> SeenOf(string methodAndPath) =>
        [.. Seen.Where(request => $"{request.Method} {request.Path}" == methodAndPath)];

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path + context.Request.QueryString;
        var queue = _answers.GetValueOrDefault($"{context.Request.Method} {path}");
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        Seen.Enqueue(new SeenRequest(
            context.Request.Method, path, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body.ToArray()));
        if (queue is null || !queue.TryPeek(out var answer))
        {
            context.Response.StatusCode = 404;
            await context.Response.WriteAsync($$"""{"type":"about:blank","title":"t","status":404,"detail":"nothing at {{path}}","code":"notFound"}""");
            return;
        }

        if (queue.Count > 1)
            queue.TryDequeue(out _);
        await answer(context);
    }
}
