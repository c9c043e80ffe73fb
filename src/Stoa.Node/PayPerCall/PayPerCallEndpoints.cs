using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Calls of agents that are paid for one by one, by whoever has a payment channel; no account is needed. In the manner of x402 version 2.</summary>
public static class PayPerCallEndpoints
{
    /// <summary>Name of the scheme: a voucher of a channel for at most the amount.</summary>
    public const string Scheme = "stoa-channel";

    private const string Asset = "USD";

    public static void MapPayPerCall(this IEndpointRouteBuilder api, PayPerCallOptions options)
    {
        api.MapPost("/calls/{publisher}/{agent}", CallAsync)
            .OpenToAll()
            .WithName("callAgent").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Call an agent and pay for it out of a channel")
            .WithDescription("No account is needed. The body is the input, each query parameter a parameter of the agent; agent is a name, or name@version. Without a payment the answer is 402, and its header PAYMENT-REQUIRED says how to pay (base64 of JSON, as x402 version 2 has it): sign a voucher of a payment channel and send it as PAYMENT-SIGNATURE. The answer is the agent's output; PAYMENT-RESPONSE says what was charged, and what is over is credit for the next call. The same call with the same payment, or with the same Idempotency-Key, is one call; while one request makes it another one gets 409, with Retry-After. One that takes longer, than the header Prefer: wait=N says in seconds where it is given, is answered by 202; fetch its result. An input above 1 MiB is announced by the header Stoa-Input: digest=sha256:…, bytes=N in a request without a body; when the call is paid for the answer is 428, and the same request with the body makes it.")
            .Sells(options);
        api.MapPost("/program-calls/{digest}", CallProgramAsync)
            .OpenToAll()
            .WithName("callProgram").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Have a program run and pay for it out of a channel")
            .WithDescription("As callAgent, for who knows the program and not under which name it is published here: of the agents that have it, the one that was published first is called. The header Stoa-Limits lowers its limits: fuel=N, memoryBytes=N, timeoutMs=N, outputBytes=N, logBytes=N, any of them. The header Stoa-World fixes what is chance otherwise, so that runs can be compared: seed=N, clockMs=N (Unix time).")
            .Sells(options);
        api.MapGet("/program-calls/{digest}/quote", QuoteProgramAsync)
            .OpenToAll()
            .WithName("quoteProgram").WithTags("Pay per call").WithSummary("Ask what a call of a program can cost")
            .WithDescription("The most, by the size of the input and the limits, which are those of the agent where they are left out. Nothing is reserved: it may be dearer when it is called.")
            .Produces<ProgramQuoteResponse>()
            .Refuses(CallRefusal.CallsNotSold)
            .Refuses(TaskRefusal.AgentUnknown, TaskRefusal.LimitsInvalid, TaskRefusal.InputTooLarge, TaskRefusal.PriceOutOfRange);
        api.MapGet("/calls/{id}", GetAsync)
            .OpenToAll()
            .WithName("getCall").WithTags("Pay per call").WithSummary("Fetch the result of a call that took longer")
            .WithDescription("With a payment of the same channel as PAYMENT-SIGNATURE, such as the one that the call was paid by; nothing more is charged.")
            .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
            .Produces<PaidCallResponse>(StatusCodes.Status202Accepted)
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.CallUnknown, CallRefusal.PaymentInvalid, CallRefusal.CallFailed)
            .Refuses(TaskRefusal.ResultDeleted);
        api.MapGet("/calls/{id}/events", WatchAsync)
            .OpenToAll()
            .WithName("watchCall").WithTags("Pay per call").WithSummary("Watch a call")
            .WithDescription("With a payment of the same channel as PAYMENT-SIGNATURE; nothing more is charged. Server-sent events, each a CloudEvent, as of a task: what has happened to the call, its progress while it runs, and the end, after which the stream ends.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream")
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.CallUnknown, CallRefusal.PaymentInvalid);
        api.MapDelete("/program-calls/{digest}", CancelAsync)
            .OpenToAll()
            .WithName("cancelProgramCall").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Stop a call of a program")
            .WithDescription("The one that was made with the same Idempotency-Key, with a payment of the same channel as PAYMENT-SIGNATURE. The line is held until it has ended; one that was stopped costs nothing, and what was paid is credit for the next call.")
            .Produces<PaidCallResponse>()
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.CallUnknown, CallRefusal.PaymentInvalid)
            .Refuses(TaskRefusal.AlreadyFinal);
        api.MapGet("/calls/{id}/receipt", GetReceiptAsync)
            .OpenToAll()
            .WithName("getCallReceipt").WithTags("Pay per call").WithSummary("Get the signed receipt of a call")
            .WithDescription("With a payment of the same channel as PAYMENT-SIGNATURE; nothing more is charged. A DSSE envelope, as that of a task.")
            .Produces<DsseEnvelope>()
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.CallUnknown, CallRefusal.PaymentInvalid)
            .Refuses(TaskRefusal.NoResult);
    }

    private static RouteHandlerBuilder Sells(this RouteHandlerBuilder endpoint, PayPerCallOptions options) => endpoint
        .TakesAtMost(options.MaxInputBytes)
        .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
        .Produces<PaidCallResponse>(StatusCodes.Status202Accepted)
        .Refuses(CallRefusal.CallsNotSold, CallRefusal.PaymentRequired, CallRefusal.PaymentInvalid, CallRefusal.CallFailed, CallRefusal.CallUnderWay, CallRefusal.InputRequired, CallRefusal.InputsTooMany, CallRefusal.InputsBusy)
        .Refuses(RequestRefusal.RequestTimeout)
        .Refuses(ContentRefusal.DigestMismatch, ContentRefusal.TooLarge)
        .Refuses(
            TaskRefusal.AgentUnknown, TaskRefusal.AgentWithdrawn, TaskRefusal.ParametersInvalid, TaskRefusal.LimitsInvalid, TaskRefusal.InputInvalid, TaskRefusal.InputTooLarge, TaskRefusal.PriceOutOfRange,
            TaskRefusal.BudgetTooSmall, TaskRefusal.InsufficientFunds, TaskRefusal.OpenTasksTooMany, TaskRefusal.IdempotencyKeyReused, TaskRefusal.ResultDeleted)
        .Refuses(
            ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.ChallengeWindowOver, ChannelRefusal.VoucherInvalid, ChannelRefusal.VoucherForOtherChannel,
            ChannelRefusal.VoucherSignatureInvalid, ChannelRefusal.ChainWordInvalid, ChannelRefusal.VoucherExceedsDeposit, ChannelRefusal.VoucherSuperseded);

    private static async Task<IResult> CallAsync(
        string publisher,
        [Description("Name of the agent, or name@version.")] string agent,
        HttpContext context,
        Till till,
        CallInputs inputs,
        SubmitTask submit,
        ITaskStore tasks,
        TaskWorkers workers,
        CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        // What is sold is what was published here: an agent of elsewhere would be bought to be sold again.
        if (!ListingName.TryParse($"{publisher}/{agent}", null, out var listing) || listing.IsKeyed || !await till.HasAsync(listing, cancellationToken))
            return new Refusal<TaskRefusal>(TaskRefusal.AgentUnknown, $"There is no agent {publisher}/{agent} here.").ToProblem();
        return await SellAsync(listing, RequestedLimits.None, world: null, payee, context, till, inputs, submit, tasks, workers, cancellationToken);
    }

    private static async Task<IResult> CallProgramAsync(
        [Description("Digest of the program, sha256:….")] string digest, HttpContext context, Till till, CallInputs inputs, SubmitTask submit, ITaskStore tasks, TaskWorkers workers, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!LimitsHeader.TryRead(context.Request, out var limits))
            return new Refusal<TaskRefusal>(TaskRefusal.LimitsInvalid, $"The header {StoaClient.LimitsHeader} has a form such as fuel=1000000, timeoutMs=5000.").ToProblem();
        if (!WorldHeader.TryRead(context.Request, out var world))
            return new Refusal<TaskRefusal>(TaskRefusal.ParametersInvalid, $"The header {StoaClient.WorldHeader} has the form seed=42, clockMs=1764000000000.").ToProblem();
        return await till.FindByProgramAsync(digest, cancellationToken) is { } agent
            ? await SellAsync(agent.Listing, limits, world, payee, context, till, inputs, submit, tasks, workers, cancellationToken)
            : NotHere(digest);
    }

    private static async Task<IResult> QuoteProgramAsync(
        [Description("Digest of the program, sha256:….")] string digest,
        [Description("Size of the input.")] long inputBytes,
        [Description("Most fuel; the agent's own limit when left out, as with the others.")] long? fuel,
        [Description("Most bytes of memory.")] long? memoryBytes,
        [Description("Most milliseconds.")] long? timeoutMs,
        [Description("Most bytes of output.")] long? outputBytes,
        [Description("Most bytes of log.")] long? logBytes,
        Till till,
        CallInputs inputs,
        PayPerCallOptions options,
        SubmitTask submit,
        PublicKey node,
        CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (inputBytes < 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter inputBytes is the size of the input.")]);
        if (inputBytes > options.MaxInputBytes)
            return inputs.TooLarge(inputBytes).ToProblem();
        if (await till.FindByProgramAsync(digest, cancellationToken) is not { } agent)
            return NotHere(digest);
        return (await submit.QuoteAsync(payee.Id, agent, inputBytes, new RequestedLimits(fuel, memoryBytes, timeoutMs, outputBytes, logBytes), cancellationToken)).Match<IResult>(
            amount => TypedResults.Ok(new ProgramQuoteResponse(agent.Listing.ToString(), amount.ToString(), node.PeerId.ToString())), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> SellAsync(
        ListingName listing, RequestedLimits limits, TaskWorld? world, User payee, HttpContext context, Till till, CallInputs inputs, SubmitTask submit, ITaskStore tasks, TaskWorkers workers, CancellationToken cancellationToken)
    {
        if (!(await inputs.ReadAsync(context, cancellationToken)).TryGet(out var input, out var refusal))
            return refusal.ToProblem();
        var parameters = context.Request.Query.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.ToString(), StringComparer.Ordinal);
        var asked = new TaskRequest(listing, input, parameters, limits, MaxPrice: null) { World = world };
        if (!(await submit.QuoteAsync(payee.Id, asked, cancellationToken)).TryGet(out var quote, out refusal))
            return refusal.ToProblem();
        var asIs = asked;
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return till.Demand(context, await till.RequireAsync(context, payee, quote, cancellationToken), null);
        if (!(await till.TakeAsync(payment, payee, cancellationToken)).TryGet(out var paid, out var unpaid))
            return unpaid;

        // The same request with the same payment is the same call, whatever is published meanwhile, and however prices move.
        var key = KeyOf(context, asIs, payment);
        var before = await till.FindAsync(paid.Id, key, cancellationToken);
        // What was quoted is what runs, and what was reserved for it is the most that it costs: between an announcement and its input demand may change.
        var most = before?.Reserved ?? quote.Hold;
        asked = asked with
        {
            Agent = before?.Task is { } id && await tasks.GetAsync(id, cancellationToken) is { } submitted ? submitted.Agent : quote.Agent,
            MaxPrice = most,
        };
        if (!(await till.ReserveAsync(paid.Id, key, asked, most, cancellationToken)).TryGet(out var reservation, out refusal))
            return refusal.ToProblem();
        var (call, _, credit) = reservation;
        if (reservation.IsFull)
        {
            return new Refusal<CallRefusal>(
                CallRefusal.InputsTooMany, $"Inputs of calls that this channel pays for take up all that they may. They are deleted when the calls have ended: call again then.").ToProblem();
        }

        if (call is null)
        {
            var required = await till.RequireAsync(context, payee, quote, cancellationToken);
            return till.Demand(
                context, till.With(required, credit.Required(most)),
                $"The call can cost {most} USD, and {credit.Left} USD of what the channel has paid are left. A voucher of {credit.Required(most)} USD in all is needed.");
        }

        // Of an input that is here already nothing has to come.
        var awaited = asked.Input is RequestedInput.Announced announced && !await till.IsSubmittedAsync(call, asked, payee, cancellationToken) ? announced : null;
        if (awaited is not null && !CallInputs.IsBroughtBy(context))
            return CallInputs.Ask(awaited);
        if (asked.Input is RequestedInput.Announced { Content: var digest })
            asked = asked with { Input = new RequestedInput.Stored(digest) };
        if (call.Task is null && await till.HoldAsync(call, awaited, cancellationToken) is { } held)
        {
            return (await MakeAsync(context, asked, awaited, held, paid, payee, till, inputs, submit, workers, cancellationToken)).TryGet(out var made, out var unmade)
                ? await till.AnswerAsync(context, call with { Task = made.Id }, made, paid, cancellationToken)
                : unmade;
        }

        // Whoever held it may have made it in this moment.
        if (call.Task is null)
            call = await till.FindAsync(paid.Id, key, cancellationToken);
        if (call?.Task is not { } known)
            return UnderWay();
        return await tasks.GetAsync(known, cancellationToken) is { } task
            ? await till.AnswerAsync(context, call, task, paid, cancellationToken)
            : throw new InvalidOperationException($"The task {known} of the call {key} is not there.");
    }

    /// <summary>Makes a call that the request holds: takes its input in, and has its task submitted. While it does, the reservation is nobody else's to take back.</summary>
    /// <returns>The task, or why there is none.</returns>
    private static async Task<Checked<AgentTask>> MakeAsync(
        HttpContext context, TaskRequest asked, RequestedInput.Announced? awaited, HeldCall held, Channel paid, User payee, Till till, CallInputs inputs, SubmitTask submit, TaskWorkers workers,
        CancellationToken cancellationToken)
    {
        var isDone = false;
        try
        {
            if (awaited is not null && await inputs.TakeAsync(context.Request, payee, paid.Payer.User, held, awaited, cancellationToken) is { } untaken)
                return untaken;
            if (!(await submit.SubmitAsync(payee.Id, asked, held.Call.Key, _ => null, Activity.Current?.Id, cancellationToken)).TryGet(out var made, out var refusal))
            {
                await inputs.TakeBackAsync(held, payee.Id, CancellationToken.None);
                return refusal.ToProblem();
            }

            isDone = await till.AttachAsync(held.Call, made.Task, payee, workers);
            workers.Wake();
            return isDone ? (Checked<AgentTask>)made.Task : UnderWay();
        }
        finally
        {
            // Whoever has hung up in the middle may come again at once.
            if (!isDone)
                await till.LeaveAsync(held);
        }
    }

    private static async Task<IResult> GetAsync(Id<AgentTask> id, HttpContext context, Till till, ITaskStore tasks, CancellationToken cancellationToken) =>
        (await FindAsync(id, context, till, tasks, cancellationToken)).TryGet(out var found, out var refusal)
            ? await till.AnswerAsync(context, found.Call, found.Task, found.Channel, cancellationToken)
            : refusal;

    private static async Task<IResult> WatchAsync(Id<AgentTask> id, HttpContext context, Till till, ITaskStore tasks, CancellationToken cancellationToken) =>
        (await FindAsync(id, context, till, tasks, cancellationToken)).TryGet(out var found, out var refusal)
            ? new EventStreamResult(
                new EventFilter(found.Task.OwnerId, id.ToString(), []),
                DefaultAfter: 0,
                EndsWith: told => told.Type is EventTypes.TaskSucceeded or EventTypes.TaskFailed or EventTypes.TaskCancelled)
            : refusal;

    private static async Task<IResult> CancelAsync(
        [Description("Digest of the program, sha256:….")] string digest, HttpContext context, Till till, TaskWorkers workers, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null || IdempotencyKeyHeader.Read(context.Request) is not { } given)
            return new Refusal<CallRefusal>(CallRefusal.PaymentInvalid, $"Send the payment of the call as {PaymentHeaders.Signature}, and the Idempotency-Key that it was made with: they show that the call is yours.").ToProblem();
        if (!(await till.CheckAsync(payment, payee, cancellationToken)).TryGet(out var paid, out var unpaid))
            return unpaid;
        return await till.FindAsync(paid.Channel.Id, KeyOf(payment, given), cancellationToken) is { Task: { } task } call
            ? await till.CancelAsync(call, task, payee, workers, cancellationToken)
            : new Refusal<CallRefusal>(CallRefusal.CallUnknown, $"No call of {digest} was made out of {paid.Channel.Id} with this key.").ToProblem();
    }

    private static async Task<IResult> GetReceiptAsync(Id<AgentTask> id, HttpContext context, Till till, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(id, context, till, tasks, cancellationToken)).TryGet(out _, out var refusal))
            return refusal;
        return await tasks.GetReceiptAsync(id, cancellationToken) is { } receipt
            ? TypedResults.Ok(receipt.Envelope)
            : new Refusal<TaskRefusal>(TaskRefusal.NoResult, $"The call {id} has no receipt: it has not ended, or it failed.").ToProblem();
    }

    /// <summary>A call that whoever asks has paid for.</summary>
    private static async Task<Checked<FoundCall>> FindAsync(Id<AgentTask> id, HttpContext context, Till till, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return new Refusal<CallRefusal>(CallRefusal.PaymentInvalid, $"Send the payment of the call as {PaymentHeaders.Signature}: it shows that the call is yours.").ToProblem();
        if (!(await till.CheckAsync(payment, payee, cancellationToken)).TryGet(out var channel, out var unpaid))
            return unpaid;
        if (await till.FindAsync(id, channel.Channel.Id, cancellationToken) is not { } call || await tasks.GetAsync(id, cancellationToken) is not { } task)
            return new Refusal<CallRefusal>(CallRefusal.CallUnknown, $"No call {id} was paid for out of {channel.Channel.Id}.").ToProblem();
        return new FoundCall(call, task, channel.Channel);
    }

    internal static ProblemResult UnderWay() =>
        new Refusal<CallRefusal>(CallRefusal.CallUnderWay, "Another request makes this call just now. Make the same request again in a moment.").ToProblem();

    private static ProblemResult NotHere(string digest) =>
        new Refusal<TaskRefusal>(TaskRefusal.AgentUnknown, $"No agent of this node has the program {digest}. GET /api/v1/network/offers says who has it.").ToProblem();

    private static ProblemResult NotSold() => new Refusal<CallRefusal>(
        CallRefusal.CallsNotSold, "This node sells no calls. Register and submit a task with POST /api/v1/tasks, or ask its operator for PayPerCall:Payee.").ToProblem();

    /// <summary>Names a call: what its client says; else what was asked for and how it was paid for, so that a repetition is the same call.</summary>
    private static string KeyOf(HttpContext context, TaskRequest asked, PaymentPayload payment)
    {
        if (IdempotencyKeyHeader.Read(context.Request) is { } given)
            return KeyOf(payment, given);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.ASCII.GetBytes($"{payment.Payload.ChannelId} {asked.Hash()} {payment.Payload.Voucher.Index} "));
        hash.AppendData(payment.Payload.Voucher.Envelope.Payload);
        return $"call:{ContentHash.FromBytes(hash.GetHashAndReset())}";
    }

    private static string KeyOf(PaymentPayload payment, string given) => $"call:{ContentHash.Of(System.Text.Encoding.ASCII.GetBytes(payment.Payload.ChannelId + ' ' + given))}";

    internal static PaymentRequirements Requirements(Quote quote, User payee, PublicKey node, int waitSeconds) => new(
        Scheme, PaymentNetwork.Of(node.PeerId), quote.Hold.ToString(), Asset, payee.Handle, Math.Max(1, waitSeconds), new ChannelRequirements(Convert.ToBase64String(node.ToSpki())));

    private sealed record FoundCall(PaidCall Call, AgentTask Task, Channel Channel);
}
