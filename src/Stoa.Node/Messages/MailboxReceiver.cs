using Stoa.Market.Messages;

namespace Stoa.Node.Messages;

/// <summary>Receives out of mailboxes, and waits for what is not there yet: woken by whoever sends, or when a hold or a delay is over, and never looking in vain.</summary>
/// <remarks>When the node is asked to stop, all who wait are let go with nothing.</remarks>
public sealed class MailboxReceiver(SqlMessages messages, MailboxBell bell, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(20);

    /// <summary>Receives at least one message, unless the time is over before.</summary>
    /// <param name="mailbox">Out of which.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="visibility">For how long they are held.</param>
    /// <param name="wait">How long to wait for the first; zero to look once.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<Delivery>> ReceiveAsync(Mailbox mailbox, int count, TimeSpan visibility, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, cancellationToken);
        using var listener = bell.Listen(mailbox.Id);
        var began = time.GetTimestamp();
        while (true)
        {
            var rings = listener.Rings;
            var next = await messages.NextReadyAsync(mailbox.Id, cancellationToken);
            // Nothing is written for a look at an empty mailbox.
            if (next <= time.GetUtcNow() && await messages.ReceiveAsync(mailbox, count, visibility, cancellationToken) is { Count: > 0 } got)
                return got;
            var left = wait - time.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
                return [];
            try
            {
                await listener.WaitAsync(rings, Shortest(left, next - time.GetUtcNow(), bell.LookAfter), time, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return [];
            }
        }
    }

    // A lane that is ready and gave nothing is locked by another just now, or was: a moment later it rings, or is held until a time that can be read.
    private static TimeSpan Shortest(TimeSpan left, TimeSpan? untilNext, TimeSpan? untilLook)
    {
        var shortest = untilNext is { } next && next < left ? next : left;
        if (untilLook is { } look && look < shortest)
            shortest = look;
        return shortest < s_least ? s_least : shortest;
    }
}
