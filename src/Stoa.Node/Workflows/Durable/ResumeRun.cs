using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>The act of having a run that has failed or was cancelled go on from where it ended, with the document that it began with.</summary>
internal sealed class ResumeRun(SqlRunStore runs, WorkflowDocuments documents, RunCarrier carrier, WorkflowsOptions options, TimeProvider time)
{
    /// <summary>Has it go on; one that is not over is answered as it is.</summary>
    /// <param name="id">The run.</param>
    /// <param name="caller">Who.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    public async Task<Outcome<DurableRun, WorkflowRefusal>> ResumeAsync(Id<DurableRun> id, Caller caller, ResumeWorkflowRunRequest request, CancellationToken cancellationToken)
    {
        if (!StartRun.TryMost(request.MaxPrice, out var most))
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInputInvalid, "The run does not go on.", [StartRun.NoAmount]);
        if (await runs.FindDocumentAsync(id, caller.UserId, cancellationToken) is not var (digest, document))
            return SqlRunStore.Unknown(id);
        var workflow = documents.Read(digest, document);
        if (StartRun.RefuseModels(caller, workflow) is { } refusal)
            return refusal;
        var resumed = await runs.ResumeAsync(id, caller.UserId, caller.Allowance, StartRun.Least(most, most is null ? null : workflow.Limits.Price), options.MaxOpenRuns, time.GetUtcNow().ToMilliseconds(), cancellationToken);
        carrier.LookForRuns();
        return resumed;
    }
}
