using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>One request to one replica: how it is sent there, what of that which comes back is the answer, and what the replica says that it costs.</summary>
/// <remarks>A server of this cell is asked by a <see cref="CellRequest"/>, a program in the node too; another operator's node by a <c>SuppliedRequest</c>, which pays for it. One thread at a time. To be disposed of when it has ended.</remarks>
internal interface IReplicaRequest : IDisposable
{
    /// <summary>Who is asked, at the prices that hold for it.</summary>
    Replica Replica { get; }

    /// <summary>Whether the replica charges what it has written, whoever has gone meanwhile: then its answer is read on, and sent to nobody.</summary>
    bool IsReadToItsEnd { get; }

    /// <summary>Whether only an answer that is whole says what it costs.</summary>
    bool IsPricedAtItsEnd { get; }

    /// <summary>Completes when the replica has written all that it will, whoever has read how much of it, and fails when it has failed; null where that is seen by reading alone.</summary>
    Task? Written { get; }

    /// <summary>What was written, and not read by then, is kept here for a reader who is slow: it counts with what his account has in memory.</summary>
    /// <returns>Whether there is room for it.</returns>
    bool TryKeep();

    /// <summary>Sends it, and answers when the head of the answer is there.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="maxTokens">The most tokens of a choice, where the client has left it open.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>One of status 200.</returns>
    /// <exception cref="UpstreamException">It refused; a client's fault, as it sees it, is in <see cref="UpstreamException.ClientFault"/>.</exception>
    Task<HttpResponseMessage> SendAsync(InferenceRequest request, long maxTokens, CancellationToken cancellationToken);

    /// <summary>Takes an event of a streamed answer.</summary>
    /// <returns>What it is.</returns>
    ReceivedEvent TakeEvent(ReadOnlySpan<byte> @event);

    /// <summary>The server has not kept to the limit of tokens, and the answer is cut off.</summary>
    /// <param name="counted">Tokens that were counted by then.</param>
    /// <param name="most">That were asked for.</param>
    void NoteEndless(long counted, long most);

    /// <summary>The answer is whole.</summary>
    /// <param name="whole">Its bytes; empty for a stream, whose events were taken.</param>
    /// <param name="claims">What it says of itself, and what was counted.</param>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    /// <param name="mostOutput">The most that it may have written.</param>
    /// <returns>What the replica charges, where that is to be believed; null where it is what was counted here.</returns>
    AnswerCharge? Judge(ReadOnlySpan<byte> whole, in AnswerClaims claims, long inputTokens, long mostOutput);

    /// <summary>Whoever has asked has gone before there was anything of an answer, and was sent nothing.</summary>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    /// <returns>What the replica charges for having read it, where it swears to that; null where it charges nothing, or nobody knows what.</returns>
    ValueTask<AnswerCharge?> FindOwedAsync(long inputTokens);

    /// <summary>So much its consumer has paid.</summary>
    void NotePaid(Money price);

    /// <summary>It came to nothing through the replica's fault, or that of the way there.</summary>
    /// <param name="failure">What happened.</param>
    /// <param name="counted">What that costs which had come of the answer by then.</param>
    void NoteFailure(UpstreamException failure, Money counted);
}

/// <summary>What a replica charges for an answer.</summary>
/// <param name="Tokens">Read and written.</param>
/// <param name="Price">All that there is to pay.</param>
internal readonly record struct AnswerCharge(TokenUsage Tokens, Money Price);

/// <summary>What an event of a stream is.</summary>
internal enum ReceivedEvent
{
    /// <summary>A part of the answer, or its end.</summary>
    OfAnswer,

    /// <summary>What swears to the answer, and is no part of it.</summary>
    Receipt,

    /// <summary>Something that came after the receipt, which nobody is given.</summary>
    BeyondReceipt,
}
