using System.Threading.Channels;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Gossip;
using Stoa.Node.Background;
using Stoa.Node.Network;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>Tells the network at once what is said here, and hears what others say, for as long as the node takes part. Whoever misses something finds it when statements are compared.</summary>
/// <remarks>
/// What is new of this cell's own is found by its sequence, whichever node of the cell has written it; what was given to this node by hand is announced by who took it. What was heard is not announced
/// but passed on by those who judge it good.
/// </remarks>
internal sealed class StatementGossip(
    NetworkService network, Database database, StatementIntake intake, AdmissionPolicy policy, TimeProvider time, ILogger<StatementGossip> logger) : BackgroundService
{
    /// <summary>The topic of statements.</summary>
    public const string Topic = "/stoa/statements/1";

    private const string Way = "gossip";
    private const int AtOnce = 100;
    private const int MaxWaiting = 1_000;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(5);

    private readonly FailureLog _failures = new(logger, time);
    private readonly Channel<Statement> _given = Channel.CreateBounded<Statement>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });
    private GossipRouter? _router;
    private IAsyncDisposable? _subscription;
    private long _toldTo;

    /// <summary>Who is told, and hears, of statements here; null while the node takes no part.</summary>
    internal GossipRouter? Router => _router;

    /// <summary>Has a statement announced that somebody has given to this node. When there is too much to announce it is left to comparisons.</summary>
    public void Announce(Statement statement) => _given.Writer.TryWrite(statement);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (network.Host is not { } host)
            return;
        // What was said before gets around by comparisons: not all that a cell has ever said is to be told with each start.
        _toldTo = await LastAsync(cancellationToken);
        _router = new GossipRouter(host, new GossipOptions { IdOf = IdOf, AllowsPrivateAddresses = network.AllowsPrivateAddresses });
        _subscription = _router.Subscribe(Topic, new TopicOptions { Validator = JudgeAsync });
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_subscription is not null)
            await _subscription.DisposeAsync();
        if (_router is not null)
            await _router.DisposeAsync();
        (_subscription, _router) = (null, null);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(FollowAsync(stoppingToken), PassOnAsync(stoppingToken));

    private async Task FollowAsync(CancellationToken stoppingToken)
    {
        var signal = database.GetSignal(SqlStatements.Topic);
        while (true)
        {
            var seen = signal.Value;
            await _failures.TryAsync("announce what is said here", AnnounceNewAsync, stoppingToken);
            await signal.WaitBeyondAsync(seen, s_poll, time, stoppingToken);
        }
    }

    private async Task PassOnAsync(CancellationToken stoppingToken)
    {
        await foreach (var statement in _given.Reader.ReadAllAsync(stoppingToken))
            await _failures.TryAsync("announce what was given to it", token => PublishAsync(SignedStatement.Of(statement), token), stoppingToken);
    }

    private async Task AnnounceNewAsync(CancellationToken cancellationToken)
    {
        var last = await LastAsync(cancellationToken);
        while (_toldTo < last)
        {
            var rows = await database.ReadAsync(
                session => session.QueryAsync<Row>(
                    """
                    SELECT s.sequence, s.payload, s.signature FROM statements AS s JOIN statement_signers AS g ON g.signer = s.signer
                    WHERE s.sequence > @after AND s.sequence <= @last AND g.standing = @own ORDER BY s.sequence LIMIT @limit
                    """,
                    new { after = _toldTo, last, own = nameof(SignerStanding.Own), limit = AtOnce }),
                cancellationToken);
            foreach (var row in rows)
            {
                var statement = new SignedStatement(row.Payload, row.Signature);
                // One that lacks its work is refused by all; it comes again when that is done.
                if (StatementWork.BitsOf(statement.Id) >= policy.WorkBitsOf(statement.Payload.Length))
                    await PublishAsync(statement, cancellationToken);
                _toldTo = row.Sequence;
            }

            if (rows.Count < AtOnce)
                _toldTo = last;
        }
    }

    private Task<PublishReport> PublishAsync(SignedStatement statement, CancellationToken cancellationToken) =>
        _router!.PublishAsync(Topic, StatementMessage.Write(statement), cancellationToken);

    private Task<long> LastAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM statements"), cancellationToken);

    private async ValueTask<IReadOnlyList<GossipVerdict>> JudgeAsync(IReadOnlyList<GossipMessage> messages, CancellationToken cancellationToken)
    {
        var statements = messages.Select(message => StatementMessage.Read(message.Data.Span)).ToList();
        var fates = await intake.TakeEachAsync(Way, [.. statements.OfType<SignedStatement>()], cancellationToken);
        var next = 0;
        return [.. statements.Select(statement => statement is null ? GossipVerdict.Reject : VerdictOf(fates[next++]))];
    }

    // What this node had already is told of by who has it; what it does not take others may take, but not through this node.
    private static GossipVerdict VerdictOf(IntakeFate fate) => fate switch
    {
        IntakeFate.Taken => GossipVerdict.Accept,
        IntakeFate.Forged => GossipVerdict.Reject,
        _ => GossipVerdict.Ignore,
    };

    private static MessageId IdOf(GossipMessage message)
    {
        var id = new byte[ContentHash.Size];
        StatementMessage.IdOf(message.Data.Span).CopyTo(id);
        return new MessageId(id);
    }

    private sealed record Row(long Sequence, byte[] Payload, byte[] Signature);
}
