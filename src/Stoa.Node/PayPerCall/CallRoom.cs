using Stoa.Market.Channels;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Bounds what strangers' calls take up in the content store, within the transaction that reserves one: by what it may come to, since nobody knows how long an output will be.</summary>
/// <remarks>
/// What is counted is on the disk, or may come there: inputs of calls that have not ended, and of others until their bytes are gone; outputs at their limits until the call has ended, and then as they are for as long as they are
/// kept. Whoever takes room waits for the one row of <c>call_room</c>, so no two nodes give the same room away. Its row comes last of all that a transaction locks.
/// </remarks>
internal static class CallRoom
{
    /// <summary>What stands in the way of a call; if nothing does, the room of its output is taken.</summary>
    /// <param name="session">That has the channel locked. What it has written is to be rolled back when something stands in the way.</param>
    /// <param name="channel">That pays.</param>
    /// <param name="order">The call.</param>
    /// <param name="options">The bounds.</param>
    public static async Task<CallObstacle> FindObstacleAsync(SqlSession session, Id<Channel> channel, CallOrder order, PayPerCallOptions options)
    {
        if (order.Input is { SizeBytes: var input } && input > options.MaxInputBytesPerChannel - await SumInputsAsync(session, channel))
            return CallObstacle.Inputs;
        if (order.OutputBytes == 0)
            return CallObstacle.None;
        if (await session.ExecuteAsync(
            "UPDATE call_room SET output_bytes = output_bytes + @OutputBytes WHERE id = 1 AND output_bytes <= @most", new { order.OutputBytes, most = options.MaxOutputBytes - order.OutputBytes }) == 0)
        {
            return CallObstacle.OutputsOfAll;
        }

        await session.ExecuteAsync("UPDATE call_credit SET output_bytes = output_bytes + @OutputBytes WHERE channel_id = @channel", new { order.OutputBytes, channel });
        return await SumOutputsAsync(session, channel) > options.MaxOutputBytesPerPayer ? CallObstacle.Outputs : CallObstacle.None;
    }

    /// <summary>Takes room, or gives it back, of a call whose output is as it is.</summary>
    public static async Task AddAsync(SqlSession session, Id<Channel> channel, long bytes)
    {
        if (bytes == 0)
            return;
        await session.ExecuteAsync("UPDATE call_credit SET output_bytes = output_bytes + @bytes WHERE channel_id = @channel", new { bytes, channel });
        await session.ExecuteAsync("UPDATE call_room SET output_bytes = output_bytes + @bytes WHERE id = 1", new { bytes });
    }

    private static Task<long> SumInputsAsync(SqlSession session, Id<Channel> channel) => session.QuerySingleAsync<long>(
        """
        SELECT CAST(COALESCE(SUM(s.size_bytes), 0) AS BIGINT) FROM (
            SELECT input_bytes AS size_bytes FROM paid_calls WHERE channel_id = @channel AND price IS NULL
            UNION ALL
            SELECT l.size_bytes FROM call_leavings AS l WHERE l.channel_id = @channel AND EXISTS (SELECT 1 FROM released_content AS r WHERE r.digest = l.digest)
        ) AS s
        """,
        new { channel });

    /// <summary>Of all channels of whoever has opened one: a channel more costs nothing.</summary>
    private static Task<long> SumOutputsAsync(SqlSession session, Id<Channel> channel) => session.QuerySingleAsync<long>(
        """
        SELECT CAST(COALESCE(SUM(k.output_bytes), 0) AS BIGINT) FROM channels AS own
        JOIN channels AS c ON c.payer_id = own.payer_id JOIN call_credit AS k ON k.channel_id = c.id WHERE own.id = @channel
        """,
        new { channel });
}
