using System.Collections.Concurrent;

namespace Stoa.Node.Tasks;

/// <summary>Logs what fails again and again, but not each time: whoever tries twice a second would fill a disk with one fault.</summary>
internal sealed class FailureLog(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> _toldAt = new(StringComparer.Ordinal);

    /// <summary>Tells of a failure, unless one of the same step was told of within the last minute.</summary>
    /// <param name="step">What has failed, for instance <c>give a sign of life</c>; one of a few constants.</param>
    /// <param name="failure">Why.</param>
    public void Tell(string step, Exception failure)
    {
        var now = time.GetTimestamp();
        if (_toldAt.TryGetValue(step, out var toldAt) && time.GetElapsedTime(toldAt, now) < s_pause)
            return;
        _toldAt[step] = now;
        logger.LogError(failure, "This node cannot {Step}; it tries again and again, and tells of it once a minute.", step);
    }
}
