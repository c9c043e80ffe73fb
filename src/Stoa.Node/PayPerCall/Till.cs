using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Channels;
using Stoa.Node.Http;
using Stoa.Node.Registry.Offers;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>A payment whose voucher is good.</summary>
/// <param name="Channel">As it was before the voucher is paid.</param>
/// <param name="Claim">What the voucher says.</param>
public sealed record CheckedPayment(Channel Channel, Claim Claim);

/// <summary>Takes payments for calls, and gives what was paid for.</summary>
public sealed class Till(
    SqlPaidCallStore calls,
    PaidCallWorker worker,
    SqlChannelStore channels,
    ITaskStore tasks,
    IContentStore content,
    IAgentStore agents,
    OwnPrograms programs,
    IUserStore users,
    TaskWaiters waiters,
    PublicKey node,
    SystemAccounts accounts,
    IdSource ids,
    PayPerCallOptions options,
    TimeProvider time)
{
    /// <summary>Who sells; null when nobody does.</summary>
    public async Task<User?> FindPayeeAsync(CancellationToken cancellationToken) =>
        options.Payee.Length == 0 ? null : await users.FindByHandleAsync(options.Payee, cancellationToken);

    /// <summary>Whether an agent was published here, whether it is offered or not.</summary>
    public async Task<bool> HasAsync(ListingName agent, CancellationToken cancellationToken) =>
        await agents.FindAsync(agent, cancellationToken) is not null || await agents.FindWithdrawnAsync(agent, cancellationToken) is not null;

    /// <summary>The agent that was published first of those that have a program; null when none is offered here.</summary>
    public async Task<AgentVersion?> FindByProgramAsync(string digest, CancellationToken cancellationToken) =>
        ContentHash.TryParse(digest, out var program) ? await programs.FindAsync(program, cancellationToken) : null;

    /// <summary>How a call is to be paid for.</summary>
    public async Task<PaymentRequired> RequireAsync(HttpContext context, User payee, Quote quote, CancellationToken cancellationToken)
    {
        var manifest = (await agents.FindAsync(quote.Agent, cancellationToken))?.Manifest;
        var request = context.Request;
        return new PaymentRequired(
            PaymentHeaders.Version,
            new PaidResource($"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}", manifest?.Description ?? "", manifest?.Output.MediaType ?? "application/octet-stream"),
            [PayPerCallEndpoints.Requirements(quote, payee, node, options.WaitSeconds)]);
    }

    /// <summary>The same, with what a voucher has to say in all.</summary>
    public PaymentRequired With(PaymentRequired required, Money cumulative) => required with
    {
        Accepts = [.. required.Accepts.Select(way => way with { Extra = way.Extra! with { Cumulative = cumulative.ToString() } })],
    };

    /// <summary>Answers that a call has to be paid for.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="required">How.</param>
    /// <param name="error">Why what was sent does not do; null when nothing was.</param>
    public ProblemResult Demand(HttpContext context, PaymentRequired required, string? error)
    {
        PaymentHeaders.Set(context.Response, PaymentHeaders.Required, required with { Error = error ?? $"{PaymentHeaders.Signature} is missing" }, StoaJson.Default.PaymentRequired);
        var way = required.Accepts[0];
        return new Refusal<CallRefusal>(
            CallRefusal.PaymentRequired,
            error ?? $"The call costs at most {way.Amount} USD. Open a channel to {way.PayTo} and send a voucher as {PaymentHeaders.Signature}; the header {PaymentHeaders.Required} says how.").ToProblem();
    }

    /// <summary>Checks a payment, and takes nothing.</summary>
    public async Task<Checked<CheckedPayment>> CheckAsync(PaymentPayload payment, User payee, CancellationToken cancellationToken)
    {
        if (!Id<Channel>.TryParse(payment.Payload.ChannelId, out var id) || await channels.FindAsync(id, payee.Id, cancellationToken) is not { } channel || channel.Payee.User != payee.Id)
            return new Refusal<ChannelRefusal>(ChannelRefusal.ChannelUnknown, $"No channel {payment.Payload.ChannelId} pays {payee.Handle}.").ToProblem();
        if (!payment.Payload.Voucher.ToVoucher().TryGet(out var voucher, out var refusal))
            return refusal.ToProblem();
        return VoucherCheck.Check(voucher, channel.Terms, channel.Proof as Voucher.Chain).Match<Checked<CheckedPayment>>(
            claim => new CheckedPayment(channel, claim), refused => refused.ToProblem());
    }

    /// <summary>Takes a payment: the voucher is paid, unless it was before.</summary>
    /// <returns>The channel.</returns>
    public async Task<Checked<Channel>> TakeAsync(PaymentPayload payment, User payee, CancellationToken cancellationToken)
    {
        if (!(await CheckAsync(payment, payee, cancellationToken)).TryGet(out var good, out var refusal))
            return refusal;
        // One that is lower than what was settled pays nothing more; what there is of credit decides.
        if (good.Claim.Cumulative <= good.Channel.Settled)
            return good.Channel;
        return (await channels.ActAsync(good.Channel.Id, new ChannelAct.Settle(good.Claim), time.GetUtcNow().ToMilliseconds(), cancellationToken)).Match<Checked<Channel>>(
            change => change.After, refused => refused.Code is ChannelRefusal.VoucherSuperseded ? good.Channel : refused.ToProblem());
    }

    public Task<Outcome<Reservation, TaskRefusal>> ReserveAsync(Id<Channel> channel, string key, TaskRequest asked, Money amount, CancellationToken cancellationToken) =>
        calls.ReserveAsync(channel, key, asked.Hash(), asked.Input as RequestedInput.Announced, amount, time.GetUtcNow(), cancellationToken);

    /// <summary>The call that was made out of a channel under a key.</summary>
    public Task<PaidCall?> FindAsync(Id<Channel> channel, string key, CancellationToken cancellationToken) => calls.FindAsync(channel, key, cancellationToken);

    /// <summary>Whether the task of a call was submitted before: then its input is here.</summary>
    public async Task<bool> IsSubmittedAsync(PaidCall call, TaskRequest asked, User payee, CancellationToken cancellationToken) =>
        call.Task is not null
        || (await tasks.FindSubmissionAsync(payee.Id, new IdempotencyKey(call.Key, asked.Hash()), cancellationToken)).TryGet(out var submitted, out _) && submitted is not null;

    /// <summary>Has one request make a call: others that are the same one wait, or come when it is known.</summary>
    /// <param name="call">That has no task yet.</param>
    /// <param name="awaited">The input that the request brings; null when there is none to come.</param>
    /// <param name="cancellationToken">Holds nothing.</param>
    public Task<HeldCall?> HoldAsync(PaidCall call, RequestedInput.Announced? awaited, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return calls.HoldAsync(call, now + PaidCallWorker.SubmissionTime + (awaited is null ? TimeSpan.Zero : options.UploadTimeOf(awaited.SizeBytes)), now, cancellationToken);
    }

    /// <summary>Lets others make a call; its reservation stays.</summary>
    public Task LeaveAsync(HeldCall held) => calls.LeaveAsync(held, CancellationToken.None);

    /// <summary>Writes which task does a call; one that nothing pays for any more is stopped.</summary>
    /// <returns>False when it was.</returns>
    public async Task<bool> AttachAsync(PaidCall call, AgentTask task, User payee, TaskWorkers workers)
    {
        if (await calls.AttachAsync(call, task.Id, CancellationToken.None))
            return true;
        if ((await tasks.CancelAsync(task.Id, payee.Id, ids.Next<Transfer>(), accounts.Clearing, time.GetUtcNow(), CancellationToken.None)).TryGet(out var stopped, out _) && !stopped.State.IsFinal)
            workers.Stop(stopped, StopReason.Cancelled);
        return false;
    }

    /// <summary>The call that a task does, when it was paid for out of this channel.</summary>
    public async Task<PaidCall?> FindAsync(Id<AgentTask> task, Id<Channel> channel, CancellationToken cancellationToken) =>
        await calls.FindAsync(task, cancellationToken) is { } call && call.Channel == channel ? call : null;

    /// <summary>Waits for the end of a call, and answers what came of it.</summary>
    public async Task<IResult> AnswerAsync(HttpContext context, PaidCall call, AgentTask task, Channel channel, CancellationToken cancellationToken)
    {
        using var waiter = waiters.Listen(task.Id);
        task = await tasks.GetAsync(task.Id, cancellationToken) ?? task;
        if (!task.State.IsFinal)
            task = await waiter.WaitAsync(task, WaitOf(context.Request), cancellationToken);
        await worker.EndAsync(call, task, CancellationToken.None);
        switch (task.State)
        {
            case TaskState.Succeeded { Result: var result }:
                context.Response.Headers.ContentLocation = $"/api/v1/calls/{task.Id}";
                Tell(new PaymentOutcome(true, Network, channel.Payer.Handle, result.ReceiptId.ToString(), result.Price.ToString()));
                context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
                if (result.IsInline)
                {
                    return TypedResults.Bytes(
                        await tasks.ReadOutputAsync(task.Id, cancellationToken) ?? throw new IOException($"The output of {task.Id} is not in the database."), result.MediaType);
                }

                // Asked for again after a while, it may have been given up meanwhile.
                return await content.OpenAsync(result.Output, cancellationToken) is { } output
                    ? TypedResults.Stream(output, result.MediaType)
                    : new Refusal<TaskRefusal>(TaskRefusal.ResultDeleted, $"The output {result.Output} of the call is not stored here any more.").ToProblem();
            case { IsFinal: true }:
                var why = task.State is TaskState.Failed failed ? failed.Failure.Detail : "It was cancelled.";
                Tell(new PaymentOutcome(false, Network, channel.Payer.Handle, task.Id.ToString(), Money.Zero.ToString(), why));
                return new Refusal<CallRefusal>(CallRefusal.CallFailed, $"{why} Nothing was charged: what was paid is credit for the next call.").ToProblem();
            default:
                var path = $"/api/v1/calls/{task.Id}";
                return TypedResults.Accepted(path, new PaidCallResponse(task.Id.ToString(), task.State.Name, path));
        }

        void Tell(PaymentOutcome outcome) => PaymentHeaders.Set(context.Response, PaymentHeaders.Response, outcome, StoaJson.Default.PaymentOutcome);
    }

    /// <summary>Stops a call, and waits for its end.</summary>
    public async Task<IResult> CancelAsync(PaidCall call, Id<AgentTask> id, User payee, TaskWorkers workers, CancellationToken cancellationToken)
    {
        using var waiter = waiters.Listen(id);
        if (!(await tasks.CancelAsync(id, payee.Id, ids.Next<Transfer>(), accounts.Clearing, time.GetUtcNow(), cancellationToken)).TryGet(out var task, out var refusal))
            return refusal.ToProblem();
        if (task.State.IsFinal)
            waiters.Complete(task);
        else
            workers.Stop(task, StopReason.Cancelled);
        task = await waiter.WaitAsync(task, TimeSpan.FromSeconds(options.WaitSeconds), cancellationToken);
        await worker.EndAsync(call, task, CancellationToken.None);
        return TypedResults.Ok(new PaidCallResponse(id.ToString(), task.State.Name, $"/api/v1/calls/{id}"));
    }

    /// <summary>How long the line is held: as long as this node does, or shorter, if that is preferred (RFC 7240, section 4.3).</summary>
    private TimeSpan WaitOf(HttpRequest request)
    {
        const string wait = "wait=";
        var asked = request.Headers["Prefer"].ToString().Split([',', ';'], StringSplitOptions.TrimEntries).FirstOrDefault(part => part.StartsWith(wait, StringComparison.Ordinal));
        return TimeSpan.FromSeconds(
            asked is not null && int.TryParse(asked.AsSpan(wait.Length), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var seconds)
                ? Math.Min(seconds, options.WaitSeconds)
                : options.WaitSeconds);
    }

    private string Network => PaymentNetwork.Of(node.PeerId);
}

/// <summary>What was checked, or the answer that says why it is refused.</summary>
public readonly struct Checked<T>
    where T : class
{
    private readonly T? _good;
    private readonly ProblemResult? _refusal;

    private Checked(T? good, ProblemResult? refusal) => (_good, _refusal) = (good, refusal);

    public bool TryGet([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? good, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out ProblemResult? refusal)
    {
        (good, refusal) = (_good, _refusal);
        return good is not null;
    }

    public static implicit operator Checked<T>(T good) => new(good, null);

    public static implicit operator Checked<T>(ProblemResult refusal) => new(null, refusal);
}
