namespace Stoa.Market.Inference.Routing;

/// <summary>Keeps requests away from a replica that fails: closed, open for a while, then one request to see whether it is well again.</summary>
/// <remarks>Times are milliseconds of a monotonic clock. It has no lock of its own: its <see cref="ReplicaState"/> is the one who calls it.</remarks>
internal sealed class CircuitBreaker
{
    /// <summary>So many failures in a row open it.</summary>
    public const int FailuresToOpen = 3;

    private const long OpenMsFirst = 1_000;
    private const long OpenMsMost = 60_000;

    private int _failures;
    private long _openMs;
    private long _openUntil;
    private bool _isProbing;

    /// <summary>Whether it lets nobody through, or one at most.</summary>
    public bool IsOpen => _openMs > 0;

    /// <summary>Whether a request may go now.</summary>
    public bool MayPass(long now) => !IsOpen || (now >= _openUntil && !_isProbing);

    /// <summary>A request goes.</summary>
    public void Enter()
    {
        if (IsOpen)
            _isProbing = true;
    }

    /// <summary>A request came to a good end.</summary>
    public void Succeed() => (_failures, _openMs, _isProbing) = (0, 0, false);

    /// <summary>A request failed through the replica's fault.</summary>
    public void Fail(long now)
    {
        _failures++;
        if (IsOpen && !_isProbing)
            return;
        // The one that was let through has failed too: longer than before.
        if (_isProbing || _failures >= FailuresToOpen)
        {
            _openMs = _openMs == 0 ? OpenMsFirst : Math.Min(_openMs * 2, OpenMsMost);
            _openUntil = now + _openMs;
        }

        _isProbing = false;
    }

    /// <summary>A request ended without saying anything of the replica, such as one that its client gave up.</summary>
    public void Leave() => _isProbing = false;
}
