using System.Diagnostics;
using Stoa.Client;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>What a request wants to be called, beside its input and parameters.</summary>
/// <param name="Agent">With a version, or the newest.</param>
/// <param name="Limits">Lower than the agent's.</param>
/// <param name="Payee">Who sells it.</param>
public sealed record CallWish(ListingName Agent, RequestedLimits Limits, User Payee)
{
    /// <summary>The program that was asked for in place of an agent; null when one was named.</summary>
    public ContentHash? Program { get; init; }

    /// <summary>Fixes what is chance otherwise; null to have it drawn.</summary>
    public TaskWorld? World { get; init; }
}

/// <summary>Sells calls: each is asked for, priced, paid for, reserved, given its input, made and answered, by one request or by several that are the same call.</summary>
/// <remarks>What is reserved is what runs, and the most that it costs: between an announcement and its input prices may move, and versions be published.</remarks>
public sealed class CallSales(
    Till till, SqlPaidCallStore calls, CallInputs inputs, CallAnswers answers, SubmitTask submit, ITaskStore tasks, IAgentStore agents, TaskWorkers workers, SystemAccounts accounts, IdSource ids,
    PayPerCallOptions options, TimeProvider time)
{
    /// <summary>Answers a request for a call.</summary>
    public async Task<IResult> SellAsync(CallWish wish, HttpContext context, CancellationToken cancellationToken)
    {
        // What is asked for.
        if (!(await inputs.ReadAsync(context, cancellationToken)).TryGet(out var input, out var unread))
            return unread.ToProblem();
        var parameters = context.Request.Query.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.ToString(), StringComparer.Ordinal);
        var asked = new TaskRequest(wish.Agent, input, parameters, wish.Limits, MaxPrice: null) { World = wish.World };

        // Whether it is paid for.
        if (!PaymentHeaders.Read(context.Request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return (await PriceAsync(wish, asked, cancellationToken)).TryGet(out var price, out var unpriced) ? till.Demand(context, wish.Payee, await ForSaleAsync(price, cancellationToken)) : unpriced;
        if (!(await till.CheckAsync(payment, wish.Payee, cancellationToken)).TryGet(out var good, out var bad))
            return bad;

        // Whether it was asked for before, and what it costs.
        var key = CallKey.Of(context.Request, asked, payment);
        var before = await FindSameAsync(good.Channel.Id, key, wish, cancellationToken);
        if (!(await TermsAsync(wish, asked, before, cancellationToken)).TryGet(out var terms, out var unsold))
            return unsold;
        asked = asked with { Agent = terms.Agent, MaxPrice = terms.Most };
        if (!(await till.TakeAsync(good, cancellationToken)).TryGet(out var paid, out var unpaid))
            return unpaid;
        if (!(await ReserveAsync(context, wish, asked, key, terms, paid, cancellationToken)).TryGet(out var call, out var unreserved))
            return unreserved;

        // Its input, where it is not here already.
        var awaited = asked.Input is RequestedInput.Announced announced && !await IsSubmittedAsync(call, asked, wish.Payee, cancellationToken) ? announced : null;
        if (awaited is not null && !CallInputs.IsBroughtBy(context))
            return CallInputs.Ask(awaited);
        if (asked.Input is RequestedInput.Announced { Content: var digest })
            asked = asked with { Input = new RequestedInput.Stored(digest) };

        // The call itself, by this request or by another one.
        if (call.Task is null && await HoldAsync(call, awaited, cancellationToken) is { } held)
        {
            return (await MakeAsync(context, wish, asked, awaited, held, paid, cancellationToken)).TryGet(out var made, out var unmade)
                ? await answers.AnswerAsync(context, call with { Task = made.Id }, made, paid, cancellationToken)
                : unmade;
        }

        return await FollowAsync(context, call, paid, cancellationToken);
    }

    /// <summary>What a call costs, when it may be sold here at its limits.</summary>
    private async Task<Checked<Quote>> PriceAsync(CallWish wish, TaskRequest asked, CancellationToken cancellationToken)
    {
        if (!(await submit.QuoteAsync(wish.Payee.Id, asked, cancellationToken)).TryGet(out var quote, out var refusal))
            return refusal.ToProblem();
        return CheckRoom(quote.Limits.OutputBytes) is { } tooMuch ? tooMuch.ToProblem() : quote;
    }

    private async Task<ForSale> ForSaleAsync(Quote quote, CancellationToken cancellationToken)
    {
        var manifest = (await agents.FindAsync(quote.Agent, cancellationToken))?.Manifest;
        return new ForSale(quote.Hold, manifest?.Description ?? "", manifest?.Output.MediaType ?? "application/octet-stream");
    }

    /// <summary>Refuses calls whose outputs could never be kept here.</summary>
    internal Refusal<TaskRefusal>? CheckRoom(long outputBytes) => RoomOf(outputBytes) <= options.MaxOutputBytesPerPayer
        ? null
        : new Refusal<TaskRefusal>(
            TaskRefusal.LimitsInvalid, $"The output of a call may have at most {options.MaxOutputBytesPerPayer} bytes here, and this one's {outputBytes}. Lower it by the header {StoaClient.LimitsHeader}: outputBytes={options.MaxOutputBytesPerPayer}.");

    /// <summary>The call that was reserved under the key, unless it was for another agent.</summary>
    private async Task<PaidCall?> FindSameAsync(Id<Channel> channel, string key, CallWish wish, CancellationToken cancellationToken)
    {
        if (await calls.FindAsync(channel, key, cancellationToken) is not { } before)
            return null;
        // Calls from before the version was written have it with their tasks.
        if (before is { Agent: null, Task: { } id } && await tasks.GetAsync(id, cancellationToken) is { } submitted)
            before = before with { Agent = submitted.Agent };
        return before.Agent is not { } version || await IsWantedAsync(version, wish, cancellationToken) ? before : null;
    }

    private async Task<bool> IsWantedAsync(ListingName version, CallWish wish, CancellationToken cancellationToken)
    {
        if (wish.Program is { } program)
            return version == wish.Agent || (await agents.FindAsync(version, cancellationToken))?.ProgramDigest == program;
        return version.Publisher == wish.Agent.Publisher && version.Name == wish.Agent.Name && (wish.Agent.Version is null || version.Version == wish.Agent.Version);
    }

    /// <summary>On which terms a call is made: those that it was reserved on, or those of now.</summary>
    private async Task<Checked<CallTerms>> TermsAsync(CallWish wish, TaskRequest asked, PaidCall? before, CancellationToken cancellationToken)
    {
        // What was submitted is answered, also when nobody could ask for it any more.
        if (before is { Task: not null, Agent: { } done })
            return new CallTerms(done, before.Reserved, before.OutputBytes, Quote: null);
        if (!(await PriceAsync(wish, asked with { Agent = before?.Agent ?? asked.Agent }, cancellationToken)).TryGet(out var quote, out var refusal))
            return refusal;
        return new CallTerms(before?.Agent ?? quote.Agent, before?.Reserved ?? quote.Hold, before?.OutputBytes ?? RoomOf(quote.Limits.OutputBytes), quote);
    }

    /// <summary>Reserves money and room for a call; the same call again has both.</summary>
    private async Task<Checked<PaidCall>> ReserveAsync(HttpContext context, CallWish wish, TaskRequest asked, string key, CallTerms terms, Channel paid, CancellationToken cancellationToken)
    {
        var order = new CallOrder(key, asked.Hash(), terms.Most) { Agent = terms.Agent, Input = asked.Input as RequestedInput.Announced, OutputBytes = terms.OutputBytes };
        if (!(await calls.ReserveAsync(paid.Id, order, time.GetUtcNow(), cancellationToken)).TryGet(out var reservation, out var refusal))
            return refusal.ToProblem();
        return reservation switch
        {
            { Call: { } call } => call,
            { Obstacle: CallObstacle.Inputs } => new Refusal<CallRefusal>(
                CallRefusal.InputsTooMany, "Inputs of calls that this channel pays for take up all that they may. They are deleted some minutes after the calls have ended: call again then.").ToProblem(),
            { Obstacle: CallObstacle.Outputs } => new Refusal<CallRefusal>(
                CallRefusal.OutputsTooMany,
                $"Outputs of calls that you pay for may take up {options.MaxOutputBytesPerPayer} bytes here, and with this one, which may have {order.OutputBytes}, they could take up more. Fetch those that are here, or lower its limit, and call again.").ToProblem(),
            { Obstacle: CallObstacle.OutputsOfAll } => new Refusal<CallRefusal>(CallRefusal.OutputsBusy, "This node has no room for the output of the call now. Call again later, or with a lower limit.").ToProblem(),
            // Only of a call that was not there before there is too little, and of that there is a price.
            _ => till.DemandMore(context, wish.Payee, await ForSaleAsync(terms.Quote!, cancellationToken), reservation.Credit),
        };
    }

    /// <summary>Whether the task of a call was submitted before: then its input is here.</summary>
    private async Task<bool> IsSubmittedAsync(PaidCall call, TaskRequest asked, User payee, CancellationToken cancellationToken) =>
        call.Task is not null
        || (await tasks.FindSubmissionAsync(payee.Id, new IdempotencyKey(call.Key, asked.Hash()), cancellationToken)).TryGet(out var submitted, out _) && submitted is not null;

    /// <summary>Has one request make a call that has no task yet: others that are the same one wait, or come when it is known.</summary>
    private Task<HeldCall?> HoldAsync(PaidCall call, RequestedInput.Announced? awaited, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return calls.HoldAsync(call, now + PaidCallWorker.SubmissionTime + (awaited is null ? TimeSpan.Zero : options.UploadTimeOf(awaited.SizeBytes)), now, cancellationToken);
    }

    /// <summary>Makes a call that the request holds: takes its input in, and has its task submitted. While it does, the reservation is nobody else's to take back.</summary>
    /// <returns>The task, or why there is none.</returns>
    private async Task<Checked<AgentTask>> MakeAsync(
        HttpContext context, CallWish wish, TaskRequest asked, RequestedInput.Announced? awaited, HeldCall held, Channel paid, CancellationToken cancellationToken)
    {
        var isDone = false;
        try
        {
            if (awaited is not null && await inputs.TakeAsync(context.Request, wish.Payee, new CallPayer(paid.Payer.User, IsFree: held.Call.Reserved == Money.Zero), held, awaited, cancellationToken) is { } untaken)
                return untaken;
            if (!(await submit.SubmitAsync(wish.Payee.Id, asked, held.Call.Key, _ => null, Activity.Current?.Id, cancellationToken)).TryGet(out var made, out var refusal))
            {
                await inputs.TakeBackAsync(held, wish.Payee.Id, CancellationToken.None);
                return refusal.ToProblem();
            }

            isDone = await AttachAsync(held.Call, made.Task, wish.Payee);
            workers.Wake();
            return isDone ? (Checked<AgentTask>)made.Task : UnderWay();
        }
        finally
        {
            // Whoever has hung up in the middle may come again at once.
            if (!isDone)
                await calls.LeaveAsync(held, CancellationToken.None);
        }
    }

    /// <summary>Writes which task does a call; one that nothing pays for any more is stopped.</summary>
    /// <returns>False when it was.</returns>
    private async Task<bool> AttachAsync(PaidCall call, AgentTask task, User payee)
    {
        if (await calls.AttachAsync(call, task.Id, CancellationToken.None))
            return true;
        if ((await tasks.CancelAsync(task.Id, payee.Id, ids.Next<Transfer>(), accounts.Clearing, time.GetUtcNow(), CancellationToken.None)).TryGet(out var stopped, out _) && !stopped.State.IsFinal)
            workers.Stop(stopped, StopReason.Cancelled);
        return false;
    }

    /// <summary>Answers a call that another request has made, or makes.</summary>
    private async Task<IResult> FollowAsync(HttpContext context, PaidCall call, Channel paid, CancellationToken cancellationToken)
    {
        // Whoever held it may have made it in this moment.
        var now = call.Task is null ? await calls.FindAsync(paid.Id, call.Key, cancellationToken) : call;
        if (now?.Task is not { } known)
            return UnderWay();
        return await tasks.GetAsync(known, cancellationToken) is { } task
            ? await answers.AnswerAsync(context, now, task, paid, cancellationToken)
            : throw new InvalidOperationException($"The task {known} of the call {call.Key} is not there.");
    }

    internal static ProblemResult UnderWay() =>
        new Refusal<CallRefusal>(CallRefusal.CallUnderWay, "Another request makes this call just now. Make the same request again in a moment.").ToProblem();

    // What is no longer than that goes into the database, with the task.
    private static long RoomOf(long outputBytes) => outputBytes > TaskResult.MaxInlineBytes ? outputBytes : 0;

    /// <summary>On which terms a call is made.</summary>
    /// <param name="Agent">The version that does it.</param>
    /// <param name="Most">What it costs at most.</param>
    /// <param name="OutputBytes">What its output may take up in the content store.</param>
    /// <param name="Quote">Its price now; null of one that was submitted.</param>
    private sealed record CallTerms(ListingName Agent, Money Most, long OutputBytes, Quote? Quote);
}
