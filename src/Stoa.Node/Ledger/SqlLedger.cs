using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>The ledger inside a session: for acts that move money together with something else.</summary>
public static class SqlLedger
{
    internal const string AccountColumns = "id, owner, kind, posted, pending_debits, pending_credits, created_at";
    internal const string StatedColumns = AccountColumns + ", latest_entry";

    // What every act in the cell adds to. On PostgreSQL nobody locks these to read them: each act would wait for every other for as long as it runs. What is taken out of them is looked at
    // once more when the act has the journal to itself.
    private const string Shared = "('World', 'Clearing', 'Node', 'Platform')";

    // By = ANY PostgreSQL may compare each account with each of ten thousand ids.
    private const string InIds = "IN {if sqlite}(SELECT value FROM json_each(@ids)){end}{if postgres}(SELECT UNNEST(@ids)){end}";

    private static readonly SqlRows<AccountStep> s_updateAccounts = SqlRows<AccountStep>.Update(
        "accounts",
        """
        posted = t.posted + {posted}, pending_debits = t.pending_debits + {debits}, pending_credits = t.pending_credits + {credits},
        open_holds = t.open_holds + {opened}, latest_entry = {latest}
        """,
        "t.id = {id}",
        [
            SqlField<AccountStep>.OfInteger("posted", step => step.Posted),
            SqlField<AccountStep>.OfInteger("debits", step => step.PendingDebits),
            SqlField<AccountStep>.OfInteger("credits", step => step.PendingCredits),
            SqlField<AccountStep>.OfInteger("opened", step => step.OpenHolds),
            SqlField<AccountStep>.OfInteger("latest", step => step.Latest.Value),
            SqlField<AccountStep>.OfId("id", step => step.Id),
        ]);

    /// <summary>Applies linked transfers in order, all or none, by <see cref="LedgerRules"/>.</summary>
    /// <remarks>A refusal has written nothing, so the act may go on; it abandons its session if what it wrote itself is to go.</remarks>
    public static async Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(SqlSession session, IReadOnlyList<Transfer> linked)
    {
        ArgumentNullException.ThrowIfNull(linked);
        var (refusals, applied) = await EnterEachAsync(session, [linked]);
        return refusals[0] is { } refusal ? refusal : applied.ToList();
    }

    /// <summary>Applies linked sets one after another, each all or none; a set that is refused takes no other with it.</summary>
    /// <returns>For each set its refusal, or null when it was applied.</returns>
    public static async Task<IReadOnlyList<Refusal<TransferRefusal>?>> ApplyEachAsync(SqlSession session, IReadOnlyList<IReadOnlyList<Transfer>> sets) =>
        (await EnterEachAsync(session, sets)).Refusals;

