using Microsoft.AspNetCore.Http.Features;
using Stoa.Client;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
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
/// reserves; how many come at a time, and how long one takes, is bounded here; and all of it together by the quota of the account that sells. A digest is no password: whoever announces what is
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
    private readonly UploadSlots<Id<Channel>> _slots = new(options.MaxUploadsPerChannel, options.MaxUploads);

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

    /// <summary>Streams the input of a call in that is reserved; whatever goes wrong, the reservation is taken back.</summary>
    /// <param name="context">Of the request that brings it.</param>
    /// <param name="payee">Whose task it will be for.</param>
    /// <param name="call">As it is reserved.</param>
    /// <param name="announced">What has to come.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    /// <returns>Why it was not taken; null when it is here.</returns>
    public async Task<ProblemResult?> TakeAsync(HttpContext context, User payee, PaidCall call, RequestedInput.Announced announced, CancellationToken cancellationToken)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return new Refusal<CallRefusal>(CallRefusal.InputRequired, $"The call is reserved. Send the {announced.SizeBytes} bytes of its input with the same headers.").ToProblem();
        ProblemResult? refused = null;
        var isHere = false;
        try
        {
            refused = await ReceiveAsync(context.Request, payee, call, announced, cancellationToken);
            isHere = refused is null;
        }
        finally
        {
            if (!isHere)
                await TakeBackAsync(call, payee.Id, CancellationToken.None);
        }

        return refused;
    }

    /// <summary>Takes a reservation back, and lets go of the input that came for it.</summary>
    public async Task TakeBackAsync(PaidCall call, Id<User> payee, CancellationToken cancellationToken)
    {
        await calls.ReleaseAsync(call, cancellationToken);
        await LetGoAsync(call, payee, cancellationToken);
    }

    /// <summary>Lets go of the input of a call that has ended, or that came to nothing; unless another one needs it.</summary>
    public async Task LetGoAsync(PaidCall call, Id<User> payee, CancellationToken cancellationToken)
    {
        if (call.Input is { } digest && !await calls.IsNeededElsewhereAsync(call, digest, cancellationToken))
            await released.GiveUpAsync(payee, digest, cancellationToken);
    }

    private async Task<ProblemResult?> ReceiveAsync(HttpRequest request, User payee, PaidCall call, RequestedInput.Announced announced, CancellationToken cancellationToken)
    {
        if (request.ContentLength is { } length && length != announced.SizeBytes)
            return new Refusal<TaskRefusal>(TaskRefusal.InputInvalid, $"The body has {length} bytes, and {announced.SizeBytes} were announced.").ToProblem();
        using var slot = _slots.TryEnter(call.Channel, out var isOwn);
        if (slot is null)
        {
            return isOwn
                ? new Refusal<CallRefusal>(CallRefusal.InputsTooMany, $"{options.MaxUploadsPerChannel} inputs for calls of this channel are on their way already. Call again when one of them is here.").ToProblem()
                : Busy();
        }

        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(options.MaxUploadSeconds), time);
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            return (await uploads.ReceiveAsync(payee.Id, announced.Content, request.Body, announced.SizeBytes, announced.SizeBytes, stopped.Token)).Match(
                stored => stored.SizeBytes == announced.SizeBytes
                    ? null
                    : new Refusal<TaskRefusal>(TaskRefusal.InputInvalid, $"{stored.SizeBytes} bytes came, and {announced.SizeBytes} were announced.").ToProblem(),
                Refuse);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return RequestRefusal.RequestTimeout.ToProblem($"The input did not arrive within {options.MaxUploadSeconds} seconds; send it over a faster connection.");
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
