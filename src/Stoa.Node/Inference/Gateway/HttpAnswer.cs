using System.Buffers;
using System.Globalization;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Answers over HTTP, as OpenAI's API does.</summary>
/// <param name="context">The request.</param>
internal sealed class HttpAnswer(HttpContext context) : IAnswer
{
    private const double NothingMs = 0.05;

    private bool _isStream;

    /// <inheritdoc/>
    public CancellationToken Gone => context.RequestAborted;

    /// <inheritdoc/>
    public IBufferWriter<byte> Writer => context.Response.BodyWriter;

    /// <summary>Says in headers who answers.</summary>
    public static void SetHeaders(HttpResponse response, in AnswerHead head)
    {
        var headers = response.Headers;
        headers.CacheControl = "no-store";
        headers["Stoa-Model"] = head.Replica.Model.Name;
        headers["Stoa-Replica"] = head.Replica.Name;
        headers["Stoa-Wait-Ms"] = head.WaitedMs < NothingMs ? "0" : head.WaitedMs.ToString("0.#", CultureInfo.InvariantCulture);
        if (head.Whole is { } whole)
            headers["Stoa-Cost"] = whole.Cost.ToString();
    }

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
    public void Begin(in AnswerHead head)
    {
        var response = context.Response;
        SetHeaders(response, head);
        if (head.Whole is { } whole)
        {
            response.ContentType = "application/json";
            // With its length it leaves in one piece, and with its head.
            response.ContentLength = whole.Length;
            return;
        }

        _isStream = true;
        response.ContentType = "text/event-stream";
        response.Headers["X-Accel-Buffering"] = "no";
        if (response.SupportsTrailers())
            response.DeclareTrailer("Stoa-Cost");
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync()
    {
        var flush = context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        if (!flush.IsCompletedSuccessfully)
            return new ValueTask(flush.AsTask());
        _ = flush.Result;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask EndAsync(Money cost)
    {
        if (!_isStream)
        {
            await FlushAsync();
            return;
        }

        if (context.Response.SupportsTrailers())
            context.Response.AppendTrailer("Stoa-Cost", cost.ToString());
        await FlushAsync();
        await context.Response.CompleteAsync();
    }

    /// <inheritdoc/>
    public void Abort() => context.Abort();

    /// <inheritdoc/>
    public Task RefuseAsync(OpenAiError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error.WriteAsync(context);
    }
}