    /// <summary>The same, and answers besides what the sets that were applied say in the journal, one behind the other.</summary>
    internal static async Task<(IReadOnlyList<Refusal<TransferRefusal>?> Refusals, IReadOnlyList<Transfer> Applied)> EnterEachAsync(
        SqlSession session, IReadOnlyList<IReadOnlyList<Transfer>> sets)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(sets);
        if (sets.Count == 0)
            return ([], []);
        var transfers = new List<Transfer>(sets.Count);
        foreach (var set in sets)
            transfers.AddRange(set);
        var state = await ReadStateAsync(session, transfers);
        if (session.Dialect.IsSqlite && state.IsRun && transfers.Count > JournalBlock.MaxCount)
            return await EnterManyAsync(session, sets, transfers, state);
        var (refusals, change) = LedgerRules.ApplyEach(sets, state.Rules);
        await WriteAsync(session, state, change);
        return (refusals, change.Applied);
    }

    /// <summary>Opens an account, or answers the one that already exists for the same owner and kind.</summary>
    public static async Task<Account> OpenAccountAsync(SqlSession session, Account account)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(account);
        await session.SendAsync(
            """
            INSERT INTO accounts (id, owner, kind, posted, pending_debits, pending_credits, open_holds, created_at)
            VALUES (@id, @owner, @kind, 0, 0, 0, 0, @createdAt)
            ON CONFLICT (owner, kind) DO NOTHING
            """,
            new { account.Id, account.Owner, account.Kind, account.CreatedAt });
        return (await FindAccountAsync(session, account.Owner, account.Kind))!;
    }

    internal static Task<Account?> FindAccountAsync(SqlSession session, string owner, AccountKind kind) => session.QueryFirstOrDefaultAsync<Account>(
        $"SELECT {AccountColumns} FROM accounts WHERE owner = @owner AND kind = @kind", new { owner, kind });

    /// <summary>Enters many new transfers where nobody else writes.</summary>
    /// <remarks>To judge them takes as long as to chain and write them. One is done beside the other, as if all were accepted; if one is not, what was written is taken back.</remarks>
    private static async Task<(IReadOnlyList<Refusal<TransferRefusal>?> Refusals, IReadOnlyList<Transfer> Applied)> EnterManyAsync(
        SqlSession session, IReadOnlyList<IReadOnlyList<Transfer>> sets, List<Transfer> transfers, State state)
    {
        var head = await SqlJournal.HeadAsync(session);
        var judging = Task.Run(() => LedgerRules.ApplyEach(sets, state.Rules));
        IReadOnlyList<JournalBlock> blocks;
        try
        {
            blocks = await SqlJournal.AppendRunsAsync(session, head, transfers, state.Trails);
        }
        finally
        {
            // It reads what the caller has given: nobody goes on before it has ended.
            await ((Task)judging).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var (refusals, change) = await judging;
        if (change.Added.Count < transfers.Count)
        {
            await SqlJournal.TakeBackRunsAsync(session, head);
            if (change.Added.Count == 0)
                return (refusals, change.Applied);
            state = await ReadStateAsync(session, transfers);
            blocks = await SqlJournal.AppendRunsAsync(session, head, change.Added, state.Trails);
        }

        await SqlJournal.CloseAsync(session, blocks, change.Added);
        await WriteAccountsAsync(session, state, change);
        return (refusals, change.Applied);
    }

    private static async Task<State> ReadStateAsync(SqlSession session, IReadOnlyList<Transfer> transfers)
    {
        var named = new HashSet<Guid>();
        var resolves = new HashSet<Guid>();
        foreach (var transfer in transfers)
        {
            named.Add(transfer.DebitAccountId.Uuid);
            named.Add(transfer.CreditAccountId.Uuid);
            if (transfer.PendingId is { } pending)
                resolves.Add(pending.Uuid);
        }

        var ids = named.Select(id => new Id<Account>(id)).ToList();
        // The accounts of one owner come first: who holds a payer's has every transfer out of it to itself, so what it can pay, and the journal that
        // is read next, cannot change under this act. Those that are shared are not held. One order for all acts keeps two from holding what the other wants.
        var accounts = await session.QueryAsync<AccountRow>(
            $"SELECT {StatedColumns} FROM accounts WHERE id {InIds}{{if postgres}} AND kind NOT IN {Shared}{{end}} ORDER BY id {{for update}}", new { ids });
        if (!session.Dialect.IsSqlite && accounts.Count < ids.Count)
        {
            accounts = [.. accounts, .. await session.QueryAsync<AccountRow>(
                $"SELECT {StatedColumns} FROM accounts WHERE id IN @ids AND kind IN {Shared}", new { ids })];
        }

        var open = await SqlJournal.FindOpenHoldsAsync(session, [.. resolves]);
        var known = open.ToDictionary(hold => hold.Id);
        resolves.ExceptWith(open.Select(hold => hold.Id.Uuid));
        // Ids are mostly made in their order, and then none of them has to be looked for.
        var sought = new HashSet<Guid>(resolves);
        var highest = await SqlJournal.HighestIdAsync(session) ?? Guid.Empty;
        var (last, isRun) = (highest, accounts.Count == ids.Count);
        foreach (var transfer in transfers)
        {
            var id = transfer.Id.Uuid;
            if (id <= highest)
                sought.Add(id);
            isRun &= id > last;
            last = id;
        }

        var closed = new HashSet<Id<Transfer>>();
        foreach (var (id, place) in await SqlJournal.FindPlacesAsync(session, [.. sought]))
        {
            var entry = (await SqlJournal.ReadEntryAsync(session, place)).Transfer;
            known[entry.Id] = entry;
            if (resolves.Contains(id) && entry.Kind is TransferKind.Pending)
                closed.Add(entry.Id);
        }

        return new State(
            new LedgerState([.. accounts.Select(row => row.ToAccount())], [.. known.Values], closed),
            accounts.ToDictionary(row => row.Id.Uuid, row => new AccountTrail(row.Id, new JournalPlace(row.LatestEntry))),
            [.. accounts.Where(row => IsShared(row.Kind)).Select(row => row.Id)],
            isRun);
    }

    private static async Task WriteAsync(SqlSession session, State before, LedgerChange change)
    {
        if (change.Added.Count == 0)
            return;
        var head = await SqlJournal.LockAsync(session);
        if (!session.Dialect.IsSqlite && before.Shared.Count > 0)
        {
            // Others may have added to them since they were read; from here on nobody does.
            var earlier = before.Rules.Accounts.ToDictionary(account => account.Id);
            var after = change.Accounts.ToDictionary(account => account.Id);
            foreach (var row in await session.QueryAsync<AccountRow>($"SELECT {StatedColumns} FROM accounts WHERE id IN @ids", new { ids = before.Shared }))
            {
                before.Trails[row.Id.Uuid].Continue(new JournalPlace(row.LatestEntry));
                // Somebody may have taken out what was there when this act judged: then it judges again.
                if (row.Kind is not AccountKind.World && after.TryGetValue(row.Id, out var now) && earlier[row.Id] is var was && now.Available < was.Available
                    && row.Posted - row.PendingDebits + (now.Available - was.Available) < Money.Zero)
                {
                    throw new SqlRetryException($"Somebody else has taken money out of {row.Id} meanwhile.");
                }
            }
        }

        await SqlJournal.AppendAsync(session, head, change.Added, before.Trails);
        await WriteAccountsAsync(session, before, change);
    }

    private static async Task WriteAccountsAsync(SqlSession session, State before, LedgerChange change)
    {
        var earlier = before.Rules.Accounts.ToDictionary(account => account.Id.Uuid);
        var changed = change.Accounts.ToDictionary(account => account.Id.Uuid);
        await session.SendRowsAsync(s_updateAccounts, [.. before.Trails.Values.Where(trail => trail.IsMoved).Select(trail =>
        {
            var was = earlier[trail.Account.Uuid];
            var now = changed.GetValueOrDefault(trail.Account.Uuid) ?? was;
            return new AccountStep(
                trail.Account,
                now.Posted.Nanodollars - was.Posted.Nanodollars,
                now.PendingDebits.Nanodollars - was.PendingDebits.Nanodollars,
                now.PendingCredits.Nanodollars - was.PendingCredits.Nanodollars,
                trail.OpenedHolds,
                trail.Latest);
        })]);
    }

    private static bool IsShared(AccountKind kind) => kind is AccountKind.World or AccountKind.Clearing or AccountKind.Node or AccountKind.Platform;

    /// <summary>What the rules have to know, and what only the journal does.</summary>
    /// <param name="Rules">For the rules.</param>
    /// <param name="Trails">Of each account, by its UUID.</param>
    /// <param name="Shared">Those of the accounts that are not locked.</param>
    /// <param name="IsRun">Whether all accounts are known, and the transfers' ids are above all in the journal, each above the one before it: so none is there already, and none comes
    /// twice.</param>
    private sealed record State(LedgerState Rules, Dictionary<Guid, AccountTrail> Trails, IReadOnlyList<Id<Account>> Shared, bool IsRun);

    internal sealed record AccountRow(
        Id<Account> Id,
        string Owner,
        AccountKind Kind,
        Money Posted,
        Money PendingDebits,
        Money PendingCredits,
        DateTimeOffset CreatedAt,
        long LatestEntry)
    {
        public StatedAccount ToStated() => new(ToAccount(), new JournalPlace(LatestEntry));

        public Account ToAccount() => new(Id, Owner, Kind, Posted, PendingDebits, PendingCredits, CreatedAt);
    }

    private readonly record struct AccountStep(
        Id<Account> Id, long Posted, long PendingDebits, long PendingCredits, long OpenHolds, JournalPlace Latest);
}
