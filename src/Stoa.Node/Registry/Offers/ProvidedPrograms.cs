using Stoa.Network.Kademlia;
using Stoa.Node.Background;
using Stoa.Node.Network;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>Tells the network's hash table which programs are at hand here: up to <see cref="Most"/>, those published last, where the <see cref="NodeOffers">offer</see> has room for fewer.</summary>
/// <remarks>A provider record says who has something and how to reach it, costs its readers nothing until they ask, and is kept by the nodes nearest to the program's digest. The table repeats them by itself.</remarks>
internal sealed class ProvidedPrograms(NetworkService network, Database database, OwnPrograms own, TimeProvider time, ILogger<ProvidedPrograms> logger) : BackgroundService
{
    /// <summary>The most that are told of: the table of a network is shared by all.</summary>
    public const int Most = 100_000;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_reading = TimeSpan.FromMinutes(10);

    private readonly FailureLog _failures = new(logger, time);
    private readonly HashSet<ContentHash> _told = [];
    private (long Changes, DateTimeOffset At)? _read;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (network.Directory is not { } directory)
            return;
        while (true)
        {
            await _failures.TryAsync("tell the network which programs are at hand", stop => TellAsync(directory, stop), stoppingToken);
            await Task.Delay(s_look, time, stoppingToken);
        }
    }

    private async Task TellAsync(Kademlia directory, CancellationToken cancellationToken)
    {
        var (changes, now) = (database.GetSignal(SqlListingChanges.Topic).Value, time.GetUtcNow());
        // Alone there is nobody to tell.
        if (network.Host is not { ConnectedPeers.Count: > 0 } || (_read is { } read && read.Changes == changes && now - read.At < s_reading))
            return;
        var programs = (await own.ListAsync(Most, cancellationToken)).ToHashSet();
        foreach (var gone in _told.Where(program => !programs.Contains(program)).ToList())
        {
            directory.StopProviding(ContentKey.Of(gone));
            _told.Remove(gone);
        }

        List<ContentHash> added = [.. programs.Where(program => !_told.Contains(program))];
        // What nobody has taken is told again at the next look.
        if (added.Count > 0 && await directory.ProvideAsync([.. added.Select(ContentKey.Of)], cancellationToken) == 0)
            return;
        _told.UnionWith(added);
        _read = (changes, now);
    }
}
