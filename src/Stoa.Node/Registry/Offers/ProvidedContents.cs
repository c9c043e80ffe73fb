using Stoa.Network.Kademlia;
using Stoa.Node.Background;
using Stoa.Node.Network;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>Tells the network's hash table what is at hand here, programs and the bytes of goods: up to <see cref="Most"/> of either, those published last, where the <see cref="NodeOffers">offer</see> has room for fewer.</summary>
/// <remarks>A provider record says who has something and how to reach it, costs its readers nothing until they ask, and is kept by the nodes nearest to the digest. The table repeats them by itself.</remarks>
internal sealed class ProvidedContents(NetworkService network, Database database, OwnPrograms own, OwnGoods goods, TimeProvider time, ILogger<ProvidedContents> logger) : BackgroundService
{
    /// <summary>The most that are told of, of either: the table of a network is shared by all.</summary>
    public const int Most = 100_000;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_reading = TimeSpan.FromMinutes(10);

    private readonly FailureLog _failures = new(logger, time);
    private readonly HashSet<ContentHash> _told = [];
    private readonly RereadSchedule _reread = new(s_settle, s_patience, longest: s_reading);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (network.Directory is not { } directory)
            return;
        while (true)
        {
            await _failures.TryAsync("tell the network what is at hand", stop => TellAsync(directory, stop), stoppingToken);
            await Task.Delay(s_look, time, stoppingToken);
        }
    }

    private async Task TellAsync(Kademlia directory, CancellationToken cancellationToken)
    {
        var (changes, now) = (database.GetSignal(SqlListingChanges.Topic).Value, time.GetUtcNow());
        // Alone there is nobody to tell.
        if (network.Host is not { ConnectedPeers.Count: > 0 } || !_reread.IsDue(changes, now))
            return;
        var contents = (await own.ListAsync(Most, cancellationToken)).Concat(await goods.ListContentsAsync(kind: null, Most, cancellationToken)).ToHashSet();
        foreach (var gone in _told.Where(content => !contents.Contains(content)).ToList())
        {
            directory.StopProviding(ContentKey.Of(gone));
            _told.Remove(gone);
        }

        List<ContentHash> added = [.. contents.Where(content => !_told.Contains(content))];
        // What nobody has taken is told again at the next look.
        if (added.Count > 0 && await directory.ProvideAsync([.. added.Select(ContentKey.Of)], cancellationToken) == 0)
            return;
        _told.UnionWith(added);
        _reread.Read(changes, now);
    }
}
