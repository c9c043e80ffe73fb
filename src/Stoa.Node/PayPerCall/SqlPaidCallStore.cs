using System.Security.Cryptography;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Builds;
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
/// <param name="CreatedAt">When it was reserved, UTC.</param>
/// <param name="Input">The input, where it is too long to come with the call in one piece; null where it came with it.</param>
/// <param name="InputBytes">Its size; 0 where it came with the call.</param>
/// <param name="OutputBytes">What its output takes up in the content store: at most, until the call has ended, and then its size for as long as it is kept; 0 where it goes into the database.</param>
/// <param name="Agent">The version that it was reserved for; null of a call from before this was written.</param>
public sealed record PaidCall(
    Id<Channel> Channel, string Key, ContentHash RequestHash, Id<AgentTask>? Task, Money Reserved, Money? Price, DateTimeOffset CreatedAt, ContentHash? Input, long InputBytes, long OutputBytes, ListingName? Agent);

/// <summary>A call that is to be reserved.</summary>
/// <param name="Key">Names it within the channel.</param>
/// <param name="RequestHash">Of what is asked for.</param>
/// <param name="Amount">The most that it can cost.</param>
public sealed record CallOrder(string Key, ContentHash RequestHash, Money Amount)
{
    /// <summary>The version that does it.</summary>
    public ListingName? Agent { get; init; }

    /// <summary>The input that is to come; null when it came with the call.</summary>
    public RequestedInput.Announced? Input { get; init; }

    /// <summary>The most that its output may take up in the content store; 0 when it goes into the database.</summary>
    public long OutputBytes { get; init; }
}

/// <summary>A call that one request makes: until the time has passed no other one submits its task or takes its reservation back.</summary>
/// <param name="Call">As it was when the request came to hold it.</param>
/// <param name="Hold">Names the request.</param>
public sealed record HeldCall(PaidCall Call, string Hold);

/// <summary>An output that is to be kept no more.</summary>
/// <param name="Channel">Of the call.</param>
/// <param name="Key">Of the call.</param>
/// <param name="Output">Its digest.</param>
/// <param name="Until">When its time was over, UTC.</param>
public sealed record KeptOutput(Id<Channel> Channel, string Key, ContentHash Output, DateTimeOffset Until);

/// <summary>What stands in the way of a reservation.</summary>
public enum CallObstacle
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The credit does not suffice.</summary>
    Credit,

    /// <summary>Inputs of calls of the channel take up all that they may.</summary>
    Inputs,

    /// <summary>Outputs of calls of the payer take up all that they may, or may come to.</summary>
    Outputs,

    /// <summary>Outputs of all calls do.</summary>
    OutputsOfAll,
}

/// <summary>What came of asking for a reservation.</summary>
/// <param name="Call">The call; null when something stands in the way.</param>
/// <param name="IsNew">Whether it was not there before.</param>
/// <param name="Credit">As it was found.</param>
/// <param name="Obstacle">What stands in the way.</param>
public readonly record struct Reservation(PaidCall? Call, bool IsNew, CallCredit Credit, CallObstacle Obstacle = CallObstacle.None);

/// <summary>Calls in the cell's database, and the credit that they are paid out of.</summary>
/// <remarks>Whoever changes the credit of a channel has its row in <c>channels</c> locked, as those who settle vouchers have.</remarks>
public sealed class SqlPaidCallStore(Database database, IdSource ids, PayPerCallOptions options)
{
    private const string Columns = "channel_id AS channel, request_key AS key, request_hash, task_id AS task, reserved, price, created_at, input_digest AS input, input_bytes, output_bytes, agent";

