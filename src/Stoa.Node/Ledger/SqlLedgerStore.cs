using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>The ledger in a database.</summary>
/// <remarks>Sets that come while a commit is under way are the next commit together: the chain of the journal has one end, so commits go one after another.</remarks>
public sealed class SqlLedgerStore : ILedgerStore
{
    private const int MaxGroup = 500;

    private readonly Database _database;
    private readonly GroupCommit<IReadOnlyList<IReadOnlyList<Transfer>>, Entered> _entries;

    public SqlLedgerStore(Database database)
    {
        _database = database;
        _entries = new(WriteAsync, MaxGroup);
    }

    /// <inheritdoc/>
    public Task<Account> OpenAccountAsync(Account account, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(account);
        return _database.WriteAsync(session => SqlLedger.OpenAccountAsync(session, account), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Account?> GetAccountAsync(Id<Account> id, CancellationToken cancellationToken) => _database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Account>($"SELECT {SqlLedger.AccountColumns} FROM accounts WHERE id = @id", new { id }),
        cancellationToken);

    /// <inheritdoc/>
    public Task<Account?> FindAccountAsync(string owner, AccountKind kind, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlLedger.FindAccountAsync(session, owner, kind), cancellationToken);

    /// <inheritdoc/>
    public Task<Page<StatedAccount>> ListAccountsAsync(PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        var after = Id<Account>.TryParse(page.Cursor, out var last) ? last : new Id<Account>(Guid.Empty);
        return _database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<SqlLedger.AccountRow>(
                    $"SELECT {SqlLedger.StatedColumns} FROM accounts WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = page.Limit + 1 });
                var accounts = rows.Take(page.Limit).Select(row => row.ToStated()).ToList();
                return new Page<StatedAccount>(accounts, rows.Count > page.Limit ? accounts[^1].Account.Id.ToString() : null);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(IReadOnlyList<Transfer> linked, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(linked);
        var entered = await EnterAsync([linked], cancellationToken);
        return entered.Refusals[0] is { } refusal ? refusal : entered.Applied.ToList();
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Refusal<TransferRefusal>?>> ApplyEachAsync(
        IReadOnlyList<IReadOnlyList<Transfer>> sets, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sets);
        return (await EnterAsync(sets, cancellationToken)).Refusals;
    }

    /// <inheritdoc/>
    public Task<Transfer?> GetTransferAsync(Id<Transfer> id, CancellationToken cancellationToken) => _database.ReadAsync(
        async session => (await SqlJournal.FindEntryAsync(session, id))?.Transfer, cancellationToken);

    /// <inheritdoc/>
    public Task<Page<Transfer>> ListTransfersAsync(Id<Account> account, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(page.Limit, nameof(page));
        return _database.ReadAsync(
            async session =>
            {
                // The cursor is the last transfer of the page before; its place in the journal never changes.
                var from = Id<Transfer>.TryParse(page.Cursor, out var last) && await SqlJournal.FindEntryAsync(session, last) is { } entry && entry.IsOf(account)
                    ? entry.Before(account)
                    : new JournalPlace(await session.QueryFirstOrDefaultAsync<long>("SELECT latest_entry FROM accounts WHERE id = @account", new { account }));
                var found = await SqlJournal.ReadBackAsync(session, account, from, page.Limit + 1);
                var transfers = found.Select(entry => entry.Transfer).Take(page.Limit).ToList();
                return new Page<Transfer>(transfers, found.Count > page.Limit ? transfers[^1].Id.ToString() : null);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<JournalHead> GetHeadAsync(CancellationToken cancellationToken) => _database.ReadAsync(SqlJournal.HeadAsync, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<JournalBlock>> ReadJournalAsync(long after, int limit, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlJournal.ReadBlocksAsync(session, after, limit), cancellationToken);

    /// <inheritdoc/>
    public Task<LedgerTotals> TotalAsync(CancellationToken cancellationToken) => _database.ReadAsync(
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

    private async Task<Entered> EnterAsync(IReadOnlyList<IReadOnlyList<Transfer>> sets, CancellationToken cancellationToken)
    {
        try
        {
            return await _entries.WriteAsync(sets, cancellationToken);
        }
        catch (CommitUnknownException)
        {
            // Nothing is entered twice: what was written then is accepted again and moves nothing.
            return await _entries.WriteAsync(sets, cancellationToken);
        }
    }

    private Task<IReadOnlyList<Entered>> WriteAsync(IReadOnlyList<IReadOnlyList<IReadOnlyList<Transfer>>> group) => _database.WriteAsync(
        async session =>
        {
            var (refusals, applied) = await SqlLedger.EnterEachAsync(session, group.Count == 1 ? group[0] : [.. group.SelectMany(sets => sets)]);
            if (group.Count == 1)
                return (IReadOnlyList<Entered>)[new Entered(refusals, applied)];
            var answers = new List<Entered>(group.Count);
            var (set, transfer) = (0, 0);
            foreach (var sets in group)
            {
                var own = refusals.Skip(set).Take(sets.Count).ToList();
                var count = sets.Zip(own).Sum(pair => pair.Second is null ? pair.First.Count : 0);
                answers.Add(new Entered(own, [.. applied.Skip(transfer).Take(count)]));
                (set, transfer) = (set + sets.Count, transfer + count);
            }

            return answers;
        },
        CancellationToken.None);

    /// <summary>What became of sets.</summary>
    /// <param name="Refusals">For each its refusal, or null when it was applied.</param>
    /// <param name="Applied">What those that were applied say in the journal, one behind the other.</param>
    private sealed record Entered(IReadOnlyList<Refusal<TransferRefusal>?> Refusals, IReadOnlyList<Transfer> Applied);
}
