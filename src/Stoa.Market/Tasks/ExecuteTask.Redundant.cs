using Stoa.Market.Builds;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Tasks;

/// <content>Tasks that several executors run, of whom enough have to agree.</content>
public sealed partial class ExecuteTask
{
    /// <summary>Has several executors run the attempt, and takes the output that enough of them agree on.</summary>
    /// <remarks>
    /// Calls at suppliers are written before they begin, under keys of the task: after a crash they are made again and are the same ones. What this node runs itself is run again, and gives the same.
    /// The money of all of it is settled with the end of the task, in its transaction.
    /// </remarks>
    private async Task<AttemptEnd?> WorkRedundantlyAsync(Attempt attempt, ReadOnlyMemory<byte>? inlineInput)
    {
        var task = attempt.Task;
        await using var spools = new SpoolSet(content, task.Limits.OutputBytes, attempt.Token);
        try
        {
            var input = await FindInputAsync(task, inlineInput, attempt.Token);
            var plan = await remote.PlanRunsAsync(task, attempt.Token);
            var here = plan.Here is { } version ? await RememberAsync(version) : null;
            var most = here is null ? Money.Zero : MostOf(here.Version, task);
            // What this node's own run can cost is in the hold, unless that was made when it had no such program.
            if (most > task.MaxPrice)
                (here, most) = (null, Money.Zero);
            var order = new RunsOrder(task, plan.Program, plan.MediaType, task.Redundancy!.Runs - (here is null ? 0 : 1), task.MaxPrice - most, []);
            // Who is alone with an output cannot be confirmed: where enough cannot be begun, nobody is paid for one.
            var mineToRun = here is null ? 0 : 1;
            var begun = await remote.BeginRunsAsync(order, task.Redundancy.Agree - mineToRun, attempt.Token) + mineToRun;
            if (begun < task.Redundancy.Agree)
            {
                return await EndEarlyAsync(task, charged => task.Fail(
                    new TaskFailure(
                        FailureCode.NoQuorum,
                        $"Only {begun} of the {task.Redundancy.Agree} executors that have to agree would run it now. {TaskFailure.TellCharged(charged)} Submit it again later, or with fewer runs.",
                        "",
                        null)
                    {
                        Charged = charged,
                    },
                    Now()));
            }

            var own = here is null ? Task.FromResult<Answer?>(null) : RunHereAsync(attempt, here, inlineInput, spools.Next());
            var others = remote.RunManyAsync(order, input, spools.Next, attempt.Token);
            await Task.WhenAll(own, others);
            var answers = new List<Answer>();
            if (own.Result is { } mine)
                answers.Add(mine);
            answers.AddRange(others.Result.Select(run => AnswerOf(run)));
            // Whoever gave nothing is followed by others, as far as there are any.
            for (var missing = MissingOf(); missing > 0 && !IsLate(task); missing = MissingOf())
            {
                var more = await remote.RunManyAsync(
                    order with { Count = missing, Without = [.. answers.Select(answer => answer.Node)] }, input, spools.Next, attempt.Token);
                answers.AddRange(more.Select(run => AnswerOf(run)));
                if (more.Count == 0)
                    break;
            }

            return await DecideAsync(task, here, answers, plan.MediaType, unmet: null);

            int MissingOf() => task.Redundancy.Runs - answers.Count(answer => answer.Output is not null);
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

    /// <summary>What a version of this cell can cost at most as one of several executors: by its priority, and not by demand or volume.</summary>
    internal static Money MostOf(AgentVersion version, AgentTask task) =>
        version.Manifest.Price.TryPrice(PricedWork.AtLimits(task.Input.SizeBytes, task.Limits), TaskPricing.FactorOf(version.Manifest.Factors, task.Priority, open: 0), out var parts)
            ? parts.Total
            : new Money(long.MaxValue);

    private async Task<Answer?> RunHereAsync(Attempt attempt, Known agent, ReadOnlyMemory<byte>? inlineInput, SpoolStream output)
    {
        var task = attempt.Task;
        var self = node.PublicKey.PeerId.ToString();
        try
        {
            var program = await programs.LoadAsync(agent.Version.ProgramDigest, attempt.Token);
            await using var input = await OpenInputAsync(task, inlineInput, attempt.Token);
            var job = new SandboxJob(agent.Version.Listing, task.Parameters, task.LimitsAt(Now()), task.World!.Seed, task.World.ClockMs);
            var outcome = await threads.RunAsync(() => _sandbox.Run(program, job, input.Stdin, output, attempt.Progress, attempt.Token));
            // A program is only told that reading or writing failed; whatever it made of that is not what it gives.
            if (outcome is not AttemptOutcome.Stopped && (input.Fault ?? output.Fault) is { } fault)
                throw new IOException(fault.Message, fault);
            switch (outcome)
            {
                case AttemptOutcome.Stopped:
                    throw new OperationCanceledException("The attempt was stopped.");
                case AttemptOutcome.Failed failed:
                    return new Answer(self, null, 0, output, Money.Zero, null, failed.Failure.Detail);
            }

            var completed = (AttemptOutcome.Completed)outcome;
            var inline = await output.CompleteAsync();
            if (await MisfitAsync(agent.Version.Manifest.Output, task, completed, inline, exchange: null) is { } misfit)
                return new Answer(self, null, 0, output, Money.Zero, null, misfit.Failure.Detail);
            var factor = TaskPricing.FactorOf(agent.Version.Manifest.Factors, task.Priority, open: 0);
            var sale = await SellAsync(task, agent.Version.Listing, agent, completed, new ReceiptFacts(task.World.Seed, task.World.ClockMs, factor, [], []));
            return new Answer(self, completed.Output, completed.Usage.OutputBytes, output, sale.Earned.Shares.Total, sale.Receipt.Sign(node).Envelope, null) { Sale = sale };
        }
        catch (InvalidModuleException invalid)
        {
            return new Answer(self, null, 0, output, Money.Zero, null, $"The program is not one that this node can run: {invalid.Message}");
        }
    }

    private static Answer AnswerOf(RemoteRun run) => run.Outcome switch
    {
        RemoteOutcome.Completed done => new Answer(run.Node, done.Receipt.OutputDigest, done.OutputBytes, run.Output, done.Receipt.Price, done.Envelope, null) { Receipt = done.Receipt },
        RemoteOutcome.Failed failed => new Answer(run.Node, null, 0, run.Output, Money.Zero, null, failed.Detail),
        _ => throw new InvalidOperationException("Unknown outcome of a run elsewhere."),
    };

    /// <summary>What the answers come to.</summary>
    /// <param name="task">That they are of.</param>
    /// <param name="here">Of this node's own run; null when there is none.</param>
    /// <param name="answers">All of them.</param>
    /// <param name="mediaType">Of the output.</param>
    /// <param name="unmet">Given what it costs all the same, ends the task when too few agree; null to fail it.</param>
    private async Task<AttemptEnd> DecideAsync(AgentTask task, Known? here, List<Answer> answers, string mediaType, Func<Money, AgentTask>? unmet)
    {
        var now = Now();
        List<ContentHash> outputs = [.. answers.Select(answer => answer.Output).OfType<ContentHash>()];
        var agreed = Quorum.AgreedOn(outputs, task.Redundancy!.Agree);
        List<TaskRun> runs = [.. answers.Select(answer => new TaskRun(
            answer.Node, Quorum.Judge(answer.Output, outputs, agreed), answer.Output, answer.Price, answer.Envelope, answer.Detail))];
        if (agreed is null)
        {
            // Of those who contradict each other nobody is paid for by the consumer. Where nobody does, it is not for the operator to bear that others did not answer: so whoever
            // has an agent at two suppliers and takes it away from one of them gains nothing by it.
            var standing = Share(task, here, [.. answers.Where((_, place) => runs[place].Standing is RunStanding.Unconfirmed)]);
            var said = string.Join("; ", answers.Select(answer => $"{answer.Node}: {answer.Output?.ToString() ?? answer.Detail}"));
            var charged = task.Hold is null ? Money.Zero : standing.Shares.Total;
            var failed = unmet?.Invoke(charged) ?? task.Fail(
                new TaskFailure(
                    FailureCode.NoQuorum,
                    $"{outputs.Count} of {task.Redundancy.Runs} executors gave an output, and no {task.Redundancy.Agree} of them the same. {TaskFailure.TellCharged(charged)} {said}",
                    "",
                    null)
                {
                    Charged = charged,
                },
                now);
            var told = TaskEvents.Ended(failed, now);
            return charged == Money.Zero
                ? EndOf(failed, told) with { Runs = runs }
                : new AttemptEnd(failed, Settlement.Capture(task, standing.Shares, standing.Payees, ids, now), null, null, ReadOnlyMemory<byte>.Empty, [told, .. EarnedBy(failed, standing.Sale, now)])
                {
                    Runs = runs,
                };
        }

        var good = answers.Where(answer => answer.Output == agreed).ToList();
        var first = good[0];
        var inline = await first.Spool.CompleteAsync();
        var (shares, payees, sale) = Share(task, here, good);
        var receipt = first.Sale?.Receipt ?? first.Receipt!;
        var next = task.Succeed(
            new TaskResult(agreed.Value, first.OutputBytes, inline is not null, mediaType, receipt.Usage, shares.Total, receipt.Id)
            {
                Supplied = first.Sale is null ? new SuppliedBy(first.Node, receipt.TaskId.ToString()) : null,
            },
            now);
        return new AttemptEnd(
            next, Settlement.Capture(task, shares, payees, ids, now), new SignedReceipt(receipt.Id, task.Id, first.Envelope!), inline, ReadOnlyMemory<byte>.Empty,
            [TaskEvents.Ended(next, now), .. EarnedBy(next, sale, now)])
        {
            Runs = runs,
            StoredOutput = inline is null ? new ContentDescriptor(agreed.Value, first.OutputBytes) : null,
            Verdict = sale is null ? null : AgentVerdict.OfSuccess(task, here!.Version, sale.Receipt.Usage, sale.Earned.Shares.Total, now),
        };
    }

    /// <summary>Shares out what some answers cost together.</summary>
    private Paid Share(AgentTask task, Known? here, IReadOnlyList<Answer> answers)
    {
        var sale = answers.Select(answer => answer.Sale).FirstOrDefault(own => own is not null);
        var (shares, payees) = PayeesOfSupplied(answers.Where(answer => answer.Sale is null).Aggregate(Money.Zero, (sum, answer) => sum + answer.Price));
        if (sale is not null)
            (shares, payees) = (sale.Earned.Shares with { Node = sale.Earned.Shares.Node + shares.Node }, PayeesOf(here!, here!.Wallets, sale.Earned.Parts));
        if (shares.Total > task.MaxPrice)
            throw new InvalidOperationException($"The price of {task.Id} is above its hold of {task.MaxPrice}.");
        return new Paid(shares, payees, sale);
    }

    private static IEnumerable<Events.NewEvent> EarnedBy(AgentTask task, Sale? sale, DateTimeOffset now) =>
        sale is null ? [] : sale.Earned.ByAgent().Select(part => TaskEvents.RoyaltyEarned(task, part.Agent, part.Payee, part.Amount, now));

    /// <summary>What is paid for some of the runs, to whom, and of that what for this node's own.</summary>
    private sealed record Paid(Shares Shares, Payees Payees, Sale? Sale);

    /// <summary>What one executor gave.</summary>
    private sealed record Answer(string Node, ContentHash? Output, long OutputBytes, SpoolStream Spool, Money Price, DsseEnvelope? Envelope, string? Detail)
    {
        /// <summary>Of a run of this node that is to be paid for.</summary>
        public Sale? Sale { get; init; }

        /// <summary>Of a run elsewhere.</summary>
        public Receipt? Receipt { get; init; }
    }

    /// <summary>A place for each output; what is not taken is thrown away.</summary>
    private sealed class SpoolSet(IContentStore content, long maxBytes, CancellationToken cancellationToken) : IAsyncDisposable
    {
        private readonly List<SpoolStream> _spools = [];

        public SpoolStream Next()
        {
            var spool = new SpoolStream(content, maxBytes, cancellationToken);
            lock (_spools)
                _spools.Add(spool);
            return spool;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var spool in _spools)
                await spool.DisposeAsync();
        }
    }
}
