using System.Collections.Concurrent;

namespace Stoa.Node.Background;

/// <summary>Logs what fails again and again, but not each time: whoever tries twice a second would fill a disk with one fault.</summary>
internal sealed class FailureLog(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(string Step, object? Thing), long> _toldAt = new();

    /// <summary>Tells of a failure, unless one of the same step was told of within the last minute.</summary>
    /// <param name="step">What has failed, for instance <c>give a sign of life</c>; one of a few constants.</param>
    /// <param name="failure">Why.</param>
    public void Tell(string step, Exception failure)
    {
        if (IsTime(step, null))
            logger.LogError(failure, "This node cannot {Step}; it tries again and again, and tells of it once a minute.", step);
    }

    /// <summary>Tells of a failure at one of many things, unless one at the same was told of within the last minute.</summary>
    /// <param name="step">What has failed, for instance <c>renew</c>; one of a few constants.</param>
    /// <param name="thing">Its id.</param>
    /// <param name="failure">Why.</param>
    public void TellOf(string step, object thing, Exception failure)
    {
        if (IsTime(step, thing))
            logger.LogError(failure, "This node cannot {Step} {Thing}, and goes on with others; it tries again and again, and tells of it once a minute.", step, thing);
    }

    /// <summary>Takes a step, and tells of it when it fails.</summary>
    /// <param name="step">As for <see cref="Tell"/>.</param>
    /// <param name="act">The step.</param>
    /// <param name="cancellationToken">Ends it: what is thrown then is thrown here.</param>
    /// <returns>Whether it did not fail.</returns>
    public async Task<bool> TryAsync(string step, Func<CancellationToken, Task> act, CancellationToken cancellationToken)
    {
        try
        {
            await act(cancellationToken);
            return true;
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            Tell(step, failure);
            return false;
        }
    }

    private bool IsTime(string step, object? thing)
    {
        var now = time.GetTimestamp();
        if (_toldAt.TryGetValue((step, thing), out var toldAt) && time.GetElapsedTime(toldAt, now) < s_pause)
            return false;
        // Of things there are many, and each fails for a while at most.
        foreach (var (old, at) in _toldAt)
        {
            if (time.GetElapsedTime(at, now) >= s_pause)
                _toldAt.TryRemove(old, out _);
        }

        _toldAt[(step, thing)] = now;
        return true;
    }
}
