using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>When statements are compared with which peer: at once when a connection comes about, then every now and then, sooner while there is more, later and later while it fails.</summary>
/// <param name="interval">How often.</param>
/// <param name="choose">Chance: a number from 0 to below its argument.</param>
internal sealed class SyncSchedule(TimeSpan interval, Func<int, int> choose)
{
    private const int MaxPeers = 4_096;
    private const int MaxDoublings = 7;

    private static readonly TimeSpan s_more = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_busy = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_failed = TimeSpan.FromSeconds(15);
    // Who was dialled waits so long for the one that has dialled.
    private static readonly TimeSpan s_dialled = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pagesAgain = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _peers = [];

    /// <summary>Notes a peer that is connected and speaks the protocol.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="isDialler">Whether this node has dialled it: then it begins.</param>
    /// <param name="now">UTC.</param>
    public void Meet(PeerId peer, bool isDialler, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(peer, out var entry))
            {
                // It was away; what failed before it went is still to be waited for.
                if (!entry.IsHere && entry.Failures == 0)
                    entry.DueAt = now + (isDialler ? TimeSpan.Zero : s_dialled);
                entry.IsHere = true;
                return;
            }

            if (_peers.Count >= MaxPeers && _peers.FirstOrDefault(known => known.Value is { IsHere: false, IsRunning: false }) is { Value: not null } gone)
                _peers.Remove(gone.Key);
            if (_peers.Count < MaxPeers)
                _peers.Add(peer, new Entry { IsHere = true, DueAt = now + (isDialler ? TimeSpan.Zero : s_dialled) });
        }
    }

    /// <summary>Notes that a peer is gone.</summary>
    public void Leave(PeerId peer)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(peer, out var entry))
                entry.IsHere = false;
        }
    }

    /// <summary>Takes up the session that is due the longest.</summary>
    /// <returns>With whom, and where pages go on (null: none are to be taken); null when none is due.</returns>
    public (PeerId Peer, UInt128? PageFrom)? Begin(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (Next() is not var (peer, entry) || entry.DueAt > now)
                return null;
            entry.IsRunning = true;
            return (peer, entry.PagesAgainAt <= now ? entry.PageFrom : null);
        }
    }

    /// <summary>When the next session is due, if nothing else happens; null when none is.</summary>
    public DateTimeOffset? NextAt()
    {
        lock (_lock)
            return Next()?.Entry.DueAt;
    }

    /// <summary>Ends a session that this node has begun.</summary>
    /// <param name="peer">With whom.</param>
    /// <param name="report">What it came to; null when it was broken off.</param>
    /// <param name="now">UTC.</param>
    public void End(PeerId peer, ReconciliationReport? report, DateTimeOffset now)
    {
        lock (_lock)
        {
            var entry = _peers[peer];
            entry.IsRunning = false;
            if (report is null || report.Intake.Forged > 0)
            {
                entry.DueAt = now + Around(s_failed * (1 << Math.Min(entry.Failures++, MaxDoublings)));
                return;
            }

            entry.Failures = 0;
            if (report.Way is ReconciliationWay.Pages)
            {
                entry.PageFrom = report.PageFrom ?? UInt128.Zero;
                if (report.PageFrom is null)
                    entry.PagesAgainAt = now + s_pagesAgain;
            }

            // Without anything taken, another session would find the same.
            var hasMore = !report.IsComplete && (report.Intake.Taken > 0 || report.Way is ReconciliationWay.Pages);
            entry.DueAt = now + (report.Way is ReconciliationWay.Busy ? Around(s_busy) : hasMore ? s_more : Around(interval));
        }
    }

    /// <summary>A peer has compared its statements with this node's: it need not be done again for a while.</summary>
    public void Served(PeerId peer, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(peer, out var entry) && entry.Failures == 0)
                entry.DueAt = now + Around(interval);
        }
    }

    private (PeerId Peer, Entry Entry)? Next()
    {
        (PeerId, Entry Entry)? next = null;
        foreach (var (peer, entry) in _peers)
        {
            if (entry is { IsHere: true, IsRunning: false } && (next is null || entry.DueAt < next.Value.Entry.DueAt))
                next = (peer, entry);
        }

        return next;
    }

    /// <summary>Three to five quarters of a time.</summary>
    private TimeSpan Around(TimeSpan time) => time * ((750 + choose(501)) / 1_000.0);

    private sealed class Entry
    {
        public bool IsHere { get; set; }

        public bool IsRunning { get; set; }

        public int Failures { get; set; }

        public DateTimeOffset DueAt { get; set; }

        public UInt128 PageFrom { get; set; }

        public DateTimeOffset PagesAgainAt { get; set; }
    }
}
