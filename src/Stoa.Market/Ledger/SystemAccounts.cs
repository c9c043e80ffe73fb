using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>The accounts that a node has from its first start.</summary>
public sealed record SystemAccounts(Id<Account> World, Id<Account> Clearing, Id<Account> Node, Id<Account> Platform);
