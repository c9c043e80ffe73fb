using Stoa.Market.Builds;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <content>Tasks that other operators' nodes run.</content>
public sealed partial class ExecuteTask
{
    /// <summary>Has another operator's node run the attempt.</summary>
    private async Task<AttemptEnd?> WorkRemotelyAsync(Attempt attempt, ReadOnlyMemory<byte>? inlineInput)
    {
        var task = attempt.Task;
        await using var output = new SpoolStream(content, task.Limits.OutputBytes, attempt.Token);
        try
        {
            switch (await remote.RunAsync(task, await FindInputAsync(task, inlineInput, attempt.Token), output, attempt.Progress, attempt.Token))
            {
                // The supplier was given no more time than there was, and what it has done in that was charged: whatever comes after it is too late.
                case RemoteOutcome.Completed completed:
                    return await SettleRemoteAsync(task, completed, output);
                case RemoteOutcome.Failed failed:
                    return await FailAsync(task, agent: null, Unsupplied(failed.Detail));
                default:
                    throw new InvalidOperationException("Unknown outcome of an attempt elsewhere.");
            }
        }
        catch (OperationCanceledException) when (attempt.StopReason is not null)
        {
            return await StoppedElsewhereAsync(attempt);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return await FailAsync(task, agent: null, Unavailable(fault, default));
        }
    }

    // Whoever stops for another reason than a cancellation leaves it to the next attempt, which goes on with it.
    private async Task<AttemptEnd?> StoppedElsewhereAsync(Attempt attempt) => attempt.StopReason is StopReason.Cancelled
        ? await EndEarlyAsync(attempt.Task, charged => attempt.Task.Cancel(Now(), charged))
        : Stopped(attempt);

    /// <summary>Ends a task before it is done: at suppliers it is stopped. What they had done by then was charged, and is settled: for that cancellation or deadline came too late.</summary>
    /// <param name="task">That this node has.</param>
    /// <param name="end">Given what it costs all the same, ends it.</param>
    private async Task<AttemptEnd> EndEarlyAsync(AgentTask task, Func<Money, AgentTask> end)
    {
        if (!task.IsSupplied)
            return Unpaid();
        await using var spools = new SpoolSet(content, task.Limits.OutputBytes, CancellationToken.None);
        try
        {
            var runs = await remote.StopAsync(task, await FindInputAsync(task, null, CancellationToken.None), spools.Next, CancellationToken.None);
            var done = runs.Where(run => run.Outcome is RemoteOutcome.Completed).ToList();
            if (done.Count == 0)
                return Unpaid();
            return task.Redundancy is null
                ? await SettleRemoteAsync(task, (RemoteOutcome.Completed)done[0].Outcome, done[0].Output)
                : await DecideAsync(task, here: null, [.. runs.Select(AnswerOf)], ((RemoteOutcome.Completed)done[0].Outcome).MediaType, end);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // This node's own storage is away, which is not the consumer's matter.
            return Unpaid();
        }

        AttemptEnd Unpaid()
        {
            var next = end(Money.Zero);
            return EndOf(next, TaskEvents.Ended(next, Now()));
        }
    }

    /// <summary>Ends a task that was to go back to the queue when its consumer wanted it stopped.</summary>
    private async Task<AttemptEnd> EndCancelledAsync(AgentTask queued)
    {
        if (!queued.IsSupplied || await tasks.GetAsync(queued.Id, CancellationToken.None) is not { State: TaskState.Running } held || held.Token != queued.Token)
            return Cancel(queued);
        return await EndEarlyAsync(held, charged => held.Cancel(Now(), charged));
    }

    /// <summary>The consumer pays what the supplier was paid, to the operator who has paid it.</summary>
    private async Task<AttemptEnd> SettleRemoteAsync(AgentTask task, RemoteOutcome.Completed done, SpoolStream output)
    {
        var inline = await output.CompleteAsync();
        var receipt = done.Receipt;
        if (receipt.Price > task.MaxPrice)
            throw new InvalidOperationException($"The price of {task.Id} is above its hold of {task.MaxPrice}.");
        var now = Now();
        var next = task.Succeed(
            new TaskResult(receipt.OutputDigest, done.OutputBytes, inline is not null, done.MediaType, receipt.Usage, receipt.Price, receipt.Id)
            {
                Supplied = new SuppliedBy(receipt.NodeKey.PeerId.ToString(), receipt.TaskId.ToString()),
            },
            now);
        var (shares, payees) = PayeesOfSupplied(receipt.Price);
        return new AttemptEnd(
            next, Settlement.Capture(task, shares, payees, ids, now), new SignedReceipt(receipt.Id, task.Id, done.Envelope), inline, ReadOnlyMemory<byte>.Empty, [TaskEvents.Ended(next, now)])
        {
            StoredOutput = inline is null ? new ContentDescriptor(receipt.OutputDigest, done.OutputBytes) : null,
        };
    }

    private static AttemptOutcome.Failed Unsupplied(string detail) => new(new TaskFailure(FailureCode.SupplierFailed, $"{detail} Nothing was charged.", "", null), default);

    /// <summary>The way to an input, for those who send it elsewhere.</summary>
    private async Task<OpenInput> FindInputAsync(AgentTask task, ReadOnlyMemory<byte>? inlineInput, CancellationToken cancellationToken)
    {
        if (!task.Input.IsInline)
            return stop => OpenStoredAsync(task, stop);
        var bytes = (await ReadInlineAsync(task, inlineInput, cancellationToken)).ToArray();
        return _ => Task.FromResult<Stream>(new MemoryStream(bytes, writable: false));
    }

    private async Task<Stream> OpenStoredAsync(AgentTask task, CancellationToken cancellationToken) => await content.OpenAsync(task.Input.Digest, cancellationToken)
        ?? throw new IOException($"The input {task.Input.Digest} is not in the content store any more.");

    /// <summary>What suppliers were paid is the operator's, who has paid it: their publishers and nodes have earned theirs there.</summary>
    private (Shares Shares, Payees Payees) PayeesOfSupplied(Money paid) =>
        (new Shares(Money.Zero, paid, Money.Zero), new Payees(accounts.Clearing, accounts.Node, accounts.Node, accounts.Platform));
}
