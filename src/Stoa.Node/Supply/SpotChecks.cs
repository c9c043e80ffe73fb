using Stoa.Market.Builds;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Registry.Offers;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Does again elsewhere what suppliers have done, where it was drawn, and compares: here, when the program is here, else at another supplier; and once more at a third executor where the two differ.</summary>
/// <remarks>
/// With the receipt's seed and clock a program gives the same output and burns the same fuel wherever it runs. Calls at suppliers are the operator's expense, within what a day may cost.
/// All nodes of a cell look; each check is one node's at a time, and one that is taken over goes on with the calls that were made.
/// </remarks>
/// <param name="checks">What was drawn.</param>
/// <param name="executors">The way to others.</param>
/// <param name="tasks">What was done.</param>
/// <param name="content">Long inputs, and programs.</param>
/// <param name="programs">Which programs are this cell's to run.</param>
/// <param name="telemetry">Counts.</param>
/// <param name="options">How often it looks, and what a day may cost.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of what was found.</param>
public sealed class SpotChecks(
    SqlSpotChecks checks, SpotCheckWays executors, ITaskStore tasks, IContentStore content, OwnPrograms programs,
    SupplyTelemetry telemetry, SupplyOptions options, TimeProvider time, ILogger<SpotChecks> logger) : BackgroundService
{
    private const long FuelMargin = 1_000_000;

    // Nobody could run it: prices change, and offers come.
    private static readonly TimeSpan s_delay = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.SpotCheckPollMs), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await _failures.TryAsync("do again what suppliers have done", LookAsync, stoppingToken);
        }
    }

    /// <summary>Does all that is to be done now.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        while (await checks.ClaimAsync(cancellationToken) is { } check)
        {
            try
            {
                await CheckAsync(check, cancellationToken);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                _failures.TellOf("do again", check.Task, failure);
                await checks.PutOffAsync(check, s_delay, cancellationToken);
            }
        }
    }

    private async Task CheckAsync(SpotCheck check, CancellationToken cancellationToken)
    {
        if (await tasks.GetAsync(check.Task, cancellationToken) is not { State.IsFinal: true } task)
        {
            await WaitAsync(check, "The task did not end.", cancellationToken);
            return;
        }

        if (await tasks.GetReceiptAsync(check.Task, cancellationToken) is not { } signed || !ReceiptVerifier.Verify(signed.Envelope, null).TryGet(out var receipt, out _)
            || await FindInputAsync(task, cancellationToken) is not { } input)
        {
            await EndAsync(check, SpotCheckOutcome.Skipped, null, "Its input or its receipt is not here any more.", cancellationToken);
            return;
        }

        var first = new CheckedRun(receipt.OutputDigest, receipt.Usage.Fuel);
        var elsewhere = new OtherExecutors(executors, check, task, receipt, input, await executors.Suppliers.ListCallsAsync(check.Id, cancellationToken));
        var own = await RunHereAsync(receipt with { Limits = SpotCheckRules.LimitsOf(receipt, task) }, input, cancellationToken);
        var (second, other) = own is null ? await elsewhere.NextAsync(cancellationToken) : (own, null);
        if (second is null)
        {
            await WaitAsync(check, "Nobody else could run it within the day and the money that are for it.", cancellationToken);
            return;
        }

        var third = SpotCheckRules.NeedsThird(first, second) ? (await elsewhere.NextAsync(cancellationToken)).Run : null;
        var outcome = SpotCheckRules.Judge(first, second, third);
        var detail = outcome is SpotCheckOutcome.Confirmed
            ? null
            : $"{task.Id} was run again: the supplier gave {Say(first)}, {(other is null ? "this node" : "another supplier")} {Say(second)}, {(third is null ? "and nobody else could run it" : $"a third executor {Say(third)}")}.";
        await EndAsync(check, outcome, other, detail, cancellationToken);

        static string Say(CheckedRun run) => run.Output is { } output ? $"{output} for {run.Fuel} units of fuel" : "nothing";
    }

    /// <summary>Leaves it for later, or gives it up.</summary>
    private async Task WaitAsync(SpotCheck check, string why, CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() - check.CreatedAt < s_longest)
            await checks.PutOffAsync(check, s_delay, cancellationToken);
        else
            await EndAsync(check, SpotCheckOutcome.Skipped, null, why, cancellationToken);
    }

    private async Task EndAsync(SpotCheck check, SpotCheckOutcome outcome, Id<Supplier>? other, string? detail, CancellationToken cancellationToken)
    {
        if (!await checks.EndAsync(check, outcome, other, detail, cancellationToken))
            return;
        telemetry.Checked(outcome);
        if (outcome is SpotCheckOutcome.OtherContradicted && other is null)
            logger.LogError("A supplier and a third executor agree, and this node differs: {Detail}", detail);
        else if (outcome is not (SpotCheckOutcome.Confirmed or SpotCheckOutcome.Skipped))
            logger.LogWarning("A spot check of {Supplier}: {Outcome}. {Detail}", check.Supplier, outcome, detail);
    }

    /// <summary>The way to what a task ran on; null when it is not here any more.</summary>
    private async Task<OpenInput?> FindInputAsync(AgentTask task, CancellationToken cancellationToken)
    {
        if (!task.Input.IsInline)
        {
            return await content.StatAsync(task.Input.Digest, cancellationToken) is null
                ? null
                : async stop => await content.OpenAsync(task.Input.Digest, stop) ?? throw new IOException($"The input {task.Input.Digest} is not in the content store any more.");
        }

        return await tasks.ReadInputAsync(task.Id, cancellationToken) is { } bytes ? _ => Task.FromResult<Stream>(new MemoryStream(bytes, writable: false)) : null;
    }

    /// <summary>Runs what the receipt swears to in this process; null when the program is not here.</summary>
    private async Task<CheckedRun?> RunHereAsync(Receipt receipt, OpenInput input, CancellationToken cancellationToken)
    {
        // What lies here and is offered by nobody is not this cell's to run.
        if (await programs.FindAsync(receipt.ProgramDigest, cancellationToken) is null)
            return null;
        await using var stored = await content.OpenAsync(receipt.ProgramDigest, cancellationToken);
        if (stored is null)
            return null;
        var program = new byte[stored.Length];
        await stored.ReadExactlyAsync(program, cancellationToken);
        await using var stdin = await input(cancellationToken);
        // Who says that it took little must not have this node burn all that it might have taken: beyond this it differs anyhow.
        var limits = receipt.Usage.Fuel < receipt.Limits.Fuel - FuelMargin ? receipt.Limits with { Fuel = Math.Max(0, receipt.Usage.Fuel) + FuelMargin } : receipt.Limits;
        var report = await ReceiptRerun.RunAsync(receipt with { Limits = limits }, program, RerunCalls.None, stdin, time, new AttemptProgress(), cancellationToken);
        return report.TryGet(out var done, out var refusal)
            ? new CheckedRun(done.Output, done.Usage?.Fuel ?? 0)
            : throw new IOException($"{receipt.TaskId} cannot be run again: {refusal.Detail}");
    }
}
