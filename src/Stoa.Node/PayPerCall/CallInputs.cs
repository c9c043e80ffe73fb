using Microsoft.AspNetCore.Http.Features;
using Stoa.Client;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Takes in the inputs of calls that are too long to come with a request in one piece, and lets go of them when the calls have ended.</summary>
/// <remarks>
/// They come from strangers. Not a byte is read before the call is reserved, so what it can cost is paid; what calls of one channel have here that have not ended is bounded in the transaction that
/// reserves; how many come at a time, and how slowly one may, is bounded here; and all of it together by the quota of the account that sells. A digest is no password: whoever announces what is
/// here already has to send it all the same, unless the call is known.
/// </remarks>
/// <param name="uploads">Where they go.</param>
/// <param name="released">Deletes them.</param>
/// <param name="calls">Who needs them.</param>
/// <param name="options">Their limits.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told when there is no room.</param>
public sealed class CallInputs(ContentUploads uploads, ReleasedContent released, SqlPaidCallStore calls, PayPerCallOptions options, TimeProvider time, ILogger<CallInputs> logger)
{
    private readonly CallUploads _underWay = new(options.MaxUploadsPerPayer, options.MaxUploads, options.MinInputBytesPerSecond, time);

    /// <summary>The input that a request brings, or that it announces.</summary>
    public async Task<Outcome<RequestedInput, TaskRefusal>> ReadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!InputHeader.TryRead(context.Request, out var announced))
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.InputInvalid, $"The header {StoaClient.InputHeader} has the form digest=sha256:…, bytes=5000000, for an input of more than {TaskInput.MaxInlineBytes} bytes; what is shorter comes without it.");
        }

        if (announced is not null)
            return announced.SizeBytes <= options.MaxInputBytes ? announced : TooLarge(announced.SizeBytes);
        if (context.Request.ContentLength > TaskInput.MaxInlineBytes)
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.InputTooLarge, $"An input of more than {TaskInput.MaxInlineBytes} bytes is announced with the header {StoaClient.InputHeader}, in a request without it, and sent when the answer asks for it.");
        }

        // Of unknown length it is cut off where an input of a request ends.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = TaskInput.MaxInlineBytes;
        return new RequestedInput.Inline(await RequestBody.ReadAsync(context.Request, cancellationToken));
    }

    /// <summary>Why an input is not taken, or quoted for.</summary>
    public Refusal<TaskRefusal> TooLarge(long bytes) => new(TaskRefusal.InputTooLarge, $"An input of a call has at most {options.MaxInputBytes} bytes here; this one has {bytes}.");

    /// <summary>Whether a request brings the input that it announces.</summary>
    public static bool IsBroughtBy(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    /// <summary>Asks for the input of a call that is reserved.</summary>
    public static ProblemResult Ask(RequestedInput.Announced announced) =>
        new Refusal<CallRefusal>(CallRefusal.InputRequired, $"The call is reserved. Send the {announced.SizeBytes} bytes of its input with the same headers.").ToProblem();

    /// <summary>Streams the input of a call in that the request holds; whatever goes wrong, the reservation is taken back.</summary>
    /// <param name="request">That brings it.</param>
    /// <param name="payee">Whose task it will be for.</param>
    /// <param name="payer">Who pays.</param>
    /// <param name="held">The call.</param>
    /// <param name="announced">What has to come.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    /// <returns>Why it was not taken; null when it is here, and the call is held for its submission.</returns>
    public async Task<ProblemResult?> TakeAsync(HttpRequest request, User payee, CallPayer payer, HeldCall held, RequestedInput.Announced announced, CancellationToken cancellationToken)
    {
        ProblemResult? refused = null;
        var isHere = false;
        try
        {
            refused = await ReceiveAsync(request, payee, payer, announced, cancellationToken);
            if (refused is null && !(isHere = await calls.ConfirmAsync(held, time.GetUtcNow() + PaidCallWorker.SubmissionTime, cancellationToken)))
                refused = CallSales.UnderWay();
        }
        finally
        {
            if (!isHere)
                await TakeBackAsync(held, payee.Id, CancellationToken.None);
        }

        return refused;
    }

    /// <summary>Takes the reservation of a call back that is held, and lets go of the input that came for it.</summary>
    public async Task TakeBackAsync(HeldCall held, Id<User> payee, CancellationToken cancellationToken)
    {
        if (await calls.ReleaseAsync(held, payee, time.GetUtcNow(), cancellationToken) is { } input)
            await released.DeleteAsync(input, cancellationToken);
    }

    private async Task<ProblemResult?> ReceiveAsync(HttpRequest request, User payee, CallPayer payer, RequestedInput.Announced announced, CancellationToken cancellationToken)
    {
        if (request.ContentLength is { } length && length != announced.SizeBytes)
            return new Refusal<TaskRefusal>(TaskRefusal.InputInvalid, $"The body has {length} bytes, and {announced.SizeBytes} were announced.").ToProblem();
        using var upload = _underWay.TryEnter(payer, out var isOwn);
        if (upload is null)
        {
            return isOwn
                ? new Refusal<CallRefusal>(CallRefusal.InputsTooMany, "As many inputs for calls that you pay for are on their way as may be. Call again when one of them is here.").ToProblem()
                : Busy();
        }

        var most = options.UploadTimeOf(announced.SizeBytes);
        using var late = new CancellationTokenSource(most, time);
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token, upload.Stopped);
        try
        {
            await using var body = upload.Count(request.Body);
            return (await uploads.ReceiveAsync(payee.Id, announced.Content, body, announced.SizeBytes, announced.SizeBytes, stopped.Token)).Match(
                stored => stored.SizeBytes == announced.SizeBytes
                    ? null
                    : new Refusal<TaskRefusal>(TaskRefusal.InputInvalid, $"{stored.SizeBytes} bytes came, and {announced.SizeBytes} were announced.").ToProblem(),
                Refuse);
        }
        catch (OperationCanceledException) when (upload.HasGivenWay && !cancellationToken.IsCancellationRequested)
        {
            return Busy();
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return RequestRefusal.RequestTimeout.ToProblem($"The input did not arrive within {most.TotalSeconds:F0} seconds, which is {options.MinInputBytesPerSecond} bytes per second; send it over a faster connection.");
        }
        catch (NoRoomException full)
        {
            logger.LogWarning(full, "There is no room for the input of a call.");
            return Busy();
        }
    }

    // What the account that sells may have and pay for is no stranger's matter.
    private ProblemResult? Refuse(Refusal<ContentRefusal> refusal)
    {
        if (refusal.Code is ContentRefusal.DigestMismatch or ContentRefusal.TooLarge)
            return refusal.ToProblem();
        logger.LogWarning("The input of a call was not taken: {Reason}", refusal.Detail);
        return Busy();
    }

    private static ProblemResult Busy() => new Refusal<CallRefusal>(CallRefusal.InputsBusy, "This node can take no input of a call now. Call again a little later.").ToProblem();
}
