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
public sealed class SqlStorageFees(
    Database database, SystemAccounts accounts, UsagePrices prices, SplitPolicy split, Cell cell, LetterBox letters, ChargeTelemetry telemetry, IdSource ids)
{
    /// <summary>How many users pay in one transaction: others wait for it.</summary>
    internal const int UsersAtOnce = 1_000;

    private const string KeptColumns = "user_id, content_bytes, unpaid_since, budgets";

    /// <summary>Has the next users pay for the hour that it is.</summary>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Whether all have been asked.</returns>
    public async Task<bool> ChargeAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!prices.ChargesStorage)
        {
            await database.WriteAsync(session => ClearAsync(session, long.MaxValue), cancellationToken);
            return true;
        }

        var hour = UsageSpan.Hour.StartOf(now);
        var (isDone, asked) = await database.WriteAsync(session => ChargePortionAsync(session, hour, now), cancellationToken);
        telemetry.Storage(asked);
        return isDone;
    }

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

        if (bytes is { } known && prices.PaidStorage(room.Taken + known) == 0)
            return long.MaxValue;
        var most = prices.MostContentFor(await database.ReadAsync(session => FindSpendableAsync(session, user, now), cancellationToken)) - room.Taken;
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
                    SELECT u.id, u.handle, s.content_bytes, s.unpaid_since FROM user_usage AS s JOIN users AS u ON u.id = s.user_id
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
            $"SELECT {KeptColumns} FROM user_usage WHERE user_id > @after AND content_bytes > 0 AND content_bytes > @free ORDER BY user_id LIMIT @limit",
            new { after, free = prices.FreeStorageBytes, limit = UsersAtOnce });
        var isLast = users.Count < UsersAtOnce;
        var (asked, events) = await PayAsync(session, hour, users, now);
        await session.SendAsync(
            "UPDATE storage_hours SET after_user = @after, is_done = @isLast, paid = paid + @Paid, unpaid = unpaid + @Unpaid WHERE start_at = @hour",
            new { after = isLast ? after : users[^1].UserId.ToString(), isLast, asked.Paid, asked.Unpaid, hour });
        if (isLast)
            await ClearAsync(session, prices.FreeStorageBytes);
        await SqlEvents.AppendAsync(session, events);
        return (isLast, asked);
    }

    private async Task<StorageAsked> PayNowAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        var (asked, events) = await PayAsync(
            session, UsageSpan.Hour.StartOf(now), await session.QueryAsync<Kept>($"SELECT {KeptColumns} FROM user_usage WHERE user_id = @user", new { user }), now);
        await SqlEvents.AppendAsync(session, events);
        return asked;
    }

    /// <summary>Has users pay for an hour, each who has not yet. Nothing that is not paid is owed.</summary>
    /// <returns>What is to be told, besides.</returns>
    private async Task<(StorageAsked Asked, IReadOnlyList<NewEvent> Events)> PayAsync(SqlSession session, DateTimeOffset hour, IReadOnlyList<Kept> users, DateTimeOffset now)
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
        var (settled, unpaid) = (new List<Kept>(), new List<(Kept User, UnpaidReason Reason)>());
        foreach (var user in users)
        {
            var price = prices.HourOf(user.ContentBytes);
            var charge = new UsageCharge(
                UsageCharge.IdOf(user.UserId, hour), user.UserId, UsageKind.Storage, cell.Self.Node, prices.PaidStorage(user.ContentBytes), price, UsageTransfers.PlatformOf(price, split), hour);
            if (price == Money.Zero || paid.Contains(charge.Id.Uuid))
                settled.Add(user);
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
                settled.Add(user);
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
            await MarkAsync(session, hour, settled, unpaid, now));
    }

    /// <summary>Notes who has not paid, and who has again.</summary>
    private async Task<IReadOnlyList<NewEvent>> MarkAsync(
        SqlSession session, DateTimeOffset hour, IReadOnlyList<Kept> settled, IReadOnlyList<(Kept User, UnpaidReason Reason)> unpaid, DateTimeOffset now)
    {
        var events = new List<NewEvent>();
        foreach (var (user, reason) in settled.Where(user => user.UnpaidSince is not null).Select(user => (user, (UnpaidReason?)null))
            .Concat(unpaid.Where(one => one.User.UnpaidSince is null).Select(one => (one.User, (UnpaidReason?)one.Reason)))
            .OrderBy(one => one.Item1.UserId))
        {
            var price = prices.HourOf(user.ContentBytes);
            var changed = await session.ExecuteAsync(
                "UPDATE user_usage SET unpaid_since = @since WHERE user_id = @UserId AND (unpaid_since IS NULL) = @isNew",
                new { since = reason is null ? (DateTimeOffset?)null : now, user.UserId, isNew = reason is not null });
            // Who else has done so has told it.
            if (changed == 0)
                continue;
            events.Add(reason is { } why ? StorageEvents.Unpaid(user.UserId, user.ContentBytes, price, hour, why, now) : StorageEvents.Paid(user.UserId, user.ContentBytes, price, hour, now));
            if (reason is { } because)
                await letters.AddAsync(session, user.UserId, handle => LetterOf(handle, user.ContentBytes, price, because), now);
        }

        return events;
    }

    /// <summary>Who has no more than is free has nothing to pay.</summary>
    private static Task<int> ClearAsync(SqlSession session, long free) => session.ExecuteAsync(
        "UPDATE user_usage SET unpaid_since = NULL WHERE unpaid_since IS NOT NULL AND content_bytes <= @free", new { free });

    /// <summary>What a user can pay for an hour.</summary>
    private static async Task<Money> FindSpendableAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        var wallet = await SqlLedger.FindAccountAsync(session, user.ToString(), AccountKind.Wallet);
        return Money.Min(wallet?.Available ?? Money.Zero, await SqlBudgets.FindLeftAsync(session, user, now));
    }

    private async Task<Refusal<ContentRefusal>> RefuseAsync(Id<User> user, long contentBytes, string what, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var spendable = await database.ReadAsync(session => FindSpendableAsync(session, user, now), cancellationToken);
        return new Refusal<ContentRefusal>(
            ContentRefusal.StorageUnpaid,
            $"{what}: {contentBytes:N0} bytes, of which {prices.FreeStorageBytes:N0} are free, cost {prices.HourOf(contentBytes)} USD an hour, and your wallet and budgets let {spendable} USD be spent. "
            + "Pay in (POST /api/v1/payments/add-credit), raise the budget (PUT /api/v1/budgets), or bring less; credit of plans pays for tasks alone.");
    }

    private static string CauseOf(DateTimeOffset hour) => string.Create(CultureInfo.InvariantCulture, $"storage {hour.UtcDateTime:yyyy-MM-dd'T'HH'Z'}");

    private LetterText LetterOf(string handle, long contentBytes, Money price, UnpaidReason reason) => new(
        "Your storage is not paid",
        $"""
        Hello {handle},

        you have {contentBytes:N0} bytes in the content store, of which {prices.FreeStorageBytes:N0} are free. The rest costs {price} USD an hour, in advance, and {(reason is UnpaidReason.InsufficientFunds
            ? "your wallet had too little for this hour"
            : "a budget of yours has too little left for this hour")}.
        Nothing is deleted and nothing is owed. Nothing more is taken in until an hour is paid again.

        What there is: stoa quota
        What is in the wallet: stoa wallet
        What you have limited: stoa budget list

        """);

    private sealed record Kept(Id<User> UserId, long ContentBytes, DateTimeOffset? UnpaidSince, long Budgets);

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
public sealed record UnpaidStorage(Id<User> Id, string Handle, long ContentBytes, DateTimeOffset UnpaidSince);
