using Stoa.Market.Registry.Discovery;
using Stoa.Node.Background;
using Stoa.Node.Storage;

namespace Stoa.Node.Registry.Discovery;

/// <summary>Fills the index of listings at the start, in portions, and keeps it in step with the database: at once with what this node writes, within two seconds with what other nodes of the cell do.</summary>
/// <remarks>There is no difference between filling and following: both read on in the order of changes.</remarks>
public sealed class ListingFeed(Database database, ListingIndex index, TimeProvider time, ILogger<ListingFeed> logger) : BackgroundService
{
    private const int AtOnce = 500;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    // The clocks of nodes differ, and what was written before may be committed after.
    private static readonly TimeSpan s_overlap = TimeSpan.FromMinutes(1);

    // Offers hold for hours: a search by regions need not have them at once.
    private static readonly TimeSpan s_regionsPause = TimeSpan.FromSeconds(5);

    // However much strangers offer, looking at it takes no more than this part of the time; but what is offered is never older than a minute.
    private const int RegionsShare = 20;
    private static readonly TimeSpan s_regionsPauseMax = TimeSpan.FromMinutes(1);

    private readonly SqlListingChanges _changes = new(database);
    private readonly OfferedRegions _offers = new(database);
    private readonly Signal _reached = new();
    private DateTimeOffset? _learntUntil;
    private DateTimeOffset? _regionsDue;
    private volatile bool _isComplete;

    /// <summary>Whether all that there was at the start is in the index.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>Ends once all is in the index that this node had written before the call, so that whoever publishes finds it at once; after two seconds in any case, and at once while the index is being filled.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        var written = database.GetSignal(SqlListingChanges.Topic).Value;
        if (!IsComplete || _reached.Value >= written)
            return;
        await _reached.WaitBeyondAsync(written - 1, s_patience, time, cancellationToken);
    }

    /// <summary>Takes all that has changed since the last time.</summary>
    internal async Task FollowAsync(CancellationToken cancellationToken)
    {
        _learntUntil ??= time.GetUtcNow() - s_overlap;
        int read;
        do
        {
            var changes = await _changes.ReadAfterAsync(_reached.Value, AtOnce, cancellationToken);
            read = changes.Count;
            if (read == 0)
                break;
            index.Change([.. changes.Select(change => change.Document).OfType<ListingDocument>()], [.. changes.Where(change => change.Document is null).Select(change => change.Key)]);
            _reached.Raise(changes[^1].Sequence);
        }
        while (read == AtOnce);

        if (!_isComplete)
            logger.LogInformation("{Count} listings of the network can be searched.", index.Count);
        _isComplete = true;
        await FollowStandingsAsync(cancellationToken);
        if (time.GetUtcNow() is var now && (_regionsDue is null || now >= _regionsDue))
        {
            var began = time.GetTimestamp();
            index.SetRegions(await _offers.ReadAsync(now, cancellationToken));
            var share = RegionsShare * time.GetElapsedTime(began);
            _regionsDue = now + TimeSpan.FromTicks(Math.Clamp(share.Ticks, s_regionsPause.Ticks, s_regionsPauseMax.Ticks));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failures = new FailureLog(logger, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            if (await failures.TryAsync("bring the index of listings up to date", FollowAsync, stoppingToken))
                await database.GetSignal(SqlListingChanges.Topic).WaitBeyondAsync(_reached.Value, s_pause, time, stoppingToken);
            else
                await Task.Delay(s_pause, time, stoppingToken);
        }
    }

    private async Task FollowStandingsAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (since, after) = (_learntUntil!.Value, "");
        while (true)
        {
            var (standings, last, count) = await _changes.ReadStandingsAsync(since, after, AtOnce, cancellationToken);
            index.SetStandings(standings);
            if (count < AtOnce)
                break;
            (since, after) = last!.Value;
        }

        _learntUntil = now - s_overlap;
    }
}
