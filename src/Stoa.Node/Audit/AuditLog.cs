using System.Globalization;
using System.Threading.Channels;
using Stoa.Market.Audit;
using Stoa.Node.Background;

namespace Stoa.Node.Audit;

/// <summary>Writes acts into the audit log: gathered for a moment, many as one block, by one writer a node.</summary>
/// <remarks>
/// Whoever cannot go on without its entry waits until it is durable; then nothing is gathered for longer. What was gathered when a node dies is lost,
/// which is at most what came within <see cref="AuditOptions.GatherMs"/> and one commit. A node that is stopped writes all it has.
/// </remarks>
public sealed class AuditLog(SqlAuditBlocks blocks, AuditOptions options, TimeProvider time, ILogger<AuditLog> logger) : BackgroundService
{
    /// <summary>Name of the entry that tells how many refusals were not written down, which is its subject.</summary>
    public const string RefusalsLeftOut = "refusalsLeftOut";

    private const int MaxWaiting = 65_536;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    private readonly Channel<Waiting> _waiting = Channel.CreateBounded<Waiting>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly WakeSignal _urgent = new();
    private readonly Lock _gate = new();
    private long _minute;
    private int _refusals;
    private int _untold;
    private volatile bool _isClosed;

    /// <summary>Has an act written soon. When more wait than can be held, it waits until there is room: none is dropped while the node lives.</summary>
    public async Task GatherAsync(AuditAct act)
    {
        try
        {
            await _waiting.Writer.WriteAsync(new Waiting(act, null));
        }
        catch (ChannelClosedException)
        {
            logger.LogWarning("{Act} was answered with {Status} after the audit log was closed.", act.Name, act.Status);
        }
    }

    /// <summary>Writes an act and answers once it is durable; false when that does not come about within seconds. Then it may still be written later.</summary>
    public async Task<bool> WriteAsync(AuditAct act)
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _waiting.Writer.WriteAsync(new Waiting(act, written)).AsTask().WaitAsync(s_patience, time);
            _urgent.Set();
            await written.Task.WaitAsync(s_patience, time);
            return true;
        }
        catch (Exception late) when (late is TimeoutException or ChannelClosedException or OperationCanceledException)
        {
            logger.LogError("{Act} could not be written into the audit log in time.", act.Name);
            return false;
        }
    }

    /// <summary>Whether one more refusal is to be written down in this minute; otherwise it is counted, and the count told by an entry of its own.</summary>
    public bool TakesRefusal()
    {
        int leftOut;
        bool takes;
        lock (_gate)
        {
            var now = time.GetUtcNow().ToUnixTimeSeconds() / 60;
            leftOut = now == _minute ? 0 : Math.Max(0, _refusals - options.RefusalsPerMinute) + _untold;
            if (now != _minute)
                (_minute, _refusals, _untold) = (now, 0, 0);
            takes = ++_refusals <= options.RefusalsPerMinute;
        }

        if (leftOut > 0 && !_waiting.Writer.TryWrite(new Waiting(
            new AuditAct(time.GetUtcNow(), RefusalsLeftOut, 0) { Subject = leftOut.ToString(CultureInfo.InvariantCulture) }, null)))
        {
            // There is no room: it is told with those of the next minute.
            lock (_gate)
                _untold += leftOut;
        }

        return takes;
    }

    /// <summary>Takes no more acts, and writes those that were taken.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _isClosed = true;
        _waiting.Writer.TryComplete();
        _urgent.Set();
        if (ExecuteTask is { } writing)
            await writing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // It does not stop by the token but when it has come to the end: what was taken is written.
        var taken = new List<Waiting>();
        while (await _waiting.Reader.WaitToReadAsync(CancellationToken.None))
        {
            await _urgent.WaitAsync(TimeSpan.FromMilliseconds(options.GatherMs), time, CancellationToken.None);
            while (taken.Count < AuditBlock.MaxCount && _waiting.Reader.TryRead(out var next))
                taken.Add(next);
            if (taken.Count == 0)
                continue;
            await WriteAsync(taken, stoppingToken);
            taken.Clear();
        }
    }

    /// <summary>Writes until it is written, or the node stops and it cannot be written.</summary>
    /// <remarks>When the database was cut off in the middle of a commit, the block may have been written, and is written again then: better twice than not at all.</remarks>
    private async Task WriteAsync(List<Waiting> taken, CancellationToken stoppingToken)
    {
        var acts = taken.ConvertAll(one => one.Act);
        while (true)
        {
            try
            {
                await blocks.AppendAsync(acts, CancellationToken.None);
                break;
            }
            catch (Exception failure)
            {
                if (_isClosed || stoppingToken.IsCancellationRequested)
                {
                    logger.LogCritical(failure, "{Count} entries are missing in the audit log: the node stops, and they cannot be written.", acts.Count);
                    foreach (var one in taken)
                        one.Written?.TrySetCanceled(CancellationToken.None);
                    return;
                }

                logger.LogError(failure, "The audit log cannot be written; trying again.");
                await Task.Delay(s_pause, time, CancellationToken.None);
            }
        }

        foreach (var one in taken)
            one.Written?.TrySetResult();
    }

    private sealed record Waiting(AuditAct Act, TaskCompletionSource? Written);
}
