using System.ComponentModel;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Events;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Calls of agents that are paid for one by one, by whoever has a payment channel; no account is needed. In the manner of x402 version 2.</summary>
public static class PayPerCallEndpoints
{
    public static void MapPayPerCall(this IEndpointRouteBuilder api, PayPerCallOptions options)
    {
        api.MapPost("/calls/{publisher}/{agent}", CallAsync)
            .OpenToAll()
            .WithName("callAgent").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Call an agent and pay for it out of a channel")
            .WithDescription("No account is needed. The body is the input, each query parameter a parameter of the agent; agent is a name, or name@version. Without a payment the answer is 402, and its header PAYMENT-REQUIRED says how to pay (base64 of JSON, as x402 version 2 has it): sign a voucher of a payment channel and send it as PAYMENT-SIGNATURE. The answer is the agent's output; PAYMENT-RESPONSE says what was charged, and what is over is credit for the next call. The same call with the same payment, or with the same Idempotency-Key, is one call; while one request makes it another one gets 409, with Retry-After. One that takes longer, than the header Prefer: wait=N says in seconds where it is given, is answered by 202; fetch its result. An input above 1 MiB is announced by the header Stoa-Input: digest=sha256:…, bytes=N in a request without a body; when the call is paid for the answer is 428, and the same request with the body makes it. The header Stoa-Limits lowers the agent's limits: fuel=N, memoryBytes=N, timeoutMs=N, outputBytes=N, logBytes=N, any of them.")
            .Sells(options);
        api.MapPost("/program-calls/{digest}", CallProgramAsync)
            .OpenToAll()
            .WithName("callProgram").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Have a program run and pay for it out of a channel")
            .WithDescription("As callAgent, for who knows the program and not under which name it is published here: of the agents that have it, the one that was published first is called. The header Stoa-World fixes what is chance otherwise, so that runs can be compared: seed=N, clockMs=N (Unix time).")
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
        .Refuses(CallRefusal.CallsNotSold, CallRefusal.PaymentRequired, CallRefusal.PaymentInvalid, CallRefusal.CallFailed, CallRefusal.CallUnderWay, CallRefusal.InputRequired, CallRefusal.InputsTooMany, CallRefusal.InputsBusy, CallRefusal.OutputsTooMany, CallRefusal.OutputsBusy)
        .Refuses(RequestRefusal.RequestTimeout)
        .Refuses(ContentRefusal.DigestMismatch, ContentRefusal.TooLarge)
        .Refuses(
            TaskRefusal.AgentUnknown, TaskRefusal.AgentWithdrawn, TaskRefusal.ParametersInvalid, TaskRefusal.LimitsInvalid, TaskRefusal.InputInvalid, TaskRefusal.InputTooLarge, TaskRefusal.PriceOutOfRange,
            TaskRefusal.BudgetTooSmall, TaskRefusal.InsufficientFunds, TaskRefusal.OpenTasksTooMany, TaskRefusal.IdempotencyKeyReused, TaskRefusal.ResultDeleted)
        .Refuses(
            ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.ChallengeWindowOver, ChannelRefusal.VoucherInvalid, ChannelRefusal.VoucherForOtherChannel,
            ChannelRefusal.VoucherSignatureInvalid, ChannelRefusal.ChainWordInvalid, ChannelRefusal.VoucherExceedsDeposit, ChannelRefusal.VoucherSuperseded);

    private static async Task<IResult> CallAsync(
        string publisher, [Description("Name of the agent, or name@version.")] string agent, HttpContext context, Till till, SoldAgents sold, CallSales sales, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!LimitsHeader.TryRead(context.Request, out var limits))
            return NoLimits();
        return ListingName.TryParse($"{publisher}/{agent}", null, out var listing) && !listing.IsKeyed && await sold.HasAsync(listing, cancellationToken)
            ? await sales.SellAsync(new CallWish(listing, limits, payee), context, cancellationToken)
            : new Refusal<TaskRefusal>(TaskRefusal.AgentUnknown, $"There is no agent {publisher}/{agent} here.").ToProblem();
    }

