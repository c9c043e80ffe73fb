using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stoa.Llama.Engine;

namespace Stoa.Llama.Serving;

/// <summary>The endpoints of a model.</summary>
/// <param name="model">Makes tokens.</param>
/// <param name="engine">Writes answers.</param>
/// <param name="name">What the model is called.</param>
/// <param name="time">The clock.</param>
internal sealed class ModelApi(LlamaModel model, LlamaEngine engine, string name, TimeProvider time)
{
    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 128, AllowDuplicateProperties = false };

    private readonly RequestReading _reading = new(model, engine, name);
    private readonly long _startedAt = time.GetUtcNow().ToUnixTimeSeconds();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", TellHealthAsync);
        routes.MapGet("/v1/models", ListAsync);
        routes.MapPost("/v1/chat/completions", context => AnswerAsync(context, isChat: true));
        routes.MapPost("/v1/completions", context => AnswerAsync(context, isChat: false));
        routes.MapPost("/v1/embeddings", EmbedAsync);
    }

    internal static async Task WriteAsync(HttpContext context, byte[] json)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }

    private Task TellHealthAsync(HttpContext context)
    {
        var figures = engine.Figures;
        return WriteAsync(context, AnswerWriting.Json(json =>
        {
            json.WriteString("status", "ok");
            json.WriteNumber("slots", engine.Options.Slots);
            json.WriteNumber("busySlots", figures.BusySlots);
            json.WriteNumber("waiting", figures.Waiting);
            json.WriteNumber("steps", figures.Steps);
            json.WriteNumber("readTokens", figures.ReadTokens);
            json.WriteNumber("cachedPromptTokens", figures.CachedPromptTokens);
            json.WriteNumber("writtenTokens", figures.WrittenTokens);
        }));
    }

    private Task ListAsync(HttpContext context) => WriteAsync(context, AnswerWriting.Json(json =>
    {
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        json.WriteStartObject();
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteNumber("created", _startedAt);
        json.WriteString("owned_by", "stoa");
        json.WriteString("description", model.Description);
        json.WriteNumber("context_length", engine.ContextLength);
        json.WriteEndObject();
        json.WriteEndArray();
    }));

    private async Task EmbedAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, s_json, context.RequestAborted);
        var order = Read(body, _reading.ReadEmbedding);
        var vectors = await engine.EmbedAsync(order.Inputs, context.RequestAborted);
        await WriteAsync(context, AnswerWriting.Embeddings(name, vectors, order.AsBytes, order.Inputs.Sum(input => input.Length)));
    }

    private async Task AnswerAsync(HttpContext context, bool isChat)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, s_json, context.RequestAborted);
        var order = Read<AnswerOrder>(body, isChat ? _reading.ReadChat : _reading.ReadCompletion);
        // What one account has asked is not to be found out by another from what is in the cache.
        var scope = context.Request.Headers[ServingOptions.ScopeHeader].ToString();
        using var stream = engine.Start([.. order.Requests.Select(request => request with { Scope = scope })], context.RequestAborted);
        var writing = new AnswerWriting($"{(isChat ? "chatcmpl" : "cmpl")}-{Guid.NewGuid():N}", name, time.GetUtcNow().ToUnixTimeSeconds(), isChat);
        if (order.IsStream)
            await StreamAsync(context, order, stream, writing, isChat);
        else
            await AnswerWholeAsync(context, order, stream, writing);
    }

    private static T Read<T>(JsonDocument body, Func<JsonElement, T> read)
    {
        try
        {
            return read(body.RootElement);
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, which is found where a text is read.
            throw new ApiFaultException(400, "invalid_request", null, "The body has text in it that is no Unicode.");
        }
    }

    private static async Task AnswerWholeAsync(HttpContext context, AnswerOrder order, GenerationStream stream, AnswerWriting writing)
    {
        var texts = new System.Text.StringBuilder[order.Choices];
        var usage = new UsageCount(order);
        await foreach (var next in stream.ReadAllAsync(context.RequestAborted))
        {
            (texts[next.Index] ??= new()).Append(next.Text);
            usage.Note(next);
        }

        await WriteAsync(context, writing.Whole([.. texts.Zip(usage.Ends, (text, end) => (text.ToString(), end))], usage.Sum));
    }

    private static async Task StreamAsync(HttpContext context, AnswerOrder order, GenerationStream stream, AnswerWriting writing, bool isChat)
    {
        var usage = new UsageCount(order);
        var begun = new HashSet<int>();
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await foreach (var next in stream.ReadAllAsync(context.RequestAborted))
        {
            usage.Note(next);
            if (isChat && begun.Add(next.Index))
                await context.Response.Body.WriteAsync(writing.Begin(next.Index), context.RequestAborted);
            await context.Response.Body.WriteAsync(writing.Piece(next), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }

        if (order.WantsUsage)
            await context.Response.Body.WriteAsync(writing.Used(usage.Sum), context.RequestAborted);
        await context.Response.Body.WriteAsync(AnswerWriting.Event("[DONE]"u8), context.RequestAborted);
    }

    /// <summary>Adds up what answers have used, as their events tell it.</summary>
    private sealed class UsageCount(AnswerOrder order)
    {
        private readonly int[] _used = new int[order.Choices];
        private readonly int[] _cached = new int[order.Requests.Count];

        public EndReason[] Ends { get; } = new EndReason[order.Choices];

        public AnswerUsage Sum => new(order.Requests.Sum(request => request.Prompt.Count), _used.Sum(), _cached.Sum());

        public void Note(in GenerationEvent next)
        {
            _used[next.Index] = next.Used;
            _cached[next.Index / order.Requests[0].Choices] = next.CachedPromptTokens;
            Ends[next.Index] = next.End ?? EndReason.Stop;
        }
    }
}
