using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Ends calls for which nobody waits any more, and gives back what channels that are closed have left over.</summary>
/// <remarks>All nodes of a cell look; who comes second changes nothing.</remarks>
public sealed class PaidCallWorker(
    SqlPaidCallStore store, ITaskStore tasks, IUserStore users, PayPerCallOptions options, TimeProvider time, ILogger<PaidCallWorker> logger) : BackgroundService
{
    private const int MaxAtOnce = 200;

    // A call that has no task by then was cut off between its reservation and its submission.
    private static readonly TimeSpan s_longestSubmission = TimeSpan.FromMinutes(10);

    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Payee.Length == 0)
            return;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.PollMs), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                _failures.Tell("end calls that are paid for one by one", failure);
            }
        }
    }

    /// <summary>Looks once.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await EachByItself.DoAsync(
            await store.ListOpenAsync(now, MaxAtOnce, cancellationToken),
            async call =>
            {
                if (call.Task is { } id && await tasks.GetAsync(id, cancellationToken) is { } task)
                    await EndAsync(call, task, cancellationToken);
            },
            Tell,
            cancellationToken);

        var lostCalls = (await store.ListOpenAsync(now - s_longestSubmission, MaxAtOnce, cancellationToken)).Where(call => call.Task is null).ToList();
        var payee = lostCalls.Count == 0 ? null : await users.FindByHandleAsync(options.Payee, cancellationToken);
        await EachByItself.DoAsync(
            lostCalls,
            async lost =>
            {
                var submitted = payee is null ? null : (await tasks.FindSubmissionAsync(payee.Id, new IdempotencyKey(lost.Key, lost.RequestHash), cancellationToken)).Match(
                    task => task, _ => null);
                if (submitted is null)
                    await store.ReleaseAsync(lost, cancellationToken);
                else
                    await store.AttachAsync(lost, submitted.Id, cancellationToken);
            },
            Tell,
            cancellationToken);
        await EachByItself.DoAsync(
            await store.ListOverAsync(MaxAtOnce, cancellationToken),
            channel => store.ReturnAsync(channel, now, cancellationToken),
            (channel, failure) => _failures.TellOf("give back what calls have left over of", channel, failure),
            cancellationToken);
    }

    private void Tell(PaidCall call, Exception failure) => _failures.TellOf("end the call of", call.Key, failure);

    /// <summary>Writes what a call has cost, when its task has ended.</summary>
    internal Task EndAsync(PaidCall call, AgentTask task, CancellationToken cancellationToken) => task.State switch
    {
        TaskState.Succeeded succeeded => store.EndAsync(call, succeeded.Result.Price, cancellationToken),
        { IsFinal: true } => store.EndAsync(call, Money.Zero, cancellationToken),
        _ => Task.CompletedTask,
    };
}
