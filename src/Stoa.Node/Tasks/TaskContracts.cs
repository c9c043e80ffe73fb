using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Between the tasks of the market and those of the wire.</summary>
internal static class TaskContracts
{
    // Thirty days.
    private const long MaxDeadlineMs = 2_592_000_000;

    /// <summary>What a request's body asks for.</summary>
    /// <exception cref="RequestRefusedException">Texts in it do not have their form; every reason is listed.</exception>
    public static TaskRequest ToRequest(this SubmitTaskRequest body)
    {
        var errors = new List<FieldError>();
        return body.Read(errors) ?? throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
    }

    /// <summary>What a batch's body asks for: the pointers of what is wrong begin with the place of the task.</summary>
    /// <exception cref="RequestRefusedException">Texts in it do not have their form; the first reasons are listed.</exception>
    public static IReadOnlyList<TaskRequest> ToRequests(this SubmitBatchRequest body)
    {
        var requests = new List<TaskRequest>(body.Tasks.Count);
        var errors = new List<FieldError>();
        for (var index = 0; index < body.Tasks.Count && errors.Count < SubmitBatch.MaxErrors; index++)
        {
            var own = new List<FieldError>();
            if (body.Tasks[index].Read(own) is { } request)
                requests.Add(request);
            errors.AddRange(own.Select(error => error with { Pointer = $"/tasks/{index}{error.Pointer}" }));
        }

        return errors.Count == 0 ? requests : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
    }

    public static BatchResponse ToContract(this TaskBatchProgress progress) => new(
        progress.Batch.Id.ToString(),
        progress.Batch.Size,
        progress.Queued,
        progress.Running,
        progress.Batch.Succeeded,
        progress.Batch.Failed,
        progress.Batch.Cancelled,
        progress.Batch.Cost.ToString(),
        progress.Batch.CreatedAt,
        progress.Batch.CancelRequestedAt,
        progress.Batch.FinishedAt);

    /// <summary>What a body asks for; null when texts in it do not have their form.</summary>
    /// <param name="body">The body.</param>
    /// <param name="errors">Gets every reason.</param>
    public static TaskRequest? Read(this SubmitTaskRequest body, List<FieldError> errors)
    {
        ListingName? agent = null;
        var requirement = body.Requirement is null ? null : ReadRequirement(body.Requirement, errors);
        if (body.Agent is null && body.Requirement is null || body.Agent is not null && body.Requirement is not null)
            errors.Add(new FieldError("/agent", "Either an agent or a requirement is expected: who does it, or what must be done."));
        else if (body.Agent is not null && !ListingName.TryParse(body.Agent, null, out agent))
            errors.Add(new FieldError("/agent", "A listing such as stoa/markdown-html or stoa/markdown-html@1.0.0 is expected."));
        Money? maxPrice = null;
        if (body.MaxPrice is not null)
        {
            if (Money.TryParse(body.MaxPrice, out var amount) && amount >= Money.Zero)
                maxPrice = amount;
            else
                errors.Add(new FieldError("/maxPrice", "A decimal string of US dollars such as \"0.05\" is expected, with at most nine decimals and not negative."));
        }

        var priority = TaskPriority.Normal;
        if (body.Priority is { } word && !TryReadPriority(word, out priority))
            errors.Add(new FieldError("/priority", $"One of {string.Join(", ", Priorities)} is expected."));
        var auction = body.Auction is null ? null : ReadAuction(body, errors);
        if (body.Regions is { } regions && (regions.Count is 0 or > TaskRequest.MaxRegions || !regions.All(Names.IsRegion)))
            errors.Add(new FieldError("/regions", $"1 to {TaskRequest.MaxRegions} lower-case words such as eu-central are expected; leave it out for any region."));
        if (body.PreferredRegions is { } preferred && (preferred.Count is 0 or > TaskRequest.MaxRegions || !preferred.All(Names.IsRegion)))
            errors.Add(new FieldError("/preferredRegions", $"1 to {TaskRequest.MaxRegions} lower-case words such as eu-central are expected; leave it out where it does not matter."));
        var redundancy = body.Redundancy is null ? null : ReadRedundancy(body, errors);
        var input = ReadInput(body.Input, errors);
        if (errors.Count > 0)
            return null;
        var limits = body.Limits is { } asked
            ? new RequestedLimits(asked.Fuel, asked.MemoryBytes, asked.TimeoutMs, asked.OutputBytes, asked.LogBytes)
            : RequestedLimits.None;
        return new TaskRequest(agent, input!, body.Parameters ?? new Dictionary<string, string>(), limits, maxPrice, priority, body.DueAt)
        {
            Requirement = requirement is null ? null : requirement with { Budget = maxPrice },
            Auction = auction,
            Redundancy = redundancy,
            Regions = [.. (body.Regions ?? []).Distinct().Order(StringComparer.Ordinal)],
            PreferredRegions = [.. (body.PreferredRegions ?? []).Distinct().Order(StringComparer.Ordinal)],
        };
    }

