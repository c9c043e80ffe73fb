using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Background;
using Stoa.Node.Hosting;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Inference.Sales;
using Stoa.Node.Network;
using Stoa.Node.PayPerCall;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>Tells the network what this node offers, for as long as it takes part: anew when something has changed, and well before what it said last is over.</summary>
internal sealed class NodeOffers(
    NetworkService network,
    NodeOptions node,
    TasksOptions tasks,
    Database database,
    OwnPrograms own,
    OwnGoods goods,
    ModelFleets fleets,
    ListedModels listed,
    SoldModels sold,
    Till till,
    NodeStatements statements,
    AdmissionPolicy policy,
    TimeProvider time,
    ILogger<NodeOffers> logger) : BackgroundService
{
    // A few less than an offer may name: with all else at its most it has to be short enough to be said.
    private const int ProgramsSaid = StatementLimits.MaxPrograms - (4 * StatementLimits.MaxPostedRuns);

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_reading = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_life = TimeSpan.FromHours(4);
    private static readonly TimeSpan s_renewal = TimeSpan.FromHours(1);

    private readonly FailureLog _failures = new(logger, time);
    private readonly RereadSchedule _reread = new(s_settle, patience: s_reading, longest: s_reading);
    private Told? _last;
    private AtHand _atHand = new([], [], []);
    private IReadOnlyList<ListingName> _served = [];
    private (DateOnly Day, int Count) _today;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (network.Host is null)
            return;
        while (true)
        {
            await _failures.TryAsync("tell the network what it offers", TellAsync, stoppingToken);
            await Task.Delay(s_look, time, stoppingToken);
        }
    }

    /// <summary>Tells it, if that is due.</summary>
    internal async Task TellAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (addresses, atHand) = (Addresses(), await AtHandAsync(now, cancellationToken));
        // What nobody is paid for has no price.
        var isSelling = await till.FindPayeeAsync(cancellationToken) is not null;
        var sells = isSelling ? await SellsAsync(cancellationToken) : [];
        var runs = isSelling ? atHand.Runs : [];
        if (_last is { } last && last.Says(addresses, atHand, sells, runs))
        {
            if (now - last.At < s_renewal)
                return;
        }
        else if (!MayChange(now))
        {
            return;
        }

        var until = DateTimeOffset.FromUnixTimeMilliseconds((now + s_life).ToUnixTimeMilliseconds());
        var content = new OfferStatement(addresses, node.Region, tasks.Workers, tasks.MaxMemoryBytes, atHand.Programs, OfferStatement.PostedRates, until)
        {
            Models = atHand.Models,
            Sells = sells,
            Runs = runs,
        };
        await statements.SayAsync(content, cancellationToken);
        _last = new Told(now, addresses, atHand, sells, runs);
        _today = (DateOnly.FromDateTime(now.UtcDateTime), _today.Count + 1);
    }

    /// <summary>Of what a stranger may say in a day some is left for the renewals that are to come.</summary>
    private bool MayChange(DateTimeOffset now)
    {
        if (_today.Day != DateOnly.FromDateTime(now.UtcDateTime))
            _today = (DateOnly.FromDateTime(now.UtcDateTime), 0);
        var renewals = (int)Math.Ceiling((TimeSpan.FromDays(1) - now.UtcDateTime.TimeOfDay) / s_renewal);
        return _today.Count + renewals < policy.Stranger.PerDay;
    }

    /// <summary>What is at hand: read again when listings have changed, and now and then, not at each look.</summary>
    private async Task<AtHand> AtHandAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var changes = database.GetSignal(SqlListingChanges.Topic).Value;
        List<ListingName> served = [.. fleets.All.Select(fleet => fleet.Model.Listing).Take(StatementLimits.MaxModels)];
        if (!_reread.IsDue(changes, now) && _served.SequenceEqual(served))
            return _atHand;
        _atHand = new AtHand(
            await own.ListAsync(ProgramsSaid, cancellationToken),
            await ListModelsAsync(served, cancellationToken),
            [.. (await own.ListAloneAsync(StatementLimits.MaxPostedRuns, cancellationToken)).Select(version => new PostedRun(version.ProgramDigest, version.Manifest.Price))]);
        _served = served;
        _reread.Read(changes, now);
        return _atHand;
    }

    /// <summary>The files of models that servers of this node have, before those that it only keeps.</summary>
    private async Task<IReadOnlyList<ContentHash>> ListModelsAsync(IReadOnlyCollection<ListingName> served, CancellationToken cancellationToken)
    {
        var weights = await listed.ListWeightsAsync(served, cancellationToken);
        return [.. weights.Concat(await goods.ListContentsAsync(ListingKind.Model, StatementLimits.MaxModels, cancellationToken)).Distinct().Take(StatementLimits.MaxModels).Order()];
    }

    /// <summary>The models whose answers are sold here.</summary>
    private async Task<IReadOnlyList<OfferedModel>> SellsAsync(CancellationToken cancellationToken) =>
    [
        .. (await sold.ListAsync(cancellationToken)).Take(StatementLimits.MaxSoldModels).Select(model => new OfferedModel(
            new KeyedListing(model.Publisher, model.Listing.Name, model.Listing.Version),
            model.Price.PerMillionInputTokens,
            model.Price.PerMillionOutputTokens,
            model.Model.ContextLength,
            model.TokensPerSecond is { } speed ? OfferedModel.Rounded(speed) : null)),
    ];

    private List<string> Addresses() =>
        [.. network.Addresses.Select(address => address.ToString()).Where(address => address.Length <= StatementLimits.MaxAddressLength).Order(StringComparer.Ordinal).Take(StatementLimits.MaxAddresses)];

    private sealed record AtHand(IReadOnlyList<ContentHash> Programs, IReadOnlyList<ContentHash> Models, IReadOnlyList<PostedRun> Runs);

    private sealed record Told(DateTimeOffset At, IReadOnlyList<string> Addresses, AtHand AtHand, IReadOnlyList<OfferedModel> Sells, IReadOnlyList<PostedRun> Runs)
    {
        public bool Says(IReadOnlyList<string> addresses, AtHand atHand, IReadOnlyList<OfferedModel> sells, IReadOnlyList<PostedRun> runs) =>
            Addresses.SequenceEqual(addresses) && AtHand.Programs.SequenceEqual(atHand.Programs) && AtHand.Models.SequenceEqual(atHand.Models) && Runs.SequenceEqual(runs)
            && Sells.Count == sells.Count && Sells.Zip(sells).All(both => Says(both.First, both.Second));

        /// <summary>A speed that has changed is said with the next renewal: it changes with every answer. The first that is known is said at once.</summary>
        private static bool Says(OfferedModel told, OfferedModel now) => told == now with { TokensPerSecond = told.TokensPerSecond } && (told.TokensPerSecond is not null || now.TokensPerSecond is null);
    }
}
