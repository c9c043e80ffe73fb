using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>A checkout at Stripe.</summary>
/// <param name="Id">Of the session.</param>
/// <param name="Url">Where the payer pays.</param>
internal sealed record StripeCheckout(string Id, string Url);

/// <summary>What a node asks of Stripe. Each act has an idempotency key that follows from what it is for.</summary>
/// <remarks>Every method throws <see cref="StripeException"/>.</remarks>
public sealed class StripeClient(StripeHttp http)
{
    /// <summary>What this node calls a payment, a refund, a payout or a user, in the metadata of Stripe's objects.</summary>
    internal const string Reference = "stoa";

    private const int PageSize = 100;
    private const int MaxPages = 10;

    /// <summary>Makes the customer of a user.</summary>
    internal async Task<string> CreateCustomerAsync(User user, CancellationToken cancellationToken) =>
        (await http.PostAsync(
            "v1/customers",
            new StripeForm().Add("email", user.Email).Add("name", user.Handle).Add($"metadata[{Reference}]", user.Id.ToString()),
            $"customer-{user.Id}",
            cancellationToken)).Needed("id");

    /// <summary>Makes the checkout of a payment.</summary>
    internal async Task<StripeCheckout> CreateCheckoutAsync(Payment payment, string customer, string returnUrl, CancellationToken cancellationToken)
    {
        var id = payment.Id.ToString();
        var back = returnUrl + (returnUrl.Contains('?', StringComparison.Ordinal) ? '&' : '?') + "payment=" + id;
        var form = new StripeForm()
            .Add("mode", "payment")
            .Add("customer", customer)
            .Add("client_reference_id", id)
            .Add("line_items[0][quantity]", 1)
            .Add("line_items[0][price_data][currency]", StripeView.Dollars)
            .Add("line_items[0][price_data][unit_amount]", Cents.Of(payment.Amount))
            .Add("line_items[0][price_data][product_data][name]", "Credit")
            .Add("success_url", back)
            .Add("cancel_url", back)
            .Add($"metadata[{Reference}]", id)
            .Add($"payment_intent_data[metadata][{Reference}]", id);
        var session = await http.PostAsync("v1/checkout/sessions", form, id, cancellationToken);
        return new StripeCheckout(session.Needed("id"), session.Needed("url"));
    }

    /// <summary>All that Stripe says of a payment.</summary>
    /// <param name="session">Of its checkout.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal async Task<StripeView> ViewAsync(string session, CancellationToken cancellationToken)
    {
        var checkout = await http.GetAsync($"v1/checkout/sessions/{Uri.EscapeDataString(session)}", new StripeForm().Add("expand[]", "payment_intent"), cancellationToken);
        var (intent, state) = (checkout.IdOf("payment_intent"), StateOf(checkout));
        var (refunds, disputes) = (new List<SeenRefund>(), new List<SeenDispute>());
        if (state is CheckoutState.Paid && intent is not null)
        {
            await foreach (var refund in ListAsync("v1/refunds", "payment_intent", intent, cancellationToken))
                refunds.Add(ToRefund(refund));
            await foreach (var dispute in ListAsync("v1/disputes", "payment_intent", intent, cancellationToken))
            {
                if (ToDispute(dispute) is { } seen)
                    disputes.Add(seen);
            }
        }

        return new StripeView(state, Cents.ToMoney(checkout.CentsOf("amount_total")), checkout.Needed("currency"), intent, refunds, disputes);
    }

    /// <summary>Has a payment refunded.</summary>
    internal async Task<SeenRefund> CreateRefundAsync(Refund refund, string intent, CancellationToken cancellationToken) => ToRefund(await http.PostAsync(
        "v1/refunds",
        new StripeForm().Add("payment_intent", intent).Add("amount", Cents.Of(refund.Amount)).Add($"metadata[{Reference}]", refund.Id.ToString()),
        refund.Id.ToString(),
        cancellationToken));

    /// <summary>Makes the account that a creator is paid out to.</summary>
    internal async Task<string> CreateAccountAsync(User user, CancellationToken cancellationToken) => (await http.PostAsync(
        "v1/accounts",
        new StripeForm().Add("type", "express").Add("email", user.Email).Add("capabilities[transfers][requested]", "true").Add($"metadata[{Reference}]", user.Id.ToString()),
        $"account-{user.Id}",
        cancellationToken)).Needed("id");

