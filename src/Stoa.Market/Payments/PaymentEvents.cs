using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>What is told of payments and payouts, to whose they are.</summary>
/// <remarks>Data members: <c>paymentId</c> or <c>payoutId</c>, <c>state</c>, <c>amount</c>; of payments <c>refunded</c>, <c>disputed</c>, <c>owed</c>; of payouts <c>returned</c> and <c>reason</c>.</remarks>
public static class PaymentEvents
{
    /// <summary>What has happened to a payment; nothing when what the user sees is the same.</summary>
    public static IEnumerable<NewEvent> Of(PaymentChange change, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(change);
        var (before, after) = (change.Before, change.After);
        var types = new List<string>();
        if (after.IsCredited && !before.IsCredited && !(before.State is PaymentState.Paid && after.State is PaymentState.Refunded))
            types.Add(EventTypes.PaymentCredited);
        if (after.Refunded != before.Refunded)
            types.Add(EventTypes.PaymentRefunded);
        if (after.State != before.State && (after.State is PaymentState.Disputed || before.State is PaymentState.Disputed || after.State is PaymentState.Won or PaymentState.Lost))
            types.Add(EventTypes.PaymentDisputed);
        if (after.State != before.State && after.State is (PaymentState.Expired or PaymentState.Failed))
            types.Add(EventTypes.PaymentFailed);
        return types.Select(type => NewEvent.Create(type, after.Id.ToString(), after.UserId, now, json =>
        {
            json.WriteString("paymentId", after.Id.ToString());
            json.WriteString("state", EnumWord.Of(after.State));
            json.WriteString("amount", after.Amount.ToString());
            json.WriteString("refunded", after.Refunded.ToString());
            json.WriteString("disputed", after.Disputed.ToString());
            json.WriteString("owed", after.Owed.ToString());
        }));
    }

    /// <summary>A payment is paid and cannot be credited.</summary>
    /// <param name="payment">As it is.</param>
    /// <param name="administrator">Who is told.</param>
    /// <param name="now">UTC.</param>
    public static NewEvent Uncredited(Payment payment, Id<User> administrator, DateTimeOffset now) =>
        NewEvent.Create(EventTypes.PaymentUncredited, payment.Id.ToString(), administrator, now, json =>
        {
            json.WriteString("paymentId", payment.Id.ToString());
            json.WriteString("userId", payment.UserId.ToString());
            json.WriteString("amount", payment.Amount.ToString());
        });

    /// <summary>What has happened to a payout.</summary>
    public static IEnumerable<NewEvent> Of(PayoutChange change, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(change);
        var after = change.After;
        if (after.State == change.Before.State && after.Returned == change.Before.Returned)
            return [];
        return [NewEvent.Create(after.State is PayoutState.Paid ? EventTypes.PayoutPaid : EventTypes.PayoutFailed, after.Id.ToString(), after.UserId, now, json =>
        {
            json.WriteString("payoutId", after.Id.ToString());
            json.WriteString("state", EnumWord.Of(after.State));
            json.WriteString("amount", after.Amount.ToString());
            json.WriteString("returned", after.Returned.ToString());
            if (after.Reason is not null)
                json.WriteString("reason", after.Reason);
        })];
    }
}
