using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>Tasks of one account that are made together: what they have in common is looked up once. Not for several threads at a time.</summary>
/// <param name="submit">Checks each.</param>
/// <param name="owner">Who pays.</param>
/// <param name="traceParent">W3C trace context of the run; null when not traced.</param>
public sealed class StepBatch(SubmitTask submit, Id<User> owner, string? traceParent)
{
    private readonly SubmitTask.FindAgent _find = submit.Remembering();
    private readonly SubmitTask.BatchCounts _counts = new();

    /// <summary>Checks a submission and makes what is to be written of it.</summary>
    public Task<Outcome<NewTask, TaskRefusal>> MakeAsync(TaskRequest request, CancellationToken cancellationToken) =>
        submit.MakeAsync(owner, request, _find, _counts, traceParent, cancellationToken);

    /// <summary>Says that tasks were written: who chooses counts them from then on.</summary>
    public void Written(IEnumerable<NewTask> tasks) => submit.CountAsOpen(tasks);
}
