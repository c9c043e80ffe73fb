using System.Security.Cryptography;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.Messages;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Responses;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Gateway;

namespace Stoa.Node.Inference.Forms;

/// <summary>Anthropic's Messages API and OpenAI's Responses API: each request is translated into one of chat completions, and its answer back.</summary>
internal static class FormEndpoints
{
    private const int IdLength = 24;

    /// <param name="api">Everything below <c>/v1</c>.</param>
    public static void MapForms(this RouteGroupBuilder api)
    {
        api.MapPost("/messages", (RequestDelegate)AnswerMessagesAsync)
            .Needs(Permission.ModelsUse)
            .WithMetadata(new OpenAiEndpoint(ErrorForm.Anthropic), new ApiKeyHeader("x-api-key"))
            .WithName("anthropicCreateMessage").ExcludeFromDescription();
        api.MapPost("/responses", (RequestDelegate)AnswerResponsesAsync)
            .Needs(Permission.ModelsUse)
            .WithName("openAiCreateResponse").ExcludeFromDescription();
    }

    private static async Task AnswerMessagesAsync(HttpContext context)
    {
        if (await InferenceEndpoints.ReadBodyAsync(context) is not { } body)
            return;
        if (!MessagesRequest.TryRead(body, OptionsOf(context).AllowImageUrls, out var asked, out var fault) || !InferenceRequest.TryRead(InferenceKind.Chat, asked.Chat, out var request, out fault))
            await OpenAiError.Invalid(fault.Parameter, fault.Reason).WriteAsync(context);
        else
            await AnswerAsync(context, request, new MessagesAnswer(asked, TermsOf(context, request)), null);
    }

    private static async Task AnswerResponsesAsync(HttpContext context)
    {
        if (await InferenceEndpoints.ReadBodyAsync(context) is not { } body)
            return;
        if (!ResponsesRequest.TryRead(body, OptionsOf(context).AllowImageUrls, out var asked, out var fault) || !InferenceRequest.TryRead(InferenceKind.Chat, asked.Chat, out var request, out fault))
            await OpenAiError.Invalid(fault.Parameter, fault.Reason).WriteAsync(context);
        else
            await AnswerAsync(context, request, new ResponsesAnswer(asked, TermsOf(context, request)), asked.CacheKey);
    }

    // What has a beginning in common does well at the same server: that is what a session is for.
    private static Task AnswerAsync(HttpContext context, InferenceRequest request, IAnswerForm form, string? cacheKey) =>
        InferenceEndpoints.AnswerAsync(context, request, new FormAnswer(context, form), cacheKey);

    private static AnswerTerms TermsOf(HttpContext context, InferenceRequest request) => new(
        RandomNumberGenerator.GetHexString(IdLength, lowercase: true),
        context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(),
        request.Model,
        request.InputTokens,
        OptionsOf(context).MaxAnswerBytes);

    private static InferenceOptions OptionsOf(HttpContext context) => context.RequestServices.GetRequiredService<InferenceOptions>();
}
