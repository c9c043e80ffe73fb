using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Programs;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>One request to a server of this cell, or to a program in this node. It costs what is counted here, and who fails is the gateway's to remember.</summary>
/// <param name="upstreams">Asks.</param>
/// <param name="replica">Who is asked.</param>
/// <param name="scope">Whose it is, in a word for the replica; null for one that is not told.</param>
/// <param name="held">Counts what is kept of its answer; null where nothing is, since it is read at once. Disposed of here.</param>
internal sealed class CellRequest(Upstreams upstreams, Replica replica, string? scope, HeldBody? held) : IReplicaRequest
{
    private ProgramContent? _program;

    /// <inheritdoc/>
    public Replica Replica => replica;

    /// <inheritdoc/>
    public bool IsReadToItsEnd => false;

    /// <inheritdoc/>
    public bool IsPricedAtItsEnd => false;

    /// <inheritdoc/>
    /// <remarks>Of a program that is known; a server tells nothing besides its answer.</remarks>
    public Task? Written => _program?.Written;

    /// <inheritdoc/>
    public bool TryKeep() => _program is not { Kept: > HeldBodies.SmallBytes and var kept } || held is null || held.TryGrow(kept);

    /// <inheritdoc/>
    public async Task<HttpResponseMessage> SendAsync(InferenceRequest request, long maxTokens, CancellationToken cancellationToken)
    {
        var answer = await upstreams.SendAsync(replica, request.Kind, request.Rewrite(replica.UpstreamModel, maxTokens), request.IsStream, scope, cancellationToken);
        _program = answer.Content as ProgramContent;
        return answer;
    }

    /// <inheritdoc/>
    public ReceivedEvent TakeEvent(ReadOnlySpan<byte> @event) => ReceivedEvent.OfAnswer;

    /// <inheritdoc/>
    public void NoteEndless(long counted, long most)
    {
    }

    /// <inheritdoc/>
    public AnswerCharge? Judge(ReadOnlySpan<byte> whole, in AnswerClaims claims, long inputTokens, long mostOutput) => null;

    /// <inheritdoc/>
    public ValueTask<AnswerCharge?> FindOwedAsync(long inputTokens) => new((AnswerCharge?)null);

    /// <inheritdoc/>
    public void NotePaid(Money price)
    {
    }

    /// <inheritdoc/>
    public void NoteFailure(UpstreamException failure, Money counted)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => held?.Dispose();
}
