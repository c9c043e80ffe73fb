using Stoa.Client.Contracts;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>From the payments of the market to those of the wire.</summary>
internal static class PaymentContracts
{
    public static PaymentResponse ToContract(this Payment payment, IReadOnlyList<Refund>? refunds = null) => new(
        payment.Id.ToString(),
        EnumWord.Of(payment.State),
        payment.Amount.ToString(),
        payment.Refunded.ToString(),
        payment.Disputed.ToString(),
        payment.Owed.ToString(),
        payment.CreatedAt,
        payment.ChangedAt,
        payment.State is PaymentState.Created ? payment.Url : null,
        refunds is null ? null : [.. refunds.Select(refund => refund.ToContract())]);

    public static RefundResponse ToContract(this Refund refund) =>
        new(refund.Id.ToString(), refund.PaymentId.ToString(), EnumWord.Of(refund.State), refund.Amount.ToString(), refund.CreatedAt, refund.ChangedAt, refund.Reason);

    public static PayoutResponse ToContract(this Payout payout) => new(
        payout.Id.ToString(), EnumWord.Of(payout.State), payout.Amount.ToString(), payout.Returned.ToString(), payout.CreatedAt, payout.ChangedAt, payout.Reason);

    public static PayoutAccountResponse ToContract(this StripeParty party, string? url) => new(party.Account!, EnumWord.Of(party.AccountState!.Value), url);
}
