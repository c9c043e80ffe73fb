using System.ComponentModel;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>Answers of models that are paid for one by one, by whoever has a payment channel; no account is needed.</summary>
public static class AnswerSalesEndpoints
{
    private const string How =
        "No account is needed. The body is that of OpenAI's API; model is a version as the list of models that are sold names it. The request is signed by RFC 9421 with the payer's key of a payment channel (keyid is the channel's id), over @method, @path, @query, content-digest, payment-signature and, where they are there, stoa-ask and stoa-max-price (what it may cost at most by the prices that you know), with created and a nonce; a voucher of the channel comes as PAYMENT-SIGNATURE. Where what the channel has paid does not suffice the answer is 402, and its header PAYMENT-REQUIRED says what a voucher has to say in all. The answer is that of OpenAI's API, with a signed receipt: in the header Stoa-Answer-Receipt, and of a stream in a comment before its last event. docs/inference.md#selling-answers has it in detail.";

    public static void MapAnswerSales(this IEndpointRouteBuilder api)
    {
        ArgumentNullException.ThrowIfNull(api);
        var options = api.ServiceProvider.GetRequiredService<InferenceOptions>();
        api.MapGet("/model-calls/models", ListAsync)
            .OpenToAll()
            .WithName("listSoldModels").WithTags("Pay per call").WithSummary("List the models whose answers are sold")
            .WithDescription("What each is, and all that a million tokens cost, read and written, at the dearest server that may answer. They may be dearer when they are asked: the answer 402 says so before anything is spent.")
            .Produces<SoldModelsResponse>()
            .Refuses(CallRefusal.CallsNotSold);
        api.MapGet("/model-calls/receipts/{channel}/{nonce}", FindReceipt)
            .OpenToAll()
            .WithName("getGivenUpReceipt").WithTags("Pay per call").WithSummary("See what a request costs that was given up before its answer")
            .WithDescription("Whoever goes away before the answer, once a server has the request, pays for the tokens of the request. What that came to this node swears to: a receipt as that of an answer, of the digest of nothing, in the header Stoa-Answer-Receipt. It is there within moments after the connection was closed, of a request that was paid for, be it that nothing is charged; the last some thousand are kept, in this node's memory.")
            .WithMetadata(new ApiEndpoint(RateLimit.ModelCalls))
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(AnswerRefusal.AnswerReceiptUnknown);
        Sell(api, "/model-calls/chat/completions", InferenceKind.Chat, options).WithName("buyChatCompletion").WithSummary("Ask a model for a chat completion and pay for it out of a channel").WithDescription(How);
        Sell(api, "/model-calls/completions", InferenceKind.Completion, options).WithName("buyCompletion").WithSummary("Ask a model for a completion and pay for it out of a channel").WithDescription(How);
        Sell(api, "/model-calls/embeddings", InferenceKind.Embedding, options).WithName("buyEmbeddings").WithSummary("Ask a model for vectors and pay for them out of a channel").WithDescription(How);
    }

    private static RouteHandlerBuilder Sell(IEndpointRouteBuilder api, string path, InferenceKind kind, InferenceOptions options) => api
        .MapPost(path, (HttpContext context, AnswerSales sales) => sales.SellAsync(context, kind))
        .OpenToAll()
        .WithTags("Pay per call")
        .TakesAtMost(options.MaxRequestBytes)
        .WithMetadata(new ApiEndpoint(RateLimit.ModelCalls), new OtherSignatures(), AuditMark.NoAct)
        .Produces<Stream>(StatusCodes.Status200OK, "application/json", "text/event-stream")
        .Refuses(CallRefusal.CallsNotSold, CallRefusal.PaymentRequired, CallRefusal.PaymentInvalid)
        .Refuses(
            AnswerRefusal.ModelNotSold, AnswerRefusal.SignatureInvalid, AnswerRefusal.RequestReplayed, AnswerRefusal.AskInvalid, AnswerRefusal.AnswerTooDear, AnswerRefusal.AnswersTooMany,
            AnswerRefusal.AnswersBusy, AnswerRefusal.AnswerFailed)
        .Refuses(RequestRefusal.RequestTimeout)
        .Refuses(
            ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.ChannelExpired, ChannelRefusal.ChallengeWindowOver, ChannelRefusal.VoucherInvalid, ChannelRefusal.VoucherForOtherChannel,
            ChannelRefusal.VoucherSignatureInvalid, ChannelRefusal.VoucherExceedsDeposit);

    private static IResult FindReceipt(
        [Description("Id of the channel that has paid.")] Id<Channel> channel,
        [Description("Of the request's signature, in base64url where it would have a slash otherwise.")] string nonce,
        GivenUpReceipts receipts,
        HttpContext context)
    {
        if (receipts.Find(channel, nonce) is not { } receipt)
            return new Refusal<AnswerRefusal>(AnswerRefusal.AnswerReceiptUnknown, $"No request of {channel} with this nonce was given up here before its answer, as far as is remembered.").ToProblem();
        context.Response.Headers[ModelAnswerReceipt.Header] = receipt;
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ListAsync(SoldModels models, Till till, PublicKey node, PayPerCallOptions options, CancellationToken cancellationToken) =>
        options.Models && await till.FindPayeeAsync(cancellationToken) is not null
            ? TypedResults.Ok(new SoldModelsResponse(node.PeerId.ToString(), [.. (await models.ListAsync(cancellationToken)).Select(ToContract)]))
            : AnswerSales.NotSold();

    private static SoldModelResponse ToContract(ModelForSale model) => new(
        model.Listing.ToString(),
        model.Publisher.ToString(),
        model.Weights.ToString(),
        model.Model.Capabilities,
        model.Price.PerMillionInputTokens.ToString(),
        model.Price.PerMillionOutputTokens.ToString(),
        model.Model.ContextLength,
        model.Region,
        model.TokensPerSecond is { } speed ? Math.Round(speed, 1) : null);
}
