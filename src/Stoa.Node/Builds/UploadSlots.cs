using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Bounds how many requests that bring content are under way at this node at a time.</summary>
/// <param name="ofOne">Of one user.</param>
/// <param name="ofAll">Of all users together.</param>
internal sealed class UploadSlots(int ofOne, int ofAll)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Id<User>, int> _underWay = [];
    private int _all;

    /// <summary>Takes a place, until it is disposed of.</summary>
    /// <param name="user">Whose request it is.</param>
    /// <param name="isOwn">When there is none: whether the user's own requests take them all.</param>
    /// <returns>Null when there is none.</returns>
    public IDisposable? TryEnter(Id<User> user, out bool isOwn)
    {
        lock (_gate)
        {
            var own = _underWay.GetValueOrDefault(user);
            isOwn = own >= ofOne;
            if (isOwn || _all >= ofAll)
                return null;
            _underWay[user] = own + 1;
            _all++;
            return new Slot(this, user);
        }
    }

    private void Leave(Id<User> user)
    {
        lock (_gate)
        {
            _all--;
            if (_underWay[user] == 1)
                _underWay.Remove(user);
            else
                _underWay[user]--;
        }
    }

    private sealed class Slot(UploadSlots slots, Id<User> user) : IDisposable
    {
        private bool _isLeft;

        public void Dispose()
        {
            if (_isLeft)
                return;
            _isLeft = true;
            slots.Leave(user);
        }
    }
}
