using System.Collections.Concurrent;
using System.Diagnostics;
using Stoa.Client;
using Stoa.Faults.Books;
using Stoa.Faults.Nodes;

namespace Stoa.Faults.Load;

/// <summary>Consumers who submit work without end, to whichever node is up, and repeat what was not answered under the same Idempotency-Key.</summary>
internal sealed class Submitters(NodePool nodes, DatabaseEye eye, WorkMix mix, int seed, FaultReport report)
{
    private const int LongestRestMs = 500;
    private const int MostOpen = 150;

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentQueue<WorkItem> _again = new();
    private readonly ConcurrentQueue<WorkItem> _items = new();
    private readonly Lock _drawing = new();
    private readonly Random _random = new(seed);
    private IReadOnlyList<KeptSession> _consumers = [];
    private long _open;
    private int _number;
    private int _answered;
    private int _submissions;
    private int _broken;
    private int _refusedForNow;
    private int _internalErrors;
    private int _unauthorised;
    private volatile bool _isFinishing;

    /// <summary>All that was begun.</summary>
    public IReadOnlyCollection<WorkItem> Items => _items;

    /// <summary>Calls, repetitions too.</summary>
    public int Submissions => _submissions;

    /// <summary>Calls that got no answer.</summary>
    public int Broken => _broken;

    /// <summary>Calls that were told to come again later.</summary>
    public int RefusedForNow => _refusedForNow;

    /// <summary>Calls that were answered by 500: a bug, whatever becomes of them.</summary>
    public int InternalErrors => _internalErrors;

    /// <summary>Calls whose access token was refused, or whose session was over.</summary>
    public int Unauthorised => _unauthorised;

