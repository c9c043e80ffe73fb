using System.Globalization;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Waits for the ends of calls, and gives what was paid for.</summary>
public sealed class CallAnswers(
    SqlPaidCallStore calls,
    PaidCallWorker worker,
    ITaskStore tasks,
    IContentStore content,
    TaskWaiters waiters,
    TaskWorkers workers,
    PublicKey node,
    SystemAccounts accounts,
    IdSource ids,
    PayPerCallOptions options,
    TimeProvider time)
{
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
                    ? new FetchedOutput(TypedResults.Stream(output, result.MediaType), () => calls.ShortenAsync(call, time.GetUtcNow(), CancellationToken.None))
                    : new Refusal<TaskRefusal>(TaskRefusal.ResultDeleted, $"The output {result.Output} of the call is not stored here any more.").ToProblem();
            case { IsFinal: true }:
                var why = task.State is TaskState.Failed failed ? failed.Failure.Detail : "It was cancelled.";
                var charged = task.State.Charged;
                Tell(new PaymentOutcome(charged > Money.Zero, Network, channel.Payer.Handle, task.Id.ToString(), charged.ToString(), why));
                return new Refusal<CallRefusal>(
                    CallRefusal.CallFailed, $"{why} {(charged > Money.Zero ? $"{charged} USD were charged, and the rest of" : "Nothing was charged:")} what was paid is credit for the next call.").ToProblem();
            default:
                var path = $"/api/v1/calls/{task.Id}";
                return TypedResults.Accepted(path, new PaidCallResponse(task.Id.ToString(), task.State.Name, path));
        }

        void Tell(PaymentOutcome outcome) => PaymentHeaders.Set(context.Response, PaymentHeaders.Response, outcome, StoaJson.Default.PaymentOutcome);
    }

    /// <summary>Stops a call, and waits for its end.</summary>
    public async Task<IResult> CancelAsync(PaidCall call, Id<AgentTask> id, User payee, CancellationToken cancellationToken)
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
            asked is not null && int.TryParse(asked.AsSpan(wait.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? Math.Min(seconds, options.WaitSeconds)
                : options.WaitSeconds);
    }

    private string Network => PaymentNetwork.Of(node.PeerId);

    /// <summary>An output from the content store; told when all of it was sent.</summary>
    private sealed class FetchedOutput(IResult output, Func<Task> sent) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            await output.ExecuteAsync(httpContext);
            await sent();
        }
    }
}
