using System.Buffers;

namespace Stoa.Market.Inference.Forms;

/// <summary>Gives one answer of chat completions the form of another API: Anthropic's messages, or OpenAI's responses. Either whole, or event by event.</summary>
public interface IAnswerForm
{
    /// <summary>Writes a whole answer.</summary>
    /// <param name="chat">JSON of chat completions.</param>
    /// <param name="cost">What it costs, in US dollars.</param>
    /// <param name="output">Where to.</param>
    /// <returns>Why it cannot be, and then nothing was written; null when it was.</returns>
    AnswerFault? WriteWhole(ReadOnlySpan<byte> chat, string cost, IBufferWriter<byte> output);

    /// <summary>Writes what follows from an event of a streamed answer, be it nothing. An event that tells an error is the last one.</summary>
    /// <param name="chat">The event's data: JSON of chat completions.</param>
    /// <param name="output">Where to.</param>
    /// <returns>Why the answer cannot go on; null when it can. What has come until then stands.</returns>
    AnswerFault? WriteEvent(ReadOnlySpan<byte> chat, IBufferWriter<byte> output);

    /// <summary>Writes that the answer is whole.</summary>
    /// <param name="output">Where to.</param>
    void WriteEnd(IBufferWriter<byte> output);

    /// <summary>Writes that the answer breaks off: nothing follows.</summary>
    /// <param name="code">A word for why.</param>
    /// <param name="message">What happened, and what to do next.</param>
    /// <param name="output">Where to.</param>
    void WriteBreak(string code, string message, IBufferWriter<byte> output);
}

/// <summary>Why what a model's server says cannot be given another form.</summary>
public enum AnswerFault
{
    /// <summary>It is no answer of chat completions.</summary>
    Malformed,

    /// <summary>It has more texts and calls of tools than are taken.</summary>
    TooManyItems,

    /// <summary>It has more bytes than are kept.</summary>
    TooLarge,

    /// <summary>It calls a tool without saying which, or by a name or an id that is too long.</summary>
    CallUnnamed,

    /// <summary>It goes on with a call of a tool that it had left.</summary>
    CallResumed,
}

/// <summary>What an answer in another form needs to know that is not in the answer of chat completions.</summary>
/// <param name="Id">Letters and digits that no other answer has: ids in it are made of them.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="Model">What was asked, for answers that do not say who has answered.</param>
/// <param name="InputTokens">Tokens of the request as they are counted here: they stand for what a server does not say.</param>
/// <param name="MostBytes">The most bytes that are kept of an answer.</param>
public sealed record AnswerTerms(string Id, DateTimeOffset CreatedAt, string Model, long InputTokens, int MostBytes);
