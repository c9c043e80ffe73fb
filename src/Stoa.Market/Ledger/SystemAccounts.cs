using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>The accounts that a node has from its first start.</summary>
public sealed record SystemAccounts(Id<Account> World, Id<Account> Clearing, Id<Account> Node, Id<Account> Platform, Id<Account> Sponsor)
{
    /// <summary>Opens those that do not exist yet, each owned by its lower-case name, and answers their ids.</summary>
    public static async Task<SystemAccounts> OpenAsync(
        ILedgerStore ledger, IdSource ids, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(time);

        async Task<Id<Account>> OpenOneAsync(string owner, AccountKind kind)
        {
            var account = Account.Open(ids.Next<Account>(), owner, kind, time.GetUtcNow());
            return (await ledger.OpenAccountAsync(account, cancellationToken)).Id;
        }

        return new SystemAccounts(
            await OpenOneAsync("world", AccountKind.World),
            await OpenOneAsync("clearing", AccountKind.Clearing),
            await OpenOneAsync("node", AccountKind.Node),
            await OpenOneAsync("platform", AccountKind.Platform),
            await OpenOneAsync("sponsor", AccountKind.World));
    }
}
