using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

internal static class Wallets
{
    /// <summary>The wallet of a user; each has had one since registering.</summary>
    public static async Task<Account> GetWalletAsync(this ILedgerStore ledger, Id<User> user, CancellationToken cancellationToken) =>
        await ledger.FindAccountAsync(user.ToString(), AccountKind.Wallet, cancellationToken)
        ?? throw new InvalidOperationException($"The user {user} has no wallet.");
}
