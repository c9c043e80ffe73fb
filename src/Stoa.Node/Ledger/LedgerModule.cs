using Stoa.Market.Ledger;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>Wires the ledger room.</summary>
public static class LedgerModule
{
    public static void AddLedger(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Ledger", new LedgerOptions(), options => options.Validate());
        builder.Services.AddSingleton<ILedgerStore, SqlLedgerStore>();
    }

    /// <summary>The accounts that a cell has from its first start.</summary>
    public static async Task<SystemAccounts> OpenSystemAccountsAsync(
        Database database, NodePhysics physics, CancellationToken cancellationToken)
    {
        var ledger = new SqlLedgerStore(database);
        var ids = new IdSource(physics.Time, physics.Random);
        return new SystemAccounts(
            await OpenAsync("world", AccountKind.World),
            await OpenAsync("clearing", AccountKind.Clearing),
            await OpenAsync("node", AccountKind.Node),
            await OpenAsync("platform", AccountKind.Platform));

        async Task<Id<Account>> OpenAsync(string owner, AccountKind kind)
        {
            return (await ledger.OpenAccountAsync(Empty(ids.Next<Account>(), owner, kind, physics.Time.GetUtcNow()), cancellationToken)).Id;
        }
    }
    /// <summary>An account with nothing in it.</summary>
    public static Account Empty(Id<Account> id, string owner, AccountKind kind, DateTimeOffset createdAt) =>
        new(id, owner, kind, Money.Zero, Money.Zero, Money.Zero, createdAt);
}
