namespace Stoa.Client.Contracts;

/// <summary><c>GET /api/v1/wallet</c>. Amounts are decimal strings in US dollars.</summary>
/// <param name="AccountId">TypeID with prefix <c>acct</c>.</param>
/// <param name="Posted">What is yours.</param>
/// <param name="Held">What of it is held for tasks that have not ended.</param>
/// <param name="Available">What may be spent: posted less held.</param>
public sealed record WalletResponse(string AccountId, string Posted, string Held, string Available);

/// <summary>An entry of <c>GET /api/v1/wallet/transfers</c>.</summary>
/// <param name="Id">TypeID with prefix <c>xfer</c>.</param>
/// <param name="Kind"><c>posted</c>, <c>pending</c>, <c>postPending</c>, <c>voidPending</c>.</param>
/// <param name="Purpose">Why, such as <c>taskHold</c>.</param>
/// <param name="Direction"><c>in</c> or <c>out</c>, seen from the wallet.</param>
/// <param name="Amount">Decimal string in US dollars.</param>
/// <param name="Cause">Id of what caused it.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record TransferResponse(
    string Id, string Kind, string Purpose, string Direction, string Amount, string Cause, DateTimeOffset CreatedAt);

/// <summary>An entry of <c>GET /api/v1/ledger/accounts</c>. Amounts are decimal strings in US dollars.</summary>
/// <param name="Id">TypeID with prefix <c>acct</c>.</param>
/// <param name="Owner">Id of the user, or <c>node</c>, <c>platform</c>, <c>clearing</c>, <c>world</c>.</param>
/// <param name="Kind"><c>wallet</c>, <c>node</c>, <c>platform</c>, <c>clearing</c> or <c>world</c>.</param>
/// <param name="Posted">Credits less debits.</param>
/// <param name="PendingDebits">What is held on it.</param>
/// <param name="PendingCredits">What is announced to it.</param>
/// <param name="LatestEntry">The place of the entry after which it has these balances: the number of its block × 8,192 + its number in it; 0 when it has none.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record AccountResponse(
    string Id, string Owner, string Kind, string Posted, string PendingDebits, string PendingCredits, long LatestEntry, DateTimeOffset CreatedAt);

/// <summary>An entry of <c>GET /api/v1/ledger/blocks</c>: transfers that were committed together.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="Count">How many transfers.</param>
/// <param name="Stride">The length of each, in bytes.</param>
/// <param name="Entries">Their bytes, base64; docs/ledger.md has the form.</param>
/// <param name="Hash">The chain up to here.</param>
public sealed record JournalBlockResponse(long Number, int Count, int Stride, byte[] Entries, string Hash);

/// <summary><c>GET /api/v1/ledger/blocks</c>.</summary>
/// <param name="Blocks">In order, none when there are no more.</param>
public sealed record JournalBlocksResponse(IReadOnlyList<JournalBlockResponse> Blocks);

/// <summary><c>POST /api/v1/deposits</c>: an administrator credits a user's wallet.</summary>
/// <param name="Handle">Whose wallet.</param>
/// <param name="Amount">Decimal string in US dollars, above zero.</param>
public sealed record DepositRequest(string Handle, string Amount);
