using System.Buffers;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>An answer with which a turn ends: as soon as it has come from the replica, so that nobody waits for a client that takes it slowly.</summary>
/// <param name="answer">Where it goes.</param>
/// <param name="turn">Others go after it.</param>
internal sealed class TurnEndingAnswer(IAnswer answer, BatchTurn turn) : IAnswer
{
    /// <inheritdoc/>
    public CancellationToken Gone => answer.Gone;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => answer.Writer;

    /// <inheritdoc/>
    public void Check(ReadOnlySpan<byte> whole) => answer.Check(whole);

    /// <inheritdoc/>
    public void CheckWritten() => answer.CheckWritten();

    /// <inheritdoc/>
    /// <remarks>What is not streamed is there as a whole by now.</remarks>
    public void Begin(in AnswerHead head)
    {
        turn.Dispose();
        answer.Begin(head);
    }

    /// <inheritdoc/>
    public void WriteDone() => answer.WriteDone();

    /// <inheritdoc/>
    public ValueTask FlushAsync() => answer.FlushAsync();

    /// <inheritdoc/>
    public ValueTask EndAsync(Money cost) => answer.EndAsync(cost);

    /// <inheritdoc/>
    public void Abort() => answer.Abort();

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error) => answer.RefuseAsync(error);
}
