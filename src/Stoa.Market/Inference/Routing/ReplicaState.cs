namespace Stoa.Market.Inference.Routing;

/// <summary>How a replica is doing, and what it has to do: measured here, in memory.</summary>
/// <remarks>Times are milliseconds of a monotonic clock. It may be used by many threads at once.</remarks>
public sealed class ReplicaState
{
    // The newest of about this many requests decide half of an average.
    private const double Smoothing = 0.1;
    private const int SlowStartMs = 10_000;
    private const double SlowStartLeast = 0.1;

    private readonly Lock _lock = new();
    private CircuitBreaker _breaker = new();
    private Ewma _firstTokenMs = new(Smoothing);
    private Ewma _tokensPerSecond = new(Smoothing);
    private Replica _replica;
    private long _outstandingTokens;
    private int _outstandingRequests;
    private long _startedAt;
    private bool _isWell = true;
    private int _server;
    private long _served;
    private long _failed;
    private long _corrected;

    /// <param name="replica">As it is registered.</param>
    /// <param name="slot">Its number among those of the node, by which <see cref="PrefixIndex"/> remembers it.</param>
    /// <param name="now">From here on it is given more and more.</param>
    public ReplicaState(Replica replica, ushort slot, long now) => (_replica, Slot, _startedAt) = (replica, slot, now);

    /// <summary>Its number among those of the node.</summary>
    public ushort Slot { get; }

    /// <summary>As it is registered.</summary>
    public Replica Replica => Volatile.Read(ref _replica);

    /// <summary>Tokens that it may still have to read or write for requests which are under way.</summary>
    public long OutstandingTokens => Interlocked.Read(ref _outstandingTokens);

    /// <summary>Requests that are under way.</summary>
    public int OutstandingRequests => Volatile.Read(ref _outstandingRequests);

    /// <summary>Whether it gets requests at all: it answers its health checks, and its operator does not empty it.</summary>
    public bool IsOffered => Volatile.Read(ref _isWell) && !Replica.IsDraining;

    /// <summary>How fast it writes one answer, on average; null before the first.</summary>
    public double? TokensPerSecond
    {
        get
        {
            lock (_lock)
                return _tokensPerSecond.Value;
        }
    }

    /// <summary>The operator has changed how it is registered.</summary>
    public void Change(Replica replica, long now)
    {
        ArgumentNullException.ThrowIfNull(replica);
        lock (_lock)
        {
            if (_replica.IsDraining && !replica.IsDraining)
                _startedAt = now;
            if (_replica.Address != replica.Address)
            {
                // Another server: nothing is known of it yet, and what is under way at the one before says nothing of it.
                (_breaker, _firstTokenMs, _tokensPerSecond) = (new CircuitBreaker(), new Ewma(Smoothing), new Ewma(Smoothing));
                (_startedAt, _isWell) = (now, true);
                _server++;
            }

            _replica = replica;
        }
    }

    /// <summary>Whether it would take a request now.</summary>
    public bool MayTake(long now)
    {
        lock (_lock)
            return IsOffered && _outstandingRequests < _replica.MaxRequests && _breaker.MayPass(now);
    }

    /// <summary>Whether it would take a request once it has room.</summary>
    public bool IsServing(long now)
    {
        lock (_lock)
            return IsOffered && _breaker.MayPass(now);
    }

    /// <summary>Whether it would take a request that has nobody else to go to, once it has room.</summary>
    public bool ServesInNeed
    {
        get
        {
            lock (_lock)
                return IsOffered && _breaker.MayPassInNeed;
        }
    }

    /// <summary>Whether it would take a request now that has nobody else to go to.</summary>
    public bool MayTakeInNeed
    {
        get
        {
            lock (_lock)
                return IsOffered && _outstandingRequests < _replica.MaxRequests && _breaker.MayPassInNeed;
        }
    }

