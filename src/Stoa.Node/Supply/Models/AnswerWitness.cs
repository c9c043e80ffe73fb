using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Supply;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Sees what a supplier answers, and holds it against the receipt that comes with it.</summary>
/// <remarks>One thread at a time.</remarks>
/// <param name="order">What was ordered.</param>
/// <param name="logger">Of lies.</param>
internal sealed class AnswerWitness(SupplierOrder order, ILogger logger) : IDisposable
{
    private static readonly byte[] s_receiptPrefix = Encoding.ASCII.GetBytes(ModelAnswerReceipt.CommentPrefix);

    private readonly IncrementalHash? _events = order.IsStream ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    private ContentHash? _eventsDigest;
    private string? _receipt;

    /// <summary>What the receipt says, once an answer that is whole was held against it, and it is to be believed; null otherwise.</summary>
    public ModelAnswerContent? Told { get; private set; }

    /// <summary>What is not to be believed; null where nothing was found.</summary>
    public string? Lie { get; private set; }

    /// <summary>Takes the head of an answer: that of one which is not streamed has the receipt. One in the head of a stream could swear to nothing of it.</summary>
    public void TakeHead(HttpResponseMessage answer) => _receipt = _events is null && answer.Headers.TryGetValues(ModelAnswerReceipt.Header, out var values) ? values.FirstOrDefault() : null;

    /// <summary>Takes an event of a streamed answer.</summary>
    /// <returns>What it is.</returns>
    public ReceivedEvent TakeEvent(ReadOnlySpan<byte> @event)
    {
        if (_events is not { } hash)
            return ReceivedEvent.OfAnswer;
        if (_eventsDigest is not null)
        {
            // The receipt swears to nothing that comes after it.
            if (EventLines.TryFindData(@event, out var range) && @event[range].SequenceEqual("[DONE]"u8))
                return ReceivedEvent.OfAnswer;
            NoteLie(AnswerFault.ReceiptTooEarly, "It went on after its receipt.");
            return ReceivedEvent.BeyondReceipt;
        }

        if (!@event.StartsWith(s_receiptPrefix))
        {
            hash.AppendData(@event);
            return ReceivedEvent.OfAnswer;
        }

        _receipt = Encoding.ASCII.GetString(@event[s_receiptPrefix.Length..]).TrimEnd();
        _eventsDigest = ContentHash.FromBytes(hash.GetHashAndReset());
        return ReceivedEvent.Receipt;
    }

    /// <summary>What came is not to be believed, whatever its receipt says.</summary>
    public void NoteLie(AnswerFault fault, string detail)
    {
        Lie = $"{fault}: {detail}";
        logger.LogWarning("The supplier {Node} has lied of an answer of {Model} ({Fault}): {Reason}", order.Expected.Node, order.Replica.UpstreamModel, fault, detail);
    }

    /// <summary>Holds an answer that is whole against its receipt.</summary>
    /// <param name="whole">Its bytes; empty for a stream, whose events were taken.</param>
    /// <param name="claims">What it says of itself, and what was counted.</param>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    /// <param name="mostOutput">The most that it may have written.</param>
    /// <returns>What was charged for it; null when that is not to be believed.</returns>
    public ModelAnswerContent? Judge(ReadOnlySpan<byte> whole, in AnswerClaims claims, long inputTokens, long mostOutput)
    {
        if (Lie is not null)
            return null;
        // A stream without a receipt is of no digest: the check finds that there is none.
        var digest = _events is null ? ContentHash.Of(whole) : _eventsDigest ?? ContentHash.Of(whole);
        var came = new CountedAnswer(digest, new TokenUsage(inputTokens, claims.Counted), claims.Input, claims.Output, mostOutput);
        if (ModelAnswerCheck.Check(_receipt, order.Expected, came).TryGet(out var told, out var fault))
            return Told = told;
        NoteLie(fault.Code, fault.Detail);
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _events?.Dispose();
}
