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

/// <summary><c>POST /api/v1/deposits</c>: an administrator credits a user's wallet.</summary>
/// <param name="Handle">Whose wallet.</param>
/// <param name="Amount">Decimal string in US dollars, above zero.</param>
public sealed record DepositRequest(string Handle, string Amount);