    /// <summary>Gives it a request, unless it does not take one any more.</summary>
    /// <param name="tokens">That the request may come to.</param>
    /// <param name="now">The clock.</param>
    /// <returns>Its place there, which has to be left with <see cref="Leave"/>; null when it does not.</returns>
    public ReplicaPlace? TryEnter(long tokens, long now)
    {
        lock (_lock)
        {
            if (!IsOffered || _outstandingRequests >= _replica.MaxRequests || !_breaker.MayPass(now))
                return null;
            _outstandingRequests++;
            _outstandingTokens += tokens;
            return new ReplicaPlace(this, tokens, _breaker.Enter(now), _server);
        }
    }

    /// <summary>Gives it a request that has nobody else to go to, though requests have failed there of late: they may have been at fault themselves, and others are not to pay for that.</summary>
    /// <inheritdoc cref="TryEnter"/>
    public ReplicaPlace? TryEnterInNeed(long tokens)
    {
        lock (_lock)
        {
            if (!IsOffered || _outstandingRequests >= _replica.MaxRequests || !_breaker.MayPassInNeed)
                return null;
            _outstandingRequests++;
            _outstandingTokens += tokens;
            return new ReplicaPlace(this, tokens, IsTrial: false, _server);
        }
    }

    /// <summary>A request has ended.</summary>
    /// <param name="place">It had; left once.</param>
    /// <param name="end">How.</param>
    /// <param name="now">The clock.</param>
    public void Leave(ReplicaPlace place, RequestEnd end, long now)
    {
        lock (_lock)
        {
            _outstandingRequests--;
            _outstandingTokens -= place.Tokens;
            Count(end);
            if (place.Server == _server)
                Learn(place, end, now);
        }
    }

    /// <summary>A health check was answered, or was not.</summary>
    public void NoteHealth(bool isWell, long now)
    {
        lock (_lock)
        {
            if (isWell && !_isWell)
                _startedAt = now;
            _isWell = isWell;
        }
    }

    /// <summary>How long a request would have to wait there, in no unit: what is outstanding by what the replica makes of it.</summary>
    /// <remarks>Tokens that are outstanding, and one request's more, times the time to the first token; the less the weight, and the sooner after the start, the longer. Of a replica that has not answered yet the time is the one that is given.</remarks>
    /// <param name="tokens">Of the request.</param>
    /// <param name="typicalMs">What stands for a time that is not known.</param>
    /// <param name="now">The clock.</param>
    public double LoadWith(long tokens, double typicalMs, long now)
    {
        lock (_lock)
        {
            var ramp = Math.Clamp((now - _startedAt) / (double)SlowStartMs, SlowStartLeast, 1);
            return (_outstandingTokens + tokens) * Math.Max(1, _firstTokenMs.Value ?? typicalMs) / (_replica.Weight * ramp);
        }
    }

    /// <summary>A request by which it is seen whether the replica is well has begun to be answered: it is, however long the answer takes.</summary>
    public void NoteWord(ReplicaPlace place)
    {
        lock (_lock)
        {
            if (place.Server == _server)
                _breaker.Succeed(place.IsTrial);
        }
    }

    private void Count(RequestEnd end)
    {
        if (end.Kind is RequestEndKind.Served)
            _served++;
        else if (end.Kind is RequestEndKind.Failed)
            _failed++;
        if (end.IsCorrected)
            _corrected++;
    }

    private void Learn(ReplicaPlace place, RequestEnd end, long now)
    {
        switch (end.Kind)
        {
            case RequestEndKind.Served:
                _breaker.Succeed(place.IsTrial);
                _firstTokenMs.Add(end.FirstTokenMs);
                if (end.OutputTokens > 1 && end.WritingMs > 0)
                    _tokensPerSecond.Add((end.OutputTokens - 1) * 1_000 / end.WritingMs);
                break;
            case RequestEndKind.Failed:
                _breaker.Fail(place.IsTrial, end.IsAway, now);
                break;
            default:
                _breaker.Leave(place.IsTrial);
                break;
        }
    }

