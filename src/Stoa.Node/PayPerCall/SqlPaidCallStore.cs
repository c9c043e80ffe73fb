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
/// <param name="CreatedAt">When it was reserved, or came again before there was a task, UTC. Each time is later than the one before.</param>
/// <param name="Input">The input, where it is too long to come with the call in one piece; null where it came with it.</param>
/// <param name="InputBytes">Its size; 0 where it came with the call.</param>
public sealed record PaidCall(
    Id<Channel> Channel, string Key, ContentHash RequestHash, Id<AgentTask>? Task, Money Reserved, Money? Price, DateTimeOffset CreatedAt, ContentHash? Input, long InputBytes);

/// <summary>What came of asking for a reservation.</summary>
/// <param name="Call">The call; null when the credit does not suffice.</param>
/// <param name="IsNew">Whether it was not there before: only who has made it may take it back.</param>
/// <param name="Credit">As it was found.</param>
public readonly record struct Reservation(PaidCall? Call, bool IsNew, CallCredit Credit)
{
    /// <summary>There is no call because inputs of others that the channel pays for take up all that they may.</summary>
    public bool IsFull { get; init; }
}

/// <summary>Calls in the cell's database, and the credit that they are paid out of.</summary>
/// <remarks>Whoever changes the credit of a channel has its row in <c>channels</c> locked, as those who settle vouchers have.</remarks>
public sealed class SqlPaidCallStore(Database database, IdSource ids, PayPerCallOptions options)
{
    private const string Columns = "channel_id AS channel, request_key AS key, request_hash, task_id AS task, reserved, price, created_at, input_digest AS input, input_bytes";

    /// <summary>Reserves what a call can cost; the same call again changes nothing.</summary>
    /// <param name="channel">That pays.</param>
    /// <param name="key">Of the call.</param>
    /// <param name="requestHash">Of what is asked for.</param>
    /// <param name="input">The input that is to come; null when it came with the call.</param>
    /// <param name="amount">The most that it can cost.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Reserves nothing.</param>
    /// <returns>The call, or null with the credit that does not suffice or when inputs of the channel take up all that they may; refused when the key names a call for something else, which may have cost less.</returns>
    public Task<Outcome<Reservation, TaskRefusal>> ReserveAsync(
        Id<Channel> channel, string key, ContentHash requestHash, RequestedInput.Announced? input, Money amount, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Reservation, TaskRefusal>>(
        async session =>
        {
            var credit = await LockAsync(session, channel);
            if (await session.QueryFirstOrDefaultAsync<PaidCall>(
                $"SELECT {Columns} FROM paid_calls WHERE channel_id = @channel AND request_key = @key", new { channel, key }) is { } before)
            {
                return before.RequestHash == requestHash
                    ? new Reservation(await JoinAsync(session, before, now), IsNew: false, credit)
                    : new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, "The key was used for another call out of this channel. Use a new key for each call.");
            }

            if (credit.Left < amount)
                return new Reservation(null, IsNew: false, credit);
            var bytes = input?.SizeBytes ?? 0;
            if (bytes > 0
                && await session.QuerySingleAsync<long>("SELECT CAST(COALESCE(SUM(input_bytes), 0) AS BIGINT) FROM paid_calls WHERE channel_id = @channel AND price IS NULL", new { channel }) is var kept
                && bytes > options.MaxInputBytesPerChannel - kept)
            {
                return new Reservation(null, IsNew: false, credit) { IsFull = true };
            }

            await session.ExecuteAsync(
                """
                INSERT INTO paid_calls (channel_id, request_key, request_hash, reserved, created_at, input_digest, input_bytes)
                VALUES (@channel, @key, @requestHash, @amount, @now, @digest, @bytes)
                """,
                new { channel, key, requestHash, amount, now, digest = input?.Content, bytes });
            await session.ExecuteAsync("UPDATE call_credit SET reserved = reserved + @amount WHERE channel_id = @channel", new { channel, amount });
            return new Reservation(new PaidCall(channel, key, requestHash, null, amount, null, now.ToMilliseconds(), input?.Content, bytes), IsNew: true, credit with { Reserved = credit.Reserved + amount });
        },
        cancellationToken);

    /// <summary>Writes which task does a call.</summary>
    /// <remarks>Of two requests that are the same call the one that was refused may have taken the reservation back meanwhile. The task is there and costs what it costs, so it is reserved again.</remarks>
    public Task AttachAsync(PaidCall call, Id<AgentTask> task, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Channel);
            if (await session.ExecuteAsync(
                "UPDATE paid_calls SET task_id = @task WHERE channel_id = @Channel AND request_key = @Key AND (task_id IS NULL OR task_id = @task)",
                new { task, call.Channel, call.Key }) == 1)
            {
                return;
            }

