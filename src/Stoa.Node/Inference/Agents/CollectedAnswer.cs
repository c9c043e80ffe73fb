using System.Buffers;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Http;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Agents;

/// <summary>Keeps an answer as a whole, as far as its agent has room for it.</summary>
/// <param name="maxBytes">The longest that is kept.</param>
/// <param name="gone">Cancelled when the agent is to stop.</param>
internal sealed class CollectedAnswer(long maxBytes, CancellationToken gone) : IAnswer
{
    // Its length is known before its first byte, so one that is too long takes no room.
    private ArrayBufferWriter<byte>? _written;
    private long _length;

    /// <summary>What came; null as long as nothing has.</summary>
    public ModelAnswer? Answer { get; private set; }

    /// <inheritdoc/>
    public CancellationToken Gone => gone;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => _written is null ? new DiscardingWriter() : _written;

    /// <inheritdoc/>
    /// <remarks>An agent gets what a server says as it is.</remarks>
    public void Check(ReadOnlySpan<byte> whole)
    {
    }

    /// <inheritdoc/>
    public void CheckWritten()
    {
    }

    /// <inheritdoc/>
    public void Begin(in AnswerHead head)
    {
        _length = head.Whole?.Length ?? throw new InvalidOperationException("An agent's answer is no stream.");
        if (_length <= maxBytes)
            _written = new ArrayBufferWriter<byte>((int)_length);
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask EndAsync(Money cost)
    {
        Answer = _written is null
            ? ModelAnswer.Refused(413, "answer_too_long", $"The answer has {_length} bytes, and agent.json allows {maxBytes} in maxAnswerBytes. It was written, and cost {cost} USD. Say max_tokens, or ask for fewer.")
            : ModelAnswer.Of(_written.WrittenMemory);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void Abort()
    {
    }

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        Answer = ModelAnswer.Refused(error.Status, error.Code, error.Message);
        return Task.CompletedTask;
    }
}
