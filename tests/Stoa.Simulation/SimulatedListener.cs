using Stoa.Network.Addressing;

namespace Stoa.Simulation;

/// <summary>Takes what others connect to at one address.</summary>
public sealed class SimulatedListener<T> where T : class
{
    private readonly Queue<T> _offered = new();
    private readonly Wait<T?> _accepting;
    private readonly Func<T, ValueTask> _drop;

    internal SimulatedListener(World world, Multiaddr address, Func<T, ValueTask> drop)
    {
        (Address, _drop) = (address, drop);
        _accepting = new Wait<T?>(world, static _ => { });
    }

    /// <summary>Where.</summary>
    public Multiaddr Address { get; }

    internal bool IsClosed { get; private set; }

    /// <summary>Waits for the next; null when it is closed.</summary>
    public ValueTask<T?> AcceptAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<T?>(cancellationToken);
        if (_offered.TryDequeue(out var offered) || IsClosed)
            return ValueTask.FromResult(offered);
        return new ValueTask<T?>(_accepting, _accepting.Begin(cancellationToken));
    }

    /// <summary>Takes no more.</summary>
    public void Close()
    {
        IsClosed = true;
        // To drop what is of this world ends at once.
        while (_offered.TryDequeue(out var offered))
            _ = _drop(offered).AsTask();
        if (_accepting.IsWaiting)
            _accepting.Complete(null);
    }

    internal void Offer(T offered)
    {
        if (_accepting.IsWaiting)
            _accepting.Complete(offered);
        else
            _offered.Enqueue(offered);
    }
}