    private static async Task<IResult> CallProgramAsync(
        [Description("Digest of the program, sha256:….")] string digest, HttpContext context, Till till, SoldAgents sold, CallSales sales, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!LimitsHeader.TryRead(context.Request, out var limits))
            return NoLimits();
        if (!WorldHeader.TryRead(context.Request, out var world))
            return new Refusal<TaskRefusal>(TaskRefusal.ParametersInvalid, $"The header {StoaClient.WorldHeader} has the form seed=42, clockMs=1764000000000.").ToProblem();
        return await sold.FindByProgramAsync(digest, cancellationToken) is { } agent
            ? await sales.SellAsync(new CallWish(agent.Listing, limits, payee) { Program = agent.ProgramDigest, World = world }, context, cancellationToken)
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
        SoldAgents sold,
        CallInputs inputs,
        CallSales sales,
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
        if (await sold.FindByProgramAsync(digest, cancellationToken) is not { } agent)
            return NotHere(digest);
        if (sales.CheckRoom(Math.Min(outputBytes ?? long.MaxValue, agent.Manifest.Limits.OutputBytes)) is { } tooMuch)
            return tooMuch.ToProblem();
        return (await submit.QuoteAsync(payee.Id, agent, inputBytes, new RequestedLimits(fuel, memoryBytes, timeoutMs, outputBytes, logBytes), cancellationToken)).Match<IResult>(
            amount => TypedResults.Ok(new ProgramQuoteResponse(agent.Listing.ToString(), amount.ToString(), node.PeerId.ToString())), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> GetAsync(Id<AgentTask> id, HttpContext context, Till till, SqlPaidCallStore calls, CallAnswers answers, ITaskStore tasks, CancellationToken cancellationToken) =>
        (await FindAsync(id, context, till, calls, tasks, cancellationToken)).TryGet(out var found, out var refusal)
            ? await answers.AnswerAsync(context, found.Call, found.Task, found.Channel, cancellationToken)
            : refusal;

    private static async Task<IResult> WatchAsync(Id<AgentTask> id, HttpContext context, Till till, SqlPaidCallStore calls, ITaskStore tasks, CancellationToken cancellationToken) =>
        (await FindAsync(id, context, till, calls, tasks, cancellationToken)).TryGet(out var found, out var refusal)
            ? new EventStreamResult(
                new EventFilter(found.Task.OwnerId, id.ToString(), []),
                DefaultAfter: 0,
                EndsWith: told => told.Type is EventTypes.TaskSucceeded or EventTypes.TaskFailed or EventTypes.TaskCancelled)
            : refusal;

    private static async Task<IResult> CancelAsync(
        [Description("Digest of the program, sha256:….")] string digest, HttpContext context, Till till, SqlPaidCallStore calls, CallAnswers answers, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null || IdempotencyKeyHeader.Read(context.Request) is not { } given)
            return new Refusal<CallRefusal>(CallRefusal.PaymentInvalid, $"Send the payment of the call as {PaymentHeaders.Signature}, and the Idempotency-Key that it was made with: they show that the call is yours.").ToProblem();
        if (!(await till.CheckAsync(payment, payee, cancellationToken)).TryGet(out var paid, out var unpaid))
            return unpaid;
        return await calls.FindAsync(paid.Channel.Id, CallKey.Of(payment, given), cancellationToken) is { Task: { } task } call
            ? await answers.CancelAsync(call, task, payee, cancellationToken)
            : new Refusal<CallRefusal>(CallRefusal.CallUnknown, $"No call of {digest} was made out of {paid.Channel.Id} with this key.").ToProblem();
    }

    private static async Task<IResult> GetReceiptAsync(Id<AgentTask> id, HttpContext context, Till till, SqlPaidCallStore calls, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(id, context, till, calls, tasks, cancellationToken)).TryGet(out _, out var refusal))
            return refusal;
        return await tasks.GetReceiptAsync(id, cancellationToken) is { } receipt
            ? TypedResults.Ok(receipt.Envelope)
            : new Refusal<TaskRefusal>(TaskRefusal.NoResult, $"The call {id} has no receipt: it has not ended, or it failed.").ToProblem();
    }

    /// <summary>A call that whoever asks has paid for.</summary>
    private static async Task<Checked<FoundCall>> FindAsync(Id<AgentTask> id, HttpContext context, Till till, SqlPaidCallStore calls, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return new Refusal<CallRefusal>(CallRefusal.PaymentInvalid, $"Send the payment of the call as {PaymentHeaders.Signature}: it shows that the call is yours.").ToProblem();
        if (!(await till.CheckAsync(payment, payee, cancellationToken)).TryGet(out var channel, out var unpaid))
            return unpaid;
        if (await calls.FindAsync(id, cancellationToken) is not { } call || call.Channel != channel.Channel.Id || await tasks.GetAsync(id, cancellationToken) is not { } task)
            return new Refusal<CallRefusal>(CallRefusal.CallUnknown, $"No call {id} was paid for out of {channel.Channel.Id}.").ToProblem();
        return new FoundCall(call, task, channel.Channel);
    }

    private static ProblemResult NotHere(string digest) =>
        new Refusal<TaskRefusal>(TaskRefusal.AgentUnknown, $"No agent of this node has the program {digest}. GET /api/v1/network/offers says who has it.").ToProblem();

    private static ProblemResult NoLimits() =>
        new Refusal<TaskRefusal>(TaskRefusal.LimitsInvalid, $"The header {StoaClient.LimitsHeader} has a form such as fuel=1000000, timeoutMs=5000.").ToProblem();

    private static ProblemResult NotSold() => new Refusal<CallRefusal>(
        CallRefusal.CallsNotSold, "This node sells no calls. Register and submit a task with POST /api/v1/tasks, or ask its operator for PayPerCall:Payee.").ToProblem();

    private sealed record FoundCall(PaidCall Call, AgentTask Task, Channel Channel);
}
