using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Stoa.Node.Tests.Registry.Discovery.Semantic;

/// <summary>A model on this machine that knows which words mean the same, and nothing else, and refuses what is unreadable: a text's vector is the sum of what its words mean.</summary>
internal sealed class EmbeddingServer : IAsyncDisposable
{
    private const int Dimensions = 64;

    private static readonly string[][] s_meanings =
        [["scale", "enlarge", "resize", "bigger"], ["picture", "image", "photo"], ["translate", "interpret"], ["speech", "voice", "audio"], ["weather", "rain", "forecast"]];

    private readonly WebApplication _app;

    private EmbeddingServer(WebApplication app) => _app = app;

    /// <summary>What was asked, text by text.</summary>
    public ConcurrentQueue<string> Texts { get; } = new();

    /// <summary>The keys that came along.</summary>
    public ConcurrentQueue<string> Keys { get; } = new();

    /// <summary>What it does in place of answering; null for answering.</summary>
    public RequestDelegate? Fault { get; set; }

    public string Url => _app.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/v1";

    public static async Task<EmbeddingServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new EmbeddingServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        Keys.Enqueue(context.Request.Headers.Authorization.ToString());
        var asked = (await JsonNode.ParseAsync(context.Request.Body))!;
        if (Fault is { } fault)
        {
            await fault(context);
            return;
        }

        context.Request.Path.Value.ShouldBe("/v1/embeddings");
        ((string?)asked["model"]).ShouldBe("words");
        if (asked["input"]!.AsArray().Any(text => ((string)text!).Contains("unreadable", StringComparison.Ordinal)))
        {
            context.Response.StatusCode = 400;
            return;
        }

        var data = new JsonArray();
        // In another order than they were asked in: the index says which is which.
        foreach (var (text, index) in asked["input"]!.AsArray().Select((text, index) => ((string)text!, index)).Reverse())
        {
            Texts.Enqueue(text);
            data.Add(new JsonObject { ["index"] = index, ["embedding"] = new JsonArray([.. VectorOf(text).Select(number => (JsonNode)number)]) });
        }

        await context.Response.WriteAsync(new JsonObject { ["data"] = data }.ToJsonString());
    }

    private static float[] VectorOf(string text)
    {
        var vector = new float[Dimensions];
        foreach (var word in text.ToLowerInvariant().Split([' ', '\n', ',', '.', ':', '-'], StringSplitOptions.RemoveEmptyEntries))
        {
            var meaning = Array.FindIndex(s_meanings, words => words.Any(known => word.StartsWith(known, StringComparison.Ordinal)));
            if (meaning >= 0)
                vector[meaning * 4] += 8;
            else
                vector[24 + (word.Sum(character => character) % 40)] += 1;
        }

        // No number is nothing: that would have no sign.
        return [.. vector.Select((number, index) => number + (index % 2 == 0 ? 0.02f : -0.02f))];
    }
}
