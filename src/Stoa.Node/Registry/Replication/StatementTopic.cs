using System.Threading.Channels;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Gossip;
using Stoa.Node.Background;
using Stoa.Primitives;
using PeerHost = Stoa.Network.Hosting.Host;

namespace Stoa.Node.Registry.Replication;

/// <summary>The topic of statements: what is said here is published, what others say is taken in and judged. Whoever misses something finds it when statements are compared.</summary>
/// <remarks>What is new of this cell's own is found by its sequence. What was heard is not announced but passed on by those who judge it good.</remarks>
internal sealed class StatementTopic : IAsyncDisposable
{
    /// <summary>Its name.</summary>
    public const string Name = "/stoa/statements/1";

    private const string Way = "gossip";
    private const int AtOnce = 100;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(5);

    private readonly IStatementChanges _changes;
    private readonly StatementIntake _intake;
    private readonly AdmissionPolicy _policy;
    private readonly FailureLog _failures;
    private readonly TimeProvider _time;
    private readonly IAsyncDisposable _subscription;
    private long _toldTo;

    /// <param name="host">Carries it.</param>
    /// <param name="allowsPrivateAddresses">Whether peers at addresses that are not of the open network are gone to.</param>
    /// <param name="changes">What comes where statements are kept.</param>
    /// <param name="toldTo">Sequence of the last statement that was told before: not all that a cell has ever said is to be told with each start.</param>
    /// <param name="intake">Takes in what is heard.</param>
    /// <param name="policy">What statements of strangers cost: one that lacks its work is refused by all, and so not told.</param>
    /// <param name="failures">Told of what failed.</param>
    /// <param name="time">The clock.</param>
    public StatementTopic(
        PeerHost host, bool allowsPrivateAddresses, IStatementChanges changes, long toldTo, StatementIntake intake, AdmissionPolicy policy, FailureLog failures, TimeProvider time)
    {
        (_changes, _toldTo, _intake, _policy, _failures, _time) = (changes, toldTo, intake, policy, failures, time);
        Router = new GossipRouter(host, new GossipOptions { IdOf = IdOf, AllowsPrivateAddresses = allowsPrivateAddresses });
        _subscription = Router.Subscribe(Name, new TopicOptions { Validator = JudgeAsync });
    }

    /// <summary>Who is told, and hears.</summary>
    public GossipRouter Router { get; }

    /// <summary>Announces what this cell says, until it is cancelled.</summary>
    public async Task FollowAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var seen = _changes.Signal.Value;
            await _failures.TryAsync("announce what is said here", AnnounceNewAsync, stoppingToken);
            await _changes.Signal.WaitBeyondAsync(seen, s_poll, _time, stoppingToken);
        }
    }

    /// <summary>Announces what is given by hand, until it is cancelled.</summary>
    public async Task PassOnAsync(ChannelReader<Statement> given, CancellationToken stoppingToken)
    {
        while (true)
        {
            var statement = await given.ReadAsync(stoppingToken);
            await _failures.TryAsync("announce what was given to it", token => PublishAsync(SignedStatement.Of(statement), token), stoppingToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _subscription.DisposeAsync();
        await Router.DisposeAsync();
    }

    private async Task AnnounceNewAsync(CancellationToken cancellationToken)
    {
        var last = (await _changes.LastAsync(cancellationToken)).Added;
        while (_toldTo < last)
        {
            var own = await _changes.ListOwnAsync(_toldTo, last, AtOnce, cancellationToken);
            foreach (var (sequence, statement) in own)
            {
                // One that lacks its work is refused by all; it comes again when that is done.
                if (StatementWork.BitsOf(statement.Id) >= _policy.WorkBitsOf(statement.Payload.Length))
                    await PublishAsync(statement, cancellationToken);
                _toldTo = sequence;
            }

            if (own.Count < AtOnce)
                _toldTo = last;
        }
    }

    private Task<PublishReport> PublishAsync(SignedStatement statement, CancellationToken cancellationToken) => Router.PublishAsync(Name, StatementMessage.Write(statement), cancellationToken);

    private async ValueTask<IReadOnlyList<GossipVerdict>> JudgeAsync(IReadOnlyList<GossipMessage> messages, CancellationToken cancellationToken)
    {
        var statements = messages.Select(message => StatementMessage.Read(message.Data.Span)).ToList();
        var fates = await _intake.TakeEachAsync(Way, [.. statements.OfType<SignedStatement>()], cancellationToken);
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

    /// <summary>By what all nodes know a message of the topic.</summary>
    public static MessageId IdOf(GossipMessage message)
    {
        var id = new byte[ContentHash.Size];
        StatementMessage.IdOf(message.Data.Span).CopyTo(id);
        return new MessageId(id);
    }
}
