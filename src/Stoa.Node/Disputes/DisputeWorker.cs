using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Disputes;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Primitives;

namespace Stoa.Node.Disputes;

/// <summary>Decides disputes, one at a time: runs the program of the receipt again on the input, and compares.</summary>
public sealed class DisputeWorker(
    SqlDisputeStore store,
    ITaskStore tasks,
    IContentStore content,
    IAgentStore agents,
    AgentUses uses,
    TaskSealing sealing,
    Cell cell,
    DisputesOptions options,
    TimeProvider time,
    ILogger<DisputeWorker> logger) : BackgroundService
{
    private static readonly TimeSpan s_untilNextRun = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_untilMoney = TimeSpan.FromMinutes(10);

    private readonly FailureLog _failures = new(logger, time);
    private readonly SemaphoreSlim _wake = new(0, 1);

    /// <summary>A dispute was opened at this node.</summary>
    public void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It will look anyway.
        }
    }

    public override void Dispose()
    {
        _wake.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var found = false;
            await _failures.TryAsync("decide a dispute", async token => found = await LookAsync(token), stoppingToken);
            if (!found)
                await _wake.WaitAsync(TimeSpan.FromMilliseconds(options.PollMs), stoppingToken);
        }
    }

    /// <summary>Looks at one dispute; false when none was due.</summary>
    internal async Task<bool> LookAsync(CancellationToken cancellationToken)
    {
        if (await store.ClaimAsync(cell.Self, time.GetUtcNow(), cancellationToken) is not { } claimed)
            return false;
        try
        {
            await DecideAsync(claimed, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // It would be the first one due again at once, and the others are not to wait for it.
            _failures.TellOf("decide", claimed.Dispute.Id, failure);
            await store.PutOffAsync(claimed, time.GetUtcNow().ToMilliseconds() + s_untilNextRun, cancellationToken);
        }

        return true;
    }

    private async Task DecideAsync(ClaimedDispute claimed, CancellationToken cancellationToken)
    {
        var (verdict, detail) = await JudgeAsync(claimed.Dispute, cancellationToken);
        var now = time.GetUtcNow().ToMilliseconds();
        if (verdict is DisputeVerdict.Undecided && claimed.Dispute.State is DisputeState.Open { Attempts: < DisputeRules.MaxAttempts - 1 })
        {
            await store.PostponeAsync(claimed, now + s_untilNextRun, cancellationToken);
            return;
        }

        if (!await store.DecideAsync(claimed, new DisputeState.Decided(verdict, detail, now), now + s_untilMoney, cancellationToken))
            logger.LogWarning("{Dispute} is upheld, and neither node nor platform has the {Price} USD that are to be given back; trying again.", claimed.Dispute.Id, claimed.Dispute.Price);
    }

    private async Task<(DisputeVerdict Verdict, string Detail)> JudgeAsync(Dispute dispute, CancellationToken cancellationToken)
    {
        if (await tasks.GetReceiptAsync(dispute.TaskId, cancellationToken) is not { } signed)
            return (DisputeVerdict.Undecided, "The receipt is not there any more.");
        if (!ReceiptVerifier.Verify(signed.Envelope, expectedNode: null).TryGet(out var receipt, out var fault))
            return (DisputeVerdict.Upheld, fault.Detail);
        if (await ReadProgramAsync(receipt.ProgramDigest, cancellationToken) is not { } program)
            return (DisputeVerdict.Undecided, $"The program {receipt.ProgramDigest} is not there any more.");
        await using var input = await OpenInputAsync(dispute.TaskId, receipt.InputDigest, cancellationToken);
        if (input is null)
            return (DisputeVerdict.Undecided, $"The input {receipt.InputDigest} is not there any more.");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(options.MaxRunSeconds));
        try
        {
            // Also one that was withdrawn: what it may call is what its receipt was made with.
            if (await agents.FindPublishedAsync(receipt.Agent, cancellationToken) is not { Version: var agent })
                return (DisputeVerdict.Undecided, $"The agent {receipt.Agent} is not in the catalogue any more.");
            var calls = !agent.Manifest.IsAlone
                ? new RerunCalls(await uses.OfAsync(agent, cancellationToken), (called, token) => ReadProgramAsync(called.ProgramDigest, token))
                : RerunCalls.None;
            var rerun = await ReceiptRerun.RunAsync(
                receipt, program, calls, input, time, new AttemptProgress(), patience.Token, header => sealing.Open(header, receipt.ConsumerId));
            return rerun.TryGet(out var report, out var refusal) ? DisputeRules.Judge(receipt, report) : (DisputeVerdict.Undecided, refusal.Detail);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (DisputeVerdict.Undecided, $"The run took longer than {options.MaxRunSeconds} seconds.");
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // Others are not to wait for this one.
            _failures.Tell("run a receipt again", failure);
            return (DisputeVerdict.Undecided, "The run failed for a reason of the node's own.");
        }
    }

    private async Task<byte[]?> ReadProgramAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        await using var stored = await content.OpenAsync(digest, cancellationToken);
        if (stored is null)
            return null;
        var program = new byte[stored.Length];
        await stored.ReadExactlyAsync(program, cancellationToken);
        return program;
    }

    private async Task<Stream?> OpenInputAsync(Id<AgentTask> task, ContentHash digest, CancellationToken cancellationToken) =>
        await tasks.ReadInputAsync(task, cancellationToken) is { } inline
            ? new MemoryStream(inline, writable: false)
            : await content.OpenAsync(digest, cancellationToken);
}
