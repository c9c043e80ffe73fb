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

    /// <summary>Applies linked transfers in order, all or none, by <see cref="LedgerRules"/>.</summary>
    /// <remarks>A refusal has written nothing, so the act may go on; it abandons its session if what it wrote itself is to go.</remarks>
    public static async Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(SqlSession session, IReadOnlyList<Transfer> linked)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(linked);
        var outcome = LedgerRules.Apply(linked, await ReadStateAsync(session, linked));
        if (!outcome.TryGet(out var change, out var refusal))
            return refusal;
        await WriteAsync(session, change);
        return change.Applied.ToList();
    }

    /// <summary>Opens an account, or answers the one that already exists for the same owner and kind.</summary>
    public static async Task<Account> OpenAccountAsync(SqlSession session, Account account)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(account);
        await session.ExecuteAsync(
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
        // The accounts come first: who holds them has every transfer between them to itself, so the journal that is read next
        // cannot change under this act. One order for all acts keeps two from holding what the other wants.
        var accounts = await session.QueryAsync<Account>(
            $"SELECT {AccountColumns} FROM accounts WHERE id IN @ids ORDER BY id {{for update}}",
            new { ids = linked.SelectMany(transfer => new[] { transfer.DebitAccountId, transfer.CreditAccountId }).Distinct() });
        var resolves = linked.Select(transfer => transfer.PendingId).OfType<Id<Transfer>>().ToList();
        var transfers = await session.QueryAsync<Transfer>(
            $"SELECT {TransferColumns} FROM transfers WHERE id IN @ids",
            new { ids = linked.Select(transfer => transfer.Id).Concat(resolves).Distinct() });
        var resolved = resolves.Count == 0
            ? []
            : await session.QueryAsync<Id<Transfer>>("SELECT pending_id FROM transfers WHERE pending_id IN @resolves", new { resolves });
        return new LedgerState(accounts, transfers, resolved.ToHashSet());
    }

    private static async Task WriteAsync(SqlSession session, LedgerChange change)
    {
        var added = await session.ExecuteEachAsync(
            $"""
            INSERT INTO transfers ({TransferColumns})
            VALUES (@id, @kind, @debitAccountId, @creditAccountId, @amount, @pendingId, @purpose, @cause, @createdAt)
            ON CONFLICT (id) DO NOTHING
            """,
            change.Added);
        // Two acts made transfers of the same id between different accounts at the same time. Run again, this one sees the other's.
        if (added != change.Added.Count)
            throw new SqlRetryException("A transfer of the same id was committed meanwhile.");

        var opened = change.Added.GroupBy(transfer => transfer.DebitAccountId).ToDictionary(
            group => group.Key, group => group.Sum(transfer => transfer.Kind is TransferKind.Pending ? 1L : transfer.IsResolution ? -1L : 0L));
        await session.ExecuteEachAsync(
            """
            UPDATE accounts
            SET posted = @posted, pending_debits = @pendingDebits, pending_credits = @pendingCredits, open_holds = open_holds + @opened
            WHERE id = @id
            """,
            change.Accounts.Select(account => new
            {
                account.Id,
                account.Posted,
                account.PendingDebits,
                account.PendingCredits,
                opened = opened.GetValueOrDefault(account.Id),
            }));
    }
}
