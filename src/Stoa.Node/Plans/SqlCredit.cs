using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Ledger;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Credit inside a session: it is given, and what was not spent expires.</summary>
/// <remarks>
/// Whoever changes a user's grants holds his accounts, so one after another does. On PostgreSQL an act holds the journal before it counts a user, and appends events last, as submissions
/// do: so events are answered to the caller, who appends them.
/// </remarks>
internal static class SqlCredit
{
    internal const string Columns = "id, user_id, source, cause, amount, remaining, expires_at, created_at";

    private static readonly TimeSpan s_whileHeld = TimeSpan.FromMinutes(1);

    /// <summary>Locks what a user has, in the ledger's order, and answers the wallet.</summary>
    public static async Task<Id<Account>> LockAsync(SqlSession session, Id<User> user)
    {
        var locked = await session.QueryAsync<(Id<Account> Id, AccountKind Kind)>(
            "SELECT id, kind FROM accounts WHERE owner = @owner AND kind IN ('Wallet', 'Credit') ORDER BY id {for update}", new { owner = user.ToString() });
        return locked.Where(account => account.Kind is AccountKind.Wallet).Select(account => (Id<Account>?)account.Id).SingleOrDefault()
            ?? throw new InvalidOperationException($"The user {user} has no wallet.");
    }

    /// <summary>Gives credit from the sponsor.</summary>
    /// <returns>What is to be told.</returns>
    public static async Task<IReadOnlyList<NewEvent>> GiveAsync(SqlSession session, CreditGrant grant, Id<Account> sponsor, DateTimeOffset now)
    {
        var (expired, _) = await OpenAsync(session, grant.UserId, sponsor, now);
        await ApplyAsync(session, [PlanTransfers.Give(grant, sponsor, now)]);
        return [.. expired, await AddAsync(session, grant, now)];
    }

    /// <summary>Makes sure that there is an account for credit, and that what is left of each grant is as its balance says: before anything is moved into it.</summary>
    /// <returns>What is to be told, and what is left in all.</returns>
    public static async Task<(IReadOnlyList<NewEvent> Events, Money Left)> OpenAsync(SqlSession session, Id<User> user, Id<Account> sponsor, DateTimeOffset now)
    {
        await SqlLedger.OpenAccountAsync(session, Account.Open(Account.CreditOf(user), user.ToString(), AccountKind.Credit, now));
        return await ExpireAsync(session, user, sponsor, now);
    }

    /// <summary>Notes credit that was moved into the account.</summary>
    /// <returns>What is to be told.</returns>
    public static async Task<NewEvent> AddAsync(SqlSession session, CreditGrant grant, DateTimeOffset now)
    {
        await session.SendAsync(
            $"""
            INSERT INTO credit_grants ({Columns}, due_at)
            VALUES (@Id, @UserId, @Source, @Cause, @Amount, @Remaining, @ExpiresAt, @CreatedAt, @ExpiresAt)
            """,
            new { grant.Id, grant.UserId, grant.Source, grant.Cause, grant.Amount, grant.Remaining, grant.ExpiresAt, grant.CreatedAt });
        await SqlUserUsage.SetCreditAsync(session, grant.UserId, hasCredit: true);
        return PlanEvents.Granted(grant, now);
    }

    /// <summary>Takes back what has expired, and notes what is left of each grant. The accounts are locked.</summary>
    /// <returns>What is to be told, and what is left in all.</returns>
    public static async Task<(IReadOnlyList<NewEvent> Events, Money Left)> ExpireAsync(SqlSession session, Id<User> user, Id<Account> sponsor, DateTimeOffset now)
    {
        var grants = await session.QueryAsync<CreditGrant>($"SELECT {Columns} FROM credit_grants WHERE user_id = @user AND remaining > 0", new { user });
        if (grants.Count == 0)
            return ([], Money.Zero);
        var (balance, held) = await BalanceAsync(session, user);
        var settled = CreditRules.Settle(grants, balance);
        var expired = CreditRules.Expire(settled, held, now).ToDictionary(one => one.Grant.Id, one => one.Amount);
        await ApplyAsync(session, [.. settled.Where(grant => expired.ContainsKey(grant.Id)).Select(grant => PlanTransfers.Expire(grant, expired[grant.Id], sponsor, now))]);
        var events = new List<NewEvent>();
        var left = Money.Zero;
        foreach (var grant in settled)
        {
            var after = grant with { Remaining = grant.Remaining - expired.GetValueOrDefault(grant.Id) };
            left += after.Remaining;
            await session.SendAsync(
                "UPDATE credit_grants SET remaining = @Remaining, due_at = @dueAt WHERE id = @Id", new { after.Remaining, dueAt = DueAt(after, now), after.Id });
            if (after.Remaining != grant.Remaining)
                events.Add(PlanEvents.Expired(after, expired[grant.Id], now));
        }

        return (events, left);
    }

    /// <summary>Takes back all that is there, as if it had expired: its user goes, and nobody could spend it. Nobody is told.</summary>
    /// <param name="session">The act.</param>
    /// <param name="user">Whose it is.</param>
    /// <param name="sponsor">Where it goes.</param>
    /// <param name="rest">Of the transfer of what is of no grant.</param>
    /// <param name="now">UTC.</param>
    public static async Task TakeBackAsync(SqlSession session, Id<User> user, Id<Account> sponsor, Id<Transfer> rest, DateTimeOffset now)
    {
        await LockAsync(session, user);
        await session.SendAsync("UPDATE credit_grants SET expires_at = @now WHERE user_id = @user AND remaining > 0", new { user, now });
        await ExpireAsync(session, user, sponsor, now);
        // Grants are a reading of the balance, and what came back after theirs was spent is of none. The balance is what the books have.
        var (balance, held) = await BalanceAsync(session, user);
        if (balance > held)
            await ApplyAsync(session, [PlanTransfers.TakeBack(rest, user, balance - held, sponsor, now)]);
        await SqlUserUsage.SetCreditAsync(session, user, hasCredit: false);
    }

    /// <summary>What is there of a user's credit, and what of that tasks hold. Own money that has joined it is in neither.</summary>
    public static async Task<(Money Balance, Money Held)> BalanceAsync(SqlSession session, Id<User> user)
    {
        var account = Account.CreditOf(user);
        var (posted, held) = await session.QueryFirstOrDefaultAsync<(Money Posted, Money Held)>("SELECT posted, pending_debits FROM accounts WHERE id = @account", new { account });
        var own = await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(own), 0) AS BIGINT) FROM credit_holds WHERE user_id = @user AND own_paid IS NULL", new { user });
        return (posted - own, held - own);
    }

    private static DateTimeOffset? DueAt(CreditGrant grant, DateTimeOffset now) => grant switch
    {
        { ExpiresAt: null } => null,
        { Remaining: var left } when left == Money.Zero => null,
        // Tasks hold of what has expired: it is looked at again.
        { ExpiresAt: { } end } => end <= now ? now + s_whileHeld : end,
    };

    private static async Task ApplyAsync(SqlSession session, IReadOnlyList<Transfer> transfers)
    {
        if (transfers.Count > 0 && (await SqlLedger.ApplyAsync(session, transfers)).Refusal is { } refused)
            throw new InvalidOperationException($"Credit cannot be moved: {refused.Code}: {refused.Detail}");
    }
}