    /// <summary>Waits until so many more were answered, or the patience is over.</summary>
    public async Task UntilAnsweredAsync(int more, TimeSpan patience, CancellationToken stop)
    {
        var target = Volatile.Read(ref _answered) + more;
        var since = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _answered) < target && Stopwatch.GetElapsedTime(since) < patience)
            await Task.Delay(5, stop);
    }

    /// <summary>Submits one more task, an urgent one, to a node until it is answered.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> SubmitUrgentAsync(NodeProcess node, CancellationToken stop)
    {
        var item = Begin(WorkKind.Urgent, null, null);
        while (!await TryAsync(node, item, stop))
            await PauseAsync(stop);
        Interlocked.Increment(ref _answered);
        return item.Answer!;
    }

    /// <summary>Nothing new is begun from here on; what was not answered is still repeated.</summary>
    public void Finish() => _isFinishing = true;

    /// <summary>Submits until it is stopped, or all is answered and nothing new is begun.</summary>
    /// <param name="count">How many at once.</param>
    /// <param name="consumers">For whom half of it is submitted; the rest is the operator's.</param>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(int count, IReadOnlyList<KeptSession> consumers, CancellationToken stop)
    {
        _consumers = consumers;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watching = WatchOpenAsync(ended.Token);
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => SubmitAllAsync(stop), CancellationToken.None)));
        await ended.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task SubmitAllAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (nodes.Pick() is not { } node || (Volatile.Read(ref _open) > MostOpen && !_isFinishing))
            {
                await PauseAsync(stop);
                continue;
            }

            if (Next() is not { } item)
            {
                if (_isFinishing && Volatile.Read(ref _answered) == Volatile.Read(ref _number))
                    return;
                await PauseAsync(stop);
                continue;
            }

            if (await TryAsync(node, item, stop))
            {
                Interlocked.Increment(ref _answered);
                // A node that starts has the processor: the faults are many, and the work between them need not be.
                if (nodes.UpCount < nodes.Count && !_isFinishing)
                    await Task.Delay(Random.Shared.Next(LongestRestMs), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            _again.Enqueue(item);
            await PauseAsync(stop);
        }
    }

    /// <summary>What to submit; null when all is begun, and what is not answered is in the hands of other submitters.</summary>
    private WorkItem? Next()
    {
        if (_again.TryDequeue(out var again))
            return again;
        lock (_drawing)
        {
            if (_isFinishing)
                return null;
            var kind = mix.Draw(_random);
            var due = kind is WorkKind.Delayed ? DateTimeOffset.UtcNow.AddMilliseconds(_random.Next(200, 2_000)) : (DateTimeOffset?)null;
            // Up to the number of consumers twice: half of the numbers are nobody's.
            return Begin(kind, due, _consumers.ElementAtOrDefault(_random.Next(2 * _consumers.Count)));
        }
    }

    private WorkItem Begin(WorkKind kind, DateTimeOffset? dueAt, KeptSession? consumer)
    {
        var item = new WorkItem(Interlocked.Increment(ref _number) - 1, kind, dueAt, consumer);
        _items.Enqueue(item);
        return item;
    }

    /// <summary>One call; false when it is to be made again.</summary>
    private async Task<bool> TryAsync(NodeProcess node, WorkItem item, CancellationToken stop)
    {
        Interlocked.Increment(ref _submissions);
        var clockAhead = node.ClockAhead;
        AccessToken? token = null;
        StoaClient? connected = null;
        try
        {
            if (item.Consumer is { } consumer)
            {
                token = await consumer.GetTokenAsync(node.Anonymous, clockAhead, stop);
                connected = node.ClientOf(token.Token);
            }

            var client = connected ?? node.Client;
            var id = await SubmitAsync(client, item, stop);
            if (!item.Take(id))
                report.Break($"{item.Key} was answered with {item.Answer} and then with {id}.");
            if (item.Kind is WorkKind.Cancelled)
                await CancelAsync(client, id, stop);
            return true;
        }
        catch (StoaException refused) when (refused.Problem.Status is 408 or 429 or 503 or 507 || refused.Code == "idempotencyKeyBusy")
        {
            Interlocked.Increment(ref _refusedForNow);
            return false;
        }
        catch (StoaException refused) when (refused.Problem.Status is 500)
        {
            Interlocked.Increment(ref _internalErrors);
            report.Break($"{item.Key} was answered by 500: {refused.Problem.TraceId}.");
            return false;
        }
        catch (StoaException refused) when (token is not null && refused.Code == "unauthenticated")
        {
            Interlocked.Increment(ref _unauthorised);
            item.Consumer!.Doubt();
            // By a clock that is apart from that of the node which made it, a token may have ended.
            if (token.MadeBy == clockAhead && token.MadeBy == node.ClockAhead && item.Consumer.Excused == 0)
                report.Break($"{item.Key} was refused though the session of {item.Consumer.Handle} is good: {refused.Message}");
            return false;
        }
        catch (StoaException over) when (item.Consumer is not null && KeptSession.IsOver(over))
        {
            Interlocked.Increment(ref _unauthorised);
            return false;
        }
        catch (StoaException refused)
        {
            report.Break($"{item.Key} ({item.Kind}) was refused: {refused.Problem.Status} {refused.Code}: {string.Join(" ", refused.Problem.Errors?.Select(error => error.Reason) ?? [refused.Message])}");
            return false;
        }
        catch (Exception broken) when (broken is NodeUnreachableException or OperationCanceledException or HttpRequestException or IOException or ObjectDisposedException)
        {
            Interlocked.Increment(ref _broken);
            return false;
        }
        finally
        {
            connected?.Dispose();
        }
    }

    private static async Task<string> SubmitAsync(StoaClient client, WorkItem item, CancellationToken stop)
    {
        switch (item.Kind)
        {
            case WorkKind.Batch:
                return (await client.SubmitBatchAsync(Agents.BatchOf(item), item.Key, stop)).Id;
            case WorkKind.Uploaded:
                using (var content = new MemoryStream(Agents.UploadOf(item)))
                {
                    var blob = await client.UploadAsync(content, cancellationToken: stop);
                    return (await client.SubmitAsync(Agents.RequestOf(blob.Digest), idempotencyKey: item.Key, cancellationToken: stop)).Id;
                }

            default:
                return (await client.SubmitAsync(Agents.RequestOf(item), idempotencyKey: item.Key, cancellationToken: stop)).Id;
        }
    }

    /// <summary>Asks for the end of a task, once: whether that was heard is seen from its end.</summary>
    private async Task CancelAsync(StoaClient client, string id, CancellationToken stop)
    {
        try
        {
            await Task.Delay(Random.Shared.Next(100), stop);
            await client.CancelTaskAsync(id, stop);
        }
        catch (StoaException refused) when (refused.Problem.Status is 500)
        {
            Interlocked.Increment(ref _internalErrors);
            report.Break($"The cancellation of {id} was answered by 500: {refused.Problem.TraceId}.");
        }
        catch (Exception unheard) when (unheard is StoaException or NodeUnreachableException or OperationCanceledException or HttpRequestException or IOException or ObjectDisposedException)
        {
            // It has ended, or nobody was there.
        }
    }

    /// <summary>Keeps an eye on how much is open, so that submitters do not run away from the workers.</summary>
    private async Task WatchOpenAsync(CancellationToken stop)
    {
        while (true)
        {
            if (await eye.TryCountOpenAsync(stop) is { } open)
                Volatile.Write(ref _open, open);
            await Task.Delay(s_lookEvery, stop);
        }
    }

    private static async Task PauseAsync(CancellationToken stop) =>
        await Task.Delay(Random.Shared.Next(5, 40), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
