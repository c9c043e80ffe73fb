using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>The act of beginning a run: the workflow is found or checked, the input is held against its schema, and then the run is written and carried.</summary>
internal sealed class StartRun(
    CheckWorkflow check, SqlSavedWorkflows saved, SqlRunStore runs, WorkflowDocuments documents, RunCarrier carrier, WorkflowsOptions options, TimeProvider time)
{
    private static readonly JsonElement s_noInput = JsonElement.Parse("{}");

    /// <summary>Begins one.</summary>
    /// <param name="id">Of the run. One that is there already is answered as it is.</param>
    /// <param name="caller">Who.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    public async Task<Outcome<DurableRun, WorkflowRefusal>> StartAsync(Id<DurableRun> id, Caller caller, StartWorkflowRunRequest request, CancellationToken cancellationToken)
    {
        if ((request.Workflow is null) == (request.Document is null))
            return Invalid("", "Exactly one of workflow and document is expected.");
        if (!TryMost(request.MaxPrice, out var asked))
            return Invalid(NoAmount);
        if (!(await FindAsync(caller.UserId, request, cancellationToken)).TryGet(out var found, out var refusal))
            return refusal;
        var (workflow, document, digest, version) = found;
        if (RefuseModels(caller, workflow) is { } unasked)
            return unasked;
        var input = request.Input ?? s_noInput;
        var json = Encoding.UTF8.GetBytes(input.GetRawText());
        if (json.Length > DurableRun.MaxValueBytes)
            return Misfit($"The input of a run has at most {DurableRun.MaxValueBytes} bytes, this one has {json.Length}. Upload what is large with POST /api/v1/blobs, and give its digest.");
        if (!StepOutcomes.TryJson(json, out _))
            return Misfit($"The input is nested too deep, has a member twice or one with a name of more than {DurableRun.MaxMemberNameBytes} bytes, or a text in it is no Unicode.");
        if (workflow.Input is { } schema && PortSchema.Validate(schema, json) is { Count: > 0 } errors)
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInputInvalid, "The input does not fit the JSON Schema of the workflow's input.", [.. errors.Select(error => error with { Pointer = "/input" + error.Pointer })]);

        var now = time.GetUtcNow().ToMilliseconds();
        var most = Least(asked, workflow.Limits.Price);
        var run = new DurableRun(id, caller.UserId, workflow.Name, version, digest, RunState.Running, most, Money.Zero, 0, 0, null, now, null) { Allowance = caller.Allowance, TraceParent = Activity.Current?.Id };
        var token = carrier.TokenForOneMore;
        if (!(await runs.StartAsync(run, input.GetRawText(), document, options.MaxOpenRuns, token, cancellationToken)).TryGet(out var started, out refusal))
            return refusal;
        if (started.IsNew && token is not null)
            carrier.Adopt(run, ReplayedRun.Begin(workflow, input, now));
        return started.Run;
    }

    /// <summary>What is said of an amount that is none.</summary>
    public static FieldError NoAmount { get; } = new("/maxPrice", "A decimal string of US dollars such as \"0.05\" is expected, with at most nine decimals and not negative.");

    /// <summary>Reads what a run may cost; null where nothing is said.</summary>
    /// <returns>False when it is no amount.</returns>
    public static bool TryMost(string? text, out Money? most)
    {
        most = Money.TryParse(text, out var amount) && amount >= Money.Zero ? amount : null;
        return text is null || most is not null;
    }

    /// <summary>The lesser amount, of those that are there.</summary>
    public static Money? Least(Money? one, Money? other) => (one, other) switch
    {
        ({ } first, { } second) => Money.Min(first, second),
        _ => one ?? other,
    };

    /// <summary>Why a credential may not run a workflow that asks models; null when it may.</summary>
    public static Refusal<WorkflowRefusal>? RefuseModels(Caller caller, Workflow workflow) => caller.Rights.Contains(Permission.ModelsUse) || !workflow.AsksModels()
        ? null
        : new Refusal<WorkflowRefusal>(WorkflowRefusal.ModelsNotAllowed, "The workflow asks models, and the credential that you use may not: it needs the permission models:use.");

    private async Task<Outcome<(Workflow Workflow, string Document, ContentHash Digest, int? Version), WorkflowRefusal>> FindAsync(Id<User> owner, StartWorkflowRunRequest request, CancellationToken cancellationToken)
    {
        if (request.Document is { } given)
        {
            if (!DocumentText.TryJson(given, out var json, out var fault))
                return Invalid("/document", fault);
            if (!DocumentsBeside.Read(request.Workflows).TryGet(out var beside, out var refusal)
                || !(await check.CheckAsync(owner, json, beside, cancellationToken, saved.LookUpOf(owner))).TryGet(out var looked, out refusal))
            {
                return refusal;
            }

            var digest = WorkflowReader.DigestOf(JsonElement.Parse(looked.Document.Span));
            documents.Add(digest, looked.Workflow, looked.Document.Length);
            return (looked.Workflow, Encoding.UTF8.GetString(looked.Document.Span), digest, null);
        }

        var name = request.Workflow!;
        int? version = null;
        if (name.LastIndexOf('@') is var at and >= 0)
        {
            if (!int.TryParse(name.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return Invalid("/workflow", "A name, or a name with the number of a version such as press-review@3, is expected.");
            (name, version) = (name[..at], number);
        }

        return await saved.FindAsync(owner, name, version, cancellationToken) is { } found
            ? (documents.Read(found.Workflow.Digest, found.Document), found.Document, found.Workflow.Digest, found.Workflow.Version)
            : new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowUnknown, $"You keep no workflow {request.Workflow}. List those that you keep with GET /api/v1/workflows.");
    }

    private static Refusal<WorkflowRefusal> Invalid(string pointer, string reason) => Invalid(new FieldError(pointer, reason));

    private static Refusal<WorkflowRefusal> Invalid(FieldError error) => new(WorkflowRefusal.WorkflowInvalid, "The run was not begun. Correct what is listed in errors and try again.", [error]);

    private static Refusal<WorkflowRefusal> Misfit(string reason) => new(WorkflowRefusal.WorkflowInputInvalid, "The run was not begun.", [new FieldError("/input", reason)]);
}
