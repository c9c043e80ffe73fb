using System.Buffers;
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
internal sealed class SoldAnswer(HttpContext context, SoldPayer payer, Func<ContentHash, SoldUse, string> sign) : IAnswer, IDisposable
{
    private readonly HttpAnswer _http = new(context);
    private AnswerHead _head;
    private ArrayBufferWriter<byte>? _whole;
    private HashingWriter? _stream;

    /// <inheritdoc/>
    public CancellationToken Gone => _http.Gone;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => _stream ?? (IBufferWriter<byte>?)_whole ?? throw new InvalidOperationException("The answer has not begun.");

    /// <inheritdoc/>
    public void Check(ReadOnlySpan<byte> whole)
    {
        // It goes on as it comes.
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
    public ValueTask EndAsync(Money cost)
    {
        if (_whole is null)
            return _http.EndAsync(cost);
        context.Response.Headers[ModelAnswerReceipt.Header] = sign(ContentHash.Of(_whole.WrittenSpan), payer.Used!);
        _http.Begin(_head);
        _http.Writer.Write(_whole.WrittenSpan);
        return _http.EndAsync(cost);
    }

    /// <inheritdoc/>
    public void Abort() => _http.Abort();

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error) => (payer.Refusal ?? ProblemOf(error)).ExecuteAsync(context);

    public void Dispose() => _stream?.Dispose();

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
