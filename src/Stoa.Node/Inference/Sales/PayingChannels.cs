using System.Collections.Concurrent;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Node.Channels;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>The channels out of which answers are paid here lately. Only channels that pay who sells are kept, so whoever wants to fill the room has a deposit in each.</summary>
/// <param name="channels">In the database.</param>
/// <param name="time">The clock.</param>
public sealed class PayingChannels(SqlChannelStore channels, TimeProvider time)
{
    // Some thousand bytes each, by the vouchers that are remembered. Beyond it those that nobody asks for are forgotten once a second.
    private const int MostKept = 16_384;

    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_betweenSweeps = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_betweenSweepsOfAll = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Id<Channel>, PayingChannel> _known = new();
    private long _sweptAt = time.GetTimestamp();

    /// <summary>How many are kept.</summary>
    public int Count => _known.Count;

    /// <summary>A channel that pays somebody.</summary>
    /// <param name="id">The channel.</param>
    /// <param name="payee">Who sells.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The channel, which is kept until what comes with it is disposed of; null when there is none, or it pays somebody else.</returns>
    internal async ValueTask<(PayingChannel Channel, IDisposable Hold)?> HoldAsync(Id<Channel> id, User payee, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_known.TryGetValue(id, out var known) && known.Channel.Payee.User == payee.Id)
            {
                // Given up a moment ago, by a sweep that is about to remove it.
                if (known.TryHold() is not { } hold)
                {
                    _known.TryRemove(new KeyValuePair<Id<Channel>, PayingChannel>(id, known));
                    continue;
                }

                try
                {
                    if (known.TryBeginReading(s_fresh) && await ReadAsync(id, payee, cancellationToken) is { } again)
                        known.Become(again);
                    return (known, hold);
                }
                catch
                {
                    hold.Dispose();
                    throw;
                }
            }

            if (await ReadAsync(id, payee, cancellationToken) is not { } channel)
                return null;
            Sweep();
            var found = _known.AddOrUpdate(id, _ => new PayingChannel(channel, time), (_, there) => there.Channel.Payee.User == payee.Id ? there : new PayingChannel(channel, time));
            if (found.TryHold() is { } held)
                return (found, held);
        }
    }

    private async Task<Channel?> ReadAsync(Id<Channel> id, User payee, CancellationToken cancellationToken) =>
        await channels.FindAsync(id, payee.Id, cancellationToken) is { } channel && channel.Payee.User == payee.Id ? channel : null;

    private void Sweep()
    {
        var sweptAt = Volatile.Read(ref _sweptAt);
        var isFull = _known.Count >= MostKept;
        // When it is full, too: whoever looks at all of them for each that comes has no time for anything else.
        if (time.GetElapsedTime(sweptAt) < (isFull ? s_betweenSweepsOfAll : s_betweenSweeps) || Interlocked.CompareExchange(ref _sweptAt, time.GetTimestamp(), sweptAt) != sweptAt)
            return;
        SweepNow(isFull ? TimeSpan.Zero : s_kept);
    }

    /// <summary>Forgets those that nobody has asked for in a while. What is known of one that has nothing under way is known again after one look.</summary>
    internal void SweepNow(TimeSpan idle)
    {
        foreach (var one in _known)
        {
            if (one.Value.TryGiveUp(idle))
                _known.TryRemove(one);
        }
    }
}
