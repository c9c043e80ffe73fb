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
    // Some thousand bytes each, by the vouchers that are remembered.
    private const int MostKept = 16_384;

    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_betweenSweeps = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Id<Channel>, PayingChannel> _known = new();
    private long _sweptAt = time.GetTimestamp();

    /// <summary>How many are kept.</summary>
    public int Count => _known.Count;

    /// <summary>A channel that pays somebody.</summary>
    /// <param name="id">The channel.</param>
    /// <param name="payee">Who sells.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when there is none, or it pays somebody else.</returns>
    internal async ValueTask<PayingChannel?> FindAsync(Id<Channel> id, User payee, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(id, out var known) && known.Channel.Payee.User == payee.Id)
        {
            known.Use();
            if (known.TryBeginReading(s_fresh) && await ReadAsync(id, payee, cancellationToken) is { } again)
                known.Become(again);
            return known;
        }

        if (await ReadAsync(id, payee, cancellationToken) is not { } channel)
            return null;
        Sweep();
        return _known.GetOrAdd(id, new PayingChannel(channel, time));
    }

    private async Task<Channel?> ReadAsync(Id<Channel> id, User payee, CancellationToken cancellationToken) =>
        await channels.FindAsync(id, payee.Id, cancellationToken) is { } channel && channel.Payee.User == payee.Id ? channel : null;

    private void Sweep()
    {
        var sweptAt = Volatile.Read(ref _sweptAt);
        var isFull = _known.Count >= MostKept;
        if ((!isFull && time.GetElapsedTime(sweptAt) < s_betweenSweeps) || Interlocked.CompareExchange(ref _sweptAt, time.GetTimestamp(), sweptAt) != sweptAt)
            return;
        foreach (var (id, known) in _known)
        {
            // What is known of one that has nothing under way is known again after one look.
            if (known.UnderWay == 0 && (isFull || known.Idle > s_kept))
                _known.TryRemove(id, out _);
        }
    }
}
