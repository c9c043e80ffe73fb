namespace Stoa.Market.Inference.Routing;

/// <summary>Keeps requests away from a replica that fails: closed, open for a while, then one request to see whether it is well again.</summary>
/// <remarks>Times are milliseconds of a monotonic clock. It has no lock of its own: its <see cref="ReplicaState"/> is the one who calls it.</remarks>
internal sealed class CircuitBreaker
{
    /// <summary>So many failures in a row open it.</summary>
    public const int FailuresToOpen = 3;

    private const long OpenMsFirst = 1_000;
    private const long OpenMsMost = 60_000;

    // An answer that comes as a whole may take minutes: others find out meanwhile.
    private const long TrialMs = 30_000;

    private int _failures;
    private long _openMs;
    private long _openUntil;
    private bool _isProbing;
    private long _probingSince;
    private bool _isAway;

    /// <summary>Whether it lets nobody through, or one at most.</summary>
    public bool IsOpen => _openMs > 0;

    /// <summary>Whether a request may go now.</summary>
    public bool MayPass(long now) => !IsOpen || (now >= _openUntil && (!_isProbing || now - _probingSince >= TrialMs));

    /// <summary>Whether a request may go now that has nobody else to go to: the replica has answered those that failed, so that they may have been at fault themselves.</summary>
    public bool MayPassInNeed => IsOpen && !_isAway;

    /// <summary>A request goes.</summary>
    /// <returns>Whether it is the one by which it is seen whether the replica is well again.</returns>
    public bool Enter(long now)
    {
        if (IsOpen)
            (_isProbing, _probingSince) = (true, now);
        return IsOpen;
    }

    /// <summary>A request came to a good end.</summary>
    /// <param name="isTrial">As <see cref="Enter"/> said. Of requests from before it opened nothing is learnt.</param>
    public void Succeed(bool isTrial)
    {
        if (isTrial || !IsOpen)
            (_failures, _openMs, _isProbing) = (0, 0, false);
    }

    /// <summary>A request failed through the replica's fault.</summary>
    /// <param name="isTrial">As <see cref="Enter"/> said.</param>
    /// <param name="isAway">Whether the replica was not there, or did not answer in time: no request is at fault for that.</param>
    /// <param name="now">The clock.</param>
    public void Fail(bool isTrial, bool isAway, long now)
    {
        if (IsOpen && !isTrial)
        {
            _isAway |= isAway;
            return;
        }

        _isAway = isAway;
        _failures++;
        // The one that was let through has failed too: longer than before.
        if (isTrial || _failures >= FailuresToOpen)
        {
            _openMs = _openMs == 0 ? OpenMsFirst : Math.Min(_openMs * 2, OpenMsMost);
            _openUntil = now + _openMs;
        }

        if (isTrial)
            _isProbing = false;
    }

    /// <summary>A request ended without saying anything of the replica, such as one that its client gave up.</summary>
    /// <param name="isTrial">As <see cref="Enter"/> said.</param>
    public void Leave(bool isTrial) => _isProbing &= !isTrial;
}
