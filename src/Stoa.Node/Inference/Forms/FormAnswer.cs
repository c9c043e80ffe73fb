using System.Buffers;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.OpenAi;
using Stoa.Node.Http;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Forms;

/// <summary>Answers over HTTP in the form of another API than chat completions.</summary>
/// <param name="context">The request.</param>
/// <param name="form">That form.</param>
internal sealed class FormAnswer(HttpContext context, IAnswerForm form) : IAnswer
{
    private readonly HttpAnswer _http = new(context);
    private readonly ArrayBufferWriter<byte> _chat = new(1_024);
    private AnswerHead _head;

    /// <inheritdoc/>
    public CancellationToken Gone => _http.Gone;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => _chat;

    /// <inheritdoc/>
    public void Check(ReadOnlySpan<byte> whole)
    {
        if (AnswerLimits.Check(whole) is { } fault)
            throw FailureOf(fault);
    }

    /// <inheritdoc/>
    public void CheckWritten() => Translate();

    /// <inheritdoc/>
    public void Begin(in AnswerHead head)
    {
        _head = head;
        // How long one that is whole is in this form is not known yet.
        if (head.Whole is null)
            _http.Begin(head);
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync()
    {
        Translate();
        return _http.FlushAsync();
    }

    /// <inheritdoc/>
    public async ValueTask EndAsync(Money cost)
    {
        if (_head.Whole is null)
        {
            await _http.EndAsync(cost);
            return;
        }

        var written = new ArrayBufferWriter<byte>(_chat.WrittenCount + 1_024);
        if (form.WriteWhole(_chat.WrittenSpan, cost.ToString(), written) is { } fault)
            throw new InvalidOperationException($"An answer was checked, and cannot be written: {fault}.");
        _http.Begin(_head with { Whole = new WholeAnswer(written.WrittenCount, cost) });
        _http.Writer.Write(written.WrittenSpan);
        await _http.EndAsync(cost);
    }

    /// <inheritdoc/>
    public void Abort() => _http.Abort();

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error) => _http.RefuseAsync(error);

    /// <summary>Translates the events that have come.</summary>
    private void Translate()
    {
        var (chat, taken, searched) = (_chat.WrittenMemory, 0, 0);
        AnswerFault? fault = null;
        while (fault is null && EventLines.TryTake(chat.Span[taken..], ref searched, out var length))
        {
            var @event = chat.Span.Slice(taken, length);
            taken += length;
            if (!EventLines.TryFindData(@event, out var data))
                fault = AnswerFault.Malformed;
            else if (@event[data].SequenceEqual("[DONE]"u8))
                form.WriteEnd(_http.Writer);
            else
                fault = form.WriteEvent(@event[data], _http.Writer);
        }

        // Whoever writes, writes whole events.
        _chat.ResetWrittenCount();
        if (fault is { } why)
            throw FailureOf(why);
    }

    private static Exception FailureOf(AnswerFault fault) => fault switch
    {
        AnswerFault.Malformed => new UpstreamException(UpstreamFailureKind.Malformed, "What it answered is no answer of chat completions."),
        AnswerFault.CallUnnamed => new UpstreamException(UpstreamFailureKind.Malformed, "It called a tool without a name, or by one that is too long."),
        AnswerFault.TooManyItems => new FormLimitException("It has more texts and calls of tools than are taken."),
        AnswerFault.TooLarge => new FormLimitException("It is more than is kept."),
        AnswerFault.CallResumed => new FormLimitException("It goes on with a call of a tool that it had left."),
        _ => throw new InvalidOperationException($"{fault} has no words."),
    };
}
