using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Work beside what callers wait for: one a peer at a time, a few at once, and no more in wait than a bound.</summary>
internal sealed class Chores(int maxAtOnce, int maxWaiting) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<PeerId> _peers = [];
    private readonly Queue<(PeerId Peer, Func<CancellationToken, Task> Chore)> _waiting = [];
    private readonly List<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Does something about a peer soon. Nothing happens when there is something to do about it already, or too much about others.</summary>
    public void Add(PeerId peer, Func<CancellationToken, Task> chore)
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested || _waiting.Count >= maxWaiting || !_peers.Add(peer))
                return;
            _waiting.Enqueue((peer, chore));
            if (_running.Count >= maxAtOnce)
                return;
        }

        Start();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        Task[] running;
        lock (_lock)
        {
            _waiting.Clear();
            running = [.. _running];
        }

        await Task.WhenAll(running);
        _stop.Dispose();
    }

    private void Start()
    {
        var work = WorkAsync();
        lock (_lock)
        {
            _running.RemoveAll(task => task.IsCompleted);
            if (!work.IsCompleted)
                _running.Add(work);
        }
    }

    private async Task WorkAsync()
    {
        // Not under what the caller is doing.
        await Task.Yield();
        while (true)
        {
            (PeerId Peer, Func<CancellationToken, Task> Chore) next;
            lock (_lock)
            {
                if (!_waiting.TryDequeue(out next))
                    return;
            }

            try
            {
                await next.Chore(_stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The peer is not there, or this node stops.
            }
            finally
            {
                lock (_lock)
                    _peers.Remove(next.Peer);
            }
        }
    }
}
