using Stoa.Market.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>Keeps what this node has in memory of the statements in step with where they are kept, whichever node of the cell writes them.</summary>
/// <remarks>All ids are read at the start, and again twice a day, when the key of the sketch is drawn anew as well.</remarks>
/// <param name="changes">What comes and goes.</param>
/// <param name="index">Follows.</param>
/// <param name="drawKey">Draws keys that nobody knows beforehand.</param>
/// <param name="time">The clock.</param>
internal sealed class ReplicaFollower(IStatementChanges changes, ReplicaIndex index, Func<SipKey> drawKey, TimeProvider time)
{
    private const int AtOnce = 10_000;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_anew = SqlStatementStore.RemovalsKept / 2;

    private StatementPlace _place;
    private DateTimeOffset? _readAt;

    /// <summary>Whether all ids were read.</summary>
    public bool IsReady => _readAt is not null;

    /// <summary>Goes on until it is cancelled.</summary>
    /// <exception cref="Exception">What is kept cannot be read; it may be run again.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var seen = changes.Signal.Value;
            await StepAsync(cancellationToken);
            await changes.Signal.WaitBeyondAsync(seen, s_poll, time, cancellationToken);
        }
    }

    /// <summary>Brings it in step.</summary>
    public async Task StepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_readAt is not { } readAt || now - readAt > s_anew)
        {
            if (IsReady)
                index.Rekey(drawKey());
            await ReadAllAsync(cancellationToken);
            _readAt = now;
        }

        bool hasMore;
        do
        {
            var changed = await changes.ReadAsync(_place, AtOnce, cancellationToken);
            index.Apply(changed.Added, changed.Removed);
            (_place, hasMore) = (changed.Last, changed.HasMore);
        }
        while (hasMore);
    }

    private async Task ReadAllAsync(CancellationToken cancellationToken)
    {
        var place = await changes.LastAsync(cancellationToken);
        var before = index.Ids;
        var after = default(ContentHash);
        while (true)
        {
            var page = await changes.ListIdsAsync(after, AtOnce, cancellationToken);
            var there = page.ToHashSet();
            var last = page.Count < AtOnce ? (ContentHash?)null : page[^1];
            var gone = before.From(SetItem.Of(after)).SkipWhile(id => id <= after).TakeWhile(id => last is null || id <= last).Where(id => !there.Contains(id));
            index.Apply(page, gone.ToList());
            if (last is not { } next)
                break;
            after = next;
        }

        // What changed meanwhile is followed from here; what is done already is done again for nothing.
        _place = place;
    }
}