    /// <summary>Reserves what a call can cost, and the room that it may take up; the same call again changes nothing.</summary>
    /// <param name="channel">That pays.</param>
    /// <param name="order">The call.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Reserves nothing.</param>
    /// <returns>The call, or what stands in its way; refused when the key names a call for something else, which may have cost less.</returns>
    public Task<Outcome<Reservation, TaskRefusal>> ReserveAsync(Id<Channel> channel, CallOrder order, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Reservation, TaskRefusal>>(
        async session =>
        {
            var credit = await LockAsync(session, channel);
            if (await session.QueryFirstOrDefaultAsync<PaidCall>(
                $"SELECT {Columns} FROM paid_calls WHERE channel_id = @channel AND request_key = @Key", new { channel, order.Key }) is { } before)
            {
                // The hash has the digest of an input that is to come, and not its size, which bounds what is taken in.
                return before.RequestHash == order.RequestHash && before.InputBytes == (order.Input?.SizeBytes ?? 0)
                    ? new Reservation(before, IsNew: false, credit)
                    : new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, "The key was used for another call out of this channel. Use a new key for each call.");
            }

            if (credit.Left < order.Amount)
                return new Reservation(null, IsNew: false, credit, CallObstacle.Credit);
            if (await CallRoom.FindObstacleAsync(session, channel, order, options) is not CallObstacle.None and var obstacle)
            {
                // Room may have been taken of what all have, and none was left of what the payer has.
                session.Abandon();
                return new Reservation(null, IsNew: false, credit, obstacle);
            }

            await session.ExecuteAsync(
                """
                INSERT INTO paid_calls (channel_id, request_key, request_hash, reserved, created_at, input_digest, input_bytes, output_bytes, agent)
                VALUES (@channel, @Key, @RequestHash, @Amount, @now, @digest, @bytes, @OutputBytes, @Agent)
                """,
                new { channel, order.Key, order.RequestHash, order.Amount, now, digest = order.Input?.Content, bytes = order.Input?.SizeBytes ?? 0, order.OutputBytes, order.Agent });
            await SqlCallCredit.ChangeAsync(session, channel, order.Amount, Money.Zero);
            var call = new PaidCall(channel, order.Key, order.RequestHash, null, order.Amount, null, now, order.Input?.Content, order.Input?.SizeBytes ?? 0, order.OutputBytes, order.Agent);
            return new Reservation(call, IsNew: true, credit with { Reserved = credit.Reserved + order.Amount });
        },
        cancellationToken);