    /// <summary>What has been measured, for whoever watches.</summary>
    public ReplicaFigures Measure(long now)
    {
        lock (_lock)
        {
            return new ReplicaFigures(
                !_isWell ? ReplicaHealth.Silent : _replica.IsDraining ? ReplicaHealth.Draining : _breaker.IsOpen ? ReplicaHealth.Suspended : now - _startedAt < SlowStartMs ? ReplicaHealth.Starting : ReplicaHealth.Well,
                _outstandingRequests,
                _outstandingTokens,
                _firstTokenMs.Value,
                _tokensPerSecond.Value,
                _served,
                _failed,
                _corrected);
        }
    }
}

/// <summary>A request's place at a replica.</summary>
/// <param name="Replica">Which.</param>
/// <param name="Tokens">That the request may come to.</param>
/// <param name="IsTrial">Whether it is seen by this request whether the replica is well again.</param>
/// <param name="Server">Which of the servers that the replica was registered with one after the other.</param>
public readonly record struct ReplicaPlace(ReplicaState Replica, long Tokens, bool IsTrial, int Server)
{
    /// <inheritdoc cref="ReplicaState.Leave"/>
    public void Leave(RequestEnd end, long now) => Replica.Leave(this, end, now);
}

/// <summary>How a replica is.</summary>
public enum ReplicaHealth
{
    /// <summary>It gets its part of the requests.</summary>
    Well,

    /// <summary>It is new, or was away: it gets more and more.</summary>
    Starting,

    /// <summary>It has failed several times in a row, and gets a request now and then to see whether it is well.</summary>
    Suspended,

    /// <summary>It does not answer its health checks.</summary>
    Silent,

    /// <summary>Its operator has it come to an end.</summary>
    Draining,
}

/// <summary>What was measured of a replica since this node started.</summary>
/// <param name="Health">How it is.</param>
/// <param name="OutstandingRequests">Under way.</param>
/// <param name="OutstandingTokens">That these may come to.</param>
/// <param name="FirstTokenMs">Moving average of the time until it begins to answer; null before the first.</param>
/// <param name="TokensPerSecond">Moving average of how fast it writes one answer; null before the first.</param>
/// <param name="Served">Requests that came to a good end.</param>
/// <param name="Failed">Requests that failed through its fault.</param>
/// <param name="Corrected">Requests of which it said that they had used more than can be.</param>
public sealed record ReplicaFigures(
    ReplicaHealth Health, int OutstandingRequests, long OutstandingTokens, double? FirstTokenMs, double? TokensPerSecond, long Served, long Failed, long Corrected);

/// <summary>How a request at a replica ended.</summary>
/// <param name="Kind">Well or not.</param>
/// <param name="FirstTokenMs">Until it began to answer.</param>
/// <param name="DurationMs">Until it had answered.</param>
/// <param name="OutputTokens">That it wrote.</param>
/// <param name="IsCorrected">Whether it said that more was used than can be.</param>
public readonly record struct RequestEnd(RequestEndKind Kind, double FirstTokenMs, double DurationMs, long OutputTokens, bool IsCorrected)
{
    /// <summary>How long it wrote: of an answer that came as a whole, all the time that it took.</summary>
    public double WritingMs => DurationMs > FirstTokenMs ? DurationMs - FirstTokenMs : DurationMs;

    /// <summary>Of one that failed, whether the replica was not there, or did not answer in time.</summary>
    public bool IsAway { get; init; }

    /// <summary>The replica did not do it.</summary>
    public static RequestEnd Failed => new(RequestEndKind.Failed, 0, 0, 0, false);

    /// <summary>It ended without saying anything of the replica.</summary>
    public static RequestEnd Abandoned => new(RequestEndKind.Abandoned, 0, 0, 0, false);
}

/// <summary>How a request at a replica ended.</summary>
public enum RequestEndKind
{
    /// <summary>It was answered.</summary>
    Served,

    /// <summary>It failed through the replica's fault.</summary>
    Failed,

    /// <summary>The client gave it up, or it was at fault itself.</summary>
    Abandoned,
}