    public static SelectionResponse ToContract(this StoredSelection selection, AgentTask task) => new(
        task.Id.ToString(),
        new RequirementBody(
            selection.Requirement.Capabilities,
            selection.Requirement.DeadlineMs,
            selection.Requirement.MinReputation > 0 ? selection.Requirement.MinReputation : null,
            new WeightsBody(
                selection.Requirement.Weights.Quality, selection.Requirement.Weights.Price,
                selection.Requirement.Weights.Speed, selection.Requirement.Weights.Availability),
            selection.Requirement.Explores,
            selection.Requirement.Scope is SelectionScope.CellFirst ? null : EnumWord.Of(selection.Requirement.Scope)),
        selection.DeadlineAt,
        selection.Tried,
        [.. selection.Choices.Select((choice, turn) => Read(choice, turn == 0 ? task : null))],
        task.ToAuctionBody(),
        WinnerOf(task));

    /// <summary>A choice as it is told. With an auction the first one says only who was invited, as long as bids decide.</summary>
    private static ChoiceBody Read(string json, AgentTask? task)
    {
        var choice = JsonSerializer.Deserialize(json, StoaJson.Default.ChoiceBody)!;
        var winner = task is null ? null : WinnerOf(task);
        return task?.Auction is null or { IsOpen: false, AwardDigest: null }
            ? choice
            : choice with { Candidates = [.. choice.Candidates.Select(candidate => candidate with { Standing = candidate.Agent == winner ? "won" : "invited" })] };
    }

    private static string? WinnerOf(AgentTask task) => task.Auction is { IsOpen: false, AwardDigest: not null } ? task.Agent.ToString() : null;

    private static Requirement? ReadRequirement(RequirementBody body, List<FieldError> errors)
    {
        var before = errors.Count;
        if (body.Capabilities.Count is 0 or > Requirement.MaxCapabilities || !body.Capabilities.All(Names.IsCapability))
        {
            errors.Add(new FieldError(
                "/requirement/capabilities", $"1 to {Requirement.MaxCapabilities} dotted lower-case names such as image.resize are expected."));
        }

        if (body.DeadlineMs is <= 0 or > MaxDeadlineMs)
            errors.Add(new FieldError("/requirement/deadlineMs", $"1 to {MaxDeadlineMs} milliseconds are expected."));
        if (body.MinReputation is { } least && !(least is >= 0 and <= 1))
            errors.Add(new FieldError("/requirement/minReputation", "A chance from 0 to 1 is expected."));
        var scope = SelectionScope.CellFirst;
        if (body.Scope is not null && !EnumWord.TryParse(body.Scope, out scope))
            errors.Add(new FieldError("/requirement/scope", $"One of {EnumWord.All<SelectionScope>()} is expected."));
        var weights = body.Weights is { } given
            ? SelectionWeights.From(given.Quality, given.Price, given.Speed, given.Availability)
            : SelectionWeights.Default;
        if (weights is null)
            errors.Add(new FieldError("/requirement/weights", "Weights are expected of which none is negative and not all are 0."));
        return errors.Count > before
            ? null
            : new Requirement([.. body.Capabilities.Distinct()], Budget: null, body.DeadlineMs, body.MinReputation ?? 0, weights!, body.Explore ?? true) { Scope = scope };
    }

