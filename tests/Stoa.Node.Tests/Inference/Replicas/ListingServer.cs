using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Stoa.Node.Tests.Inference.Replicas;

/// <summary>A server that lists its models as a test says, and answers questions with a word.</summary>
public sealed class ListingServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ListingServer(WebApplication app) => _app = app;

    /// <summary>What it says its models are called.</summary>
    public IReadOnlyList<string> Models { get; set; } = ["tiny"];

    /// <summary>What it answers instead of the list; null for the list.</summary>
    public (int Status, string Body)? Instead { get; set; }

    /// <summary>Whether it says nothing at all.</summary>
    public bool IsSilent { get; set; }

    /// <summary>What the requests for the list brought in their header Authorization.</summary>
    public ConcurrentQueue<string> Authorizations { get; } = new();

    /// <summary>How often the list was asked for.</summary>
    public int Asked => Authorizations.Count;

    /// <summary>How many questions it was asked.</summary>
    public int Questions { get; private set; }

    public string Address => _app.Urls.Single() + "/v1";

    public static async Task<ListingServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new ListingServer(builder.Build());
        server._app.MapGet("/v1/models", server.ListAsync);
        server._app.MapPost("/v1/chat/completions", server.AnswerAsync);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _over.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task ListAsync(HttpContext context)
    {
        Authorizations.Enqueue(context.Request.Headers.Authorization.ToString());
        if (IsSilent)
            await Task.WhenAny(_over.Task, Task.Delay(Timeout.Infinite, context.RequestAborted));
        var (status, body) = Instead ?? (200, JsonSerializer.Serialize(new { @object = "list", data = Models.Select(name => new { id = name, @object = "model" }) }));
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Questions++;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(
            """{"id":"c1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}""");
    }
}
