using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Supply;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Inference.Forms;
using Stoa.Node.Inference.Limits;
using Stoa.Node.Inference.Routes;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>OpenAI's API over the models of the market.</summary>
public static class InferenceEndpoints
{
    /// <summary>The header that names the session that a request belongs to: its requests go to the same replica as long as that one has room.</summary>
    public const string SessionHeader = "Stoa-Session";

    /// <summary>The header that names the region in which a request should be answered.</summary>
    public const string RegionHeader = "Stoa-Region";

    /// <summary>The header that says after how many milliseconds without a word a second replica is asked beside the first.</summary>
    public const string HedgeHeader = "Stoa-Hedge-Ms";

    /// <summary>The header that says what a request may cost at most, in US dollars: what may cost more is refused before anybody is asked. The same that a node sends with what it buys.</summary>
    public const string MostPriceHeader = ModelAnswerReceipt.MostHeader;

    private const int MaxHeaderLength = 256;
    private const int LongestHedgeMs = 600_000;

    public static void MapInference(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var options = app.Services.GetRequiredService<InferenceOptions>();
        var api = app.MapGroup("/v1").TakesAtMost(options.MaxRequestBytes).WithMetadata(new ApiEndpoint(RateLimit.ModelCalls), new OpenAiEndpoint(), AuditMark.NoAct);
        api.MapGet("/models", ListModelsAsync).Needs(Permission.ModelsUse).WithName("openAiListModels").ExcludeFromDescription();
        api.MapGet("/models/{**model}", GetModelAsync).Needs(Permission.ModelsUse).WithName("openAiGetModel").ExcludeFromDescription();
        Map(api, "/chat/completions", InferenceKind.Chat);
        Map(api, "/completions", InferenceKind.Completion);
        Map(api, "/embeddings", InferenceKind.Embedding);
        api.MapForms();
    }

    private static void Map(RouteGroupBuilder api, string path, InferenceKind kind) =>
        api.MapPost(path, (RequestDelegate)(context => AnswerAsync(context, kind)))
            .Needs(Permission.ModelsUse)
            .WithName($"openAiCreate{kind}").ExcludeFromDescription();

    private static async Task AnswerAsync(HttpContext context, InferenceKind kind)
    {
        if (await ReadBodyAsync(context) is not { } body)
            return;
        if (!InferenceRequest.TryRead(kind, body, out var request, out var fault))
            await OpenAiError.Invalid(fault.Parameter, fault.Reason).WriteAsync(context);
        else
            await AnswerAsync(context, request, new HttpAnswer(context));
    }

    /// <summary>Answers a request that was read, within the limits of whoever asks.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="answer">Where the answer goes.</param>
    /// <param name="session">The session that it belongs to where no header says so; null for none.</param>
    internal static async Task AnswerAsync(HttpContext context, InferenceRequest request, IAnswer answer, string? session = null)
    {
        var services = context.RequestServices;
        if (!TryReadMost(context.Request, out var most))
        {
            await answer.RefuseAsync(OpenAiError.Invalid(MostPriceHeader, $"The header {MostPriceHeader} is what the request may cost at most, in US dollars such as 0.0012: with at most nine decimals, and not negative."));
            return;
        }

        if (services.GetRequiredService<ModelLimiter>().Refuse(context, Caller.Of(context)!, request, out var taken) is { } refusal)
        {
            await answer.RefuseAsync(refusal);
            return;
        }

        using (taken)
        {
            var call = CallOf(context, session) with { MostPrice = most };
            await services.GetRequiredService<InferenceGateway>().AnswerAsync(taken is null ? call : call with { Payer = new LimitedPayer(call.Payer, taken) }, request, answer);
        }
    }