    private static Redundancy ReadRedundancy(SubmitTaskRequest body, List<FieldError> errors)
    {
        var redundancy = new Redundancy(body.Redundancy!.Runs, body.Redundancy.Agree ?? Redundancy.MajorityOf(body.Redundancy.Runs));
        if (!redundancy.IsValid)
            errors.Add(new FieldError("/redundancy", $"{Redundancy.MinRuns} to {Redundancy.MaxRuns} runs are expected, of which more than half agree, and not more than all."));
        if (body.Agent is null)
            errors.Add(new FieldError("/redundancy", "Several executors run one agent: it is named."));
        return redundancy;
    }

    public static TaskRunBody ToContract(this TaskRun run) => new(run.Node, EnumWord.Of(run.Standing), run.Output?.ToString(), run.Price.ToString(), run.Receipt, run.Detail);

    private static AuctionTerms ReadAuction(SubmitTaskRequest body, List<FieldError> errors)
    {
        var (windowMs, onNoBids) = (body.Auction!.WindowMs ?? AuctionTerms.DefaultWindowMs, OnNoBids.Fail);
        if (body.Requirement is null)
            errors.Add(new FieldError("/auction", "An auction goes with a requirement: those who can do it are invited."));
        if (body.Requirement?.Scope is "network")
            errors.Add(new FieldError("/requirement/scope", "Agents of the cell make bids: an auction does not go with the scope network."));
        if (body.DueAt is not null)
            errors.Add(new FieldError("/dueAt", "An auction is held at once: it does not go with dueAt."));
        if (windowMs is < AuctionTerms.MinWindowMs or > AuctionTerms.MaxWindowMs)
            errors.Add(new FieldError("/auction/windowMs", $"{AuctionTerms.MinWindowMs} to {AuctionTerms.MaxWindowMs} milliseconds are expected."));
        if (body.Auction.OnNoBids is "select")
            onNoBids = OnNoBids.Select;
        else if (body.Auction.OnNoBids is not (null or "fail"))
            errors.Add(new FieldError("/auction/onNoBids", "fail or select is expected."));
        return new AuctionTerms(windowMs, onNoBids);
    }

    private static IEnumerable<string> Priorities => Enum.GetValues<TaskPriority>().Select(WordOf);

    private static string WordOf(TaskPriority priority) => EnumWord.Of(priority);

    private static bool TryReadPriority(string word, out TaskPriority priority)
    {
        foreach (var candidate in Enum.GetValues<TaskPriority>())
        {
            priority = candidate;
            if (WordOf(candidate) == word)
                return true;
        }

        priority = TaskPriority.Normal;
        return false;
    }

    public static AgentLimitsBody ToContract(this AgentLimits limits) => new(limits.Fuel, limits.MemoryBytes, limits.TimeoutMs, limits.OutputBytes, limits.LogBytes);

