using System.Globalization;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Events;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Mail;
using Stoa.Node.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>An erasure that was asked for, and the sessions that were ended by that.</summary>
public sealed record RequestedErasure(Erasure Erasure, IReadOnlyList<Id<Session>> Ended);

/// <summary>Who has asked to be erased: asked for, and undone. Whoever does either has the row of the account locked.</summary>
public sealed class SqlErasureRequests(Database database, LetterBox letters)
{
    internal const string Columns = "user_id, forfeits, requested_at, due_at, step, place, erased_at";

    /// <summary>That a person has asked to be erased; null for not.</summary>
    public Task<Erasure?> FindAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(session => FindAsync(session, user), cancellationToken);

    /// <summary>Every reason that is in the way now; empty when there is none.</summary>
    /// <param name="user">Who would be erased.</param>
    /// <param name="forfeits">Whether the money in the wallet would be given up.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<IReadOnlyList<FieldError>> ListObstaclesAsync(Id<User> user, bool forfeits, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<FieldError>>(async session => [.. await FindObstaclesAsync(session, user, forfeits, isAtRequest: true)], cancellationToken);

    /// <summary>Has a person erased after a while; until then sessions, keys and schedules are at rest.</summary>
    /// <param name="user">Who.</param>
    /// <param name="forfeits">Whether the money in the wallet is given up.</param>
    /// <param name="now">UTC.</param>
    /// <param name="dueAt">From when on.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The erasure, or <see cref="AccountRefusal.ErasureBlocked"/> with every reason.</returns>
    public Task<Outcome<RequestedErasure, AccountRefusal>> RequestAsync(
        Id<User> user, bool forfeits, DateTimeOffset now, DateTimeOffset dueAt, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<RequestedErasure, AccountRefusal>>(
            async session =>
            {
                await SqlOrganisationStore.LockAsync(session, user);
                if (await FindAsync(session, user) is { } before)
                    return new RequestedErasure(before, []);
                if (await FindObstaclesAsync(session, user, forfeits, isAtRequest: true) is { Count: > 0 } obstacles)
                    return new Refusal<AccountRefusal>(AccountRefusal.ErasureBlocked, "The account cannot be erased as long as there is what is listed in errors. End that first.", obstacles);
                await session.ExecuteAsync(
                    $"INSERT INTO erasures ({Columns}) VALUES (@user, @forfeits, @now, @dueAt, 0, '', NULL)", new { user, forfeits, now, dueAt });
                var ended = await SqlSessionStore.EndAllAsync(session, user, null, SessionEnd.Erasure, now);
                await EndKeysAsync(session, user, now);
                await session.ExecuteAsync(
                    "UPDATE schedules SET paused_at = @now, next_tick = NULL, lease_token = NULL WHERE owner_id = @user AND paused_at IS NULL", new { now, user });
                await letters.AddAsync(session, user, handle => Announce(handle, dueAt), now);
                await SqlEvents.AppendAsync(session, [NewEvent.Create(
                    EventTypes.ErasureRequested, user.ToString(), user, now, json => json.WriteString("erasesAt", dueAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)))]);
                return new RequestedErasure((await FindAsync(session, user))!, ended);
            },
            cancellationToken);

