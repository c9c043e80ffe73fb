using System.Collections.Concurrent;
using System.Threading.Channels;
using Stoa.Market.Events;

namespace Stoa.Node.Events;

/// <summary>Passes on what is worth knowing only now, such as measured progress. It is never stored, and a reader who is too slow misses the oldest of it.</summary>
public sealed class LiveEvents
{
    private const int WaitingMax = 64;

    private readonly ConcurrentDictionary<Subscription, byte> _subscriptions = new();

    /// <summary>Whether anybody listens: nobody needs to measure for nobody.</summary>
    public bool IsWatched => !_subscriptions.IsEmpty;

    /// <summary>What those who listen want.</summary>
    public IEnumerable<EventFilter> Filters => _subscriptions.Keys.Select(subscription => subscription.Filter);

    /// <summary>Told when somebody begins to listen.</summary>
    public event Action? Subscribed;

    /// <summary>Hands an event to those who want it and may see it. Never waits.</summary>
    public void Publish(NewEvent happened)
    {
        foreach (var (subscription, _) in _subscriptions)
            subscription.Offer(happened);
    }

    /// <summary>Listens until the subscription is disposed of.</summary>
    public Subscription Subscribe(EventFilter filter)
    {
        var subscription = new Subscription(this, filter);
        _subscriptions.TryAdd(subscription, 0);
        Subscribed?.Invoke();
        return subscription;
    }

    /// <summary>One listener.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly LiveEvents _events;
        private readonly Channel<NewEvent> _waiting = Channel.CreateBounded<NewEvent>(
            new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

        internal Subscription(LiveEvents events, EventFilter filter) => (_events, Filter) = (events, filter);

        /// <summary>What it wants, and may see.</summary>
        public EventFilter Filter { get; }

        /// <summary>The next event that waits, oldest first.</summary>
        public bool TryRead([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out NewEvent? happened) => _waiting.Reader.TryRead(out happened);

        /// <summary>Completes when an event waits.</summary>
        public async Task WaitAsync(CancellationToken cancellationToken) => await _waiting.Reader.WaitToReadAsync(cancellationToken);

        public void Dispose() => _events._subscriptions.TryRemove(this, out _);

        internal void Offer(NewEvent happened)
        {
            var wanted = (happened.Audience is null || happened.Audience == Filter.Viewer)
                && (Filter.Subject is null || happened.Subject == Filter.Subject)
                && (Filter.Types.Count == 0 || Filter.Types.Contains(happened.Type));
            if (wanted)
                _waiting.Writer.TryWrite(happened);
        }
    }
}