    /// <summary>Has one request make a call that has no task yet.</summary>
    /// <param name="call">As it is reserved.</param>
    /// <param name="until">How long no other request may, UTC: one that has crashed is in nobody's way for ever.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Holds nothing.</param>
    /// <returns>Null when another request holds it, or it is not there as it was any more.</returns>
    public Task<HeldCall?> HoldAsync(PaidCall call, DateTimeOffset until, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Channel);
            var hold = RandomNumberGenerator.GetHexString(32, lowercase: true);
            return await session.ExecuteAsync(
                """
                UPDATE paid_calls SET hold = @hold, held_until = @until
                WHERE channel_id = @Channel AND request_key = @Key AND request_hash = @RequestHash AND task_id IS NULL AND price IS NULL AND (hold IS NULL OR held_until <= @now)
                """,
                new { hold, until, call.Channel, call.Key, call.RequestHash, now }) == 1
                    ? new HeldCall(call, hold)
                    : null;
        },
        cancellationToken);

    /// <summary>Makes sure that a call is held still, and for how long, before its task is submitted: until then its reservation stays.</summary>
    public Task<bool> ConfirmAsync(HeldCall held, DateTimeOffset until, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, held.Call.Channel);
            return await session.ExecuteAsync(
                "UPDATE paid_calls SET held_until = @until WHERE channel_id = @Channel AND request_key = @Key AND hold = @Hold AND task_id IS NULL",
                new { until, held.Call.Channel, held.Call.Key, held.Hold }) == 1;
        },
        cancellationToken);

    /// <summary>Lets others make a call; the reservation stays. Nothing when it is held by another one.</summary>
    public Task LeaveAsync(HeldCall held, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE paid_calls SET hold = NULL, held_until = NULL WHERE channel_id = @Channel AND request_key = @Key AND hold = @Hold",
            new { held.Call.Channel, held.Call.Key, held.Hold }),
        cancellationToken);

    /// <summary>Writes which task does a call.</summary>
    /// <remarks>Whoever was held up for longer than it held the call may find that the reservation was taken back meanwhile. The task is there and costs what it costs, so it is reserved again, if the credit suffices.</remarks>
    /// <returns>False when nothing pays for the task.</returns>
    public Task<bool> AttachAsync(PaidCall call, Id<AgentTask> task, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var credit = await LockAsync(session, call.Channel);
            if (await session.ExecuteAsync(
                """
                UPDATE paid_calls SET task_id = @task, hold = NULL, held_until = NULL
                WHERE channel_id = @Channel AND request_key = @Key AND request_hash = @RequestHash AND (task_id IS NULL OR task_id = @task)
                """,
                new { task, call.Channel, call.Key, call.RequestHash }) == 1)
            {
                return true;
            }

            if (credit.Left < call.Reserved
                || await session.ExecuteAsync(
                    """
                    INSERT INTO paid_calls (channel_id, request_key, request_hash, task_id, reserved, created_at, input_digest, input_bytes, output_bytes, agent)
                    VALUES (@Channel, @Key, @RequestHash, @task, @Reserved, @CreatedAt, @Input, @InputBytes, @OutputBytes, @Agent) ON CONFLICT DO NOTHING
                    """,
                    new { call.Channel, call.Key, call.RequestHash, task, call.Reserved, call.CreatedAt, call.Input, call.InputBytes, call.OutputBytes, call.Agent }) == 0)
            {
                return false;
            }

            await SqlCallCredit.ChangeAsync(session, call.Channel, call.Reserved, Money.Zero);
            // Its output comes, whether there is room or not.
            await CallRoom.AddAsync(session, call.Channel, call.OutputBytes);
            return true;
        },
        cancellationToken);

    /// <summary>Takes back the reservation of a call that is held and whose task was refused, and lets go of its input: the same call may be tried again.</summary>
    /// <param name="held">As whoever asks holds it; of another's nothing is taken back.</param>
    /// <param name="payee">Who has the input; null when nobody sells any more.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Takes nothing back.</param>
    /// <returns>The input, when its bytes may be deleted.</returns>
    public Task<ContentHash?> ReleaseAsync(HeldCall held, Id<User>? payee, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<ContentHash?>(
        async session =>
        {
            var call = held.Call;
            await LockAsync(session, call.Channel);
            var room = 0L;
            if (await FindAsync(
                session, "request_hash = @RequestHash AND hold = @Hold AND task_id IS NULL AND price IS NULL", new { call.Channel, call.Key, call.RequestHash, held.Hold }) is { } own)
            {
                room = own.OutputBytes;
                await session.ExecuteAsync("DELETE FROM paid_calls WHERE channel_id = @Channel AND request_key = @Key", new { call.Channel, call.Key });
                await SqlCallCredit.ChangeAsync(session, call.Channel, -own.Reserved, Money.Zero);
            }

            var input = payee is { } owner ? await CallContent.LetGoOfInputAsync(session, owner, call, now) : null;
            await CallRoom.AddAsync(session, call.Channel, -room);
            return input;
        },
        cancellationToken);

    /// <summary>Writes what a call has cost, once, keeps its output for a while, and lets go of its input, if no other call that has not ended has the same.</summary>
    /// <param name="call">That has ended.</param>
    /// <param name="price">What it costs.</param>
    /// <param name="payee">Who has the input, and the output.</param>
    /// <param name="output">In the content store; null when there is none.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Writes nothing.</param>
    /// <returns>The input, when its bytes may be deleted.</returns>
    public Task<ContentHash?> EndAsync(PaidCall call, Money price, Id<User> payee, ContentDescriptor? output, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<ContentHash?>(
        async session =>
        {
            await LockAsync(session, call.Channel);
            if (await FindAsync(session, "price IS NULL", new { call.Channel, call.Key }) is not { } open)
                return null;
            var kept = output?.SizeBytes ?? 0;
            await session.ExecuteAsync(
                "UPDATE paid_calls SET price = @price, output_digest = @digest, output_until = @until, output_bytes = @kept WHERE channel_id = @Channel AND request_key = @Key",
                new { price, digest = output?.Digest, until = output is null ? (DateTimeOffset?)null : now + TimeSpan.FromDays(options.KeepOutputDays), kept, call.Channel, call.Key });
            await SqlCallCredit.ChangeAsync(session, call.Channel, -open.Reserved, price);
            // Another call's output with the same bytes may have come to the end of its time since this one was made.
            if (output is not null)
                await SqlContentOwners.GrantAsync(session, output, payee, ContentOrigins.Task);
            var input = await CallContent.LetGoOfInputAsync(session, payee, call, now);
            await CallRoom.AddAsync(session, call.Channel, kept - open.OutputBytes);
            return input;
        },
        cancellationToken);

    /// <summary>Keeps an output that was fetched only for as long as it may take to fetch it again: the answer may have been lost on its way.</summary>
    public Task ShortenAsync(PaidCall call, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE paid_calls SET output_until = @until WHERE channel_id = @Channel AND request_key = @Key AND output_until > @until",
            new { until = now + TimeSpan.FromMinutes(options.KeepFetchedOutputMinutes), call.Channel, call.Key }),
        cancellationToken);

    /// <summary>Outputs whose time is over, the oldest first.</summary>
    /// <param name="after">Only those behind it; null for all.</param>
    /// <param name="now">UTC.</param>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<KeptOutput>> ListKeptAsync(KeptOutput? after, DateTimeOffset now, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<KeptOutput>(
            """
            SELECT channel_id AS channel, request_key AS key, output_digest AS output, output_until AS until FROM paid_calls
            WHERE output_until <= @now AND (output_until > @at OR (output_until = @at AND (channel_id > @channel OR (channel_id = @channel AND request_key > @key))))
            ORDER BY output_until, channel_id, request_key LIMIT @limit
            """,
            new { now, at = after?.Until ?? DateTimeOffset.UnixEpoch, channel = after?.Channel.ToString() ?? "", key = after?.Key ?? "", limit }),
        cancellationToken);

    /// <summary>Keeps an output no more.</summary>
    /// <returns>Whether its bytes may be deleted: no other call keeps it or reads it, and the account has not brought it itself.</returns>
    public Task<bool> LetGoAsync(KeptOutput kept, Id<User> payee, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, kept.Channel);
            if (await FindAsync(session, "output_until <= @now", new { kept.Channel, kept.Key, now }) is not { } over)
                return false;
            await session.ExecuteAsync("UPDATE paid_calls SET output_until = NULL, output_bytes = 0 WHERE channel_id = @Channel AND request_key = @Key", new { kept.Channel, kept.Key });
            var mayBeDeleted = await CallContent.LetGoOfOutputAsync(session, payee, kept.Output, now);
            await CallRoom.AddAsync(session, kept.Channel, -over.OutputBytes);
            return mayBeDeleted;
        },
        cancellationToken);

    /// <summary>Forgets inputs that were let go of and whose bytes are gone.</summary>
    public Task ForgetLeavingsAsync(CancellationToken cancellationToken) => database.WriteAsync(CallContent.ForgetLeavingsAsync, cancellationToken);

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
                "UPDATE call_credit SET returned = returned + @left, is_over = @isOver WHERE channel_id = @channel", new { left = credit.Left > Money.Zero ? credit.Left : Money.Zero, isOver = true, channel });
        },
        cancellationToken);

    private static Task<PaidCall?> FindAsync(SqlSession session, string which, object arguments) =>
        session.QueryFirstOrDefaultAsync<PaidCall>($"SELECT {Columns} FROM paid_calls WHERE channel_id = @Channel AND request_key = @Key AND {which}", arguments);

    private static Task<CallCredit> LockAsync(SqlSession session, Id<Channel> channel) => SqlCallCredit.LockAsync(session, channel);
}
