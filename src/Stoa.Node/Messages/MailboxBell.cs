using Stoa.Market.Messages;
using Stoa.Node.Background;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>Wakes those who wait for messages of a mailbox, whichever node of the cell has put them there.</summary>
/// <remarks>What this node commits is known at once. What others commit on PostgreSQL comes by NOTIFY; while nothing can be heard, those who wait look each second for themselves.</remarks>
public sealed class MailboxBell(Database database, TimeProvider time, ILogger<MailboxBell> logger) : BackgroundService
{
    private const string Channel = "mailbox_messages";
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Mailbox>, Bell> _bells = [];
    private readonly FailureLog _failures = new(logger, time);
    private volatile bool _isDeaf = database is PostgresDatabase;

    /// <summary>How long one who hears nothing waits before looking all the same; null for as long as he likes.</summary>
    internal TimeSpan? LookAfter => _isDeaf ? s_pause : null;

    /// <summary>Rings for a mailbox once an act is committed, at every node.</summary>
    internal async Task RingAsync(SqlSession session, Id<Mailbox> mailbox)
    {
        session.OnCommitted(() => Ring(mailbox));
        if (!session.Dialect.IsSqlite)
            await session.SendAsync("SELECT pg_notify(@channel, @payload)", new { channel = Channel, payload = mailbox.ToString() });
    }

    /// <summary>Begins to listen for a mailbox, until the listener is disposed of. Look at the mailbox afterwards: what came before is not told.</summary>
    internal Listener Listen(Id<Mailbox> mailbox)
    {
        lock (_lock)
        {
            if (!_bells.TryGetValue(mailbox, out var bell))
                _bells[mailbox] = bell = new Bell();
            bell.Listeners++;
            return new Listener(this, mailbox, bell.Signal);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (database is not PostgresDatabase postgres)
            return;
        while (true)
        {
            await _failures.TryAsync("hear of messages in mailboxes", cancellation => postgres.ListenAsync([Channel], Heard, Listening, cancellation), stoppingToken);
            _isDeaf = true;
            // Whoever relies on being told looks for himself from here on.
            RingAll();
            await Task.Delay(s_pause, time, stoppingToken);
        }
    }

    private void Heard(string channel, string payload)
    {
        if (Id<Mailbox>.TryParse(payload, out var mailbox))
            Ring(mailbox);
    }

    private void Listening()
    {
        _isDeaf = false;
        // For what came while nobody listened.
        RingAll();
    }

    private void Ring(Id<Mailbox> mailbox)
    {
        lock (_lock)
            _bells.GetValueOrDefault(mailbox)?.Ring();
    }

    private void RingAll()
    {
        lock (_lock)
        {
            foreach (var bell in _bells.Values)
                bell.Ring();
        }
    }

    private void Leave(Id<Mailbox> mailbox)
    {
        lock (_lock)
        {
            if (--_bells[mailbox].Listeners == 0)
                _bells.Remove(mailbox);
        }
    }

    /// <summary>One who listens for a mailbox.</summary>
    internal sealed class Listener(MailboxBell all, Id<Mailbox> mailbox, Signal signal) : IDisposable
    {
        /// <summary>How often it rang.</summary>
        public long Rings => signal.Value;

        /// <summary>Waits until it has rung once more than was seen, or for a while.</summary>
        public Task WaitAsync(long seen, TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken) => signal.WaitBeyondAsync(seen, atMost, time, cancellationToken);

        public void Dispose() => all.Leave(mailbox);
    }

    private sealed class Bell
    {
        public Signal Signal { get; } = new();

        public int Listeners { get; set; }

        public void Ring() => Signal.Raise(Signal.Value + 1);
    }
}
