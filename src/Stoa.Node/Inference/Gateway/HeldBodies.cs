using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Bounds how many bytes of requests are in memory at a time: each is there as a whole until its answer is, and for minutes at that.</summary>
/// <remarks>Small ones are not counted: connections bound them.</remarks>
/// <param name="options">How many.</param>
public sealed class HeldBodies(InferenceOptions options)
{
    private const int SmallBytes = 64 << 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<Id<User>, long> _held = [];
    private long _all;

    /// <summary>Takes room for a request, until it is disposed of.</summary>
    /// <param name="account">Whose it is.</param>
    /// <param name="bytes">How long it is at most.</param>
    /// <param name="place">Null for a small one.</param>
    /// <returns>Whether there is as much.</returns>
    public bool TryTake(Id<User> account, long bytes, out IDisposable? place)
    {
        place = null;
        if (bytes <= SmallBytes)
            return true;
        lock (_gate)
        {
            var own = _held.GetValueOrDefault(account) + bytes;
            if (own > options.MaxHeldBytesOfAccount || _all + bytes > options.MaxHeldBytes)
                return false;
            _held[account] = own;
            _all += bytes;
        }

        place = new Place(this, account, bytes);
        return true;
    }

    private void GiveBack(Id<User> account, long bytes)
    {
        lock (_gate)
        {
            _all -= bytes;
            if ((_held[account] -= bytes) == 0)
                _held.Remove(account);
        }
    }

    private sealed class Place(HeldBodies bodies, Id<User> account, long bytes) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
                bodies.GiveBack(account, bytes);
        }
    }
}