    /// <summary>Undoes it, if it has not begun. Keys stay revoked and schedules paused.</summary>
    /// <returns>False when there is nothing to undo, or it is too late.</returns>
    public Task<bool> CancelAsync(Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlOrganisationStore.LockAsync(session, user);
            // Whoever has begun has this row locked until it says so.
            if (await session.QueryFirstOrDefaultAsync<Erasure>($"SELECT {Columns} FROM erasures WHERE user_id = @user {{for update}}", new { user }) is not { Step: 0, ErasedAt: null })
                return false;
            await session.ExecuteAsync("DELETE FROM erasures WHERE user_id = @user", new { user });
            await letters.AddAsync(session, user, Undo, now);
            await SqlEvents.AppendAsync(session, [NewEvent.Create(EventTypes.ErasureUndone, user.ToString(), user, now, _ => { })]);
            return true;
        },
        cancellationToken);

    /// <summary>When somebody was erased last; null for nobody.</summary>
    internal Task<DateTimeOffset?> NewestErasedAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>("SELECT erased_at FROM erasures WHERE erased_at IS NOT NULL ORDER BY erased_at DESC LIMIT 1"), cancellationToken);

    /// <summary>Persons who were erased and who have something in the books all the same: a share of a task that had waited, say.</summary>
    internal Task<IReadOnlyList<Id<User>>> ListEarningAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<User>>(
            """
            SELECT DISTINCT e.user_id FROM erasures AS e JOIN accounts AS a ON a.owner = e.user_id AND a.kind IN ('Wallet', 'Credit')
            WHERE e.erased_at IS NOT NULL AND a.posted > a.pending_debits ORDER BY e.user_id LIMIT 100
            """),
        cancellationToken);

    /// <summary>Takes all of a person's keys out of force: the own ones, those that were made for organisations, and those that sign.</summary>
    internal static async Task EndKeysAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        await session.ExecuteAsync("UPDATE api_keys SET revoked_at = @now WHERE (user_id = @user OR maker_id = @user) AND revoked_at IS NULL", new { now, user });
        await session.ExecuteAsync("UPDATE request_keys SET revoked_at = @now WHERE user_id = @user AND revoked_at IS NULL", new { now, user });
    }

    internal static Task<Erasure?> FindAsync(SqlSession session, Id<User> user) =>
        session.QueryFirstOrDefaultAsync<Erasure>($"SELECT {Columns} FROM erasures WHERE user_id = @user", new { user });

    /// <summary>Every reason that is in the way.</summary>
    /// <param name="session">Sees all as of one moment.</param>
    /// <param name="user">Who would be erased.</param>
    /// <param name="forfeits">Whether the money in the wallet is given up.</param>
    /// <param name="isAtRequest">False when it is about to begin: then what has come into the wallet since is given up.</param>
    internal static async Task<List<FieldError>> FindObstaclesAsync(SqlSession session, Id<User> user, bool forfeits, bool isAtRequest)
    {
        var obstacles = new List<FieldError>();
        if (isAtRequest)
        {
            var (role, hash) = await session.QuerySingleAsync<(UserRole Role, string? Hash)>("SELECT role, password_hash FROM users WHERE id = @user", new { user });
            if (role is UserRole.Admin)
                Add("You administer this node: whoever else is to do so needs this account.");
            if (hash is null && !await SqlAccountStore.HasIdentityAsync(session, user))
                Add("The account has neither a password nor an identity of a provider, by which alone it could be undone: set a password with PUT /api/v1/users/me/password.");
        }

        var wallet = await SqlLedger.FindAccountAsync(session, user.ToString(), AccountKind.Wallet);
        if (wallet is not null && wallet.PendingDebits > Money.Zero)
            Add($"{wallet.PendingDebits} USD of the wallet are held for something that has not ended.");
        if (isAtRequest && !forfeits && wallet is not null && wallet.Available > Money.Zero)
            Add($"{wallet.Available} USD are in the wallet: have them paid out (stoa payout create), or give them up to the platform with forfeit.", "/forfeit");
        if (isAtRequest && !forfeits && await SqlCredit.BalanceAsync(session, user) is { Balance: var credit } && credit > Money.Zero)
            Add($"{credit} USD of credit are left, and end with the account: spend them, or give them up with forfeit.", "/forfeit");
        await CountAsync("SELECT COALESCE((SELECT open_tasks FROM user_usage WHERE user_id = @user), 0)", "task waits or runs: cancel it, or wait.", "tasks wait or run: cancel them, or wait.");
        await CountAsync("SELECT count(*) FROM channels WHERE (payer_id = @user OR payee_id = @user) AND due_at IS NOT NULL", "payment channel is not closed: close it.", "payment channels are not closed: close them.");
        obstacles.AddRange((await ListUnfinishedAsync(session, user)).Select(unfinished => new FieldError("", unfinished)));
        await CountAsync(
            "SELECT count(*) FROM subscriptions WHERE user_id = @user AND ended_at IS NULL AND NOT is_cancelled", "plan would be renewed: cancel it (stoa plan cancel).");
        foreach (var organisation in await session.QueryAsync<string>(
            """
            SELECT u.handle FROM memberships AS m JOIN users AS u ON u.id = m.organisation_id
            WHERE m.member_id = @user AND m.role = @admin AND NOT EXISTS (
                SELECT 1 FROM memberships AS o WHERE o.organisation_id = m.organisation_id AND o.role = @admin AND o.member_id <> @user
                    AND NOT EXISTS (SELECT 1 FROM erasures AS e WHERE e.user_id = o.member_id))
            ORDER BY u.handle
            """,
            new { user, admin = OrganisationRole.Admin }))
        {
            Add($"You are the only administrator of the organisation {organisation}: make another member one, or delete it.");
        }

        return obstacles;

        void Add(string reason, string pointer = "") => obstacles.Add(new FieldError(pointer, reason));

        async Task CountAsync(string sql, string one, string? many = null)
        {
            if (await session.QuerySingleAsync<long>(sql, new { user }) is > 0 and var count)
                Add(count == 1 ? $"1 {one}" : $"{count} {many ?? one}");
        }
    }

    /// <summary>What is under way with the money of an account and would come to nothing, or be owed, if the account went.</summary>
    internal static async Task<IReadOnlyList<string>> ListUnfinishedAsync(SqlSession session, Id<User> user)
    {
        var unfinished = new List<string>();
        await CountAsync("SELECT count(*) FROM workflow_runs WHERE owner_id = @user AND ended_at IS NULL", "run of a workflow is not over: cancel it, or wait.", "runs of workflows are not over: cancel them, or wait.");
        await CountAsync("SELECT count(*) FROM disputes WHERE owner_id = @user AND verdict IS NULL", "dispute is not decided: wait.", "disputes are not decided: wait.");
        await CountAsync($"SELECT count(*) FROM payouts WHERE user_id = @user AND state = '{nameof(PayoutState.Requested)}'", "payout is on its way: wait.", "payouts are on their way: wait.");
        await CountAsync(
            $"SELECT count(*) FROM payments WHERE user_id = @user AND state IN ('{nameof(PaymentState.Created)}', '{nameof(PaymentState.Processing)}', '{nameof(PaymentState.Paid)}', '{nameof(PaymentState.Disputed)}')",
            "payment is not finished: finish it at Stripe, or wait until it has expired.",
            "payments are not finished: finish them at Stripe, or wait until they have expired.");
        await CountAsync("SELECT count(*) FROM payments WHERE user_id = @user AND refunded + disputed > recovered", "payment went back to the payer, and its amount is owed: top the wallet up.", "payments went back to the payer, and their amounts are owed: top the wallet up.");
        await CountAsync(
            $"SELECT count(*) FROM payment_refunds WHERE state = '{nameof(RefundState.Requested)}' AND payment_id IN (SELECT id FROM payments WHERE user_id = @user)",
            "refund is on its way: wait.",
            "refunds are on their way: wait.");
        return unfinished;

        async Task CountAsync(string sql, string one, string many)
        {
            if (await session.QuerySingleAsync<long>(sql, new { user }) is > 0 and var count)
                unfinished.Add(count == 1 ? $"1 {one}" : $"{count} {many ?? one}");
        }
    }

    private static LetterText Announce(string handle, DateTimeOffset dueAt) => new(
        "Your account will be erased",
        $"""
        Hello {handle},

        you have asked for your account "{handle}" at a Stoa node to be erased. That will be done at {dueAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC, and cannot be undone
        afterwards. All sessions are ended and all keys are revoked. What comes into the wallet from now on is given up to the platform.

        Until then you can undo it, with your password:

            stoa account erase --undo --handle {handle}

        If it was not you, undo it now and change your password. There will be no other letter.

        """);

    private static LetterText Undo(string handle) => new(
        "Your account will not be erased",
        $"""
        Hello {handle},

        your account "{handle}" at a Stoa node stays: that it be erased was undone. Keys stay revoked and schedules stay paused until you make or resume them.

        Sign in with: stoa login --handle {handle}

        """);
}
