using System.Collections.Concurrent;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>Why a running attempt is stopped from outside.</summary>
public enum StopReason
{
    /// <summary>Its consumer asked for it: the task ends as cancelled.</summary>
    Cancelled,

    /// <summary>Somebody else has the task now: nothing is written.</summary>
    LeaseLost,

    /// <summary>This node stops: the task goes back to the queue.</summary>
    NodeStopping,
}

/// <summary>One attempt under way: what it has used, and the means to stop it.</summary>
public sealed class Attempt(AgentTask task) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private int _reason = -1;
    private int _isTaken;

    /// <summary>As it was claimed.</summary>
    public AgentTask Task { get; } = task;

    /// <summary>The lease under which it works.</summary>
    public LeaseRef Lease => new(Task.Id, Task.Token);

    /// <summary>What can be seen of it from outside.</summary>
    public AttemptProgress Progress { get; } = new();

    /// <summary>Why it was stopped; null when it was not.</summary>
    public StopReason? StopReason => Volatile.Read(ref _reason) is var value and >= 0 ? (StopReason)value : null;

    /// <summary>Whether it has begun, or been given back.</summary>
    public bool IsTaken => Volatile.Read(ref _isTaken) != 0;

    internal CancellationToken Token => _stop.Token;

    /// <summary>Decides who has it: the thread that begins it, or whoever gives it back because none was free.</summary>
    /// <returns>False when the other one was faster.</returns>
    public bool TryTake() => Interlocked.Exchange(ref _isTaken, 1) == 0;

    /// <summary>Stops the program. The first reason stands, except that a lost lease overrules the others: then nothing may be written.</summary>
    public void Stop(StopReason why)
    {
        if (why is Tasks.StopReason.LeaseLost)
            Volatile.Write(ref _reason, (int)why);
        else
            Interlocked.CompareExchange(ref _reason, (int)why, -1);
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself just now.
        }
    }

    public void Dispose()
    {
        Progress.Log.Complete();
        _stop.Dispose();
    }
}