            await session.ExecuteAsync(
                """
                INSERT INTO paid_calls (channel_id, request_key, request_hash, task_id, reserved, created_at, input_digest, input_bytes)
                VALUES (@Channel, @Key, @RequestHash, @task, @Reserved, @CreatedAt, @Input, @InputBytes)
                """,
                new { call.Channel, call.Key, call.RequestHash, task, call.Reserved, call.CreatedAt, call.Input, call.InputBytes });
            await session.ExecuteAsync("UPDATE call_credit SET reserved = reserved + @Reserved WHERE channel_id = @Channel", new { call.Reserved, call.Channel });
        },
        cancellationToken);

    /// <summary>Takes back the reservation of a call whose task was refused: the same call may be tried again.</summary>
    /// <remarks>Not if the same call has come once more meanwhile: its task may be submitted already, and after a crash nobody would know that it is a call's. Then <see cref="PaidCallWorker"/> looks for it.</remarks>
    public Task ReleaseAsync(PaidCall call, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Channel);
            if (await session.ExecuteAsync(
                "DELETE FROM paid_calls WHERE channel_id = @Channel AND request_key = @Key AND task_id IS NULL AND created_at = @CreatedAt",
                new { call.Channel, call.Key, call.CreatedAt }) == 1)
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

    /// <summary>Whether another call that has not ended has the same input.</summary>
    public Task<bool> IsNeededElsewhereAsync(PaidCall call, ContentHash input, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<long?>(
            "SELECT 1 FROM paid_calls WHERE input_digest = @input AND price IS NULL AND NOT (channel_id = @Channel AND request_key = @Key) LIMIT 1", new { input, call.Channel, call.Key }) is not null,
        cancellationToken);

    /// <summary>The call that a task does; null when it does none.</summary>
    public Task<PaidCall?> FindAsync(Id<AgentTask> task, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<PaidCall>($"SELECT {Columns} FROM paid_calls WHERE task_id = @task", new { task }), cancellationToken);

    /// <summary>The call that was made out of a channel under a key; null when there is none.</summary>
    public Task<PaidCall?> FindAsync(Id<Channel> channel, string key, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<PaidCall>($"SELECT {Columns} FROM paid_calls WHERE channel_id = @channel AND request_key = @key", new { channel, key }), cancellationToken);

    /// <summary>Calls that have no price yet, the oldest first.</summary>
    /// <param name="after">Only those behind it; null for all.</param>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<PaidCall>> ListOpenAsync(PaidCall? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<PaidCall>(
            $"""
            SELECT {Columns} FROM paid_calls WHERE price IS NULL AND (created_at > @at OR (created_at = @at AND (channel_id > @channel OR (channel_id = @channel AND request_key > @key))))
            ORDER BY created_at, channel_id, request_key LIMIT @limit
            """,
            new { at = after?.CreatedAt ?? DateTimeOffset.UnixEpoch, channel = after?.Channel.ToString() ?? "", key = after?.Key ?? "", limit }),
        cancellationToken);

    /// <summary>Channels that are closed and of which what calls have left over was not given back yet, in the order of their ids.</summary>
    /// <param name="after">Only those behind it; the default for all.</param>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<Channel>>> ListOverAsync(Id<Channel> after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Channel>>(
            """
            SELECT k.channel_id FROM call_credit AS k JOIN channels AS c ON c.id = k.channel_id
            WHERE k.channel_id > @after AND NOT k.is_over AND k.reserved = 0 AND c.state = 'Closed' ORDER BY k.channel_id LIMIT @limit
            """,
            new { after, limit }),
        cancellationToken);

    /// <summary>Gives back what calls have left over of one, unless a call is under way again.</summary>
    /// <exception cref="InvalidOperationException">It cannot be given back now: whoever sells has spent it elsewhere.</exception>
    public Task ReturnAsync(Id<Channel> channel, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var credit = await LockAsync(session, channel);
            if (credit.Reserved > Money.Zero)
                return;
            if (credit.Left > Money.Zero)
            {
                var (payer, payee) = await session.QuerySingleAsync<(Id<Account>, Id<Account>)>(
                    "SELECT payer_wallet_id, payee_wallet_id FROM channels WHERE id = @channel", new { channel });
                var back = new Transfer(
                    ids.Next<Transfer>(), TransferKind.Posted, payee, payer, credit.Left, null, TransferPurpose.CallReturn, channel.ToString(), now.ToMilliseconds());
                if ((await SqlLedger.ApplyAsync(session, [back])).Refusal is { } refused)
                    throw new InvalidOperationException($"{credit.Left} USD cannot be given back out of the wallet of the account that sells: {refused.Code}: {refused.Detail}");
            }

            await session.ExecuteAsync(
                "UPDATE call_credit SET returned = returned + @Left, is_over = @isOver WHERE channel_id = @channel", new { credit.Left, isOver = true, channel });
        },
        cancellationToken);

    /// <summary>Notes that a call has come again, by a later time: who has reserved it before cannot take it back any more.</summary>
    private static async Task<PaidCall> JoinAsync(SqlSession session, PaidCall call, DateTimeOffset now)
    {
        if (call.Task is not null)
            return call;
        var joined = call with { CreatedAt = now.ToMilliseconds() > call.CreatedAt ? now.ToMilliseconds() : call.CreatedAt.AddMilliseconds(1) };
        await session.ExecuteAsync(
            "UPDATE paid_calls SET created_at = @CreatedAt WHERE channel_id = @Channel AND request_key = @Key", new { joined.CreatedAt, joined.Channel, joined.Key });
        return joined;
    }

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
