using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>The ledger in a database.</summary>
public sealed class SqlLedgerStore(Database database) : ILedgerStore
{
    /// <inheritdoc/>
    public Task<Account> OpenAccountAsync(Account account, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(account);
        return database.WriteAsync(session => SqlLedger.OpenAccountAsync(session, account), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Account?> GetAccountAsync(Id<Account> id, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Account>($"SELECT {SqlLedger.AccountColumns} FROM accounts WHERE id = @id", new { id }),
        cancellationToken);

    /// <inheritdoc/>
    public Task<Account?> FindAccountAsync(string owner, AccountKind kind, CancellationToken cancellationToken) =>
        database.ReadAsync(session => SqlLedger.FindAccountAsync(session, owner, kind), cancellationToken);

    /// <inheritdoc/>
    public Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(IReadOnlyList<Transfer> linked, CancellationToken cancellationToken) =>
        database.WriteAsync(session => SqlLedger.ApplyAsync(session, linked), cancellationToken);

    /// <inheritdoc/>
    public Task<Transfer?> GetTransferAsync(Id<Transfer> id, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Transfer>($"SELECT {SqlLedger.TransferColumns} FROM transfers WHERE id = @id", new { id }),
        cancellationToken);

    /// <inheritdoc/>
    public Task<Page<Transfer>> ListTransfersAsync(Id<Account> account, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(page.Limit, nameof(page));
        // The cursor is the last transfer of the page before; its place in the journal never changes.
        var isContinued = Id<Transfer>.TryParse(page.Cursor, out var last);
        return database.ReadAsync(
            async session =>
            {
                var before = isContinued
                    ? await session.QueryFirstOrDefaultAsync<long?>("SELECT position FROM transfers WHERE id = @last", new { last })
                    : null;
                var found = await session.QueryAsync<Transfer>(
                    // Each half walks its own index backwards, so a long statement costs no more than a page.
                    $"""
                    SELECT {SqlLedger.TransferColumns} FROM (
                        SELECT * FROM (SELECT position, {SqlLedger.TransferColumns} FROM transfers
                            WHERE debit_account_id = @account AND position < @before ORDER BY position DESC LIMIT @limit) AS debits
                        UNION ALL
                        SELECT * FROM (SELECT position, {SqlLedger.TransferColumns} FROM transfers
                            WHERE credit_account_id = @account AND position < @before ORDER BY position DESC LIMIT @limit) AS credits
                    ) AS entries
                    ORDER BY position DESC LIMIT @limit
                    """,
                    new { account, before = before ?? long.MaxValue, limit = page.Limit + 1 });
                return found.Count > page.Limit
                    ? new Page<Transfer>([.. found.Take(page.Limit)], found[page.Limit - 1].Id.ToString())
                    : new Page<Transfer>(found, null);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<LedgerTotals> TotalAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QuerySingleAsync<LedgerTotals>("""
            SELECT
                CAST(COALESCE(SUM(posted), 0) AS BIGINT) AS posted,
                CAST(COALESCE(SUM(pending_debits), 0) AS BIGINT) AS pending_debits,
                CAST(COALESCE(SUM(pending_credits), 0) AS BIGINT) AS pending_credits,
                CAST(COALESCE(SUM(open_holds), 0) AS BIGINT) AS open_holds,
                CAST(COALESCE(SUM(CASE WHEN kind = 'Clearing' THEN posted ELSE 0 END), 0) AS BIGINT) AS clearing
            FROM accounts
            """),
        cancellationToken);
}
