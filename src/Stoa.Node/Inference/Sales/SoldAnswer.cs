using System.Buffers;
using System.Diagnostics;
using System.Text;
using Stoa.Market;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Http;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>An answer that is sold: over HTTP as OpenAI's API has it, with a receipt that swears to its bytes, and refused as the node's own API does.</summary>
/// <param name="context">Of the request.</param>
/// <param name="payer">Knows what it has cost.</param>
/// <param name="sign">Signs the receipt of an answer with the hash, in base64.</param>
/// <param name="held">Counts what of it is kept.</param>
internal sealed class SoldAnswer(HttpContext context, SoldPayer payer, Func<ContentHash, SoldUse, string> sign, HeldBody held) : IAnswer, IDisposable
{
    // So much is on its way at a time: what the connection does not take stays here, where it is counted.
    private const int PieceBytes = 64 << 10;

    // By what an answer grows at most when it is given the market's name for the model, and says what it has cost.
    private const int EditBytes = 4 << 10;

    private readonly HttpAnswer _http = new(context);
    private AnswerHead _head;
    private ArrayBufferWriter<byte>? _whole;
    private HashingWriter? _stream;
    private Money? _cost;

    /// <inheritdoc/>
    public CancellationToken Gone => _http.Gone;

    /// <summary>Whether there is something of an answer, sent or not.</summary>
    public bool HasBegun => _stream is not null || _whole is not null;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => _stream ?? (IBufferWriter<byte>?)_whole ?? throw new InvalidOperationException("The answer has not begun.");

    /// <inheritdoc/>
    /// <remarks>It is kept until it is read, so there has to be room for it.</remarks>
    public void Check(ReadOnlySpan<byte> whole)
    {
        if (!TryHold(whole.Length + EditBytes))
            throw new UpstreamException(UpstreamFailureKind.TooLarge, "There is no room for its answer.") { ClientFault = NoRoom() };
    }

    /// <inheritdoc/>
    public void CheckWritten()
    {
    }

    /// <inheritdoc/>
    /// <remarks>One that is not streamed is kept until it is whole, since the receipt goes before it.</remarks>
    public void Begin(in AnswerHead head)
    {
        _head = head;
        if (head.Whole is { } whole)
        {
            // A part of the answer to several requests was not looked at before; its vectors are no longer than what was asked.
            _ = TryHold(whole.Length);
            _whole = new ArrayBufferWriter<byte>((int)Math.Max(1, whole.Length));
            return;
        }

        _http.Begin(head);
        _stream = new HashingWriter(_http.Writer);
    }

    /// <inheritdoc/>
    public void WriteDone()
    {
        var receipt = sign(_stream!.Hash, payer.Used!);
        _http.Writer.Write(Encoding.ASCII.GetBytes($"{ModelAnswerReceipt.CommentPrefix}{receipt}\n\ndata: [DONE]\n\n"));
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync() => _whole is null ? _http.FlushAsync() : ValueTask.CompletedTask;

    /// <inheritdoc/>
    /// <remarks>One that is not streamed is sent by <see cref="SendAsync"/>, when nothing else is kept for it any more.</remarks>
    public ValueTask EndAsync(Money cost)
    {
        if (_whole is null)
            return _http.EndAsync(cost);
        _cost = cost;
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends an answer that is not streamed, if there is one, with its receipt. Whoever does not take it is not waited for.</summary>
    /// <param name="patience">How long nothing of it may be taken.</param>
    /// <param name="longest">How long it may take in all.</param>
    public async Task SendAsync(TimeSpan patience, TimeSpan longest)
    {
        if (_whole is null || _cost is not { } cost)
            return;
        context.Response.Headers[ModelAnswerReceipt.Header] = sign(ContentHash.Of(_whole.WrittenSpan), payer.Used!);
        _http.Begin(_head);
        var began = Stopwatch.GetTimestamp();
        try
        {
            for (var rest = _whole.WrittenMemory; !rest.IsEmpty; rest = rest[Math.Min(rest.Length, PieceBytes)..])
            {
                _http.Writer.Write(rest.Span[..Math.Min(rest.Length, PieceBytes)]);
                var flush = _http.FlushAsync();
                if (!flush.IsCompletedSuccessfully)
                    await flush.AsTask().WaitAsync(patience, Gone);
                if (Stopwatch.GetElapsedTime(began) > longest)
                    throw new TimeoutException();
            }

            await _http.EndAsync(cost);
        }
        catch (TimeoutException)
        {
            _http.Abort();
        }
        catch (OperationCanceledException) when (Gone.IsCancellationRequested)
        {
            // Its buyer has gone.
        }
    }

    /// <inheritdoc/>
    public void Abort() => _http.Abort();

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error) => (payer.Refusal ?? ProblemOf(error)).ExecuteAsync(context);

    public void Dispose()
    {
        _stream?.Dispose();
        held.Dispose();
    }

    /// <summary>Why no more is taken of a payer who does not read what he has bought, or of all.</summary>
    internal static OpenAiError NoRoom() => new(
        StatusCodes.Status429TooManyRequests, "rate_limit_error", "too_many_bytes",
        "Answers that the payer has bought and not read, and his requests, have as many bytes as may be, or those of all have. Read what there is, or ask for streams, and ask again.");

    private bool TryHold(long bytes) => bytes <= HeldBodies.SmallBytes || held.TryGrow(bytes);

    /// <summary>The refusal as the node's own API says it.</summary>
    internal static ProblemResult ProblemOf(OpenAiError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error.Status switch
        {
            StatusCodes.Status413PayloadTooLarge => RequestRefusal.PayloadTooLarge.ToProblem(error.Message),
            StatusCodes.Status429TooManyRequests => new Refusal<AnswerRefusal>(AnswerRefusal.AnswersTooMany, error.Message).ToProblem(),
            StatusCodes.Status503ServiceUnavailable => new Refusal<AnswerRefusal>(AnswerRefusal.AnswersBusy, error.Message).ToProblem(),
            >= 500 => new Refusal<AnswerRefusal>(AnswerRefusal.AnswerFailed, error.Message).ToProblem(),
            _ => RequestRefusal.RequestInvalid.ToProblem(error.Message),
        };
    }
}