    /// <summary>Reads a request.</summary>
    /// <returns>Null when it is too large, or too much is there already, which was answered.</returns>
    internal static async Task<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpContext context)
    {
        var (body, refusal) = await ReadBodyAsync(context, Caller.Of(context)!.UserId);
        if (refusal is not null)
            await refusal.WriteAsync(context);
        return body;
    }

    /// <summary>Reads a request of an account's.</summary>
    /// <returns>Why it is not taken; null when it is.</returns>
    internal static async Task<(ReadOnlyMemory<byte>? Body, OpenAiError? Refusal)> ReadBodyAsync(HttpContext context, Id<User> account)
    {
        var most = context.RequestServices.GetRequiredService<InferenceOptions>().MaxRequestBytes;
        if (context.Request.ContentLength > most)
            return (null, TooLarge(most));
        HeldBody? held = null;
        try
        {
            return await RequestBody.ReadAsync(context.Request, HasRoom, context.RequestAborted) is { } body ? (body, null) : (null, TooMuch());
        }
        catch (BadHttpRequestException tooLarge) when (tooLarge.StatusCode is StatusCodes.Status413PayloadTooLarge)
        {
            // It has not said how long it is, and is longer.
            return (null, TooLarge(most));
        }

        bool HasRoom(long bytes)
        {
            if (bytes <= HeldBodies.SmallBytes)
                return true;
            if (held is null)
                context.Response.RegisterForDispose(held = context.RequestServices.GetRequiredService<HeldBodies>().Open(account));
            return held.TryGrow(bytes);
        }
    }

    private static OpenAiError TooLarge(int most) => new(413, "invalid_request_error", "request_too_large", $"A request has at most {most:N0} bytes.");

    private static OpenAiError TooMuch() => new(
        429, "rate_limit_error", "too_many_bytes", "Your requests that are being answered, or those of all, have as many bytes as may be. Try again when one has ended.")
    {
        RetryAfterSeconds = 2,
    };

    /// <summary>Who asks, pays and how it is asked, as the request's headers have it.</summary>
    private static InferenceCall CallOf(HttpContext context, string? session)
    {
        var caller = Caller.Of(context)!;
        // Whoever may not spend may ask what costs nothing.
        var holder = new AllowanceHolder(caller.UserId, caller.Rights.Contains(Permission.TasksSubmit) ? caller.Allowance : SpendingAllowance.Nothing);
        return new InferenceCall(caller.UserId, context.RequestServices.GetRequiredService<Allowances>().PayerOf(holder))
        {
            Session = HeaderOf(context, SessionHeader) ?? session,
            Region = HeaderOf(context, RegionHeader),
            Hedge = HedgeOf(context),
        };
    }

    /// <summary>A header that is no longer than it may be; null when there is none.</summary>
    internal static string? HeaderOf(HttpContext context, string name) =>
        context.Request.Headers.TryGetValue(name, out var values) && values is [{ Length: > 0 and <= MaxHeaderLength } value] ? value : null;

    /// <summary>Reads what a request may cost at most. What cannot be read is no leave to spend more, so it is refused and not passed over.</summary>
    private static bool TryReadMost(HttpRequest request, out Money? most)
    {
        most = null;
        if (!request.Headers.TryGetValue(MostPriceHeader, out var values))
            return true;
        if (values is not [{ } text] || !Money.TryParse(text, out var amount) || amount < Money.Zero)
            return false;
        most = amount;
        return true;
    }

    private static TimeSpan? HedgeOf(HttpContext context) =>
        HeaderOf(context, HedgeHeader) is { } text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds <= LongestHedgeMs
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    private static async Task ListModelsAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var fleets = services.GetRequiredService<ModelFleets>();
        var routes = await services.GetRequiredService<SqlRouteStore>().ListAsync(Caller.Of(context)!.UserId, context.RequestAborted);
        await WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("object"u8, "list"u8);
            json.WriteStartArray("data"u8);
            foreach (var fleet in fleets.All)
                WriteModel(json, fleet);
            // Those of listings are the listings.
            foreach (var route in routes.Where(route => !route.Name.Contains('/', StringComparison.Ordinal)).DistinctBy(route => route.Name))
                WriteRoute(json, route);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static async Task GetModelAsync(HttpContext context)
    {
        // OpenAI's clients write the slash of a name as %2F, which stays one in a path.
        var named = $"{context.GetRouteValue("model")}".Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var fleets = context.RequestServices.GetRequiredService<ModelFleets>();
        if (!ModelAddress.TryParse(named, out var address))
        {
            await InferenceErrors.Unserved(fleets, named).WriteAsync(context);
            return;
        }

        if (address is ModelAddress.ByRoute && await context.RequestServices.GetRequiredService<ModelRoutes>().FindAsync(Caller.Of(context)!.UserId, address, context.RequestAborted) is { } route)
        {
            await WriteAsync(context, json => WriteRoute(json, route));
            return;
        }

        var found = fleets.Find(address, InferenceKind.Chat, 0);
        if (found.Count == 0)
            found = fleets.Find(address, InferenceKind.Embedding, 0);
        if (found.Count == 0)
            await InferenceErrors.Unserved(fleets, named).WriteAsync(context);
        else
            await WriteAsync(context, json => WriteModel(json, found[0]));
    }

    private static void WriteModel(Utf8JsonWriter json, ModelFleet fleet)
    {
        var replicas = fleet.Replicas;
        json.WriteStartObject();
        json.WriteString("id"u8, fleet.Model.Listing.ToString());
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, replicas.Count == 0 ? 0 : replicas.Min(replica => replica.Replica.AddedAt).ToUnixTimeSeconds());
        json.WriteString("owned_by"u8, fleet.Model.Listing.Publisher);
        json.WriteStartArray("capabilities"u8);
        foreach (var capability in fleet.Model.Capabilities)
            json.WriteStringValue(capability);
        json.WriteEndArray();
        if (fleet.Model.ContextLength is { } length)
            json.WriteNumber("context_length"u8, length);
        json.WriteNumber("replicas"u8, replicas.Count(replica => replica.IsOffered));
        json.WriteStartObject("price_per_million_tokens"u8);
        json.WriteString("input"u8, replicas.Select(replica => replica.Replica.Priced.PerMillion.PerMillionInputTokens).DefaultIfEmpty().Min().ToString());
        json.WriteString("output"u8, replicas.Select(replica => replica.Replica.Priced.PerMillion.PerMillionOutputTokens).DefaultIfEmpty().Min().ToString());
        json.WriteEndObject();
        WriteSuppliers(json, replicas);
        if (fleet.TokensPerSecond is { } speed)
            json.WriteNumber("tokens_per_second"u8, Math.Round(speed, 1));
        json.WriteEndObject();
    }

    /// <summary>The other operators' nodes among those who serve it: whoever asks may want to know who reads it.</summary>
    private static void WriteSuppliers(Utf8JsonWriter json, IReadOnlyList<ReplicaState> replicas)
    {
        var nodes = replicas.Where(replica => replica.IsOffered).Select(replica => replica.Replica.Supplied?.Node.ToString()).OfType<string>().Distinct().ToList();
        if (nodes.Count == 0)
            return;
        json.WriteStartArray("suppliers"u8);
        foreach (var node in nodes)
            json.WriteStringValue(node);
        json.WriteEndArray();
    }

    private static void WriteRoute(Utf8JsonWriter json, ModelRoute route)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, route.Name);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, 0);
        json.WriteString("owned_by"u8, route.IsForAll ? "node" : "you");
        json.WriteEndObject();
    }

    private static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1_024);
        await using (var json = new Utf8JsonWriter(buffer))
            write(json);
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
    }
}
