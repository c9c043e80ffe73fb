using System.Buffers;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Batching;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Takes a server's answer to several requests apart.</summary>
/// <param name="request">That of all.</param>
/// <param name="inputs">What each has asked.</param>
/// <param name="gone">Cancelled when nobody wants it any more.</param>
internal sealed class BatchAnswer(InferenceRequest request, IReadOnlyList<EmbeddingInput> inputs, CancellationToken gone) : IAnswer
{
    private EmbeddingVectors? _vectors;
    private IReadOnlyList<long> _tokens = [];
    private Replica? _replica;

    /// <inheritdoc/>
    public CancellationToken Gone => gone;

    /// <inheritdoc/>
    /// <remarks>What each gets is made of what was checked.</remarks>
    public IBufferWriter<byte> Writer { get; } = new DiscardingWriter();

    /// <inheritdoc/>
    public void Check(ReadOnlySpan<byte> whole)
    {
        _vectors = EmbeddingVectors.TryRead(whole, inputs.Sum(input => input.Count)) ?? throw new UpstreamException(UpstreamFailureKind.Malformed, "It did not answer each input with a vector.");
        AnswerReading.TryRead(whole, out var reading);
        var claims = default(AnswerClaims);
        claims.Add(reading);
        _tokens = EmbeddingBatch.ShareOut(claims.Bill(request.InputTokens, 0).Used.InputTokens, inputs);
    }

    /// <inheritdoc/>
    public void CheckWritten() => throw new InvalidOperationException("Vectors are not streamed.");

    /// <inheritdoc/>
    public void Begin(in AnswerHead head) => _replica = head.Replica;

    /// <inheritdoc/>
    public ValueTask FlushAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask EndAsync(Money cost) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public void Abort()
    {
    }

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error) => throw new InvalidOperationException("Each request of a batch is refused by itself.");

    /// <summary>What each request gets of an answer that has ended, in their order.</summary>
    /// <param name="waitedMs">How long each waited for the replica.</param>
    public IEnumerable<BatchShare> Shares(IReadOnlyList<double> waitedMs)
    {
        var first = 0;
        for (var index = 0; index < inputs.Count; index++)
        {
            yield return new BatchShare(_vectors!, first, inputs[index].Count, new TokenUsage(_tokens[index], 0), _replica!, waitedMs[index]);
            first += inputs[index].Count;
        }
    }
}

/// <summary>What one request gets of the answer to several.</summary>
/// <param name="Vectors">Of all.</param>
/// <param name="First">The number of its first input among all.</param>
/// <param name="Count">How many inputs it has.</param>
/// <param name="Used">What it is billed for.</param>
/// <param name="Replica">Who has answered.</param>
/// <param name="WaitedMs">How long it waited for that.</param>
internal sealed record BatchShare(EmbeddingVectors Vectors, int First, int Count, TokenUsage Used, Replica Replica, double WaitedMs)
{
    /// <summary>Has it paid for, and gives it to whoever has asked.</summary>
    /// <exception cref="OperationCanceledException">Nobody is there any more: it costs nothing.</exception>
    public async Task GiveAsync(IAnswer answer, Reservation reservation)
    {
        answer.Gone.ThrowIfCancellationRequested();
        var cost = reservation.Settle(Used, Replica.Priced);
        var written = new ArrayBufferWriter<byte>(1_024);
        Vectors.Write(written, First, Count, Replica.Model.NameInJson, Used, cost);
        answer.Begin(new AnswerHead(Replica, WaitedMs, new WholeAnswer(written.WrittenCount, cost)));
        answer.Writer.Write(written.WrittenSpan);
        await answer.EndAsync(cost);
    }
}
