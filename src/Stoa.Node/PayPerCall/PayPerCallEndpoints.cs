using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
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

    // As much as travels inside a submission.
    private const int MaxInputBytes = StoaClient.MaxInlineInputBytes;

    public static void MapPayPerCall(this IEndpointRouteBuilder api)
    {
        api.MapPost("/calls/{publisher}/{agent}", CallAsync)
            .OpenToAll()
            .WithName("callAgent").AuditedInBulk(refusesInTheOrdinary: true).WithTags("Pay per call").WithSummary("Call an agent and pay for it out of a channel")
            .WithDescription("No account is needed. The body is the input, each query parameter a parameter of the agent; agent is a name, or name@version. Without a payment the answer is 402, and its header PAYMENT-REQUIRED says how to pay (base64 of JSON, as x402 version 2 has it): sign a voucher of a payment channel and send it as PAYMENT-SIGNATURE. The answer is the agent's output; PAYMENT-RESPONSE says what was charged, and what is over is credit for the next call. The same call with the same payment, or with the same Idempotency-Key, is one call. One that takes longer is answered by 202; fetch its result.")
            .TakesAtMost(MaxInputBytes)
            .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
            .Produces<PaidCallResponse>(StatusCodes.Status202Accepted)
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.PaymentRequired, CallRefusal.PaymentInvalid, CallRefusal.CallFailed)
            .Refuses(
                TaskRefusal.AgentUnknown, TaskRefusal.AgentWithdrawn, TaskRefusal.ParametersInvalid, TaskRefusal.LimitsInvalid, TaskRefusal.InputInvalid, TaskRefusal.PriceOutOfRange,
                TaskRefusal.BudgetTooSmall, TaskRefusal.InsufficientFunds, TaskRefusal.OpenTasksTooMany, TaskRefusal.IdempotencyKeyReused, TaskRefusal.ResultDeleted)
            .Refuses(
                ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.ChallengeWindowOver, ChannelRefusal.VoucherInvalid, ChannelRefusal.VoucherForOtherChannel,
                ChannelRefusal.VoucherSignatureInvalid, ChannelRefusal.ChainWordInvalid, ChannelRefusal.VoucherExceedsDeposit, ChannelRefusal.VoucherSuperseded);
        api.MapGet("/calls/{id}", GetAsync)
            .OpenToAll()
            .WithName("getCall").WithTags("Pay per call").WithSummary("Fetch the result of a call that took longer")
            .WithDescription("With a payment of the same channel as PAYMENT-SIGNATURE, such as the one that the call was paid by; nothing more is charged.")
            .Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream")
            .Produces<PaidCallResponse>(StatusCodes.Status202Accepted)
            .Refuses(CallRefusal.CallsNotSold, CallRefusal.CallUnknown, CallRefusal.PaymentInvalid, CallRefusal.CallFailed)
            .Refuses(TaskRefusal.ResultDeleted);
    }

    private static async Task<IResult> CallAsync(
        string publisher,
        [Description("Name of the agent, or name@version.")] string agent,
        HttpContext context,
        Till till,
        SubmitTask submit,
        TaskWorkers workers,
        CancellationToken cancellationToken)
    {
        if (await till.FindPayeeAsync(cancellationToken) is not { } payee)
            return NotSold();
        if (!ListingName.TryParse($"{publisher}/{agent}", null, out var listing))
            return new Refusal<TaskRefusal>(TaskRefusal.AgentUnknown, $"{publisher}/{agent} is not the name of an agent.").ToProblem();
        var input = await RequestBody.ReadAsync(context.Request, cancellationToken);
        var parameters = context.Request.Query.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.ToString(), StringComparer.Ordinal);
        var asked = new TaskRequest(listing, new RequestedInput.Inline(input), parameters, RequestedLimits.None, MaxPrice: null);
        if (!(await submit.QuoteAsync(payee.Id, asked, cancellationToken)).TryGet(out var quote, out var refusal))
            return refusal.ToProblem();
        // What was quoted is what runs, whatever is published meanwhile.
        asked = asked with { Agent = quote.Agent, MaxPrice = quote.Hold };
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return till.Demand(context, await till.RequireAsync(context, payee, quote, cancellationToken), null);
        if (!(await till.TakeAsync(payment, payee, cancellationToken)).TryGet(out var paid, out var unpaid))
            return unpaid;

        var key = KeyOf(context, asked, payment);
        if (!(await till.ReserveAsync(paid.Id, key, asked, quote.Hold, cancellationToken)).TryGet(out var reservation, out refusal))
            return refusal.ToProblem();
        var (call, isNew, credit) = reservation;
        if (call is null)
        {
            var required = await till.RequireAsync(context, payee, quote, cancellationToken);
            return till.Demand(
                context, till.With(required, credit.Required(quote.Hold)),
                $"The call can cost {quote.Hold} USD, and {credit.Left} USD of what the channel has paid are left. A voucher of {credit.Required(quote.Hold)} USD in all is needed.");
        }

        var submitted = await submit.SubmitAsync(payee.Id, asked, key, _ => null, Activity.Current?.Id, cancellationToken);
        if (!submitted.TryGet(out var made, out refusal))
        {
            if (isNew)
                await till.ReleaseAsync(call, CancellationToken.None);
            return refusal.ToProblem();
        }

        await till.AttachAsync(call, made.Task.Id, CancellationToken.None);
        workers.Wake();
        return await till.AnswerAsync(context, call, made.Task, paid, cancellationToken);
    }

    private static async Task<IResult> GetAsync(Id<AgentTask> id, HttpContext context, Till till, ITaskStore tasks, CancellationToken cancellationToken)
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
        return await till.AnswerAsync(context, call, task, channel.Channel, cancellationToken);
    }

    private static ProblemResult NotSold() => new Refusal<CallRefusal>(
        CallRefusal.CallsNotSold, "This node sells no calls. Register and submit a task with POST /api/v1/tasks, or ask its operator for PayPerCall:Payee.").ToProblem();

    /// <summary>Names a call: what its client says; else what was asked for and how it was paid for, so that a repetition is the same call.</summary>
    private static string KeyOf(HttpContext context, TaskRequest asked, PaymentPayload payment)
    {
        if (IdempotencyKeyHeader.Read(context.Request) is { } given)
            return $"call:{ContentHash.Of(System.Text.Encoding.ASCII.GetBytes(payment.Payload.ChannelId + ' ' + given))}";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.ASCII.GetBytes($"{payment.Payload.ChannelId} {asked.Hash()} {payment.Payload.Voucher.Index} "));
        hash.AppendData(payment.Payload.Voucher.Envelope.Payload);
        return $"call:{ContentHash.FromBytes(hash.GetHashAndReset())}";
    }

    internal static PaymentRequirements Requirements(Quote quote, User payee, PublicKey node, int waitSeconds) => new(
        Scheme, $"stoa:{node.PeerId}", quote.Hold.ToString(), Asset, payee.Handle, Math.Max(1, waitSeconds), new ChannelRequirements(Convert.ToBase64String(node.ToSpki())));
}
