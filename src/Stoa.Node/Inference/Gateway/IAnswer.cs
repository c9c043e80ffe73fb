using System.Buffers;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Where the answer of a model goes.</summary>
/// <remarks>Either it is refused, or it begins, something is written, and it ends; one that is begun and never ends has broken off. One thread at a time.</remarks>
public interface IAnswer
{
    /// <summary>Cancelled when whoever asked has gone.</summary>
    CancellationToken Gone { get; }

    /// <summary>Takes it in the form of OpenAI's API: one JSON object, or events of one <c>data:</c> line each, the last of which is <c>[DONE]</c>, or an error.</summary>
    IBufferWriter<byte> Writer { get; }

    /// <summary>Looks at an answer that is not streamed before it is paid for and written: some cannot be given on.</summary>
    /// <exception cref="UpstreamException">Why it is no answer.</exception>
    /// <exception cref="FormLimitException">Why an answer that is one cannot be given on in the form in which it was asked for.</exception>
    void Check(ReadOnlySpan<byte> whole);

    /// <summary>Looks at what was written of a stream, before it is paid for.</summary>
    /// <inheritdoc cref="Check" path="/exception"/>
    void CheckWritten();

    /// <summary>The model has the word: from here on nobody else will answer.</summary>
    void Begin(in AnswerHead head);

    /// <summary>Writes that a stream is whole: its last event.</summary>
    void WriteDone() => Writer.Write("data: [DONE]\n\n"u8);

    /// <summary>Sends what was written.</summary>
    /// <exception cref="OperationCanceledException">Whoever asked has gone.</exception>
    /// <inheritdoc cref="Check" path="/exception"/>
    ValueTask FlushAsync();

    /// <summary>It is whole: sends what was written, and that this was all.</summary>
    /// <param name="cost">What it has cost.</param>
    ValueTask EndAsync(Money cost);

    /// <summary>Whoever asked does not take it, and is waited for no longer.</summary>
    void Abort();

    /// <summary>There will be no answer.</summary>
    Task RefuseAsync(OpenAiError error);
}

/// <summary>What is known of an answer when it begins.</summary>
/// <param name="Replica">Who answers.</param>
/// <param name="WaitedMs">How long the request waited for it.</param>
/// <param name="Whole">What is known of one that is not streamed; null of a stream.</param>
public readonly record struct AnswerHead(Replica Replica, double WaitedMs, WholeAnswer? Whole);

/// <summary>An answer that is not streamed.</summary>
/// <param name="Length">Its bytes.</param>
/// <param name="Cost">What it costs.</param>
public readonly record struct WholeAnswer(long Length, Money Cost);

/// <summary>An answer is beyond what the form can carry in which it was asked for. The replica has done its part, and is paid.</summary>
/// <param name="message">Why, for whoever asked.</param>
internal sealed class FormLimitException(string message) : Exception(message);
