using System.Text;
using Stoa.Market.Events;
using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>What is told about channels, to both sides.</summary>
/// <remarks>
/// Data members: <c>channelId</c>, <c>payer</c> and <c>payee</c> (handles), <c>deposit</c>, <c>settled</c>, <c>moved</c> (what this act paid in, paid or returned),
/// and <c>endsAt</c> while the challenge window runs.
/// </remarks>
public static class ChannelEvents
{
    /// <summary>What has happened; nothing when the act had been done before.</summary>
    public static IEnumerable<NewEvent> Of(ChannelChange change, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (change.IsNone)
            return [];
        var (before, after) = (change.Before?.State, change.After.State);
        var told = new List<(string Type, Money Moved)>();
        if (before is null)
            told.Add((EventTypes.ChannelOpened, change.Deposited));
        else if (change.Deposited > Money.Zero)
            told.Add((EventTypes.ChannelToppedUp, change.Deposited));
        if (change.Paid > Money.Zero)
            told.Add((EventTypes.ChannelSettled, change.Paid));
        if (after is ChannelState.Closing && before is not ChannelState.Closing)
            told.Add((EventTypes.ChannelClosing, Money.Zero));
        if (after is ChannelState.Closed)
            told.Add((EventTypes.ChannelClosed, change.Returned));
        return
            from one in told
            from audience in new[] { change.After.Payer.User, change.After.Payee.User }
            select new NewEvent(one.Type, change.After.Id.ToString(), audience, now, Data(change.After, one.Moved));
    }

    private static string Data(Channel channel, Money moved) => Encoding.UTF8.GetString(FixedOrderJson.Write(json =>
    {
        json.WriteString("channelId", channel.Id.ToString());
        json.WriteString("payer", channel.Payer.Handle);
        json.WriteString("payee", channel.Payee.Handle);
        json.WriteString("deposit", channel.Deposit.ToString());
        json.WriteString("settled", channel.Settled.ToString());
        json.WriteString("moved", moved.ToString());
        if (channel.State is ChannelState.Closing closing)
            json.WriteString("endsAt", SignedJson.Text(closing.EndsAt));
    }));
}
