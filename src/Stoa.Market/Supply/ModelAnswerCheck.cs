using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>What a model was asked at a supplier, and for how much: what its receipt has to say.</summary>
/// <param name="Node">Whose signature is expected.</param>
/// <param name="Channel">Out of which it is paid.</param>
/// <param name="Model">As the supplier names it.</param>
/// <param name="Request">Digest of the body that it was sent.</param>
/// <param name="Ask">Digest of the payload of the ask that came with it; null when it came with none.</param>
/// <param name="Priced">At which prices.</param>
/// <param name="Most">The most that the request costs.</param>
public sealed record OrderedAnswer(PeerId Node, Id<Channel> Channel, ListingName Model, ContentHash Request, ContentHash? Ask, PricedModel Priced, Money Most);

/// <summary>What came back beside the receipt, as it was counted here.</summary>
/// <param name="Digest">Of its bytes.</param>
/// <param name="Counted">Tokens of request and answer, as they were counted here.</param>
/// <param name="ClaimedInput">What the answer itself says that it has read; null when it says nothing.</param>
/// <param name="ClaimedOutput">What it says that it has written; null when it says nothing.</param>
/// <param name="MostOutput">The most that it may have written.</param>
public sealed record CountedAnswer(ContentHash Digest, TokenUsage Counted, long? ClaimedInput, long? ClaimedOutput, long MostOutput);

/// <summary>Why the receipt of an answer is not to be believed.</summary>
public enum AnswerFault
{
    /// <summary>There is none, or what there is cannot be read.</summary>
    ReceiptMissing,

    /// <summary>The supplier's node has not signed it.</summary>
    ReceiptInvalid,

    /// <summary>It is of another request, or of one by another model, out of another channel or by another agent's right.</summary>
    OtherRequest,

    /// <summary>It is of other bytes than those that came.</summary>
    OtherAnswer,

    /// <summary>It bills more tokens than the answer itself says, or than can have been.</summary>
    TooManyTokens,

    /// <summary>Something other than the end of the stream came after it.</summary>
    ReceiptTooEarly,

    /// <summary>The answer went on far beyond what it may have.</summary>
    AnswerEndless,

    /// <summary>It is dearer than its tokens are at the agreed prices, or than the request can be.</summary>
    TooDear,
}

/// <summary>Checks the receipt of an answer of a model at a supplier against what was ordered and what came.</summary>
public static class ModelAnswerCheck
{
    /// <summary>What the receipt says, if all of it fits.</summary>
    /// <param name="text">The receipt as it travels: base64 of an envelope's JSON; null when there was none.</param>
    /// <param name="ordered">What was ordered.</param>
    /// <param name="came">What came.</param>
    public static Outcome<ModelAnswerContent, AnswerFault> Check(string? text, OrderedAnswer ordered, CountedAnswer came)
    {
        ArgumentNullException.ThrowIfNull(ordered);
        ArgumentNullException.ThrowIfNull(came);
        if (Read(text) is not { } envelope)
            return Fault(AnswerFault.ReceiptMissing, "It gave no receipt with its answer, or none that can be read.");
        if (!ModelAnswerReceipt.Open(envelope, ordered.Node).TryGet(out var said, out var fault))
            return Fault(AnswerFault.ReceiptInvalid, fault.Detail);
        if (said.Channel != ordered.Channel || said.Model != ordered.Model || said.Request != ordered.Request || said.Ask != ordered.Ask)
            return Fault(AnswerFault.OtherRequest, $"The receipt is of the request {said.Request} to {said.Model}, and {ordered.Request} was sent to {ordered.Model}.");
        if (said.Answer != came.Digest)
            return Fault(AnswerFault.OtherAnswer, $"The answer {came.Digest} came, and the receipt swears to {said.Answer}.");
        if (IsTooMany(said.Tokens.InputTokens, came.ClaimedInput, came.Counted.InputTokens)
            || IsTooMany(said.Tokens.OutputTokens, came.ClaimedOutput, came.Counted.OutputTokens)
            || said.Tokens.OutputTokens > came.MostOutput)
        {
            return Fault(
                AnswerFault.TooManyTokens,
                $"The receipt bills {said.Tokens.InputTokens} tokens read and {said.Tokens.OutputTokens} written, of an answer that says {came.ClaimedInput} and {came.ClaimedOutput}, where {came.Counted.InputTokens} and {came.Counted.OutputTokens} were counted.");
        }

        return said.Price <= ordered.Most && ordered.Priced.TryPriceOf(said.Tokens)?.Total >= said.Price
            ? said
            : Fault(AnswerFault.TooDear, $"The receipt charges {said.Price} USD for {said.Tokens.InputTokens} tokens read and {said.Tokens.OutputTokens} written, which is more than was agreed on.");
    }

    /// <summary>What a receipt says of a request that was given up before its answer, if all of it fits: it is of no answer, bills nothing but the tokens of the request, and is no dearer than these are.</summary>
    /// <param name="text">The receipt as it travels.</param>
    /// <param name="ordered">What was ordered.</param>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    public static Outcome<ModelAnswerContent, AnswerFault> CheckGivenUp(string? text, OrderedAnswer ordered, long inputTokens) =>
        Check(text, ordered, new CountedAnswer(ContentHash.Of([]), new TokenUsage(inputTokens, 0), null, null, MostOutput: 0));

    // Who bills what its server has claimed keeps within the bounds of its own count, which is this one.
    private static bool IsTooMany(long billed, long? claimed, long counted) =>
        billed > TokenCount.MostOf(counted) || (claimed is { } said && billed > Math.Max(said, TokenCount.LeastOf(counted)) && said >= 0);

    private static DsseEnvelope? Read(string? text)
    {
        if (text is null or { Length: > ModelAnswerReceipt.MaxLength })
            return null;
        try
        {
            return DsseEnvelope.FromJson(Convert.FromBase64String(text));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static Refusal<AnswerFault> Fault(AnswerFault fault, string detail) => new(fault, detail);
}
