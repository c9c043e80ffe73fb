using System.Runtime.CompilerServices;
using Stoa.Market.Events;

namespace Stoa.Node.Events;

/// <summary>The stream of events as a reader wants it: what is stored, from a position on and without a gap, and what is live in between.</summary>
/// <remarks>Stored events are read when the reader asks for the next one, so a slow reader costs no memory.</remarks>
public sealed class EventFeed(IEventStore store, LiveEvents live, EventSignal signal)
{
    private const int BatchSize = 100;

    /// <summary>The position of the newest event: a reader who starts here sees what happens from now on.</summary>
    public Task<long> LastSequenceAsync(CancellationToken cancellationToken) => store.LastSequenceAsync(cancellationToken);

    /// <summary>Events after a position, without end.</summary>
    /// <param name="filter">Which events; it holds the reader to what the reader may see.</param>
    /// <param name="after">Position of the last event that the reader has; 0 for all.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public async IAsyncEnumerable<FeedEvent> ReadAsync(
        EventFilter filter, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var measured = live.Subscribe(filter);
        var position = after;
        while (true)
        {
            var batch = await store.ReadAfterAsync(position, filter, BatchSize, cancellationToken);
            foreach (var stored in batch.Events)
                yield return new FeedEvent(stored.Sequence, stored.Event);
            position = batch.ContinueAfter;
            if (batch.Events.Count == BatchSize)
                continue;

            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var grown = signal.WaitBeyondAsync(position, waiting.Token);
            while (!grown.IsCompleted)
            {
                while (measured.TryRead(out var happened))
                    yield return new FeedEvent(null, happened);
                await Task.WhenAny(grown, measured.WaitAsync(waiting.Token));
                cancellationToken.ThrowIfCancellationRequested();
            }

            await waiting.CancelAsync();
        }
    }
}
