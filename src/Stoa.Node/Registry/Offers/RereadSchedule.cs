namespace Stoa.Node.Registry.Offers;

/// <summary>When what follows from the listings of this cell is to be read again: once for however many have changed, a short while after the last of them, and now and then without that.</summary>
/// <param name="settle">How long none has changed before it is read.</param>
/// <param name="patience">How long a change waits at most, should they never end.</param>
/// <param name="longest">How long it goes without any.</param>
internal sealed class RereadSchedule(TimeSpan settle, TimeSpan patience, TimeSpan longest)
{
    private (long Changes, DateTimeOffset At)? _read;
    private (long Changes, DateTimeOffset First, DateTimeOffset Last)? _waiting;

    /// <summary>Whether it is to be read now. Asked at each look.</summary>
    /// <param name="changes">Number of the last change.</param>
    /// <param name="now">UTC.</param>
    public bool IsDue(long changes, DateTimeOffset now)
    {
        if (_read is not { } read || now - read.At >= longest)
            return true;
        if (changes == read.Changes)
            return false;
        if (_waiting is not { } waiting)
            _waiting = waiting = (changes, now, now);
        else if (waiting.Changes != changes)
            _waiting = waiting = (changes, waiting.First, now);
        return now - waiting.Last >= settle || now - waiting.First >= patience;
    }

    /// <summary>Tells that it was read.</summary>
    /// <param name="changes">Number of the last change before.</param>
    /// <param name="at">UTC.</param>
    public void Read(long changes, DateTimeOffset at) => (_read, _waiting) = ((changes, at), null);
}
