using System.Collections.Concurrent;
using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Market.Tasks;

/// <summary>The act of submitting a task: everything is checked, then task, hold, queue entry and event are written in one transaction.</summary>
/// <param name="agents">The catalogue.</param>
/// <param name="content">Where uploaded inputs are.</param>
/// <param name="owners">Who may read them.</param>
/// <param name="storage">Knows who does not pay for what was uploaded.</param>
/// <param name="ledger">Where wallets are found.</param>
/// <param name="tasks">Where the task goes.</param>
/// <param name="clearing">The account that holds are for.</param>
/// <param name="index">Chooses the agent when only the work is named.</param>
/// <param name="auctions">Puts tasks out to bids.</param>
/// <param name="cell">Knows in which regions nodes stand.</param>
/// <param name="sealing">Checks inputs that are sealed.</param>
/// <param name="maxMemoryBytes">The most memory that a task can get here.</param>
/// <param name="ids">Makes ids of tasks and holds.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Chance of choices; safe for many threads.</param>
/// <param name="remote">Where tasks of agents go that were not published here.</param>
public sealed partial class SubmitTask(
    IAgentStore agents,
    IContentStore content,
    IContentOwners owners,
    IStoragePayments storage,
    ILedgerStore ledger,
    ITaskStore tasks,
    Id<Account> clearing,
    AgentIndex index,
    OpenAuction auctions,
    Cell cell,
    TaskSealing sealing,
    long maxMemoryBytes,
    IdSource ids,
    TimeProvider time,
    Random random,
    IRemoteOffers remote)
{
    /// <summary>The largest input that is checked against a JSON Schema: 8 MiB.</summary>
    public const int MaxSchemaInputBytes = 8 << 20;

    /// <summary>How far ahead a task may be due: 366 days.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromDays(366);

    private const int MaxRememberedWallets = 10_000;
    private const int MaxLookedUp = 100;

    // Whose wallet is which never changes.
    private readonly ConcurrentDictionary<Id<User>, Id<Account>> _wallets = new();

    /// <summary>What the request would hold, without making a task.</summary>
    public async Task<Outcome<Quote, TaskRefusal>> QuoteAsync(Id<User> owner, TaskRequest request, CancellationToken cancellationToken) =>
        (await PrepareAsync(owner, request, agents.FindAsync, batch: null, cancellationToken)).Match<Outcome<Quote, TaskRefusal>>(
            prepared => new Quote(prepared.Agent, prepared.Limits, prepared.Parts, prepared.Hold, prepared.Least, prepared.CandidateCount) { Calls = prepared.Calls }, refusal => refusal);

    /// <summary>What a task of an agent can cost at most, by the size of its input alone.</summary>
    public async Task<Outcome<Money, TaskRefusal>> QuoteAsync(Id<User> owner, AgentVersion agent, long inputBytes, RequestedLimits asked, CancellationToken cancellationToken)
    {
        if (agent.Manifest.Input.Schema is not null && inputBytes > MaxSchemaInputBytes)
            return BeyondSchema(inputBytes);
        if (!TaskRules.CheckLimits(agent.Manifest.Limits, asked, maxMemoryBytes).TryGet(out var limits, out var refusal))
            return refusal;
        var factor = await FactorAsync(owner, agent, TaskPriority.Normal, batch: null, cancellationToken);
        return agent.Manifest.Price.TryPrice(PricedWork.AtLimits(inputBytes, limits), factor, out var parts) && agent.Manifest.MostForCalls <= new Money(long.MaxValue) - parts.Total
            ? parts.Total + agent.Manifest.MostForCalls
            : BeyondMoney(agent.Listing, limits);
    }

    /// <summary>Makes a task.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="idempotencyKey">The consumer's key, 1 to 255 characters; null for none.</param>
    /// <param name="offer">Asked once all is checked: an idle node's offer to work on it at once, or null to only queue it.</param>
    /// <param name="traceParent">W3C trace context of the request.</param>
    /// <param name="cancellationToken">Stops the submission; once it is written it stays.</param>
    public async Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(
        Id<User> owner,
        TaskRequest request,
        string? idempotencyKey,
        Func<AgentTask, ImmediateClaim?> offer,
        string? traceParent,
        CancellationToken cancellationToken)
    {
        var key = idempotencyKey is null ? null : new IdempotencyKey(idempotencyKey, request.Hash());
        if (key is not null)
        {
            // Asked before anything is checked: the agent, the wallet and the blob may all have changed since the first time.
            if (!(await tasks.FindSubmissionAsync(owner, key, cancellationToken)).TryGet(out var earlier, out var reused))
                return reused;
            if (earlier is not null)
                return new Submitted(earlier, IsNew: false);
        }

        if (!(await MakeAsync(owner, request, agents.FindAsync, batch: null, traceParent, cancellationToken)).TryGet(out var made, out var refusal))
            return refusal;
        var isDue = made.Task is { IsBidding: false, IsDueAtOnce: true } && cell.MayRun(made.Task.Regions);
        var submitted = await tasks.SubmitAsync(made with { Idempotency = key, Claim = isDue ? offer(made.Task) : null }, cancellationToken);
        if (submitted is { Refusal: null, Value.IsNew: true })
            CountAsOpen([made]);
        return submitted;
    }

    /// <summary>Has choices count tasks of one consumer at once that were taken in. Those that were refused must not: they would raise what others pay, for nothing.</summary>
    internal void CountAsOpen(IEnumerable<NewTask> made)
    {
        foreach (var same in made.Where(one => one is { Demand: not null, Task.IsDueAtOnce: true }).GroupBy(one => (one.Task.AgentId, one.Task.Agent.Publisher, one.Task.Agent.Name)))
            index.AddOpen($"{same.Key.Publisher}/{same.Key.Name}", same.Key.AgentId, same.Count());
    }

    /// <summary>A way to find agents that asks the catalogue once for each name.</summary>
    internal FindAgent Remembering()
    {
        var found = new Dictionary<ListingName, AgentVersion?>();
        return async (listing, cancellationToken) =>
        {
            if (!found.TryGetValue(listing, out var agent))
                found.Add(listing, agent = await agents.FindAsync(listing, cancellationToken));
            return agent;
        };
    }

    /// <summary>Checks a request and makes what is to be written of it: without a key, offered to nobody.</summary>
    internal async Task<Outcome<NewTask, TaskRefusal>> MakeAsync(
        Id<User> owner, TaskRequest request, FindAgent find, BatchCounts? batch, string? traceParent, CancellationToken cancellationToken)
    {
        if (request.Input is RequestedInput.Announced)
            throw new ArgumentException("An input that was announced has to come before the task is submitted.", nameof(request));
        if (!(await PrepareAsync(owner, request, find, batch, cancellationToken)).TryGet(out var prepared, out var refusal))
            return refusal;
        if (request.MaxPrice is { } maxPrice && prepared.Hold > maxPrice)
        {
            return Refuse(
                TaskRefusal.BudgetTooSmall,
                $"The task would hold {prepared.Hold} USD at its limits, more than the {maxPrice} that you allow. Ask for less fuel, or allow more: what is not used is released.");
        }

        var now = time.GetUtcNow().ToMilliseconds();
        var dueAt = request.DueAt is { } asked && asked > now ? asked.ToMilliseconds() : now;
        if (dueAt > now + LongestDelay)
            return Refuse(TaskRefusal.DueTooLate, $"dueAt is at most {LongestDelay.TotalDays} days from now.");
        if (dueAt >= prepared.Selection?.DeadlineAt)
            return Refuse(TaskRefusal.DueTooLate, "The deadline, which runs from now, is over before dueAt: give a longer deadlineMs, or an earlier dueAt.");
        if (!(await HoldAsync(owner, prepared.Hold, cancellationToken)).TryGet(out var hold, out var unfunded))
            return unfunded;
        var id = ids.Next<AgentTask>();
        Auction? auction = null;
        if (request.Auction is not null
            && !(await auctions.OpenAsync(owner, id, request, prepared.Input.SizeBytes, prepared.Selection!.Choice, now, cancellationToken)).TryGet(out auction, out refusal))
        {
            return refusal;
        }

        var task = new AgentTask(
            id,
            owner,
            prepared.AgentId,
            prepared.Agent,
            prepared.Input,
            prepared.Parameters,
            prepared.Limits,
            hold,
            Attempts: 0,
            Losses: 0,
            Token: 0,
            new TaskState.Queued(auction?.Announcement.ClosesAt ?? dueAt),
            CancelRequestedAt: null,
            traceParent,
            now)
        {
            Priority = request.Priority,
            ReplayOf = request.ReplayOf,
            ScheduleId = request.ScheduleId,
            Auction = auction is null
                ? null
                : new TaskAuction(auction.Announcement.Id, auction.Announcement.ClosesAt, IsOpen: true, AwardDigest: null, Awards: []),
            // A node of this cell has it run elsewhere, wherever it stands itself.
            Regions = prepared.IsRemote ? [] : request.Regions,
            DeadlineAt = prepared.Selection?.DeadlineAt,
            Volume = prepared.Volume,
            Redundancy = request.Redundancy,
            // Runs are compared: what is chance must be the same in all of them.
            World = request.World ?? (request.Redundancy is null ? null : new TaskWorld(random.NextInt64(), now.ToUnixTimeMilliseconds())),
        };
        var inline = request.Input is RequestedInput.Inline given ? given.Bytes : (ReadOnlyMemory<byte>?)null;
        var transfer = hold is null ? null : Settlement.Hold(hold, clearing, task.Id, now);
        if (prepared.Demand is not null && task.IsDueAtOnce)
            batch?.Add(prepared.AgentId);
        return new NewTask(task, inline, transfer, Idempotency: null, Claim: null)
        {
            Selection = prepared.Selection,
            // In an auction it is open who will have it.
            Demand = auction is null ? prepared.Demand : null,
            Auction = auction,
            Allowance = request.Allowance,
            Places = prepared.IsRemote || (prepared.MayLeave && !request.Places.IsAny) ? request.Places : null,
        };
    }

    private async Task<Outcome<Prepared, TaskRefusal>> PrepareAsync(
        Id<User> owner, TaskRequest request, FindAgent find, BatchCounts? batch, CancellationToken cancellationToken)
    {
        var unserved = FindUnserved(request.Regions);
        if (request.Requirement is { } requirement)
            return unserved is not null && !RemoteReach.MayLeave(request, batch is not null) ? unserved : await ChooseAsync(owner, request, requirement, batch, unserved, cancellationToken);
        var agent = await find(request.Agent!, cancellationToken);
        if (request.Redundancy is { } redundancy)
            return await OrderRunsAsync(owner, request, redundancy, agent, batch, cancellationToken);
        if (agent is null && await FindForeignAsync(request.Agent!, batch, cancellationToken) is { } foreign)
            return await OrderAsync(owner, request, foreign, batch, cancellationToken);

        if (unserved is not null)
            return unserved;
        if (agent is null)
        {
            return await agents.FindWithdrawnAsync(request.Agent!, cancellationToken) is { } withdrawn
                ? Refuse(TaskRefusal.AgentWithdrawn, withdrawn.ToString())
                : Refuse(TaskRefusal.AgentUnknown, $"There is no agent {request.Agent}. List what there is here with GET /api/v1/agents, and in the whole network with GET /api/v1/listings.");
        }

        if (request.Input.IsSealed && !agent.Manifest.IsAlone)
        {
            return Refuse(
                TaskRefusal.CallsNotSealed,
                agent.Manifest.Uses.Count > 0
                    ? $"{agent.Listing} calls other agents, and its receipt tells digests of what they are given and give: a sealed input would not stay sealed. Submit it in the clear, or take an agent that calls nobody."
                    : $"{agent.Listing} asks models, and whoever serves these reads what they are asked: a sealed input would not stay sealed. Submit it in the clear, or take an agent that asks none.");
        }

        if (!TaskRules.CheckParameters(agent.Manifest.Parameters, request.Parameters).TryGet(out var parameters, out var refusal))
            return refusal;
        if (!TaskRules.CheckLimits(agent.Manifest.Limits, request.Limits, maxMemoryBytes).TryGet(out var limits, out refusal))
            return refusal;
        if (!(await CheckInputAsync(owner, agent.Manifest.Input, request.Input, cancellationToken)).TryGet(out var input, out refusal))
            return refusal;
        var factor = await FactorAsync(owner, agent, request.Priority, batch, cancellationToken);
        return agent.Manifest.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), factor, out var parts)
            && agent.Manifest.MostForCalls <= new Money(long.MaxValue) - parts.Total
            ? new Prepared(
                agent.Id, agent.Listing, parameters, limits, input, parts, parts.Total + agent.Manifest.MostForCalls, factor.Apply(parts.Base + parts.Input), CandidateCount: 1,
                TaskPricing.DemandOf(agent.Manifest.Factors, factor), Selection: null)
            {
                Calls = agent.Manifest.MostForCalls,
                Volume = TaskPricing.VolumeOf(factor),
            }
            : BeyondMoney(agent.Listing, limits);
    }

    /// <summary>An agent that was published elsewhere, looked for once in a batch.</summary>
    private async Task<ForeignAgent?> FindForeignAsync(ListingName named, BatchCounts? batch, CancellationToken cancellationToken)
    {
        if (batch is not null && batch.Foreign.TryGetValue(named, out var known))
            return known;
        var found = await agents.FindWithdrawnAsync(named, cancellationToken) is null ? await remote.FindAsync(named, cancellationToken) : null;
        batch?.Foreign.Add(named, found);
        return found;
    }

    /// <summary>Prepares a task of an agent that was published elsewhere: other operators' nodes run it.</summary>
    private async Task<Outcome<Prepared, TaskRefusal>> OrderAsync(
        Id<User> owner, TaskRequest request, ForeignAgent agent, BatchCounts? batch, CancellationToken cancellationToken)
    {
        if (request.Input.IsSealed)
            return Refuse(TaskRefusal.NotSupplied, $"{agent.Listing} runs at another operator's node, which cannot open what is sealed to this one. Submit it in the clear.");
        if (!agent.Manifest.IsAlone)
            return Refuse(TaskRefusal.NotSupplied, $"{agent.Listing} calls other agents or asks models, which is only done by the cell that it was published in. Take an agent that does neither.");
        if (!TaskRules.CheckParameters(agent.Manifest.Parameters, request.Parameters).TryGet(out var parameters, out var refusal))
            return refusal;
        if (!TaskRules.CheckLimits(agent.Manifest.Limits, request.Limits, maxMemoryBytes).TryGet(out var limits, out refusal))
            return refusal;
        if (!(await CheckInputAsync(owner, agent.Manifest.Input, request.Input, cancellationToken)).TryGet(out var input, out refusal))
            return refusal;
        if (!agent.Manifest.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), PriceFactor.One, out var posted))
            return BeyondMoney(agent.Listing, limits);
        var order = new QuoteRequest(agent.ProgramDigest, input.SizeBytes, limits, request.Places);
        return (batch is null ? await remote.QuoteAsync(order, request.MaxPrice, cancellationToken) : await batch.QuoteAsync(remote, order, request.MaxPrice, cancellationToken)).Match<Outcome<Prepared, TaskRefusal>>(
            quoted => new Prepared(
                agent.Id, agent.Listing, parameters, limits, input, posted, quoted, Money.Min(quoted, posted.Base + posted.Input), CandidateCount: 1, Demand: null, Selection: null)
            {
                IsRemote = true,
            },
            refused => refused);
    }

    private Refusal<TaskRefusal>? FindUnserved(IReadOnlyList<string> regions) => regions.Count > 0 && cell.Regions is var served && !regions.Any(served.Contains)
        ? Refuse(
            TaskRefusal.RegionUnserved,
            $"No node that is alive stands in {string.Join(" or ", regions)}. "
            + (served.Count == 0 ? "No node here says where it stands: ask for no region." : $"There are nodes in {string.Join(", ", served)}: ask for one of these, or for none."))
        : null;

    private static Refusal<TaskRefusal> BeyondMoney(ListingName agent, AgentLimits limits) => Refuse(
        TaskRefusal.PriceOutOfRange, $"The price of {agent} at {limits.Fuel} units of fuel is beyond any amount of money. Ask for a lower limits.fuel.");

    /// <summary>What a task of an agent is charged by when it is submitted now.</summary>
    private async Task<PriceFactor> FactorAsync(Id<User> owner, AgentVersion agent, TaskPriority priority, BatchCounts? batch, CancellationToken cancellationToken)
    {
        var factors = agent.Manifest.Factors;
        var paid = factors.Volume is null ? 0 : await CountPaidAsync(owner, agent, batch, cancellationToken);
        if (factors.Demand is not { } demand)
            return TaskPricing.FactorOf(factors, priority, open: 0, paid);
        if (batch?.CountOf(agent.Id, demand) is not { } open)
        {
            var counted = await tasks.CountOpenOfAsync(agent.Id, owner, demand, time.GetUtcNow(), cancellationToken);
            open = counted.With(0, demand);
            batch?.Begin(agent.Id, counted);
            index.SetOpen($"{agent.Publisher}/{agent.Manifest.Name}", agent.Id, open);
        }

        return TaskPricing.FactorOf(factors, priority, open, paid);
    }

    /// <summary>For how many tasks of an agent the consumer has paid this month: of a batch as it was when the first of its tasks was made.</summary>
    private async Task<long> CountPaidAsync(Id<User> owner, AgentVersion agent, BatchCounts? batch, CancellationToken cancellationToken)
    {
        var name = $"{agent.Publisher}/{agent.Manifest.Name}";
        if (batch?.PaidOf(name) is { } counted)
            return counted;
        var paid = await tasks.CountPaidOfAsync(owner, agent.PublisherId, name, time.GetUtcNow(), cancellationToken);
        batch?.SetPaid(name, paid);
        return paid;
    }

    /// <summary>The same of all agents, where that decides about the price of any that may be chosen.</summary>
    private async Task<IReadOnlyDictionary<string, long>> CountPaidAsync(
        Id<User> owner, TaskRequest request, Requirement requirement, BatchCounts? batch, CancellationToken cancellationToken)
    {
        // In an auction agents bid: what they take off for volume is theirs to bid.
        if (request.Auction is not null || !index.HasVolume(requirement))
            return SelectionQuery.NonePaid;
        if (batch?.Paid is { } counted)
            return counted;
        var paid = await tasks.CountPaidAsync(owner, time.GetUtcNow(), cancellationToken);
        batch?.SetPaid(paid);
        return paid;
    }

    private async Task<Outcome<Prepared, TaskRefusal>> ChooseAsync(
        Id<User> owner, TaskRequest request, Requirement requirement, BatchCounts? batch, Refusal<TaskRefusal>? unserved, CancellationToken cancellationToken)
    {
        if (requirement.Scope is SelectionScope.Network && request.Input.IsSealed)
            return Refuse(TaskRefusal.NotSupplied, "Other operators' nodes cannot open what is sealed to this one. Submit it in the clear, or ask for the scope cell.");
        if (!TaskRules.CheckCaps(request.Limits).TryGet(out var caps, out var refusal))
            return refusal;
        if (!(await CheckInputAsync(owner, new AgentPort("", null), request.Input, cancellationToken)).TryGet(out var input, out refusal))
            return refusal;
        await index.Loaded.WaitAsync(cancellationToken);
        // Before the choice, not after one that found nobody: of many tasks at once another one may fill the index in between.
        if (requirement.Capabilities.FirstOrDefault(capability => !index.Knows(capability)) is { } unknown)
            await LookUpAsync(unknown, cancellationToken);
        var now = time.GetUtcNow();
        var fit = new TaskFit(request.Parameters, await ReadInputAsync(request.Input, input, cancellationToken)) { IsSealed = request.Input.IsSealed };
        var mayLeave = RemoteReach.MayLeave(request, batch is not null);
        var query = new SelectionQuery(
            // In an auction who is too dear at its posted price may bid less.
            requirement, input.SizeBytes, request.Auction is null ? request.MaxPrice : null, TimeLeft(request), maxMemoryBytes, caps, Excluded: [], fit.Takes)
        {
            Priority = (int)request.Priority,
            Paid = await CountPaidAsync(owner, request, requirement, batch, cancellationToken),
            CallsNobody = request.Auction is not null || request.Input.IsSealed,
            // Where nobody else may have it, the region is that of whichever node of the cell takes it, whoever is chosen.
            Preference = mayLeave && request.PreferredRegions.Count > 0 ? new RegionPreference(request.PreferredRegions, cell.ShareIn(request.PreferredRegions)) : null,
        };
        var choice = unserved is null ? index.Choose(query, now, random) : NetworkChoice.Nobody(query, now);
        if (mayLeave && (choice.Chosen is null || requirement.Scope is SelectionScope.Network))
        {
            var search = new RemoteSearch(requirement.Capabilities, input.SizeBytes, request.Limits, request.Places, request.MaxPrice, fit.Takes);
            choice = NetworkChoice.Join(choice, await remote.ListCandidatesAsync(search, cancellationToken), query, index.Policy);
        }

        if (choice.Chosen is not { } chosen)
            return unserved is not null && choice.UnfitCounts.Count == 0 ? unserved : Nobody(requirement, request, choice);
        var limits = TaskRules.CapLimits(chosen.Agent.Limits, request.Limits);
        if (!chosen.Agent.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), chosen.Factor, out var parts))
            throw new InvalidOperationException($"{chosen.Agent.Listing} was chosen at a price beyond money.");
        // Enough for the two next best too, should this one fail: what is not used is released. By then the month may be over, and with it what they take off for volume.
        var next = choice.Candidates.Where(candidate => candidate != chosen).Take(FailOver.MaxAgents - 1).Select(AtLimitsWithoutVolume);
        return new Prepared(
            chosen.Agent.Id,
            chosen.Agent.Listing,
            TaskRules.CheckParameters(chosen.Agent.Parameters, request.Parameters).Value,
            limits,
            input,
            parts,
            request.Auction is null ? next.Append(chosen.PriceAtLimits).Max() : OpenAuction.HoldOf(choice, input.SizeBytes, request),
            choice.Candidates.Min(candidate => candidate.Agent.LeastPrice(input.SizeBytes, candidate.Factor)),
            choice.CandidateCount,
            TaskPricing.DemandOf(chosen.Agent.Factors, chosen.Factor),
            new TaskSelection(requirement, request.Limits, requirement.DeadlineMs is { } left ? now.AddMilliseconds(left).ToMilliseconds() : null, choice))
        {
            Calls = chosen.Agent.MostForCalls,
            Volume = TaskPricing.VolumeOf(chosen.Factor),
            IsRemote = chosen.Supplier is not null,
            MayLeave = mayLeave,
        };

        Money AtLimitsWithoutVolume(Candidate candidate)
        {
            var most = candidate.Factor.Volume == PriceFactors.One
                ? candidate.PriceAtLimits
                : candidate.Agent.PriceAtLimits(input.SizeBytes, caps, candidate.Factor with { Volume = PriceFactors.One }) ?? candidate.PriceAtLimits;
            return request.MaxPrice is { } budget ? Money.Min(most, budget) : most;
        }

        // What an auction takes is not left to the agent.
        static TimeSpan? TimeLeft(TaskRequest request) => request.Requirement!.DeadlineMs is { } milliseconds
            ? TimeSpan.FromMilliseconds(Math.Max(0, milliseconds - (request.Auction?.WindowMs ?? 0)))
            : null;
    }

    /// <summary>Takes agents into the index that another node of the cell has published just now: nobody is told of none while the catalogue has one.</summary>
    private async Task LookUpAsync(string capability, CancellationToken cancellationToken)
    {
        var published = await agents.ListAsync(new AgentQuery(Text: null, capability, Publisher: null), new PageRequest(MaxLookedUp), cancellationToken);
        foreach (var version in published.Items)
            index.Put(IndexedAgent.Of(version));
    }

    private static Refusal<TaskRefusal> Nobody(Requirement requirement, TaskRequest request, Choice choice)
    {
        var wanted = string.Join(" and ", requirement.Capabilities);
        if (choice.UnfitCounts.Count == 0)
        {
            return Refuse(
                TaskRefusal.NoCandidate,
                $"No agent here can do {wanted}, and none of the network that a supplier offers. GET /api/v1/listings?capability={requirement.Capabilities[0]} lists who can do the first of it anywhere.");
        }

        var errors = choice.UnfitCounts.OrderBy(entry => entry.Key).Select(entry => entry.Key switch
        {
            Unfit.Tried => new FieldError("", $"{entry.Value} failed for it before."),
            Unfit.Suspended => new FieldError("", $"{entry.Value} suspended for faults: wait a while."),
            Unfit.Memory => new FieldError("/limits/memoryBytes", $"{entry.Value} with more memory than a task gets here: ask for less."),
            Unfit.Budget => new FieldError("/maxPrice", $"{entry.Value} dearer at their limits than {request.MaxPrice}: raise it, or lower limits."),
            Unfit.Deadline => new FieldError("/requirement/deadlineMs", $"{entry.Value} seen to take longer than {requirement.DeadlineMs} ms: allow more time."),
            Unfit.Reputation => new FieldError("/requirement/minReputation", $"{entry.Value} with a reputation below {requirement.MinReputation}: ask for less."),
            Unfit.Capabilities => new FieldError("/requirement/capabilities", $"{entry.Value} with some of the capabilities only: split the task, or ask for fewer."),
            Unfit.Input => new FieldError("/input", $"{entry.Value} of the best do not take the input or the parameters."),
            Unfit.Calls when request.Input.IsSealed => new FieldError(
                "/input/sealed", $"{entry.Value} of the best call other agents or ask models, and what these are given and give would not stay sealed: submit in the clear."),
            Unfit.Calls => new FieldError("/auction", $"{entry.Value} of the best call other agents or ask models, which nobody can bid for: submit without auction."),
            _ => throw new InvalidOperationException($"Unknown reason {entry.Key}."),
        }).ToList();
        return new Refusal<TaskRefusal>(
            TaskRefusal.NoCandidate, choice.UnfitCounts.Values.Sum() is var able && able == 1
                ? $"One agent can do {wanted}, and it does not fit. Relax what is listed in errors."
                : $"{able} agents can do {wanted}, and none of them fits. Relax what is listed in errors.",
            errors);
    }

    /// <summary>The input's bytes, when there are few enough of them to check them against schemas.</summary>
    private async Task<ReadOnlyMemory<byte>?> ReadInputAsync(RequestedInput requested, TaskInput input, CancellationToken cancellationToken)
    {
        if (requested.IsSealed)
            return null;
        if (requested is RequestedInput.Inline inline)
            return inline.Bytes;
        if (input.SizeBytes > MaxSchemaInputBytes)
            return null;
        return await ReadStoredAsync(input.Digest, input.SizeBytes, cancellationToken) is { } bytes ? bytes : (ReadOnlyMemory<byte>?)null;
    }

    /// <summary>Uploaded content as a whole; null when it is not here any more.</summary>
    private async Task<byte[]?> ReadStoredAsync(ContentHash digest, long sizeBytes, CancellationToken cancellationToken)
    {
        await using var stream = await content.OpenAsync(digest, cancellationToken);
        if (stream is null)
            return null;
        var bytes = new byte[sizeBytes];
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }

    private async Task<Outcome<TaskInput, TaskRefusal>> CheckInputAsync(
        Id<User> owner, AgentPort port, RequestedInput input, CancellationToken cancellationToken)
    {
        if (input.IsSealed)
            return await CheckSealedAsync(owner, port with { Schema = null }, input, cancellationToken);
        if (input is RequestedInput.Inline inline)
        {
            if (inline.Bytes.Length > TaskInput.MaxInlineBytes)
                return TooLarge($"An input that comes with the request has at most {TaskInput.MaxInlineBytes} bytes, this one has {inline.Bytes.Length}. Upload it with POST /api/v1/blobs and give its digest.");
            return Misfits(port, inline.Bytes) is { Count: > 0 } errors
                ? Invalid(errors)
                : new TaskInput(inline.Digest, inline.Bytes.Length, IsInline: true);
        }

        if (input is RequestedInput.Announced announced)
        {
            return port.Schema is not null && announced.SizeBytes > MaxSchemaInputBytes
                ? BeyondSchema(announced.SizeBytes)
                : new TaskInput(announced.Content, announced.SizeBytes, IsInline: false);
        }

        // Whether it is missing or somebody else's is not told apart: a digest must not be a way to ask what others have.
        if (!await owners.MayReadAsync(input.Digest, owner, cancellationToken)
            || await content.StatAsync(input.Digest, cancellationToken) is not { } stored)
        {
            return Refuse(TaskRefusal.InputUnknown, $"No content {input.Digest} of yours is here. Upload it with POST /api/v1/blobs.");
        }

        // What everybody may read is not paid for by this one.
        if (await storage.WhyUnusableAsync(owner, cancellationToken) is { } unpaid && !await owners.MayReadAsync(input.Digest, null, cancellationToken))
            return Refuse(TaskRefusal.StorageUnpaid, unpaid);
        if (port.Schema is null)
            return new TaskInput(stored.Digest, stored.SizeBytes, IsInline: false);
        if (stored.SizeBytes > MaxSchemaInputBytes)
            return BeyondSchema(stored.SizeBytes);
        if (await ReadStoredAsync(stored.Digest, stored.SizeBytes, cancellationToken) is not { } bytes)
            return Refuse(TaskRefusal.InputUnknown, $"The content {stored.Digest} was deleted just now.");
        return Misfits(port, bytes) is { Count: > 0 } reasons
            ? Invalid(reasons)
            : new TaskInput(stored.Digest, stored.SizeBytes, IsInline: false);
    }

    /// <summary>Checks a sealed input: its header, and not what is in it.</summary>
    private async Task<Outcome<TaskInput, TaskRefusal>> CheckSealedAsync(
        Id<User> owner, AgentPort port, RequestedInput input, CancellationToken cancellationToken)
    {
        if (!(await CheckInputAsync(owner, port, input with { IsSealed = false }, cancellationToken)).TryGet(out var checkedInput, out var refusal))
            return refusal;
        if (input is RequestedInput.Inline inline)
            return Check(inline.Bytes.Span);
        await using var stream = await content.OpenAsync(input.Digest, cancellationToken);
        if (stream is null)
            return Refuse(TaskRefusal.InputUnknown, $"The content {input.Digest} was deleted just now.");
        var head = new byte[SealedHeader.SizeBytes];
        return Check(head.AsSpan(0, await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken)));

        Outcome<TaskInput, TaskRefusal> Check(ReadOnlySpan<byte> begin) =>
            sealing.Check(begin).Match<Outcome<TaskInput, TaskRefusal>>(key => checkedInput with { SealedTo = key }, refused => refused);
    }

    private async Task<Outcome<TaskHold?, TaskRefusal>> HoldAsync(Id<User> owner, Money amount, CancellationToken cancellationToken)
    {
        if (amount == Money.Zero)
            return (TaskHold?)null;
        if (!_wallets.TryGetValue(owner, out var wallet))
        {
            if (await ledger.FindAccountAsync(owner.ToString(), AccountKind.Wallet, cancellationToken) is not { } account)
                return Refuse(TaskRefusal.InsufficientFunds, $"The task would hold {amount} USD and you have no wallet yet: add funds first.");
            if (_wallets.Count >= MaxRememberedWallets)
                _wallets.Clear();
            _wallets[owner] = wallet = account.Id;
        }

        return new TaskHold(ids.Next<Transfer>(), wallet, amount);
    }

    private static IReadOnlyList<FieldError> Misfits(AgentPort port, ReadOnlyMemory<byte> input) => port.Schema is null
        ? []
        : [.. PortSchema.Validate(port.Schema, input).Select(error => error with { Pointer = "/input" + error.Pointer })];

    private static Refusal<TaskRefusal> Invalid(IReadOnlyList<FieldError> errors) =>
        new(TaskRefusal.InputInvalid, "The input does not fit the JSON Schema of the agent's input.", errors);

    private static Refusal<TaskRefusal> BeyondSchema(long bytes) =>
        TooLarge($"This agent checks its input against a JSON Schema, which is done for at most {MaxSchemaInputBytes} bytes; this one has {bytes}.");

    private static Refusal<TaskRefusal> TooLarge(string detail) => Refuse(TaskRefusal.InputTooLarge, detail);

    private static Refusal<TaskRefusal> Refuse(TaskRefusal code, string detail) => new(code, detail);

    /// <summary>Finds an agent in the catalogue.</summary>
    internal delegate Task<AgentVersion?> FindAgent(ListingName listing, CancellationToken cancellationToken);

    private sealed record Prepared(
        Id<AgentVersion> AgentId,
        ListingName Agent,
        IReadOnlyList<TaskParameter> Parameters,
        AgentLimits Limits,
        TaskInput Input,
        PriceParts Parts,
        Money Hold,
        Money Least,
        int CandidateCount,
        int? Demand,
        TaskSelection? Selection)
    {
        /// <summary>The most that the calls of other agents cost; a part of the hold.</summary>
        public Money Calls { get; init; }

        /// <summary>The volume factor, in parts per thousand; null when it is one.</summary>
        public int? Volume { get; init; }

        /// <summary>Other operators' nodes run it.</summary>
        public bool IsRemote { get; init; }

        /// <summary>They may come to run it, should who has it fail.</summary>
        public bool MayLeave { get; init; }
    }
}
