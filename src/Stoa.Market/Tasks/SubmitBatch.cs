using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The act of submitting many tasks as one thing: all of them are checked first, then all are written in one transaction.</summary>
/// <param name="submit">Checks each.</param>
/// <param name="batches">Where they go.</param>
/// <param name="time">The clock.</param>
public sealed class SubmitBatch(SubmitTask submit, ITaskBatchStore batches, TimeProvider time)
{
    /// <summary>How many tasks of a batch that are refused are told at most.</summary>
    public const int MaxErrors = 100;

    /// <summary>Whether a batch may have so many tasks.</summary>
    public static Refusal<TaskRefusal>? CheckSize(int size) => size is >= 1 and <= TaskBatch.MaxTasks
        ? null
        : new Refusal<TaskRefusal>(
            TaskRefusal.BatchSizeInvalid,
            size == 0
                ? "The batch is empty: give at least one task."
                : $"A batch has at most {TaskBatch.MaxTasks} tasks, this one has {size}: give it in parts.");

    /// <summary>Makes a batch.</summary>
    /// <param name="id">Of the batch. One that is there already is answered as it is.</param>
    /// <param name="owner">The consumer.</param>
    /// <param name="requests">The tasks, in order.</param>
    /// <param name="traceParent">W3C trace context of the request.</param>
    /// <param name="cancellationToken">Stops the submission; once it is written it stays.</param>
    public async Task<Outcome<TaskBatch, TaskRefusal>> SubmitAsync(
        Id<TaskBatch> id, Id<User> owner, IReadOnlyList<TaskRequest> requests, string? traceParent, CancellationToken cancellationToken)
    {
        if (CheckSize(requests.Count) is { } wrongSize)
            return wrongSize;
        var tasks = new List<NewTask>(requests.Count);
        var errors = new List<FieldError>();
        var catalogue = submit.Remembering();
        var counts = new SubmitTask.BatchCounts();
        for (var index = 0; index < requests.Count && errors.Count < MaxErrors; index++)
        {
            // Nothing below need wait for anything, and checking ten thousand inputs may take long.
            cancellationToken.ThrowIfCancellationRequested();
            if (requests[index].Auction is not null)
                errors.Add(new FieldError($"/tasks/{index}/auction", "A task of a batch is not put out to bids: submit it alone."));
            else if ((await submit.MakeAsync(owner, requests[index], catalogue, counts, traceParent, cancellationToken)).TryGet(out var made, out var refusal))
                tasks.Add(made with { Task = made.Task with { BatchId = id } });
            else if (refusal.Errors.Count == 0)
                errors.Add(new FieldError($"/tasks/{index}", refusal.Detail));
            else
                errors.AddRange(refusal.Errors.Select(error => error with { Pointer = $"/tasks/{index}{error.Pointer}" }));
        }

        if (errors.Count > 0)
            return new Refusal<TaskRefusal>(TaskRefusal.BatchInvalid, "No task of the batch was made. Correct what is listed in errors and send all of it again.", errors);
        var now = time.GetUtcNow().ToMilliseconds();
        var batch = new TaskBatch(id, owner, tasks.Count, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, now, null);
        var submitted = await batches.SubmitAsync(batch, tasks, cancellationToken);
        if (submitted.Refusal is null)
            submit.CountAsOpen(tasks);
        return submitted;
    }
}