    public static TaskResponse ToContract(this AgentTask task) => new(
        task.Id.ToString(),
        task.Agent.ToString(),
        task.State.Name,
        task.Input.Digest.ToString(),
        task.Input.SizeBytes,
        task.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value),
        task.Limits.ToContract(),
        task.MaxPrice.ToString(),
        task.Attempts,
        task.CreatedAt,
        DueAt: (task.State as TaskState.Queued)?.DueAt,
        StartedAt: (task.State as TaskState.Running)?.StartedAt,
        CancelRequestedAt: task.CancelRequestedAt,
        FinishedAt: task.State switch
        {
            TaskState.Succeeded succeeded => succeeded.FinishedAt,
            TaskState.Failed failed => failed.FinishedAt,
            TaskState.Cancelled cancelled => cancelled.FinishedAt,
            _ => null,
        },
        Result: (task.State as TaskState.Succeeded)?.Result is { } result
            ? new TaskResultBody(
                result.Output.ToString(), result.OutputBytes, result.MediaType, result.Usage.ToContract(), result.Price.ToString(), result.ReceiptId.ToString(),
                result.Calls is { } calls ? [.. calls.Select(ToContract)] : null,
                result.Supplied is { } supplied ? new SuppliedBody(supplied.Node, supplied.Task) : null,
                result.Models is { } models ? [.. models.Select(ToContract)] : null)
            : null,
        Failure: (task.State as TaskState.Failed)?.Failure is { } failure
            ? new TaskFailureBody(
                EnumWord.Of(failure.Code),
                failure.Detail,
                failure.Log.Length == 0 ? null : failure.Log,
                failure.Usage?.ToContract())
            : null,
        Priority: WordOf(task.Priority),
        BatchId: task.BatchId?.ToString(),
        ReplayOf: task.ReplayOf?.ToString(),
        ScheduleId: task.ScheduleId,
        Auction: task.ToAuctionBody(),
        Regions: task.Regions.Count == 0 ? null : task.Regions,
        SealedTo: task.Input.SealedTo?.ToString(),
        Redundancy: task.Redundancy is { } redundancy ? new RedundancyBody(redundancy.Runs, redundancy.Agree) : null,
        Charged: task.State is TaskState.Failed or TaskState.Cancelled && task.State.Charged > Money.Zero ? task.State.Charged.ToString() : null);

    public static QuoteResponse ToContract(this Quote quote) => new(
        quote.Agent.ToString(),
        quote.Hold.ToString(),
        quote.Parts.Base.ToString(),
        quote.Parts.Input.ToString(),
        quote.Parts.Fuel.ToString(),
        quote.Parts.Memory.ToString(),
        quote.Least.ToString(),
        quote.CandidateCount,
        quote.Parts.Factor == PriceFactor.One
            ? null
            : new QuoteFactorsBody(
                quote.Parts.Factor.Tier / (decimal)PriceFactors.One,
                quote.Parts.Factor.Demand / (decimal)PriceFactors.One,
                quote.Parts.Factor.Volume / (decimal)PriceFactors.One),
        quote.Calls == Money.Zero ? null : quote.Calls.ToString());

    private static TaskCallBody ToContract(TaskCall call) => new(
        call.Number,
        call.Agent,
        call.Price.ToString(),
        call.Usage.ToContract(),
        [.. call.Creators.Select(part => new CreatorPartBody(part.Handle, part.Agent, part.Amount.ToString()))],
        call.Parent,
        call.Failure);

    private static TaskModelRequestBody ToContract(TaskModelRequest request) => new(
        request.Number,
        request.Asked,
        request.Price.ToString(),
        request.InputTokens,
        request.OutputTokens,
        [.. request.Creators.Select(part => new CreatorPartBody(part.Handle, part.Agent, part.Amount.ToString()))],
        request.Model,
        request.Call,
        request.Failure);

    private static UsageBody ToContract(this Usage usage) => new(
        usage.Fuel, usage.PeakMemoryBytes, usage.InputBytes, usage.OutputBytes, usage.DurationMs);

    private static RequestedInput? ReadInput(TaskInputBody? body, List<FieldError> errors)
    {
        var given = new object?[] { body?.Text, body?.Json, body?.Base64, body?.Digest }.Count(member => member is not null);
        if (body?.Sealed == true && body.Base64 is null && body.Digest is null)
            errors.Add(new FieldError("/input/sealed", "A sealed input is bytes: give them as base64 or digest."));
        if (given != 1)
            errors.Add(new FieldError("/input", "Exactly one of text, json, base64 and digest is expected."));
        else if (body!.Text is { } text)
            return new RequestedInput.Inline(Encoding.UTF8.GetBytes(text));
        else if (body.Json is { } json)
            return new RequestedInput.Inline(Encoding.UTF8.GetBytes(json.GetRawText()));
        else
            return ReadBytes(body, errors);
        return null;
    }

    /// <summary>Bytes of either form, which may be sealed.</summary>
    private static RequestedInput? ReadBytes(TaskInputBody body, List<FieldError> errors)
    {
        RequestedInput? bytes = body.Digest is { } digest ? ReadDigest(digest, errors) : ReadBase64(body.Base64!, errors);
        return bytes is null ? null : bytes with { IsSealed = body.Sealed == true };
    }

    private static RequestedInput.Stored? ReadDigest(string text, List<FieldError> errors)
    {
        if (ContentHash.TryParse(text, out var digest))
            return new RequestedInput.Stored(digest);
        errors.Add(new FieldError("/input/digest", "\"sha256:\" and 64 lower-case hex digits are expected."));
        return null;
    }

    private static RequestedInput.Inline? ReadBase64(string text, List<FieldError> errors)
    {
        var bytes = new byte[(text.Length / 4 * 3) + 3];
        if (Convert.TryFromBase64String(text, bytes, out var length))
            return new RequestedInput.Inline(bytes.AsMemory(0, length));
        errors.Add(new FieldError("/input/base64", "Standard base64 with padding is expected."));
        return null;
    }
}
