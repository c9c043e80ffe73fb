using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>Payment channels in the cell's database: each act with its transfers and events in one transaction.</summary>
/// <remarks>
/// Who acts on a channel has its row locked first, so acts on one channel follow one another; rows are locked in the order of their ids, and before any
/// wallet, so acts on many do not wait for each other in a circle. What a channel has left in its payer's escrow only acts on the channel take out.
/// </remarks>
/// <param name="database">The cell's.</param>
/// <param name="clearing">The cell's clearing account.</param>
/// <param name="ids">Makes the ids of transfers and settlements.</param>
public sealed class SqlChannelStore(Database database, Id<Account> clearing, IdSource ids)
{
    private const string Select = $"SELECT {ChannelRow.Columns} FROM channels ";

    /// <summary>Opens a channel; one with the same id is there already when a request is repeated, and is answered.</summary>
    /// <param name="asked">As <see cref="ChannelRules.Open"/> takes it; its escrow account is found or opened here.</param>
    /// <param name="limits">Of this market.</param>
    /// <param name="maxLive">Most channels of one payer that are not closed.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public Task<Outcome<Channel, ChannelRefusal>> OpenAsync(Channel asked, ChannelLimits limits, int maxLive, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Channel, ChannelRefusal>>(
            async session =>
            {
                // The user's row is locked, so that two channels opened at once cannot both be the last one.
                await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @User {for update}", new { asked.Payer.User });
                if (await FindAsync(session, asked.Id) is { } there)
                    return there;
                if (await session.QuerySingleAsync<long>("SELECT count(*) FROM channels WHERE payer_id = @User AND due_at IS NOT NULL", new { asked.Payer.User }) >= maxLive)
                    return new Refusal<ChannelRefusal>(ChannelRefusal.ChannelsTooMany, $"You pay by {maxLive} channels that are not closed. Close those that are not used any more.");
                if (ChannelRules.Open(asked, limits).Refusal is { } refusal)
                    return refusal;
                var escrow = await SqlLedger.OpenAccountAsync(
                    session, Account.Open(ids.Next<Account>(), asked.Payer.User.ToString(), AccountKind.Channel, asked.OpenedAt));
                var change = ChannelRules.Open(asked with { Escrow = escrow.Id }, limits).Value;
                await session.SendAsync(ChannelRow.Insert, ChannelRow.Of(change.After));
                if (await MoveAsync(session, [change], ids.Next<NetSettlement>(), asked.OpenedAt) is { Refusal: { } unpaid })
                    return unpaid;
                return change.After;
            },
            cancellationToken);

    /// <summary>A channel; null when there is none, or the user has no part in it.</summary>
    public Task<Channel?> FindAsync(Id<Channel> id, Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await FindAsync(session, id) is { } channel && channel.SideOf(user) is not null ? channel : null, cancellationToken);

    /// <summary>Those of some channels that exist and that the user has a part in.</summary>
    public Task<IReadOnlyList<Channel>> FindAllAsync(IReadOnlyCollection<Id<Channel>> channels, Id<User> user, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Channel>>(
        async session => channels.Count == 0 ? [] : [.. (await session.QueryAsync<ChannelRow>(
            Select + "WHERE id IN @channels AND (payer_id = @user OR payee_id = @user)", new { channels, user })).Select(row => row.ToChannel())],
        cancellationToken);

    /// <summary>A user's channels, newest first.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="side">Only those where the user is on this side; null for both.</param>
    /// <param name="state">Only those in this state: the name of a case of <see cref="ChannelState"/>; null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Page<Channel>> ListAsync(Id<User> user, ChannelSide? side, string? state, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Channel>.TryParse(page.Cursor, out var last) ? last : new Id<Channel>(Guid.AllBitsSet);
            string Half(string column) =>
                $"SELECT * FROM ({Select} WHERE {column} = @user AND id < @before" + (state is null ? "" : " AND state = @state") + $" ORDER BY id DESC LIMIT @limit) AS {column}s";
            // Each half walks its own index; nobody is on both sides of a channel.
            var halves = side switch
            {
                ChannelSide.Payer => Half("payer_id"),
                ChannelSide.Payee => Half("payee_id"),
                _ => $"{Half("payer_id")} UNION ALL {Half("payee_id")}",
            };
            var rows = await session.QueryAsync<ChannelRow>(
                $"SELECT {ChannelRow.Columns} FROM ({halves}) AS found ORDER BY id DESC LIMIT @limit", new { user, state, before, limit = page.Limit + 1 });
            return new Page<Channel>(
                [.. rows.Take(page.Limit).Select(row => row.ToChannel())], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Does one act.</summary>
    /// <param name="id">The channel, which exists.</param>
    /// <param name="act">What was checked against the terms of the channel.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public Task<Outcome<ChannelChange, ChannelRefusal>> ActAsync(Id<Channel> id, ChannelAct act, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<ChannelChange, ChannelRefusal>>(
            async session =>
            {
                var channel = (await LockAsync(session, [id]))[id];
                if (!ChannelRules.Apply(channel, act, now).TryGet(out var change, out var refusal))
                    return refusal;
                if (change.IsNone)
                    return change;
                await session.SendAsync(ChannelRow.Update, ChannelRow.Of(change.After));
                return await MoveAsync(session, [change], ids.Next<NetSettlement>(), now) is { Refusal: { } unpaid } ? unpaid : change;
            },
            cancellationToken);

    /// <summary>Settles many vouchers by few transfers. A voucher that is refused takes no other with it.</summary>
    /// <param name="id">Of the settlement.</param>
    /// <param name="acts">For each voucher its channel, which exists, and the act; several may be of one channel.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public Task<NetSettlement> SettleAsync(
        Id<NetSettlement> id, IReadOnlyList<(Id<Channel> Channel, ChannelAct Act)> acts, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var channels = await LockAsync(session, acts.Select(act => act.Channel));
            return await ActEachAsync(session, id, channels, acts, now);
        },
        cancellationToken);

    /// <summary>Has the market do what is due: begins the windows of channels that have expired, and finishes closings whose window is over.</summary>
    /// <returns>How many channels were looked at; as many as <paramref name="limit"/> when there may be more.</returns>
    /// <exception cref="AggregateException">At some of them it cannot be done; at the others it was.</exception>
    public async Task<int> ActOnDueAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        // A look costs less than a transaction.
        var due = await database.ReadAsync(
            async session =>
            {
                // A node whose clock is ahead must not end the window of a payee that looks by its own: the database's clock has a say.
                now = Earlier(now, await session.QuerySingleAsync<DateTimeOffset>("SELECT {clock}", new { now }));
                return await session.QueryAsync<Id<Channel>>("SELECT id FROM channels WHERE due_at <= @now ORDER BY due_at LIMIT @limit", new { now, limit });
            },
            cancellationToken);
        if (due.Count == 0)
            return 0;
        try
        {
            await ActOnAsync(due, now, cancellationToken);
        }
        catch (Exception failure) when (due.Count > 1 && IsOwnFault(failure))
        {
            // One that cannot be read must not hold up the others' money.
            var faults = new List<Exception>();
            foreach (var channel in due)
            {
                try
                {
                    await ActOnAsync([channel], now, cancellationToken);
                }
                catch (Exception own) when (IsOwnFault(own))
                {
                    faults.Add(new InvalidOperationException($"What is due at {channel} cannot be done: {own.Message}", own));
                }
            }

            if (faults.Count > 0)
                throw new AggregateException(faults);
        }

        return due.Count;

        static bool IsOwnFault(Exception failure) => failure is not OperationCanceledException && !failure.MayPass();
    }

    private Task ActOnAsync(IReadOnlyList<Id<Channel>> due, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // Another node may have been here meanwhile: the rules then say that nothing is due.
            var channels = await LockAsync(session, due);
            await ActEachAsync(
                session,
                ids.Next<NetSettlement>(),
                channels,
                [.. channels.Values.Select(channel => (channel.Id, (ChannelAct)(channel.State is ChannelState.Open ? new ChannelAct.Expire() : new ChannelAct.Finish())))],
                now);
        },
        cancellationToken);

    private async Task<NetSettlement> ActEachAsync(
        SqlSession session, Id<NetSettlement> id, Dictionary<Id<Channel>, Channel> channels, IReadOnlyList<(Id<Channel> Channel, ChannelAct Act)> acts, DateTimeOffset now)
    {
        var outcomes = new List<Outcome<ChannelChange, ChannelRefusal>>(acts.Count);
        var changes = new List<ChannelChange>(acts.Count);
        foreach (var (channel, act) in acts)
        {
            var outcome = ChannelRules.Apply(channels[channel], act, now);
            outcomes.Add(outcome);
            if (outcome.TryGet(out var change, out _) && !change.IsNone)
            {
                channels[channel] = change.After;
                changes.Add(change);
            }
        }

        await session.SendEachAsync(ChannelRow.Update, changes.Select(change => change.After.Id).Distinct().Select(changed => (object)ChannelRow.Of(channels[changed])));
        var (unpaid, transfers) = await MoveAsync(session, changes, id, now);
        if (unpaid is not null)
            throw new InvalidOperationException($"The escrow of channels does not hold what they have left: {unpaid.Detail}");
        return new NetSettlement(id, outcomes, changes.Aggregate(Money.Zero, (sum, change) => sum + change.Paid), transfers);
    }

    /// <summary>Moves the money and tells of it. When the payer cannot pay, nothing of the act is written.</summary>
    private async Task<(Refusal<ChannelRefusal>? Refusal, int Transfers)> MoveAsync(
        SqlSession session, IReadOnlyList<ChannelChange> changes, Id<NetSettlement> cause, DateTimeOffset now)
    {
        var transfers = Netting.ToTransfers(changes, clearing, cause.ToString(), ids, now);
        if (transfers.Count > 0 && (await SqlLedger.ApplyAsync(session, transfers)).Refusal is { } refusal)
        {
            session.Abandon();
            return refusal.Code is TransferRefusal.InsufficientFunds
                ? (new Refusal<ChannelRefusal>(ChannelRefusal.InsufficientFunds, refusal.Detail), 0)
                : throw new InvalidOperationException($"The ledger refuses transfers of channels: {refusal.Code}: {refusal.Detail}");
        }

        await SqlEvents.AppendAsync(session, changes.SelectMany(change => ChannelEvents.Of(change, now)));
        return (null, transfers.Count);
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private static async Task<Dictionary<Id<Channel>, Channel>> LockAsync(SqlSession session, IEnumerable<Id<Channel>> channels) =>
        (await session.QueryAsync<ChannelRow>(Select + "WHERE id IN @channels ORDER BY id {for update}", new { channels = channels.Distinct().ToList() }))
        .Select(row => row.ToChannel()).ToDictionary(channel => channel.Id);

    private static async Task<Channel?> FindAsync(SqlSession session, Id<Channel> id) =>
        (await session.QueryFirstOrDefaultAsync<ChannelRow>(Select + "WHERE id = @id", new { id }))?.ToChannel();
}
