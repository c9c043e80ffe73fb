namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/payments/add-credit</c>.</summary>
/// <param name="Amount">Decimal string in US dollars, in whole cents.</param>
/// <param name="Currency"><c>usd</c>, which is what is taken when it is left out.</param>
public sealed record AddCreditRequest(string Amount, string? Currency = null);

/// <summary>A payment for credit. Amounts are decimal strings in US dollars.</summary>
/// <param name="Id">TypeID with prefix <c>pay</c>.</param>
/// <param name="State"><c>created</c>, <c>processing</c>, <c>expired</c>, <c>failed</c>, <c>paid</c> (not in the wallet), <c>credited</c>, <c>partlyRefunded</c>, <c>refunded</c>, <c>disputed</c>, <c>won</c> or <c>lost</c>.</param>
/// <param name="Amount">What is paid in.</param>
/// <param name="Refunded">What of it went back to the payer.</param>
/// <param name="Disputed">What of it a bank has taken back, for now or for good.</param>
/// <param name="Owed">What of these two the wallet could not pay: it does as soon as there is something in it.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">When the state changed, UTC.</param>
/// <param name="Url">Where it is paid; while it is not.</param>
/// <param name="Refunds">Those that were asked for here; left out in lists.</param>
public sealed record PaymentResponse(
    string Id,
    string State,
    string Amount,
    string Refunded,
    string Disputed,
    string Owed,
    DateTimeOffset CreatedAt,
    DateTimeOffset ChangedAt,
    string? Url = null,
    IReadOnlyList<RefundResponse>? Refunds = null);

/// <summary><c>POST /api/v1/payments/{id}/refunds</c>.</summary>
/// <param name="Amount">Decimal string in US dollars, in whole cents; all that is left of the payment when it is left out.</param>
public sealed record RefundPaymentRequest(string? Amount = null);

/// <summary>A refund that was asked for.</summary>
/// <param name="Id">TypeID with prefix <c>refund</c>.</param>
/// <param name="PaymentId">Of this payment.</param>
/// <param name="State"><c>requested</c> (the amount is held), <c>succeeded</c> or <c>failed</c>.</param>
/// <param name="Amount">Decimal string in US dollars.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">UTC.</param>
/// <param name="Reason">Why it failed.</param>
public sealed record RefundResponse(
    string Id, string PaymentId, string State, string Amount, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt, string? Reason = null);

/// <summary>An address elsewhere, for a browser.</summary>
/// <param name="Url">It works for some minutes.</param>
public sealed record LinkResponse(string Url);

/// <summary>The account that a creator is paid out to.</summary>
/// <param name="AccountId">Its id at Stripe.</param>
/// <param name="State"><c>onboarding</c> (Stripe asks for more), <c>restricted</c> or <c>active</c>.</param>
/// <param name="Url">Where Stripe asks for what it needs to know; only when it was asked for.</param>
public sealed record PayoutAccountResponse(string AccountId, string State, string? Url = null);

/// <summary><c>POST /api/v1/payouts</c>.</summary>
/// <param name="Amount">Decimal string in US dollars, in whole cents; all that may be spent when it is left out, but for what is less than a cent.</param>
public sealed record CreatePayoutRequest(string? Amount = null);

/// <summary>Money that a creator takes out. Amounts are decimal strings in US dollars.</summary>
/// <param name="Id">TypeID with prefix <c>payout</c>.</param>
/// <param name="State"><c>requested</c> (the amount is held), <c>paid</c>, <c>failed</c> or <c>reversed</c>.</param>
/// <param name="Amount">How much.</param>
/// <param name="Returned">What of it came back.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">When the state changed, UTC.</param>
/// <param name="Reason">Why it failed.</param>
public sealed record PayoutResponse(
    string Id, string State, string Amount, string Returned, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt, string? Reason = null);
