using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Walks towards a point of the key space by asking ever nearer peers for whom they know still nearer.</summary>
/// <remarks>
/// It ends when the k nearest peers heard of have answered, those left out that do not. α are asked at once, over d disjoint paths; when nobody nearer comes to
/// light any more, all of the k that are left at once, as in the paper. Whoever is slow (later than nine in ten) no longer holds a place: the next is asked
/// beside it, and its answer is taken if it comes before the end. State is touched by one reader of events only.
/// </remarks>
internal sealed class Lookup
{
    private readonly KademliaOptions _options;
    private readonly IMessenger _messenger;
    private readonly TimeProvider _time;
    private readonly Candidates _candidates;
    private readonly Channel<(Candidate Candidate, Answer? Answer, bool IsSlow)> _events =
        Channel.CreateUnbounded<(Candidate, Answer?, bool)>(new UnboundedChannelOptions { SingleReader = true });

    private int _outstanding;
    private int _messages;
    private int _failures;
    private int _answersWithoutNearer;
    private KademliaKey? _nearest;

    /// <param name="target">The point.</param>
    /// <param name="self">Who looks: never asked.</param>
    /// <param name="options">α, k, d and limits.</param>
    /// <param name="messenger">Asks.</param>
    /// <param name="time">When an answer is slow.</param>
    public Lookup(KademliaKey target, PeerId self, KademliaOptions options, IMessenger messenger, TimeProvider time)
    {
        (_options, _messenger, _time) = (options, messenger, time);
        _candidates = new Candidates(target, self, options.BucketSize, options);
    }

    /// <summary>Walks.</summary>
    /// <param name="start">Whom to ask first, the nearest first.</param>
    /// <param name="always">Whom to ask beside, however many are nearer.</param>
    /// <param name="request">What to ask each.</param>
    /// <param name="isEnough">Sees each answer, and says whether the walk may end; null to go to the end.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<LookupResult> RunAsync(
        IEnumerable<PeerAddress> start, IEnumerable<PeerAddress> always, Wire.Message request, Func<PeerAddress, Answer, bool>? isEnough, CancellationToken cancellationToken)
    {
        foreach (var peer in start)
            _candidates.Start(peer, isAlwaysAsked: false);
        foreach (var peer in always)
            _candidates.Start(peer, isAlwaysAsked: true);
        var stop = new CancellationTokenSource();
        var isComplete = false;
        using var given = cancellationToken.UnsafeRegister(static stop => ((CancellationTokenSource)stop!).Cancel(), stop);
        try
        {
            while (true)
            {
                while (_candidates.Active < Width && _candidates.Next() is { } next)
                    _ = AskAsync(next, request, stop.Token);
                // With as many as were wanted, nobody waits for the slow. Their requests go on, so that it is known next time who is not there.
                if (_outstanding == 0 || (_candidates.Active == 0 && _candidates.Answered.Count == _options.BucketSize))
                {
                    isComplete = true;
                    return ToResult(isComplete);
                }

                var (candidate, answer, isSlow) = await _events.Reader.ReadAsync(cancellationToken);
                if (isSlow)
                    _candidates.Delay(candidate);
                else if (Take(candidate, answer) && isEnough?.Invoke(candidate.Peer, answer!) == true)
                    return ToResult(isComplete: false);
            }
        }
        finally
        {
            // Who is asked still is not waited for. It is no fault of theirs.
            if (!isComplete)
                stop.Cancel();
        }
    }

    private int Width => _answersWithoutNearer < _options.Concurrency ? _options.Concurrency : _options.BucketSize;

    private async Task AskAsync(Candidate candidate, Wire.Message request, CancellationToken cancellationToken)
    {
        _candidates.Ask(candidate);
        _outstanding++;
        _messages++;
        Answer? answer = null;
        await using var slow = _time.CreateTimer(_ => _events.Writer.TryWrite((candidate, null, true)), null, _messenger.PatienceFor(candidate.Peer.Peer), Timeout.InfiniteTimeSpan);
        try
        {
            answer = await _messenger.AskAsync(candidate.Peer, request, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The lookup has ended.
        }
        finally
        {
            _events.Writer.TryWrite((candidate, answer, false));
        }
    }

    private bool Take(Candidate candidate, Answer? answer)
    {
        _outstanding--;
        if (answer is null)
        {
            _failures++;
            _candidates.Fail(candidate);
            return false;
        }

        if (!_candidates.Answer(candidate, answer.From))
            return false;
        _answersWithoutNearer++;
        if (_nearest is not { } nearest || candidate.Distance.CompareTo(nearest) < 0)
            (_nearest, _answersWithoutNearer) = (candidate.Distance, 0);
        _candidates.Hear(candidate, answer.Closer.Where(peer => !_messenger.IsAbsent(peer.Peer)));
        return true;
    }

    private LookupResult ToResult(bool isComplete)
    {
        var answered = _candidates.Answered;
        return new LookupResult(
            [.. answered.Select(candidate => candidate.Peer)], isComplete, new LookupReport(1, answered is [var nearest, ..] ? nearest.Depth : 0, _messages, _failures + (isComplete ? _outstanding : 0)));
    }
}

/// <summary>Where a lookup came to.</summary>
/// <param name="Closest">The peers that have answered, the nearest first, at most k.</param>
/// <param name="IsComplete">Whether it went to the end.</param>
/// <param name="Report">What it took.</param>
internal sealed record LookupResult(IReadOnlyList<PeerAddress> Closest, bool IsComplete, LookupReport Report);
