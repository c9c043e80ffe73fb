using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>Sums over the whole ledger: what an auditor asks first.</summary>
/// <param name="Posted">Sum of posted balances; always zero.</param>
/// <param name="PendingDebits">Sum of what is held.</param>
/// <param name="PendingCredits">Always equal to <paramref name="PendingDebits"/>.</param>
/// <param name="OpenHolds">How many pending transfers are unresolved.</param>
/// <param name="Clearing">Posted balance of the clearing account; always zero between sets.</param>
public sealed record LedgerTotals(Money Posted, Money PendingDebits, Money PendingCredits, long OpenHolds, Money Clearing);

/// <summary>Keeps accounts and the journal.</summary>
public interface ILedgerStore
{
    /// <summary>Opens an account, or answers the one that already exists for the same owner and kind.</summary>
    Task<Account> OpenAccountAsync(Account account, CancellationToken cancellationToken);

    Task<Account?> GetAccountAsync(Id<Account> id, CancellationToken cancellationToken);

    Task<Account?> FindAccountAsync(string owner, AccountKind kind, CancellationToken cancellationToken);

    /// <summary>All accounts, in the order of their ids.</summary>
    Task<Page<StatedAccount>> ListAccountsAsync(PageRequest page, CancellationToken cancellationToken);

    /// <summary>Applies linked transfers in order, all or none. A set that was applied before is accepted again and moves nothing.</summary>
    Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ApplyAsync(IReadOnlyList<Transfer> linked, CancellationToken cancellationToken);

    /// <summary>Applies linked sets one after another, each all or none; one that is refused takes no other with it.</summary>
    /// <returns>For each set its refusal, or null when it was applied.</returns>
    Task<IReadOnlyList<Refusal<TransferRefusal>?>> ApplyEachAsync(IReadOnlyList<IReadOnlyList<Transfer>> sets, CancellationToken cancellationToken);

    Task<Transfer?> GetTransferAsync(Id<Transfer> id, CancellationToken cancellationToken);

    /// <summary>The statement of an account, newest first.</summary>
    Task<Page<Transfer>> ListTransfersAsync(Id<Account> account, PageRequest page, CancellationToken cancellationToken);

    /// <summary>Where the journal ends, and the hash that stands for all of it.</summary>
    Task<JournalHead> GetHeadAsync(CancellationToken cancellationToken);

    /// <summary>The blocks of the journal behind one, in order.</summary>
    /// <param name="after">The number of a block; 0 to begin.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<JournalBlock>> ReadJournalAsync(long after, int limit, CancellationToken cancellationToken);

    Task<LedgerTotals> TotalAsync(CancellationToken cancellationToken);
}
