using Stoa.Network.Muxing;

namespace Stoa.Network.Gossip;

/// <summary>How important something is that is sent to a peer.</summary>
internal enum SendPriority
{
    /// <summary>IHAVE, IWANT, and what a peer wanted.</summary>
    Gossip,

    /// <summary>Messages of others.</summary>
    Forward,

    /// <summary>Messages of this node.</summary>
    Own,

    /// <summary>Subscriptions, grafts and prunes.</summary>
    Control,
}

/// <summary>What is to be sent to a peer: most important first, and bounded, so that a peer that does not read costs nothing but its place.</summary>
/// <remarks>Safe for use by many threads; one reads.</remarks>
internal sealed class SendQueue(GossipOptions options, GossipMetrics metrics)
{
    private readonly Lock _lock = new();
    private readonly Queue<Exchange>[] _queues = [[], [], [], []];
    private readonly Waiter<bool> _reader = new(SynchronizationContext.Current);
    private long _bytes;
    private int _count;

    public long Bytes
    {
        get
        {
            lock (_lock)
                return _bytes;
        }
    }

    /// <summary>Adds a part for this peer alone.</summary>
    /// <returns>Whether there was room.</returns>
    public bool Add(Wire.Rpc part, SendPriority priority) => Add(new Exchange(part), priority);

    /// <summary>Adds a part, which others may get as well. What is less important makes room for it, the oldest first.</summary>
    /// <returns>Whether there was room.</returns>
    public bool Add(Exchange part, SendPriority priority)
    {
        var size = part.Size;
        lock (_lock)
        {
            for (var below = SendPriority.Gossip; IsFull(size) && below < priority; below++)
            {
                while (IsFull(size) && _queues[(int)below].TryDequeue(out var dropped))
                    Forget(dropped.Size, below);
            }

            if (IsFull(size))
            {
                metrics.Drop(priority);
                return false;
            }

            _queues[(int)priority].Enqueue(part);
            _bytes += size;
            _count++;
            if (_reader.IsWaiting)
                _reader.Complete(true);
        }

        return true;
    }

    /// <summary>Takes as much as goes into one exchange; null when there is nothing.</summary>
    public Exchange? Take()
    {
        lock (_lock)
        {
            Exchange? first = null;
            Wire.Rpc? all = null;
            var length = 0;
            for (var priority = SendPriority.Control; priority >= SendPriority.Gossip; priority--)
            {
                var queue = _queues[(int)priority];
                while (queue.TryPeek(out var next) && (first is null || length + next.Size <= options.MaxRpcLength))
                {
                    queue.Dequeue();
                    _bytes -= next.Size;
                    _count--;
                    length += next.Size;
                    // Most go alone, as they are.
                    if (first is null)
                    {
                        first = next;
                        continue;
                    }

                    if (all is null)
                        Merge(first.Rpc, all = new Wire.Rpc());
                    Merge(next.Rpc, all);
                }
            }

            return all is null ? first : new Exchange(all);
        }
    }

    /// <summary>Waits until there is something.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    /// <exception cref="IOException">Somebody waits already, or has not seen yet that he is not to any more.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_count > 0)
                return ValueTask.CompletedTask;
            if (!_reader.IsIdle)
                return ValueTask.FromException(new IOException("Another stream to the same peer has not ended yet."));
            var wait = new ValueTask(_reader, _reader.Begin());
            _reader.CancelWith(static (queue, token) => ((SendQueue)queue!).Cancel(token), this, cancellationToken);
            return wait;
        }
    }

    private void Cancel(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_reader.IsWaiting && _reader.Cancellation == cancellationToken)
                _reader.Fail(new OperationCanceledException(cancellationToken));
        }
    }

    /// <summary>Forgets all: the stream that it was for is no more.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            Array.ForEach(_queues, queue => queue.Clear());
            (_bytes, _count) = (0, 0);
        }
    }

    // Not MergeFrom, which copies the messages.
    private static void Merge(Wire.Rpc part, Wire.Rpc all)
    {
        all.Subscriptions.Add(part.Subscriptions);
        all.Publish.Add(part.Publish);
        if (part.Control is not { } control)
            return;
        all.Control ??= new Wire.Control();
        all.Control.Ihave.Add(control.Ihave);
        all.Control.Iwant.Add(control.Iwant);
        all.Control.Graft.Add(control.Graft);
        all.Control.Prune.Add(control.Prune);
    }

    private bool IsFull(int size) => _bytes + size > options.MaxQueuedBytes || _count >= options.MaxQueuedParts;

    private void Forget(int size, SendPriority priority)
    {
        _bytes -= size;
        _count--;
        metrics.Drop(priority);
    }
}
