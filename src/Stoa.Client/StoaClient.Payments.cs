using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/payments/add-credit</c>: begins a payment; its address is for a browser.</summary>
    /// <param name="amount">Decimal string in US dollars, in whole cents.</param>
    /// <param name="idempotencyKey">The same for a call that is made again; null for one that is made up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PaymentResponse> AddCreditAsync(string amount, string? idempotencyKey = null, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("payments/add-credit", () => JsonBody(new AddCreditRequest(amount), StoaJson.Default.AddCreditRequest), idempotencyKey),
        StoaJson.Default.PaymentResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/payments</c>, all pages, newest first.</summary>
    public IAsyncEnumerable<PaymentResponse> ListPaymentsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("payments", StoaJson.Default.ListResponsePaymentResponse, cancellationToken);

    /// <summary><c>GET /api/v1/payments/uncredited</c>, all pages, newest first: what is paid and in no wallet. For administrators.</summary>
    public IAsyncEnumerable<PaymentResponse> ListUncreditedPaymentsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("payments/uncredited", StoaJson.Default.ListResponsePaymentResponse, cancellationToken);

    /// <summary><c>GET /api/v1/payments/{id}</c>, with its refunds.</summary>
    public Task<PaymentResponse> GetPaymentAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(PaymentPath(id), StoaJson.Default.PaymentResponse, cancellationToken);

    /// <summary><c>POST /api/v1/payments/{id}/refunds</c>: has what was not spent go back to where it came from.</summary>
    /// <param name="id">The payment.</param>
    /// <param name="amount">Decimal string in US dollars, in whole cents; null for all that is left.</param>
    /// <param name="idempotencyKey">The same for a call that is made again; null for one that is made up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<RefundResponse> RefundPaymentAsync(string id, string? amount = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making(PaymentPath(id) + "/refunds", () => JsonBody(new RefundPaymentRequest(amount), StoaJson.Default.RefundPaymentRequest), idempotencyKey),
        StoaJson.Default.RefundResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/payments/portal</c>: an address where the user sees receipts and keeps payment methods.</summary>
    public Task<LinkResponse> OpenBillingPortalAsync(CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Post, "payments/portal", IdempotencyKey: NewIdempotencyKey()), StoaJson.Default.LinkResponse, cancellationToken);

    /// <summary><c>POST /api/v1/payouts/account</c>: makes the account for payouts, once; its address is for a browser.</summary>
    public Task<PayoutAccountResponse> SetUpPayoutsAsync(CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Post, "payouts/account", IdempotencyKey: NewIdempotencyKey()), StoaJson.Default.PayoutAccountResponse, cancellationToken);

    /// <summary><c>GET /api/v1/payouts/account</c>: how far the account for payouts is.</summary>
    public Task<PayoutAccountResponse> GetPayoutAccountAsync(CancellationToken cancellationToken = default) =>
        GetAsync("payouts/account", StoaJson.Default.PayoutAccountResponse, cancellationToken);

    /// <summary><c>POST /api/v1/payouts</c>: takes money out of the wallet.</summary>
    /// <param name="amount">Decimal string in US dollars, in whole cents; null for all that may be spent.</param>
    /// <param name="idempotencyKey">The same for a call that is made again; null for one that is made up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PayoutResponse> CreatePayoutAsync(string? amount = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("payouts", () => JsonBody(new CreatePayoutRequest(amount), StoaJson.Default.CreatePayoutRequest), idempotencyKey),
        StoaJson.Default.PayoutResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/payouts</c>, all pages, newest first.</summary>
    public IAsyncEnumerable<PayoutResponse> ListPayoutsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("payouts", StoaJson.Default.ListResponsePayoutResponse, cancellationToken);

    /// <summary><c>GET /api/v1/payouts/{id}</c>.</summary>
    public Task<PayoutResponse> GetPayoutAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync($"payouts/{Uri.EscapeDataString(id)}", StoaJson.Default.PayoutResponse, cancellationToken);

    private static string PaymentPath(string id) => $"payments/{Uri.EscapeDataString(id)}";
}
