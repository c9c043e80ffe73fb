using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Stoa.Primitives;

/// <summary>Idle ECDSA instances of one key, one for each thread that uses the key at once.</summary>
/// <remarks>
/// .NET does not promise that one instance may be used by several threads, and a lock would make a busy key (a node
/// signs every receipt with the same one) a bottleneck. There are never more instances than there were simultaneous uses.
/// </remarks>
internal sealed class EcdsaPool(Func<ECDsa> create)
{
    private readonly ConcurrentBag<ECDsa> _idle = [];
    private volatile bool _closed;

    public TResult Use<TState, TResult>(TState state, Func<ECDsa, TState, TResult> act) where TState : allows ref struct
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var key = _idle.TryTake(out var idle) ? idle : create();
        try
        {
            return act(key, state);
        }
        finally
        {
            _idle.Add(key);
            // Closed while this one was out: nobody else would end it.
            if (_closed)
                Drain();
        }
    }

    /// <summary>Ends the instances. The pool of a public key is never closed: nothing in it is secret, and collection ends it.</summary>
    public void Close()
    {
        _closed = true;
        Drain();
    }

    private void Drain()
    {
        while (_idle.TryTake(out var idle))
            idle.Dispose();
    }
}