/// <summary>The act of working on a claimed task: runs one attempt, then writes its end, with all that belongs to it, in one transaction.</summary>
/// <remarks>What a short program needs is done without a pause on the thread that calls, if that is one for guests.</remarks>
/// <param name="agents">Where the agent's manifest is.</param>
/// <param name="royalties">Who has a part in it.</param>
/// <param name="uses">What it may call.</param>
/// <param name="programs">Its compiled program.</param>
/// <param name="content">Where long inputs are and long outputs go.</param>
/// <param name="owners">Who is given the output.</param>
/// <param name="ledger">Where the creator's wallet is.</param>
/// <param name="tasks">Where the end is written.</param>
/// <param name="accounts">The node's own accounts.</param>
/// <param name="node">Signs receipts.</param>
/// <param name="split">Shares prices out.</param>
/// <param name="retry">Decides about failures.</param>
/// <param name="failOver">Gives the tasks of agents that failed to others.</param>
/// <param name="index">Told what runs.</param>
/// <param name="sealing">Opens inputs that are sealed.</param>
/// <param name="threads">What programs run on.</param>
/// <param name="ids">Makes ids of transfers and receipts.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Seeds of programs, and the jitter of retries; safe for many threads.</param>
/// <param name="remote">Runs the tasks of agents that were not published here.</param>
/// <param name="models">Where agents ask models.</param>
public sealed partial class ExecuteTask(
    IAgentStore agents,
    Royalties royalties,
    AgentUses uses,
    AgentPrograms programs,
    IContentStore content,
    IContentOwners owners,
    ILedgerStore ledger,
    ITaskStore tasks,
    SystemAccounts accounts,
    PrivateKey node,
    SplitPolicy split,
    RetryPolicy retry,
    FailOver failOver,
    AgentIndex index,
    TaskSealing sealing,
    GuestThreads threads,
    IdSource ids,
    TimeProvider time,
    Random random,
    IRemoteRuns remote,
    ModelDoor models)
{
    private const int MaxRemembered = 4_096;

    private readonly AgentSandbox _sandbox = new(time);
    private readonly ConcurrentDictionary<Id<AgentVersion>, Known> _known = new();

    /// <summary>Runs one attempt.</summary>
    /// <param name="attempt">Of a task that this node has just claimed.</param>
    /// <param name="inlineInput">The input's bytes when the caller still has them; null to read them.</param>
    /// <returns>The end that is to be written, or null when the lease was lost and nothing may be.</returns>
    public async Task<AttemptEnd?> RunAsync(Attempt attempt, ReadOnlyMemory<byte>? inlineInput)
    {
        var name = $"{attempt.Task.Agent.Publisher}/{attempt.Task.Agent.Name}";
        index.AddLoad(name, 1);
        try
        {
            return await WorkAsync(attempt, inlineInput);
        }
        finally
        {
            index.AddLoad(name, -1);
        }
    }

    /// <summary>Writes the end of an attempt.</summary>
    /// <returns>The task as it is now, or null when the lease was lost and nothing was written.</returns>
    public async Task<AgentTask?> EndAsync(AttemptEnd end) => await tasks.EndAttemptAsync(end, CancellationToken.None) switch
    {
        AttemptEndOutcome.Written => end.Task,
        AttemptEndOutcome.LeaseLost => null,
        // It never went back: it still runs under this token, and ends under it.
        AttemptEndOutcome.CancelRequested => await EndAsync(await EndCancelledAsync(end.Task)),
        _ => throw new InvalidOperationException("Unknown outcome of the end of an attempt."),
    };

    private async Task<AttemptEnd?> WorkAsync(Attempt attempt, ReadOnlyMemory<byte>? inlineInput)
    {
        var task = attempt.Task;
        if (task.CancelRequestedAt is not null)
            return await EndEarlyAsync(task, charged => task.Cancel(Now(), charged));
        if (IsLate(task))
            return await EndEarlyAsync(task, charged => task.Fail(TaskFailure.Late("It was not begun by its deadline.", charged: charged), Now()));
        if (task.Input.SealedTo is { } sealedTo && !sealing.Knows(sealedTo))
            return await FailAsync(task, agent: null, SealClosed(FailureCode.SealingKeyUnknown, $"The input is sealed to the key {sealedTo}, which this node does not have."));
        if (task.Redundancy is not null)
            return await WorkRedundantlyAsync(attempt, inlineInput);
        if (task.Agent.IsKeyed)
            return await WorkRemotelyAsync(attempt, inlineInput);
        await using var output = new SpoolStream(content, SealedRun.SizeOf(task, task.Limits.OutputBytes), attempt.Token);
        var seed = task.World?.Seed ?? random.NextInt64();
        var clockMs = task.World?.ClockMs ?? Now().ToUnixTimeMilliseconds();
        AttemptOutcome outcome;
        Known? agent = null;
        TaskCalls? calls = null;
        TaskModels? asked = null;
        SealedExchange? exchange = null;
        var factor = PriceFactor.One;
        try
        {
            agent = await RememberAsync(task.AgentId);
            factor = task.Auction?.Current?.Factor ?? await FactorAsync(task, agent.Version.Manifest.Factors);
            var program = await programs.LoadAsync(agent.Version.ProgramDigest, attempt.Token);
            await using var input = await OpenInputAsync(task, inlineInput, attempt.Token);
            var limits = task.LimitsAt(Now());
            exchange = input.Exchange;
            // A receipt tells the digests of what calls are given and give, and those would be of what is sealed.
            asked = exchange is null ? OpenModels(task, agent, factor, limits) : null;
            calls = exchange is not null || agent.Calls.IsEmpty ? null : await OpenCallsAsync(agent, asked, attempt.Token);
            var job = new SandboxJob(task.Agent, task.Parameters, limits, seed, clockMs) { Calls = calls?.DeskOf(seed, clockMs) };
            outcome = exchange is null
                ? await threads.RunAsync(() => _sandbox.Run(program, job, input.Stdin, output, attempt.Progress, attempt.Token))
                : await RunSealedAsync(exchange, task, agent.Version, program, job, input.Stdin, output, attempt.Token);
            if (outcome is AttemptOutcome.Failed { Failure: { Code: FailureCode.TimedOut } cut } && limits != task.Limits && calls is not { HasEndedTask: true })
                outcome = new AttemptOutcome.Failed(TaskFailure.Late("It was not done by its deadline, and was stopped.", cut.Usage, cut.Log), outcome.Log);
            // A program is only told that reading or writing failed; whatever it made of that is not its fault.
            if (outcome is not AttemptOutcome.Stopped && (input.Fault ?? output.Fault) is { } fault)
                outcome = Unavailable(fault, outcome.Log);
        }
        catch (InvalidModuleException invalid)
        {
            outcome = new AttemptOutcome.Failed(
                new TaskFailure(FailureCode.NotStartable, $"The program is not one that this node can run: {invalid.Message}. Ask the agent's publisher.", "", null), default);
        }
        catch (OperationCanceledException) when (attempt.StopReason is not null)
        {
            outcome = new AttemptOutcome.Stopped(default);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            outcome = Unavailable(fault, default);
        }
        finally
        {
            asked?.Dispose();
        }

        var requests = calls?.CompleteRequests() ?? [];
        switch (outcome)
        {
            case AttemptOutcome.Completed { Usage: var used } when IsLate(task):
                return await FailAsync(task, agent, new AttemptOutcome.Failed(TaskFailure.Late("It was done after its deadline.", used), outcome.Log), requests);
            case AttemptOutcome.Completed completed:
                try
                {
                    return await SucceedAsync(task, agent!, completed, output, new ReceiptFacts(seed, clockMs, factor, calls?.Complete() ?? [], requests) { Exchange = exchange });
                }
                catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
                {
                    return await FailAsync(task, agent, Unavailable(fault, completed.Log));
                }

            case AttemptOutcome.Failed failed:
                return await FailAsync(task, agent, failed, requests);
            default:
                return attempt.StopReason is StopReason.Cancelled && await PayModelsAsync(task, agent, requests, charged => task.Cancel(Now(), charged), outcome.Log) is { } paid
                    ? paid
                    : Stopped(attempt, outcome.Log);
        }
    }

    private AttemptEnd? Stopped(Attempt attempt, KeptLog log = default) => attempt.StopReason switch
    {
        StopReason.Cancelled => Cancel(attempt.Task, log),
        StopReason.NodeStopping => HandBack(attempt.Task, "nodeStopping", "The node that worked on it stops."),
        _ => null,
    };

    /// <summary>The end of an attempt that has not begun, since no thread was free for it: the task goes back to the queue.</summary>
    public AttemptEnd GiveBack(AgentTask task) => HandBack(task, "nodeBusy", "The node that took it had no thread for it after all.");

    /// <summary>Takes over a task whose node vanished: back to the queue, or ended when its consumer wants that or it was lost too often.</summary>
    /// <returns>The task as it is now, or null when somebody was faster.</returns>
    public async Task<AgentTask?> RescueAsync(AgentTask abandoned)
    {
        var now = Now();
        if (abandoned.CancelRequestedAt is not null)
            return await EndAsync(await EndEarlyAsync(abandoned, charged => abandoned.Cancel(Now(), charged)));
        var next = retry.AfterLoss(abandoned, now);
        return await EndAsync(EndOf(next, next.State is TaskState.Queued
            ? TaskEvents.Retried(next, "nodeLost", "The node that worked on it vanished.", now)
            : TaskEvents.Ended(next, now)));
    }

    private async Task<AttemptEnd> SucceedAsync(
        AgentTask task, Known agent, AttemptOutcome.Completed completed, SpoolStream output, ReceiptFacts facts)
    {
        var inline = await output.CompleteAsync();
        var usage = completed.Usage;
        var stored = inline is null ? new ContentDescriptor(completed.Output, SealedRun.SizeOf(task, usage.OutputBytes)) : null;
        if (await MisfitAsync(agent.Version.Manifest.Output, task, completed, inline, facts.Exchange) is { } misfit)
        {
            // It is stored, and will be nobody's: so it is noted to be deleted.
            if (stored is not null)
                await owners.ExpectAsync([stored], task.OwnerId, Now(), CancellationToken.None);
            return await FailAsync(task, agent, misfit, facts.Requests);
        }

        var (receipt, earned) = await SellAsync(task, task.Agent, agent, completed, facts);
        var (price, calls, requests, now) = (earned.Shares.Total, earned.Calls, earned.Requests, receipt.FinishedAt);
        if (price > task.MaxPrice)
            throw new InvalidOperationException($"The price of {task.Id} with its calls is above its hold of {task.MaxPrice}.");
        var result = new TaskResult(
            completed.Output, SealedRun.SizeOf(task, usage.OutputBytes), inline is not null, agent.Version.Manifest.Output.MediaType, usage, price, receipt.Id)
        {
            Calls = calls.Count == 0 ? null : [.. calls.Select(call => call.ToResult())],
            Models = requests.Count == 0 ? null : [.. requests.Select(request => request.ToResult())],
        };
        var next = task.Succeed(result, now);
        // What becomes of the tasks of a batch is told of the batch.
        NewEvent[] events = task.BatchId is not null
            ? []
            : [TaskEvents.Ended(next, now), .. earned.ByAgent().Select(part => TaskEvents.RoyaltyEarned(next, part.Agent, part.Payee, part.Amount, now))];
        var wallets = calls.Count == 0 && requests.Count == 0 ? agent.Wallets : SharedCall.WalletsOf(agent.Wallets, calls, requests);
        return new AttemptEnd(
            next, Settlement.Capture(task, earned.Shares, PayeesOf(agent, wallets, earned.Parts), ids, now), receipt.Sign(node), inline, completed.Log, events)
        {
            StoredOutput = stored,
            Verdict = AgentVerdict.OfSuccess(task, agent.Version, usage, price, now),
        };
    }

    private Payees PayeesOf(Known agent, IReadOnlyDictionary<Id<User>, Id<Account>> wallets, IReadOnlyList<RoyaltyPart> parts) =>
        new(accounts.Clearing, wallets[agent.Version.PublisherId], accounts.Node, accounts.Platform)
        {
            Royalties = [.. parts.Where(part => part.Payee != agent.Version.PublisherId).GroupBy(part => part.Payee).Select(same => (wallets[same.Key], Sum(same)))],
        };

    /// <summary>Prices a run of this node, shares the price out, and makes its receipt.</summary>
    private async Task<Sale> SellAsync(AgentTask task, ListingName name, Known agent, AttemptOutcome.Completed completed, ReceiptFacts facts)
    {
        var now = Now();
        var usage = completed.Usage;
        var rates = task.RatesOr(agent.Version.Manifest.Price);
        var own = TaskPricing.Capture(rates, facts.Factor, task, usage);
        var calls = facts.Calls.Count == 0 ? [] : await ShareAsync(facts.Calls);
        var requests = facts.Requests.Count == 0 ? [] : await ShareAsync(facts.Requests);
        var ownShares = split.Split(own);
        var ownParts = agent.Royalties?.Split(ownShares.Creator) ?? [];
        var earned = new TaskEarnings(name, agent.Version, ownShares, ownParts, calls, requests);
        var receipt = new Receipt(
            ids.Next<Receipt>(),
            task.Id,
            task.OwnerId,
            name,
            agent.Version.ArtifactDigest,
            agent.Version.ProgramDigest,
            task.Parameters,
            task.Limits,
            facts.Seed,
            facts.ClockMs,
            task.Input.Digest,
            completed.Output,
            usage,
            earned.Shares.Total,
            earned.Shares,
            node.PublicKey,
            now,
            new ReceiptPricing(rates, task.Input.SizeBytes) { Factor = facts.Factor })
        {
            Auction = task.Auction is { AwardDigest: { } award } auction ? new ReceiptAuction(auction.Id, award) : null,
            SealedTo = task.Input.SealedTo,
            Royalties = [.. earned.Parts.Select(part => new ReceiptRoyalty(part.Handle, part.Agent, part.Amount))],
            Calls = [.. calls.Select(call => call.ToReceipt())],
            ModelRequests = [.. requests.Select(request => request.ToReceipt())],
        };
        return new Sale(receipt, earned);
    }

    /// <summary>The desk for what an agent may call, with all the programs.</summary>
    private async Task<TaskCalls> OpenCallsAsync(Known agent, TaskModels? asked, CancellationToken cancellationToken) => new(
        await CallablePrograms.LoadAsync(agent.Calls, called => programs.LoadAsync(called.ProgramDigest, cancellationToken)),
        _sandbox, threads, isTimed: true, cancellationToken)
    {
        Models = asked,
    };

    /// <summary>Shares out what each call costs, as a task's price is.</summary>
    private async Task<IReadOnlyList<SharedCall>> ShareAsync(IReadOnlyList<AgentCall> calls)
    {
        var shared = new List<SharedCall>(calls.Count);
        foreach (var call in calls)
        {
            var called = await RememberAsync(call.Agent.Id);
            var shares = split.Split(call.Price);
            shared.Add(new SharedCall(call, shares, TaskEarnings.PartsOf(called.Version, called.Royalties?.Split(shares.Creator) ?? [], shares.Creator), called.Wallets));
        }

        return shared;
    }

    private static Money Sum(IEnumerable<RoyaltyPart> parts) => parts.Aggregate(Money.Zero, (sum, part) => sum + part.Amount);

    /// <summary>The factor by which the task's hold was computed.</summary>
    private async Task<PriceFactor> FactorAsync(AgentTask task, PriceFactors factors)
    {
        var factor = TaskPricing.FactorOf(factors, task.Priority, open: 0) with { Volume = task.Volume ?? PriceFactors.One };
        return factors.Demand is not null && await tasks.FindDemandAsync(task.Id, CancellationToken.None) is { } demand
            ? factor with { Demand = demand }
            : factor;
    }

    /// <summary>What the output does not keep of what the manifest promises; null when it keeps it.</summary>
    private async Task<AttemptOutcome.Failed?> MisfitAsync(
        AgentPort port, AgentTask task, AttemptOutcome.Completed completed, ReadOnlyMemory<byte>? inline, SealedExchange? exchange)
    {
        if (port.Schema is null)
            return null;
        if (completed.Usage.OutputBytes > SubmitTask.MaxSchemaInputBytes)
            return Misfit($"It has {completed.Usage.OutputBytes} bytes; at most {SubmitTask.MaxSchemaInputBytes} are checked against a schema.");
        if (inline is not { } bytes)
        {
            await using var stream = await content.OpenAsync(completed.Output, CancellationToken.None)
                ?? throw new IOException($"The output {completed.Output} is not in the content store.");
            var stored = new byte[SealedRun.SizeOf(task, completed.Usage.OutputBytes)];
            await stream.ReadExactlyAsync(stored);
            bytes = stored;
        }

        if (exchange is not null)
            bytes = await SealedRun.OpenAsync(exchange, bytes);
        return PortSchema.Validate(port.Schema, bytes) is { Count: > 0 } errors
            ? Misfit(SealedRun.Silence(exchange, string.Join(" ", errors.Take(3).Select(error => $"{error.Pointer}: {error.Reason}"))))
            : null;

        AttemptOutcome.Failed Misfit(string why) => new(
            new TaskFailure(FailureCode.OutputInvalid, $"The output does not fit the JSON Schema of the agent's own manifest. {why}", "", completed.Usage),
            completed.Log);
    }

    private async Task<AttemptEnd> FailAsync(AgentTask task, Known? agent, AttemptOutcome.Failed failed, IReadOnlyList<ModelRequest>? requests = null)
    {
        var now = Now();
        var verdict = agent is null ? null : AgentVerdict.OfFailure(task, agent.Version, failed.Failure, now);
        // What the node is at fault for itself costs the consumer nothing. It is tried again, but not where models were asked: they would be asked, and paid by the operator, as often.
        if (failed.Failure.Code is FailureCode.StorageUnavailable or FailureCode.StorageFull)
        {
            if (requests is not null && HavePaid(requests))
            {
                var ended = task.Fail(failed.Failure, now);
                return EndOf(ended, TaskEvents.Ended(ended, now), failed.Log, verdict);
            }
        }
        else if (await PayModelsAsync(task, agent, requests ?? [], charged => task.Fail(failed.Failure.WithModels(charged), now), failed.Log) is { } paid)
        {
            return paid with { Verdict = verdict };
        }

        if ((AgentVerdict.IsOfAgent(failed.Failure.Code) || failed.Failure.Code is FailureCode.SupplierFailed) && await failOver.NextAsync(task, now, CancellationToken.None) is { } other)
        {
            return new AttemptEnd(
                other.Task, [], null, null, ReadOnlyMemory<byte>.Empty, [TaskEvents.Reassigned(other.Task, task.Agent, failed.Failure, now)])
            {
                Verdict = verdict,
                Reassignment = other.Reassignment,
            };
        }

        var next = retry.AfterFailure(task, failed.Failure, now, random);
        return next.State is TaskState.Queued
            ? EndOf(next, TaskEvents.Retried(next, failed.Failure.Code, failed.Failure.Detail, now), verdict: verdict)
            : EndOf(next, TaskEvents.Ended(next, now), failed.Log, verdict);
    }

    private AttemptEnd Cancel(AgentTask task, KeptLog log = default)
    {
        var now = Now();
        var next = task.Cancel(now);
        return EndOf(next, TaskEvents.Ended(next, now), log);
    }

    private AttemptEnd HandBack(AgentTask task, string code, string why)
    {
        var now = Now();
        var next = task.HandBack(now);
        return EndOf(next, TaskEvents.Retried(next, code, why, now));
    }

    private AttemptEnd EndOf(AgentTask next, NewEvent told, KeptLog log = default, EndedAttempt? verdict = null) => new(
        next,
        next.State.IsFinal ? Settlement.Release(next, accounts.Clearing, ids.Next<Transfer>(), Now()) : [],
        Receipt: null,
        InlineOutput: null,
        log,
        [told])
    {
        Verdict = verdict,
    };

    private async Task<Source> OpenInputAsync(AgentTask task, ReadOnlyMemory<byte>? inlineInput, CancellationToken cancellationToken)
    {
        if (task.Input.IsInline)
        {
            var bytes = await ReadInlineAsync(task, inlineInput, cancellationToken);
            return task.Input.SealedTo is null
                ? new Source(GuestInput.FromBytes(bytes), null)
                : await UnsealAsync(task, new MemoryStream(bytes.ToArray(), writable: false), cancellationToken);
        }

        var stored = await OpenStoredAsync(task, cancellationToken);
        if (task.Input.SealedTo is not null)
            return await UnsealAsync(task, stored, cancellationToken);
        var stream = new InputStream(stored);
        return new Source(GuestInput.FromStream(stream), stream);
    }

    private async Task<ReadOnlyMemory<byte>> ReadInlineAsync(AgentTask task, ReadOnlyMemory<byte>? inlineInput, CancellationToken cancellationToken)
    {
        var bytes = inlineInput
            ?? await tasks.ReadInputAsync(task.Id, cancellationToken)
            ?? throw new IOException($"The input of {task.Id} is not in the database.");
        // The receipt states the digest: no agent runs on anything else.
        return ContentHash.Of(bytes.Span) == task.Input.Digest
            ? bytes
            : throw new IOException($"The input of {task.Id} that the node has does not have the digest {task.Input.Digest}.");
    }

    private async Task<Source> UnsealAsync(AgentTask task, Stream @sealed, CancellationToken cancellationToken)
    {
        try
        {
            var exchange = sealing.Open(await SealedHeader.ReadAsync(@sealed, cancellationToken), task.OwnerId);
            var stream = new InputStream(exchange.OpenInput(@sealed));
            return new Source(GuestInput.FromStream(stream), stream) { Exchange = exchange };
        }
        catch
        {
            await @sealed.DisposeAsync();
            throw;
        }
    }

    private Task<AttemptOutcome> RunSealedAsync(
        SealedExchange exchange, AgentTask task, AgentVersion agent, Module program, SandboxJob job, GuestInput stdin, SpoolStream output, CancellationToken cancellationToken)
    {
        var salt = SealedRun.SaltOf(exchange, task.Id, agent.ArtifactDigest, job);
        return threads.RunAsync(() => SealedRun.Run(_sandbox, program, job, stdin, output, exchange, salt, cancellationToken));
    }

    private async Task<Known> RememberAsync(Id<AgentVersion> id)
    {
        if (_known.TryGetValue(id, out var agent))
            return agent;
        var version = await agents.GetAsync(id, CancellationToken.None) ?? throw new IOException($"The agent {id} is not in the catalogue.");
        var tree = await royalties.OfAsync(version, CancellationToken.None);
        var wallets = new Dictionary<Id<User>, Id<Account>>();
        foreach (var payee in tree?.Payees ?? [version.PublisherId])
            wallets[payee] = await WalletOfAsync(payee);

        if (_known.Count >= MaxRemembered)
            _known.Clear();
        return _known.GetOrAdd(id, new Known(version, tree, wallets, await uses.OfAsync(version, CancellationToken.None)));
    }

    private static AttemptOutcome.Failed SealClosed(FailureCode code, string what) => new(
        new TaskFailure(code, $"{what} Nothing was charged. Seal the input anew with GET /api/v1/sealing-key, and submit that.", "", null), default);

    private static AttemptOutcome.Failed Unavailable(Exception fault, KeptLog log) => fault is SealBrokenException ? SealClosed(FailureCode.SealBroken, fault.Message) : new(
        new TaskFailure(
            fault is NoRoomException ? FailureCode.StorageFull : FailureCode.StorageUnavailable,
            $"The node's storage did not do its part: {fault.Message}",
            "",
            null),
        log);

    private bool IsLate(AgentTask task) => task.DeadlineAt is { } deadline && Now() > deadline;

    private DateTimeOffset Now() => time.GetUtcNow().ToMilliseconds();

    /// <summary>What never changes about a version: its manifest, who is paid for it, and where, and what it may call.</summary>
    private sealed record Known(AgentVersion Version, RoyaltyTree? Royalties, IReadOnlyDictionary<Id<User>, Id<Account>> Wallets, CallTree Calls);

    /// <summary>A run of this node that is to be paid for.</summary>
    private sealed record Sale(Receipt Receipt, TaskEarnings Earned);

    private sealed record ReceiptFacts(long Seed, long ClockMs, PriceFactor Factor, IReadOnlyList<AgentCall> Calls, IReadOnlyList<ModelRequest> Requests)
    {
        /// <summary>Of a sealed input; null of one in the clear.</summary>
        public SealedExchange? Exchange { get; init; }
    }

    private sealed record Source(GuestInput Stdin, InputStream? Stream) : IAsyncDisposable
    {
        public Exception? Fault => Stream?.Fault;

        /// <summary>What opened it; null of an input in the clear.</summary>
        public SealedExchange? Exchange { get; init; }

        public ValueTask DisposeAsync() => Stream?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
