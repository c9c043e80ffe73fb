using System.Globalization;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Mail;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Storage is paid by the hour of UTC, in advance, by each user who has more in the content store than is free.</summary>
/// <remarks>
/// A payment's id follows from user and hour, so an hour is paid once, whoever asks for it and however often. An hour is gone through in portions, each with all that belongs to it in one
/// transaction, by a cursor over the users; who has the hour's row takes the next portion. On PostgreSQL budgets are locked before wallets, and what users take up after them, as submissions do.
/// </remarks>
/// <param name="database">The cell's.</param>
/// <param name="accounts">Of the cell.</param>
/// <param name="prices">What is taken.</param>
/// <param name="split">How node and market share it.</param>
/// <param name="cell">Which node this is.</param>
/// <param name="letters">To those whose storage is not paid.</param>
/// <param name="telemetry">Told of what was paid.</param>
/// <param name="ids">Of what is passed on to the market.</param>
/// <param name="time">The clock.</param>
public sealed class SqlStorageFees(
    Database database, SystemAccounts accounts, UsagePrices prices, SplitPolicy split, Cell cell, LetterBox letters, ChargeTelemetry telemetry, IdSource ids,
    TimeProvider time) : IStoragePayments
{
    /// <summary>How many users pay in one transaction: others wait for it.</summary>
    internal const int UsersAtOnce = 1_000;

    /// <summary>What an hour that is not paid weighs; one that is paid takes one off. So whoever skips hours on purpose has paid ten for each before it is forgotten.</summary>
    internal const int UnpaidHourWeight = 10;

    private const int HoursOfDay = 24;
    private const string KeptColumns = "user_id, content_bytes, unpaid_since, unpaid_weight, budgets, is_organisation";

    private readonly long _mostWeight = (long)prices.UnpaidStorageDays * HoursOfDay * UnpaidHourWeight;
    private string _askedAfter = "";

    /// <summary>Has the next users pay for the hour that it is.</summary>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Whether all have been asked.</returns>
    public async Task<bool> ChargeAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!prices.ChargesStorage)
        {
            await database.WriteAsync(session => session.ExecuteAsync("UPDATE user_usage SET unpaid_since = NULL WHERE unpaid_since IS NOT NULL"), cancellationToken);
            return true;
        }

        var hour = UsageSpan.Hour.StartOf(now);
        var (isDone, asked) = await database.WriteAsync(session => ChargePortionAsync(session, hour, now), cancellationToken);
        telemetry.Storage(asked);
        return isDone;
    }

    /// <summary>Asks those again for the hour that it is whose storage is not paid, and who seem to be able to pay it by now: some of them, and the next ones the next time.</summary>
    /// <remarks>Otherwise a budget that is there at the turn of the hour alone would spare its owner the hour. Who cannot pay is only read. Called by one at a time.</remarks>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public async Task AskAgainAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!prices.ChargesStorage)
            return;
        var able = await database.ReadAsync(session => FindAbleAsync(session, now), cancellationToken);
        if (able.Count == 0)
            return;
        var asked = await database.WriteAsync(
            async session =>
            {
                var users = await session.QueryAsync<Kept>($"SELECT {KeptColumns} FROM user_usage WHERE user_id IN @able AND unpaid_since IS NOT NULL ORDER BY user_id", new { able });
                var (asked, events) = await PayAsync(session, UsageSpan.Hour.StartOf(now), users, isTurn: false, now);
                await SqlEvents.AppendAsync(session, events);
                return asked;
            },
            cancellationToken);
        // That they could not at the turn of the hour is counted.
        telemetry.Storage(asked with { Unpaid = 0 });
    }

    /// <summary>Why a user gets nothing out of the content store, and has nothing of it taken as input: too many hours were not paid, and the last one that was asked for was not either.</summary>
    /// <param name="user">Whose it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when it may be used.</returns>
    public async Task<Refusal<ContentRefusal>?> RefuseUseAsync(Id<User> user, CancellationToken cancellationToken)
    {
        if (!prices.ChargesStorage
            || await database.ReadAsync(
                session => session.QueryFirstOrDefaultAsync<long?>(
                    "SELECT content_bytes FROM user_usage WHERE user_id = @user AND unpaid_since IS NOT NULL AND unpaid_weight >= @most", new { user, most = _mostWeight }),
                cancellationToken) is not { } bytes)
        {
            return null;
        }

        return await RefuseAsync(
            user,
            bytes,
            $"What you have in the content store was not paid for {prices.UnpaidStorageDays} days or more, so it is neither sent nor taken as input until an hour of it is paid, which the node tries every moment; the export of your data has it all the same",
            time.GetUtcNow(),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<string?> WhyUnusableAsync(Id<User> user, CancellationToken cancellationToken) => (await RefuseUseAsync(user, cancellationToken))?.Detail;

    /// <summary>Whether content may be taken in: what its owner has then is to be paid for the next hour.</summary>
    /// <param name="user">Whose it will be.</param>
    /// <param name="room">What is kept free for it.</param>
    /// <param name="bytes">How much it is; null when that is not known.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The most bytes that can be paid for, or why none are taken.</returns>
    public async Task<Outcome<long, ContentRefusal>> AdmitAsync(Id<User> user, UserUsages.Room room, long? bytes, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(room);
        // What is the user's already costs nothing more.
        if (!prices.ChargesStorage || bytes == 0)
            return long.MaxValue;
        if (room.IsUnpaid)
        {
            var asked = await database.WriteAsync(session => PayNowAsync(session, user, now), cancellationToken);
            telemetry.Storage(asked);
            if (asked.Unpaid > 0)
                return await RefuseAsync(user, room.Taken, "An hour of what you have in the content store could not be paid, so nothing is taken in until one is", now, cancellationToken);
        }

        var own = prices.For(room.IsOrganisation);
        if (bytes is { } known && own.PaidStorage(room.Taken + known) == 0)
            return long.MaxValue;
        var most = own.MostContentFor(await database.ReadAsync(session => FindSpendableAsync(session, user, now), cancellationToken)) - room.Taken;
        return (bytes ?? 1) <= most
            ? most
            : await RefuseAsync(user, room.Taken + (bytes ?? 1), "What you would have in the content store with this cannot be paid for the next hour", now, cancellationToken);
    }

    /// <summary>What is answered when more comes than can be paid for.</summary>
    public Task<Refusal<ContentRefusal>> RefuseAsync(Id<User> user, long contentBytes, DateTimeOffset now, CancellationToken cancellationToken) =>
        RefuseAsync(user, contentBytes, "What you would have in the content store with this cannot be paid for the next hour", now, cancellationToken);

    /// <summary>Users whose storage is not paid, in the order of their ids.</summary>
    public Task<Page<UnpaidStorage>> ListUnpaidAsync(PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        return database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<UnpaidStorage>(
                    """
                    SELECT u.id, u.handle, s.content_bytes, s.unpaid_since, s.is_organisation FROM user_usage AS s JOIN users AS u ON u.id = s.user_id
                    WHERE s.unpaid_since IS NOT NULL AND s.user_id > @after ORDER BY s.user_id LIMIT @limit
                    """,
                    new { after = page.Cursor ?? "", limit = page.Limit + 1 });
                return new Page<UnpaidStorage>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
            },
            cancellationToken);
    }

    private async Task<(bool IsDone, StorageAsked Asked)> ChargePortionAsync(SqlSession session, DateTimeOffset hour, DateTimeOffset now)
    {
        await session.SendAsync(
            "INSERT INTO storage_hours (start_at, after_user, is_done, paid, unpaid) VALUES (@hour, '', FALSE, 0, 0) ON CONFLICT (start_at) DO NOTHING", new { hour });
        var (after, isDone) = await session.QuerySingleAsync<(string After, bool IsDone)>("SELECT after_user, is_done FROM storage_hours WHERE start_at = @hour {for update}", new { hour });
        if (isDone)
            return (true, default);
        var users = await session.QueryAsync<Kept>(
            $"SELECT {KeptColumns} FROM user_usage WHERE user_id > @after AND content_bytes > 0 AND (content_bytes > @free OR is_organisation) ORDER BY user_id LIMIT @limit",
            new { after, free = prices.FreeStorageBytes, limit = UsersAtOnce });
        var isLast = users.Count < UsersAtOnce;
        var (asked, events) = await PayAsync(session, hour, users, isTurn: true, now);
        await session.SendAsync(
            "UPDATE storage_hours SET after_user = @after, is_done = @isLast, paid = paid + @Paid, unpaid = unpaid + @Unpaid WHERE start_at = @hour",
            new { after = isLast ? after : users[^1].UserId.ToString(), isLast, asked.Paid, asked.Unpaid, hour });
        if (isLast)
            await ClearAsync(session);
        await SqlEvents.AppendAsync(session, events);
        return (isLast, asked);
    }

    private async Task<StorageAsked> PayNowAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        var users = await session.QueryAsync<Kept>($"SELECT {KeptColumns} FROM user_usage WHERE user_id = @user", new { user });
        var (asked, events) = await PayAsync(session, UsageSpan.Hour.StartOf(now), users, isTurn: false, now);
        await SqlEvents.AppendAsync(session, events);
        return asked;
    }

    /// <summary>Users whose storage is not paid, whose wallets have what an hour costs, and whose budgets have room for it.</summary>
    private async Task<IReadOnlyList<Id<User>>> FindAbleAsync(SqlSession session, DateTimeOffset now)
    {
        var unpaid = await session.QueryAsync<Unpaid>(
            """
            SELECT s.user_id, s.content_bytes, s.budgets, s.is_organisation, a.posted - a.pending_debits AS available
            FROM user_usage AS s JOIN accounts AS a ON a.owner = s.user_id AND a.kind = 'Wallet'
            WHERE s.unpaid_since IS NOT NULL AND s.user_id > @after ORDER BY s.user_id LIMIT @limit
            """,
            new { after = _askedAfter, limit = UsersAtOnce });
        _askedAfter = unpaid.Count < UsersAtOnce ? "" : unpaid[^1].UserId.ToString();
        var able = unpaid.Where(user => user.Available >= PriceOf(user)).ToList();
        var left = await SqlBudgets.FindLeftAsync(session, [.. able.Where(user => user.Budgets > 0).Select(user => user.UserId)], now);
        return [.. able.Where(user => !left.TryGetValue(user.UserId, out var most) || most >= PriceOf(user)).Select(user => user.UserId)];
    }

    /// <summary>Has users pay for an hour, each who has not yet. Nothing that is not paid is owed.</summary>
    /// <param name="session">The act.</param>
    /// <param name="hour">Which.</param>
    /// <param name="users">In the order of their ids.</param>
    /// <param name="isTurn">Whether they are asked for the hour as all are, once: then it counts who does not pay.</param>
    /// <param name="now">UTC.</param>
    /// <returns>What is to be told, besides.</returns>
    private async Task<(StorageAsked Asked, IReadOnlyList<NewEvent> Events)> PayAsync(
        SqlSession session, DateTimeOffset hour, IReadOnlyList<Kept> users, bool isTurn, DateTimeOffset now)
    {
        if (users.Count == 0)
            return (default, []);
        var budgeted = users.Where(user => user.Budgets > 0).Select(user => user.UserId).ToList();
        var budgets = budgeted.Count == 0 ? null : await SqlBudgets.LockForEverythingAsync(session, budgeted);
        // From here on nobody else has these users pay.
        var wallets = (await session.QueryAsync<(Id<Account> Id, string Owner)>(
            "SELECT id, owner FROM accounts WHERE owner IN @owners AND kind = 'Wallet' ORDER BY id {for update}", new { owners = users.Select(user => user.UserId.ToString()) }))
            .ToDictionary(row => row.Owner, row => row.Id, StringComparer.Ordinal);
        var paid = (await SqlJournal.FindPlacesAsync(session, [.. users.Select(user => UsageCharge.IdOf(user.UserId, hour).Uuid)])).Select(found => found.Id).ToHashSet();
        var due = new List<Due>(users.Count);
        var (settled, unpaid) = (new List<(Kept User, bool IsPaid)>(), new List<(Kept User, UnpaidReason Reason)>());
        foreach (var user in users)
        {
            var own = prices.For(user.IsOrganisation);
            var price = own.HourOf(user.ContentBytes);
            var charge = new UsageCharge(
                UsageCharge.IdOf(user.UserId, hour), user.UserId, UsageKind.Storage, cell.Self.Node, own.PaidStorage(user.ContentBytes), price, UsageTransfers.PlatformOf(price, split), hour);
            if (price == Money.Zero || paid.Contains(charge.Id.Uuid))
                settled.Add((user, IsPaid: false));
            else if (!wallets.TryGetValue(user.UserId.ToString(), out var wallet))
                unpaid.Add((user, UnpaidReason.InsufficientFunds));
            else if (budgets is not null && await SqlBudgets.HoldAsync(session, budgets, user.UserId, price, hour) is not null)
                unpaid.Add((user, UnpaidReason.BudgetExhausted));
            else
                due.Add(new Due(user, charge, wallet));
        }

        var refusals = await SqlLedger.ApplyEachAsync(session, [.. due.Select(one => (IReadOnlyList<Transfer>)[UsageTransfers.Pay(one.Charge, one.Wallet, accounts.Node, now)])]);
        var charges = new List<UsageCharge>(due.Count);
        for (var place = 0; place < due.Count; place++)
        {
            var (user, charge, _) = due[place];
            if (refusals[place] is not { } refused)
            {
                charges.Add(charge);
                settled.Add((user, IsPaid: true));
            }
            else if (refused.Code is TransferRefusal.InsufficientFunds)
            {
                unpaid.Add((user, UnpaidReason.InsufficientFunds));
            }
            else
            {
                throw new InvalidOperationException($"The ledger refused to have {user.UserId} pay for storage: {refused.Code}: {refused.Detail}");
            }

            budgets?.Settle(user.UserId, charge.Price, refusals[place] is null ? charge.Price : Money.Zero);
        }

        var platform = charges.Aggregate(Money.Zero, (sum, charge) => sum + charge.Platform);
        if (platform > Money.Zero && (await SqlLedger.ApplyAsync(session, [UsageTransfers.PassOn(ids.Next<Transfer>(), platform, accounts, CauseOf(hour), now)])).Refusal is { } kept)
            throw new InvalidOperationException($"The ledger refused to pass fees for storage on: {kept.Code}: {kept.Detail}");
        await SqlCharges.AddAsync(session, charges);
        if (budgets is not null)
            await SqlBudgets.UpdateAsync(session, budgets.Changed);
        return (
            new StorageAsked(charges.Count, unpaid.Count, charges.Sum(charge => charge.Quantity)),
            await MarkAsync(session, hour, settled, unpaid, isTurn, now));
    }

    /// <summary>Notes who has not paid, and who has again.</summary>
    private async Task<IReadOnlyList<NewEvent>> MarkAsync(
        SqlSession session, DateTimeOffset hour, IReadOnlyList<(Kept User, bool IsPaid)> settled, IReadOnlyList<(Kept User, UnpaidReason Reason)> unpaid, bool isTurn, DateTimeOffset now)
    {
        var events = new List<NewEvent>();
        foreach (var (user, isPaid, reason) in settled.Select(one => (one.User, one.IsPaid, Reason: (UnpaidReason?)null))
            .Concat(unpaid.Select(one => (one.User, IsPaid: false, Reason: (UnpaidReason?)one.Reason)))
            .OrderBy(one => one.User.UserId))
        {
            if (reason is null ? isPaid && user.UnpaidWeight > 0 : isTurn)
            {
                await session.SendAsync(
                    """
                    UPDATE user_usage SET unpaid_weight = CASE
                        WHEN unpaid_weight + @by > @most THEN @most WHEN unpaid_weight + @by < 0 THEN 0 ELSE unpaid_weight + @by END
                    WHERE user_id = @UserId
                    """,
                    new { by = reason is null ? -1L : UnpaidHourWeight, most = _mostWeight, user.UserId });
            }

            if ((reason is null) == (user.UnpaidSince is null))
                continue;
            var (own, isNew) = (prices.For(user.IsOrganisation), reason is not null);
            var price = own.HourOf(user.ContentBytes);
            var changed = await session.ExecuteAsync(
                "UPDATE user_usage SET unpaid_since = @since WHERE user_id = @UserId AND (unpaid_since IS NULL) = @isNew",
                new { since = reason is null ? (DateTimeOffset?)null : now, user.UserId, isNew });
            // Who else has done so has told it.
            if (changed == 0)
                continue;
            events.Add(reason is { } why ? StorageEvents.Unpaid(user.UserId, user.ContentBytes, price, hour, why, now) : StorageEvents.Paid(user.UserId, user.ContentBytes, price, hour, now));
            if (reason is { } because)
                await letters.AddAsync(session, user.UserId, handle => LetterOf(handle, user.ContentBytes, own, because), now);
        }

        return events;
    }

    /// <summary>Who has no more than is free has nothing to pay.</summary>
    private Task<int> ClearAsync(SqlSession session) => session.ExecuteAsync(
        "UPDATE user_usage SET unpaid_since = NULL WHERE unpaid_since IS NOT NULL AND (content_bytes = 0 OR (content_bytes <= @free AND NOT is_organisation))",
        new { free = prices.FreeStorageBytes });

    private Money PriceOf(Unpaid user) => prices.For(user.IsOrganisation).HourOf(user.ContentBytes);

    /// <summary>What a user can pay for an hour.</summary>
    private static async Task<Money> FindSpendableAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        var wallet = await SqlLedger.FindAccountAsync(session, user.ToString(), AccountKind.Wallet);
        return Money.Min(wallet?.Available ?? Money.Zero, await SqlBudgets.FindLeftAsync(session, user, now));
    }

    private async Task<Refusal<ContentRefusal>> RefuseAsync(Id<User> user, long contentBytes, string what, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var (spendable, own) = await database.ReadAsync(
            async session => (
                await FindSpendableAsync(session, user, now),
                prices.For(await session.QueryFirstOrDefaultAsync<bool?>("SELECT is_organisation FROM user_usage WHERE user_id = @user", new { user }) ?? false)),
            cancellationToken);
        return new Refusal<ContentRefusal>(
            ContentRefusal.StorageUnpaid,
            $"{what}: {contentBytes:N0} bytes, of which {own.FreeStorageBytes:N0} are free, cost {own.HourOf(contentBytes)} USD an hour, and your wallet and budgets let {spendable} USD be spent. "
            + "Pay in (POST /api/v1/payments/add-credit), raise the budget (PUT /api/v1/budgets), or bring less; credit of plans pays for tasks alone.");
    }

    private static string CauseOf(DateTimeOffset hour) => string.Create(CultureInfo.InvariantCulture, $"storage {hour.UtcDateTime:yyyy-MM-dd'T'HH'Z'}");

    private LetterText LetterOf(string handle, long contentBytes, UsagePrices own, UnpaidReason reason) => new(
        "Your storage is not paid",
        $"""
        Hello {handle},

        you have {contentBytes:N0} bytes in the content store, of which {own.FreeStorageBytes:N0} are free. The rest costs {own.HourOf(contentBytes)} USD an hour, in advance, and {(reason is UnpaidReason.InsufficientFunds
            ? "your wallet had too little for this hour"
            : "a budget of yours has too little left for this hour")}.
        Nothing is deleted and nothing is owed. Nothing more is taken in until an hour is paid again. What was not paid for {prices.UnpaidStorageDays} days is not sent and not taken as input of tasks either, until one is.

        What there is: stoa quota
        What is in the wallet: stoa wallet
        What you have limited: stoa budget list

        """);

    private sealed record Kept(Id<User> UserId, long ContentBytes, DateTimeOffset? UnpaidSince, long UnpaidWeight, long Budgets, bool IsOrganisation);

    private sealed record Unpaid(Id<User> UserId, long ContentBytes, long Budgets, bool IsOrganisation, Money Available);

    private sealed record Due(Kept User, UsageCharge Charge, Id<Account> Wallet);
}

/// <summary>What came of asking users to pay for an hour.</summary>
/// <param name="Paid">How many have.</param>
/// <param name="Unpaid">How many could not.</param>
/// <param name="ByteHours">What was paid for.</param>
public readonly record struct StorageAsked(int Paid, int Unpaid, long ByteHours);

/// <summary>A user whose storage is not paid.</summary>
/// <param name="Id">The user.</param>
/// <param name="Handle">The user's.</param>
/// <param name="ContentBytes">What the user has in the content store.</param>
/// <param name="UnpaidSince">Since when, UTC.</param>
/// <param name="IsOrganisation">Whether it is an organisation, of whose content nothing is free.</param>
public sealed record UnpaidStorage(Id<User> Id, string Handle, long ContentBytes, DateTimeOffset UnpaidSince, bool IsOrganisation);
