using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Bounds how many bytes of requests are in memory at a time: each is there as a whole until its answer is, and for minutes at that. And of answers that are sold as a whole, until their buyers have read them.</summary>
/// <param name="options">How many.</param>
public sealed class HeldBodies(InferenceOptions options)
{
    /// <summary>A request of so many bytes is not counted: connections bound how many of these there are.</summary>
    public const int SmallBytes = 64 << 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<Id<User>, long> _held = [];
    private long _all;

    /// <summary>Begins to count one.</summary>
    /// <param name="account">Whose it is.</param>
    public HeldBody Open(Id<User> account) => new(this, account);

    /// <summary>How many bytes there are.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _all;
        }
    }

    /// <summary>Whether there is room for one more that is counted.</summary>
    /// <param name="account">Whose it is.</param>
    public bool HasRoom(Id<User> account)
    {
        lock (_gate)
            return _held.GetValueOrDefault(account) + SmallBytes < options.MaxHeldBytesOfAccount && _all + SmallBytes < options.MaxHeldBytes;
    }

    internal bool TryTake(Id<User> account, long bytes)
    {
        lock (_gate)
        {
            var own = _held.GetValueOrDefault(account) + bytes;
            if (own > options.MaxHeldBytesOfAccount || _all + bytes > options.MaxHeldBytes)
                return false;
            _held[account] = own;
            _all += bytes;
            return true;
        }
    }

    internal void GiveBack(Id<User> account, long bytes)
    {
        lock (_gate)
        {
            _all -= bytes;
            if ((_held[account] -= bytes) == 0)
                _held.Remove(account);
        }
    }
}

/// <summary>A request as it is counted: what of it has come, and not what it says that it will be. One thread at a time.</summary>
/// <param name="bodies">With whom.</param>
/// <param name="account">Whose it is.</param>
public sealed class HeldBody(HeldBodies bodies, Id<User> account) : IDisposable
{
    private long _bytes;

    /// <summary>So much of it is there now.</summary>
    /// <returns>Whether there is room for as much.</returns>
    public bool TryGrow(long bytes)
    {
        if (bytes <= _bytes)
            return true;
        if (!bodies.TryTake(account, bytes - _bytes))
            return false;
        _bytes = bytes;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_bytes > 0)
            bodies.GiveBack(account, _bytes);
        _bytes = 0;
    }
}
