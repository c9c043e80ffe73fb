using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Payments;

namespace Stoa.Node.Payments;

/// <summary>From the payments of the market to those of the wire.</summary>
internal static class PaymentContracts
{
    public static PaymentResponse ToContract(this Payment payment, IReadOnlyList<Refund>? refunds = null) => new(
        payment.Id.ToString(),
        Word(payment.State),
        payment.Amount.ToString(),
        payment.Refunded.ToString(),
        payment.Disputed.ToString(),
        payment.Owed.ToString(),
        payment.CreatedAt,
        payment.ChangedAt,
        payment.State is PaymentState.Created ? payment.Url : null,
        refunds is null ? null : [.. refunds.Select(refund => refund.ToContract())]);

    public static RefundResponse ToContract(this Refund refund) =>
        new(refund.Id.ToString(), refund.PaymentId.ToString(), Word(refund.State), refund.Amount.ToString(), refund.CreatedAt, refund.ChangedAt, refund.Reason);

    public static PayoutResponse ToContract(this Payout payout) => new(
        payout.Id.ToString(), Word(payout.State), payout.Amount.ToString(), payout.Returned.ToString(), payout.CreatedAt, payout.ChangedAt, payout.Reason);

    public static PayoutAccountResponse ToContract(this StripeParty party, string? url) => new(party.Account!, Word(party.AccountState!.Value), url);

    private static string Word<T>(T state)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(state.ToString());
}
