using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Builds;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Ends calls for which nobody waits any more, gives back what channels that are closed have left over, and lets go of outputs that were kept long enough.</summary>
/// <remarks>All nodes of a cell look; who comes second changes nothing.</remarks>
public sealed class PaidCallWorker(
    SqlPaidCallStore store, ReleasedContent released, ITaskStore tasks, IUserStore users, PayPerCallOptions options, TimeProvider time, ILogger<PaidCallWorker> logger) : BackgroundService
{
    /// <summary>How long whoever submits the task of a call holds it.</summary>
    internal static readonly TimeSpan SubmissionTime = TimeSpan.FromSeconds(30);

    private const int MaxAtOnce = 200;

    // A call that has no task by then, and that no request makes, was cut off between its reservation and its submission.
    private static readonly TimeSpan s_longestSubmission = TimeSpan.FromMinutes(10);

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
                else if (call.CreatedAt < now - s_longestSubmission && await store.HoldAsync(call, now + SubmissionTime, now, cancellationToken) is { } lost)
                {
                    payee ??= await users.FindByHandleAsync(options.Payee, cancellationToken);
                    await FindLostAsync(lost, payee, cancellationToken);
                }
            },
            (call, failure) => _failures.TellOf("end the call of", call.Key, failure),
            cancellationToken);

        await EachByItself.DoAllAsync<Id<Channel>>(
            after => store.ListOverAsync(after, MaxAtOnce, cancellationToken),
            channel => store.ReturnAsync(channel, now, cancellationToken),
            (channel, failure) => _failures.TellOf("give back what calls have left over of", channel, failure),
            cancellationToken);

        await EachByItself.DoAllAsync<KeptOutput>(
            after => store.ListKeptAsync(after, now, MaxAtOnce, cancellationToken),
            async kept =>
            {
                payee ??= await users.FindByHandleAsync(options.Payee, cancellationToken);
                if (payee is not null)
                    await LetGoAsync(kept, payee.Id, cancellationToken);
            },
            (kept, failure) => _failures.TellOf("let go of the output of the call", kept.Key, failure),
            cancellationToken);

        await store.ForgetLeavingsAsync(cancellationToken);
    }

    private async Task FindLostAsync(HeldCall lost, User? payee, CancellationToken cancellationToken)
    {
        var submitted = payee is null ? null : (await tasks.FindSubmissionAsync(payee.Id, new IdempotencyKey(lost.Call.Key, lost.Call.RequestHash), cancellationToken)).Match(
            task => task, _ => null);
        if (submitted is not null)
            await store.AttachAsync(lost.Call, submitted.Id, cancellationToken);
        else if (await store.ReleaseAsync(lost, payee?.Id, time.GetUtcNow(), cancellationToken) is { } input)
            await released.DeleteAsync(input, cancellationToken);
    }

    /// <summary>Writes what a call has cost, when its task has ended, and lets go of its input.</summary>
    internal async Task EndAsync(PaidCall call, AgentTask task, CancellationToken cancellationToken)
    {
        if (!task.State.IsFinal || call.Price is not null)
            return;
        var result = (task.State as TaskState.Succeeded)?.Result;
        var output = result is null or { IsInline: true } ? null : new ContentDescriptor(result.Output, result.OutputBytes);
        // What is not deleted now, since the node ends, is noted, and deleted by who looks after that.
        if (await store.EndAsync(call, task.State.Charged, task.OwnerId, output, time.GetUtcNow(), cancellationToken) is { } input)
            await released.DeleteAsync(input, cancellationToken);
    }

    private async Task LetGoAsync(KeptOutput kept, Id<User> payee, CancellationToken cancellationToken)
    {
        if (await store.LetGoAsync(kept, payee, time.GetUtcNow(), cancellationToken))
            await released.DeleteAsync(kept.Output, cancellationToken);
    }
}
