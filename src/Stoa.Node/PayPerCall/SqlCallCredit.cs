using Stoa.Market.Channels;
using Stoa.Market.PayPerCall;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>What of a channel's settled amount is used up, within a transaction. Calls of agents and answers of models are paid out of the same credit.</summary>
/// <remarks>Whoever changes it has the channel's row locked, as those who settle vouchers have.</remarks>
internal static class SqlCallCredit
{
    /// <summary>Locks the channel, and says how its credit stands.</summary>
    public static async Task<CallCredit> LockAsync(SqlSession session, Id<Channel> channel)
    {
        var settled = await session.QuerySingleAsync<Money>("SELECT settled FROM channels WHERE id = @channel {for update}", new { channel });
        await session.ExecuteAsync(
            "INSERT INTO call_credit (channel_id, spent, reserved, returned, is_over) VALUES (@channel, 0, 0, 0, @isOver) ON CONFLICT (channel_id) DO NOTHING",
            new { channel, isOver = false });
        var (spent, reserved, returned) = await session.QuerySingleAsync<(Money, Money, Money)>(
            "SELECT spent, reserved, returned FROM call_credit WHERE channel_id = @channel", new { channel });
        return new CallCredit(settled, spent, reserved, returned);
    }

    /// <summary>How it stands, locking nothing.</summary>
    public static async Task<CallCredit> ReadAsync(SqlSession session, Id<Channel> channel)
    {
        var (settled, spent, reserved, returned) = await session.QuerySingleAsync<(Money, Money, Money, Money)>(
            """
            SELECT c.settled, COALESCE(k.spent, 0), COALESCE(k.reserved, 0), COALESCE(k.returned, 0)
            FROM channels AS c LEFT JOIN call_credit AS k ON k.channel_id = c.id WHERE c.id = @channel
            """,
            new { channel });
        return new CallCredit(settled, spent, reserved, returned);
    }

    /// <summary>More is reserved, or less, and more is spent.</summary>
    /// <param name="session">That has locked it.</param>
    /// <param name="channel">Whose credit.</param>
    /// <param name="reserved">How much more; less than nothing for less.</param>
    /// <param name="spent">How much more.</param>
    public static Task ChangeAsync(SqlSession session, Id<Channel> channel, Money reserved, Money spent) => session.ExecuteAsync(
        "UPDATE call_credit SET reserved = reserved + @reserved, spent = spent + @spent WHERE channel_id = @channel", new { channel, reserved, spent });
}