    /// <summary>An address where the creator tells Stripe what it asks for. It works once and for some minutes.</summary>
    /// <param name="account">The creator's.</param>
    /// <param name="returnUrl">Where the creator goes from there.</param>
    /// <param name="idempotencyKey">Of this request: each makes a new address.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal async Task<string> CreateAccountLinkAsync(string account, string returnUrl, string idempotencyKey, CancellationToken cancellationToken) => (await http.PostAsync(
        "v1/account_links",
        new StripeForm().Add("account", account).Add("type", "account_onboarding").Add("return_url", returnUrl).Add("refresh_url", returnUrl),
        idempotencyKey,
        cancellationToken)).Needed("url");

    /// <summary>How far a creator's account is.</summary>
    internal async Task<PayoutAccountState> GetAccountStateAsync(string account, CancellationToken cancellationToken)
    {
        var found = await http.GetAsync($"v1/accounts/{Uri.EscapeDataString(account)}", new StripeForm(), cancellationToken);
        if (!found.Is("details_submitted"))
            return PayoutAccountState.Onboarding;
        return found.Is("payouts_enabled") && found.Inner("capabilities") is { ValueKind: JsonValueKind.Object } capabilities && capabilities.Text("transfers") == "active"
            ? PayoutAccountState.Active
            : PayoutAccountState.Restricted;
    }

    /// <summary>Has a payout made: moves it from this node's balance at Stripe to the creator's.</summary>
    internal async Task<SeenTransfer> CreateTransferAsync(Payout payout, CancellationToken cancellationToken) => ToTransfer(await http.PostAsync(
        "v1/transfers",
        new StripeForm()
            .Add("amount", Cents.Of(payout.Amount))
            .Add("currency", StripeView.Dollars)
            .Add("destination", payout.Destination)
            .Add("transfer_group", payout.Id.ToString())
            .Add($"metadata[{Reference}]", payout.Id.ToString()),
        payout.Id.ToString(),
        cancellationToken));

    /// <summary>The transfer of a payout; null when Stripe knows of none.</summary>
    internal async Task<SeenTransfer?> FindTransferAsync(Payout payout, CancellationToken cancellationToken)
    {
        if (payout.StripeId is { } id)
            return ToTransfer(await http.GetAsync($"v1/transfers/{Uri.EscapeDataString(id)}", new StripeForm(), cancellationToken));
        await foreach (var transfer in ListAsync("v1/transfers", "transfer_group", payout.Id.ToString(), cancellationToken))
            return ToTransfer(transfer);
        return null;
    }

    /// <summary>An address where a payer sees receipts and keeps payment methods. It works for some minutes.</summary>
    internal async Task<string> CreatePortalAsync(string customer, string returnUrl, string idempotencyKey, CancellationToken cancellationToken) => (await http.PostAsync(
        "v1/billing_portal/sessions", new StripeForm().Add("customer", customer).Add("return_url", returnUrl), idempotencyKey, cancellationToken)).Needed("url");

    private async IAsyncEnumerable<JsonElement> ListAsync(
        string path, string filter, string value, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var answer = await http.GetAsync(path, new StripeForm().Add(filter, value).Add("limit", PageSize).Add("starting_after", after), cancellationToken);
            if (!answer.TryGetProperty("data", out var data) || data.ValueKind is not JsonValueKind.Array)
                throw new StripeException("Stripe's answer cannot be read: it is no list.", isFinal: false);
            foreach (var item in data.EnumerateArray())
            {
                after = item.Needed("id");
                yield return item;
            }

            if (!answer.Is("has_more"))
                yield break;
        }

        throw new StripeException($"Stripe has more than {MaxPages * PageSize} of {path} for {value}.", isFinal: false);
    }

    private static CheckoutState StateOf(JsonElement checkout) => (checkout.Text("status"), checkout.Needed("payment_status")) switch
    {
        (_, "paid") => CheckoutState.Paid,
        ("expired", _) => CheckoutState.Expired,
        // The payer is done. What has become of it since only the intent says.
        ("complete", _) => checkout.Inner("payment_intent") is { ValueKind: JsonValueKind.Object } intent && intent.Text("status") is "requires_payment_method" or "canceled"
            ? CheckoutState.Failed
            : CheckoutState.Processing,
        _ => CheckoutState.Open,
    };

    private static SeenRefund ToRefund(JsonElement refund) => new(
        refund.Needed("id"),
        Cents.ToMoney(refund.CentsOf("amount")),
        refund.Text("status") switch
        {
            "succeeded" => SeenRefundState.Succeeded,
            "failed" or "canceled" => SeenRefundState.Failed,
            _ => SeenRefundState.Pending,
        },
        Id<Refund>.TryParse(refund.Metadata(Reference), out var own) ? own : null,
        refund.Text("failure_reason"));

    private static SeenDispute? ToDispute(JsonElement dispute) => dispute.Needed("status") switch
    {
        "won" => Seen(dispute, SeenDisputeState.Won),
        "lost" => Seen(dispute, SeenDisputeState.Lost),
        "needs_response" or "under_review" => Seen(dispute, SeenDisputeState.Open),
        // An inquiry moves no money, nor does what was settled before it became a dispute.
        _ => null,
    };

    private static SeenDispute Seen(JsonElement dispute, SeenDisputeState state) => new(dispute.Needed("id"), Cents.ToMoney(dispute.CentsOf("amount")), state);

    private static SeenTransfer ToTransfer(JsonElement transfer) =>
        new(transfer.Needed("id"), Cents.ToMoney(transfer.CentsOf("amount")), Cents.ToMoney(transfer.CentsOf("amount_reversed")));
}
