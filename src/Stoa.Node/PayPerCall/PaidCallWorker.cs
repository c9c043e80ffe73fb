using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Ends calls for which nobody waits any more, and gives back what channels that are closed have left over.</summary>
/// <remarks>All nodes of a cell look; who comes second changes nothing.</remarks>
public sealed class PaidCallWorker(
    SqlPaidCallStore store, CallInputs inputs, ITaskStore tasks, IUserStore users, PayPerCallOptions options, TimeProvider time, ILogger<PaidCallWorker> logger) : BackgroundService
{
    private const int MaxAtOnce = 200;

    // A call that has no task by then was cut off between its reservation and its submission; so long its input may be on its way.
    private readonly TimeSpan _longestSubmission = TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(options.MaxUploadSeconds);
    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Payee.Length == 0)
            return;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.PollMs), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await _failures.TryAsync("end calls that are paid for one by one", LookAsync, stoppingToken);
        }
    }

    /// <summary>Looks once.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var payee = (User?)null;
        await EachByItself.DoAllAsync<PaidCall>(
            after => store.ListOpenAsync(after, MaxAtOnce, cancellationToken),
            async call =>
            {
                if (call.Task is { } id)
                {
                    if (await tasks.GetAsync(id, cancellationToken) is { } task)
                        await EndAsync(call, task, cancellationToken);
                }
                else if (call.CreatedAt < now - _longestSubmission)
                {
                    payee ??= await users.FindByHandleAsync(options.Payee, cancellationToken);
                    await FindLostAsync(call, payee, cancellationToken);
                }
            },
            (call, failure) => _failures.TellOf("end the call of", call.Key, failure),
            cancellationToken);

        await EachByItself.DoAllAsync<Id<Channel>>(
            after => store.ListOverAsync(after, MaxAtOnce, cancellationToken),
            channel => store.ReturnAsync(channel, now, cancellationToken),
            (channel, failure) => _failures.TellOf("give back what calls have left over of", channel, failure),
            cancellationToken);
    }

    private async Task FindLostAsync(PaidCall lost, User? payee, CancellationToken cancellationToken)
    {
        var submitted = payee is null ? null : (await tasks.FindSubmissionAsync(payee.Id, new IdempotencyKey(lost.Key, lost.RequestHash), cancellationToken)).Match(
            task => task, _ => null);
        if (submitted is null && payee is not null)
            await inputs.TakeBackAsync(lost, payee.Id, cancellationToken);
        else if (submitted is null)
            await store.ReleaseAsync(lost, cancellationToken);
        else
            await store.AttachAsync(lost, submitted.Id, cancellationToken);
    }

    /// <summary>Writes what a call has cost, when its task has ended, and lets go of its input.</summary>
    internal async Task EndAsync(PaidCall call, AgentTask task, CancellationToken cancellationToken)
    {
        if (!task.State.IsFinal || call.Price is not null)
            return;
        // Before it counts as ended: whoever goes on after a crash looks at those that have not.
        if (task.State is not TaskState.Succeeded { Result.Output: var output } || output != call.Input)
            await inputs.LetGoAsync(call, task.OwnerId, cancellationToken);
        await store.EndAsync(call, task.State is TaskState.Succeeded succeeded ? succeeded.Result.Price : Money.Zero, cancellationToken);
    }
}
