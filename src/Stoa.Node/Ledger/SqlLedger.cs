using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>The ledger inside a session: for acts that move money together with something else.</summary>
public static class SqlLedger
{
    internal const string AccountColumns = "id, owner, kind, posted, pending_debits, pending_credits, created_at";
    internal const string TransferColumns =
        "id, kind, debit_account_id, credit_account_id, amount, pending_id, purpose, cause, created_at";

    private static readonly SqlRows<Transfer> InsertTransfers = SqlRows<Transfer>.Insert(
        "transfers",
        [
            SqlField<Transfer>.OfId("id", transfer => transfer.Id),
            SqlField<Transfer>.OfText("kind", transfer => transfer.Kind),
            SqlField<Transfer>.OfId("debit_account_id", transfer => transfer.DebitAccountId),
            SqlField<Transfer>.OfId("credit_account_id", transfer => transfer.CreditAccountId),
            SqlField<Transfer>.OfInteger("amount", transfer => transfer.Amount.Nanodollars),
            SqlField<Transfer>.OfId("pending_id", transfer => transfer.PendingId),
            SqlField<Transfer>.OfText("purpose", transfer => transfer.Purpose),
            SqlField<Transfer>.OfText("cause", transfer => transfer.Cause),
            SqlField<Transfer>.OfInteger("created_at", transfer => transfer.CreatedAt.ToUnixTimeMilliseconds()),
        ],
        skipsConflictsOf: "id",
        key: "id");

    /// <summary>Applies linked transfers in order, all or none, by <see cref="LedgerRules"/>.</summary>
    /// <remarks>A refusal has written nothing, so the act may go on; it abandons its session if what it wrote itself is to go.</remarks>
    public static async Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(SqlSession session, IReadOnlyList<Transfer> linked)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(linked);
        var state = await ReadStateAsync(session, linked);
        var outcome = LedgerRules.Apply(linked, state);
        if (!outcome.TryGet(out var change, out var refusal))
            return refusal;
        await WriteAsync(session, state, change);
        return change.Applied.ToList();
    }

    /// <summary>Applies linked sets one after another, each all or none; a set that is refused takes no other with it.</summary>
    /// <returns>For each set its refusal, or null when it was applied.</returns>
    public static async Task<IReadOnlyList<Refusal<TransferRefusal>?>> ApplyEachAsync(SqlSession session, IReadOnlyList<IReadOnlyList<Transfer>> sets)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(sets);
        if (sets.Count == 0)
            return [];
        var state = await ReadStateAsync(session, [.. sets.SelectMany(set => set)]);
        var (refusals, change) = LedgerRules.ApplyEach(sets, state);
        await WriteAsync(session, state, change);
        return refusals;
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

    private static async Task<LedgerState> ReadStateAsync(SqlSession session, IReadOnlyList<Transfer> linked)
    {
        var ids = linked.SelectMany(transfer => new[] { transfer.DebitAccountId, transfer.CreditAccountId }).Distinct().ToList();
        // The wallets come first: who holds a payer's has every transfer out of it to itself, so what it can pay, and the journal that is
        // read next, cannot change under this act. One order for all acts keeps two from holding what the other wants. The cell's own
        // accounts are only added to: locking them would make every act in the cell wait for every other.
        var accounts = await session.QueryAsync<Account>(
            $"SELECT {AccountColumns} FROM accounts WHERE id IN @ids{{if postgres}} AND kind = 'Wallet'{{end}} ORDER BY id {{for update}}", new { ids });
        if (!session.Dialect.IsSqlite)
            accounts = [.. accounts, .. await session.QueryAsync<Account>($"SELECT {AccountColumns} FROM accounts WHERE id IN @ids AND kind <> 'Wallet'", new { ids })];
        var resolves = linked.Select(transfer => transfer.PendingId).OfType<Id<Transfer>>().ToList();
        var transfers = await session.QueryAsync<Transfer>(
            $"SELECT {TransferColumns} FROM transfers WHERE id IN @ids",
            new { ids = linked.Select(transfer => transfer.Id).Concat(resolves).Distinct() });
        var resolved = resolves.Count == 0
            ? []
            : await session.QueryAsync<Id<Transfer>>("SELECT pending_id FROM transfers WHERE pending_id IN @resolves", new { resolves });
        return new LedgerState(accounts, transfers, resolved.ToHashSet());
    }

    private static async Task WriteAsync(SqlSession session, LedgerState before, LedgerChange change)
    {
        var added = await session.ExecuteRowsAsync(InsertTransfers, change.Added);
        // Two acts made transfers of the same id between different accounts at the same time. Run again, this one sees the other's.
        if (added.Contains(false))
            throw new SqlRetryException("A transfer of the same id was committed meanwhile.");

        var opened = change.Added.GroupBy(transfer => transfer.DebitAccountId).ToDictionary(
            group => group.Key, group => group.Sum(transfer => transfer.Kind is TransferKind.Pending ? 1L : transfer.IsResolution ? -1L : 0L));
        var earlier = before.Accounts.ToDictionary(account => account.Id);
        await session.SendEachAsync(
            """
            UPDATE accounts
            SET posted = posted + @posted, pending_debits = pending_debits + @debits, pending_credits = pending_credits + @credits,
                open_holds = open_holds + @opened
            WHERE id = @id
            """,
            change.Accounts
                .OrderBy(account => account.Kind is not AccountKind.Wallet)
                .ThenBy(account => account.Id.ToString(), StringComparer.Ordinal)
                .Select(account => new
                {
                    account.Id,
                    posted = account.Posted - earlier[account.Id].Posted,
                    debits = account.PendingDebits - earlier[account.Id].PendingDebits,
                    credits = account.PendingCredits - earlier[account.Id].PendingCredits,
                    opened = opened.GetValueOrDefault(account.Id),
                }));
    }
}
