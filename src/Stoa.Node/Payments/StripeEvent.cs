using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>An event of Stripe: that something has happened to one thing. How that thing is now, Stripe is asked.</summary>
/// <param name="Id">Its id, <c>evt_…</c>.</param>
/// <param name="Type">Such as <c>checkout.session.completed</c>.</param>
/// <param name="Payment">The payment that it is about; null when it does not say.</param>
/// <param name="Session">The checkout that it is about.</param>
/// <param name="Intent">The payment intent that it is about.</param>
/// <param name="Account">The creator's account that it is about.</param>
/// <param name="Payout">The payout that it is about.</param>
public sealed record StripeEvent(string Id, string Type, Id<Payment>? Payment, string? Session, string? Intent, string? Account, Id<Payout>? Payout)
{
    private const int MaxIdLength = 255;

    /// <summary>Reads the body of a webhook. Types that nothing here depends on name nothing.</summary>
    public static Outcome<StripeEvent, PaymentRefusal> Read(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = 64 });
            var root = document.RootElement;
            var (id, type) = (root.Needed("id"), root.Needed("type"));
            if (root.Text("object") != "event" || id.Length > MaxIdLength || type.Length > MaxIdLength)
                return Refuse("The body is no event.");
            var about = root.Inner("data") is { ValueKind: JsonValueKind.Object } data ? data.Inner("object") : default;
            return about.ValueKind is JsonValueKind.Object ? About(id, type, root, about) : Refuse("The event says not what it is about.");
        }
        catch (Exception unreadable) when (unreadable is JsonException or StripeException)
        {
            return Refuse("The body cannot be read.");
        }
    }

    private static StripeEvent About(string id, string type, JsonElement root, JsonElement about)
    {
        var none = new StripeEvent(id, type, null, null, null, null, null);
        if (type.StartsWith("checkout.session.", StringComparison.Ordinal))
            return none with { Payment = PaymentOf(about.Text("client_reference_id")), Session = about.Needed("id") };
        if (type.StartsWith("payment_intent.", StringComparison.Ordinal))
            return none with { Payment = PaymentOf(about.Metadata(StripeClient.Reference)), Intent = about.Needed("id") };
        // Refunds and disputes of charges are told under this name, too; all of them name the intent.
        if (type.StartsWith("charge.", StringComparison.Ordinal) || type.StartsWith("refund.", StringComparison.Ordinal))
            return none with { Intent = about.IdOf("payment_intent") };
        if (type.StartsWith("transfer.", StringComparison.Ordinal))
            return none with { Payout = Id<Payout>.TryParse(about.Text("transfer_group"), out var payout) ? payout : null };
        return type.StartsWith("account.", StringComparison.Ordinal) || type.StartsWith("capability.", StringComparison.Ordinal)
            ? none with { Account = root.Text("account") ?? about.Text("id") }
            : none;
    }

    private static Id<Payment>? PaymentOf(string? text) => Id<Payment>.TryParse(text, out var payment) ? payment : null;

    private static Refusal<PaymentRefusal> Refuse(string detail) => new(PaymentRefusal.StripeEventInvalid, detail + " Events are those of Stripe's webhooks.");
}
