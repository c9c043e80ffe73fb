namespace Stoa.Node.Builds;

/// <summary>Bounds how many requests that bring content are under way at this node at a time.</summary>
/// <typeparam name="TOwner">Names whose they are, such as a user.</typeparam>
/// <param name="ofOne">Of one owner.</param>
/// <param name="ofAll">Of all owners together.</param>
internal sealed class UploadSlots<TOwner>(int ofOne, int ofAll)
    where TOwner : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TOwner, int> _underWay = [];
    private int _all;

    /// <summary>Takes a place, until it is disposed of.</summary>
    /// <param name="owner">Whose request it is.</param>
    /// <param name="isOwn">When there is none: whether the owner's own requests take them all.</param>
    /// <returns>Null when there is none.</returns>
    public IDisposable? TryEnter(TOwner owner, out bool isOwn)
    {
        lock (_gate)
        {
            var own = _underWay.GetValueOrDefault(owner);
            isOwn = own >= ofOne;
            if (isOwn || _all >= ofAll)
                return null;
            _underWay[owner] = own + 1;
            _all++;
            return new Slot(this, owner);
        }
    }

    private void Leave(TOwner owner)
    {
        lock (_gate)
        {
            _all--;
            if (_underWay[owner] == 1)
                _underWay.Remove(owner);
            else
                _underWay[owner]--;
        }
    }

    private sealed class Slot(UploadSlots<TOwner> slots, TOwner owner) : IDisposable
    {
        private bool _isLeft;

        public void Dispose()
        {
            if (_isLeft)
                return;
            _isLeft = true;
            slots.Leave(owner);
        }
    }
}
