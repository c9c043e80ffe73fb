using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>A call that was reserved.</summary>
/// <param name="Channel">Out of which it is paid.</param>
/// <param name="Key">Names it within the channel: the same key again is the same call.</param>
/// <param name="RequestHash">Of what was asked for.</param>
/// <param name="Task">That does it; null until it was submitted.</param>
/// <param name="Reserved">What it can cost at most.</param>
/// <param name="Price">What it has cost; null until it has ended.</param>
public sealed record PaidCall(Id<Channel> Channel, string Key, ContentHash RequestHash, Id<AgentTask>? Task, Money Reserved, Money? Price);

/// <summary>Calls in the cell's database, and the credit that they are paid out of.</summary>
/// <remarks>Whoever changes the credit of a channel has its row in <c>channels</c> locked, as those who settle vouchers have.</remarks>
public sealed class SqlPaidCallStore(Database database, IdSource ids)
{
    private const string Columns = "channel_id AS channel, request_key AS key, request_hash, task_id AS task, reserved, price";

    /// <summary>Reserves what a call can cost; the same call again changes nothing.</summary>
    /// <returns>The call, or null with the credit that does not suffice.</returns>
    public Task<(PaidCall? Call, CallCredit Credit)> ReserveAsync(
        Id<Channel> channel, string key, ContentHash requestHash, Money amount, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var credit = await LockAsync(session, channel);
            if (await session.QueryFirstOrDefaultAsync<PaidCall>(
                $"SELECT {Columns} FROM paid_calls WHERE channel_id = @channel AND request_key = @key", new { channel, key }) is { } before)
            {
                return (before, credit);
            }

            if (credit.Left < amount)
                return ((PaidCall?)null, credit);
            await session.ExecuteAsync(
                "INSERT INTO paid_calls (channel_id, request_key, request_hash, reserved, created_at) VALUES (@channel, @key, @requestHash, @amount, @now)",
                new { channel, key, requestHash, amount, now });
            await session.ExecuteAsync("UPDATE call_credit SET reserved = reserved + @amount WHERE channel_id = @channel", new { channel, amount });
            return (new PaidCall(channel, key, requestHash, null, amount, null), credit with { Reserved = credit.Reserved + amount });
        },
        cancellationToken);

    /// <summary>Writes which task does a call.</summary>
    public Task AttachAsync(PaidCall call, Id<AgentTask> task, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE paid_calls SET task_id = @task WHERE channel_id = @Channel AND request_key = @Key AND task_id IS NULL", new { task, call.Channel, call.Key }),
        cancellationToken);

    /// <summary>Takes back the reservation of a call whose task was refused: the same call may be tried again.</summary>
    public Task ReleaseAsync(PaidCall call, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Channel);
            if (await session.ExecuteAsync(
                "DELETE FROM paid_calls WHERE channel_id = @Channel AND request_key = @Key AND task_id IS NULL", new { call.Channel, call.Key }) == 1)
            {
                await session.ExecuteAsync("UPDATE call_credit SET reserved = reserved - @Reserved WHERE channel_id = @Channel", new { call.Reserved, call.Channel });
            }
        },
        cancellationToken);

    /// <summary>Writes what a call has cost; once.</summary>
    public Task EndAsync(PaidCall call, Money price, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Channel);
            if (await session.ExecuteAsync(
                "UPDATE paid_calls SET price = @price WHERE channel_id = @Channel AND request_key = @Key AND price IS NULL", new { price, call.Channel, call.Key }) == 1)
            {
                await session.ExecuteAsync(
                    "UPDATE call_credit SET reserved = reserved - @Reserved, spent = spent + @price WHERE channel_id = @Channel", new { call.Reserved, price, call.Channel });
            }
        },
        cancellationToken);

    /// <summary>The call that a task does; null when it does none.</summary>
    public Task<PaidCall?> FindAsync(Id<AgentTask> task, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<PaidCall>($"SELECT {Columns} FROM paid_calls WHERE task_id = @task", new { task }), cancellationToken);

    /// <summary>Calls that have no price yet, the oldest first.</summary>
    /// <param name="before">Only those that were reserved before.</param>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<PaidCall>> ListOpenAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<PaidCall>(
            $"SELECT {Columns} FROM paid_calls WHERE price IS NULL AND created_at < @before ORDER BY created_at LIMIT @limit", new { before, limit }),
        cancellationToken);

    /// <summary>Channels that are closed and of which what calls have left over was not given back yet.</summary>
    public Task<IReadOnlyList<Id<Channel>>> ListOverAsync(int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Channel>>(
            """
            SELECT k.channel_id FROM call_credit AS k JOIN channels AS c ON c.id = k.channel_id
            WHERE NOT k.is_over AND k.reserved = 0 AND c.state = 'Closed' LIMIT @limit
            """,
            new { limit }),
        cancellationToken);

    /// <summary>Gives back what calls have left over of one; false when it cannot be done yet.</summary>
    public Task<bool> ReturnAsync(Id<Channel> channel, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var credit = await LockAsync(session, channel);
            if (credit.Reserved > Money.Zero)
                return false;
            if (credit.Left > Money.Zero)
            {
                var (payer, payee) = await session.QuerySingleAsync<(Id<Account>, Id<Account>)>(
                    "SELECT payer_wallet_id, payee_wallet_id FROM channels WHERE id = @channel", new { channel });
                var back = new Transfer(
                    ids.Next<Transfer>(), TransferKind.Posted, payee, payer, credit.Left, null, TransferPurpose.CallReturn, channel.ToString(), now.ToMilliseconds());
                // Whoever sells has spent it elsewhere: it is tried again.
                if ((await SqlLedger.ApplyAsync(session, [back])).Refusal is not null)
                    return false;
            }

            await session.ExecuteAsync(
                "UPDATE call_credit SET returned = returned + @Left, is_over = @isOver WHERE channel_id = @channel", new { credit.Left, isOver = true, channel });
            return true;
        },
        cancellationToken);

    private static async Task<CallCredit> LockAsync(SqlSession session, Id<Channel> channel)
    {
        var settled = await session.QuerySingleAsync<Money>("SELECT settled FROM channels WHERE id = @channel {for update}", new { channel });
        await session.ExecuteAsync(
            "INSERT INTO call_credit (channel_id, spent, reserved, returned, is_over) VALUES (@channel, 0, 0, 0, @isOver) ON CONFLICT (channel_id) DO NOTHING",
            new { channel, isOver = false });
        var (spent, reserved, returned) = await session.QuerySingleAsync<(Money, Money, Money)>(
            "SELECT spent, reserved, returned FROM call_credit WHERE channel_id = @channel", new { channel });
        return new CallCredit(settled, spent, reserved, returned);
    }
}
