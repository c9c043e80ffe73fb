using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>What is done about payments with Stripe: each step is written down before the next one is asked for, and every step may be made again.</summary>
public sealed class PaymentDesk(
    SqlPaymentStore payments,
    SqlStripeParties parties,
    StripeClient stripe,
    PaymentsOptions options,
    ReturnAddress back,
    TimeProvider time)
{
    /// <summary>How often a look is begun anew because something came between.</summary>
    private const int MaxLooks = 5;

    /// <summary>Begins a payment, or takes up one with the same id where it was left: the payer is to be sent to its address.</summary>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    public async Task<Outcome<Payment, PaymentRefusal>> BeginAsync(Id<Payment> id, User user, Id<Account> wallet, Money amount, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(user);
        var asked = Payment.Create(id, user.Id, wallet, amount, Now);
        if (!(await payments.CreateAsync(asked, options.MaxOpenPerUser, cancellationToken)).TryGet(out var payment, out var refusal))
            return refusal;
        if (payment.Url is not null)
            return payment;
        var customer = await CustomerAsync(user, cancellationToken);
        var checkout = await stripe.CreateCheckoutAsync(payment, customer, back.Url, cancellationToken);
        return await payments.SetCheckoutAsync(id, checkout.Id, checkout.Url, cancellationToken) is { } begun
            ? begun
            : new Refusal<PaymentRefusal>(PaymentRefusal.PaymentExpired, "This payment was given up before it had a checkout. Begin a new one.");
    }

    /// <summary>Asks Stripe how a payment stands, has refunds made that wait for it, and writes what came of it.</summary>
    /// <param name="id">The payment.</param>
    /// <param name="ifDue">Only when it is due.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>As it is now; null when there was nothing to do.</returns>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached; the payment is looked at again later.</exception>
    public async Task<Payment?> LookAsync(Id<Payment> id, bool ifDue, CancellationToken cancellationToken)
    {
        for (var look = 0; look < MaxLooks; look++)
        {
            if (await payments.TakeAsync(id, ifDue && look == 0, Now, cancellationToken) is not { } taken)
                return null;
            if (taken.Payment.Session is not { } session)
                return await WaitForCheckoutAsync(taken, cancellationToken);
            StripeView view;
            try
            {
                view = await RefundAsync(taken, await stripe.ViewAsync(session, cancellationToken), cancellationToken);
            }
            catch (StripeException)
            {
                await payments.PostponeAsync(taken, Now, cancellationToken);
                throw;
            }

            if (await payments.ObserveAsync(taken, view, Now, cancellationToken) is { } seen)
                return seen;
        }

        // Events come faster than Stripe answers. It is due again, so another look will be the one.
        return await payments.FindAsync(id, cancellationToken);
    }

    /// <summary>An address where the user sees receipts and keeps payment methods.</summary>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    public async Task<Outcome<string, PaymentRefusal>> OpenPortalAsync(Id<User> user, string idempotencyKey, CancellationToken cancellationToken) =>
        await parties.FindAsync(user, cancellationToken) is { Customer: { } customer }
            ? await stripe.CreatePortalAsync(customer, back.Url, idempotencyKey, cancellationToken)
            : new Refusal<PaymentRefusal>(PaymentRefusal.CustomerUnknown, "You have paid nothing in yet. Begin with POST /api/v1/payments/add-credit.");

    private DateTimeOffset Now => time.GetUtcNow().ToMilliseconds();

    private async Task<string> CustomerAsync(User user, CancellationToken cancellationToken) =>
        (await parties.FindAsync(user.Id, cancellationToken))?.Customer
        ?? (await parties.SetCustomerAsync(user.Id, await stripe.CreateCustomerAsync(user, cancellationToken), cancellationToken)).Customer!;

    /// <summary>The node has died between the payment and its checkout, or is about to make it.</summary>
    private async Task<Payment?> WaitForCheckoutAsync(TakenPayment taken, CancellationToken cancellationToken)
    {
        if (Now - taken.Payment.CreatedAt >= PaymentSchedule.Abandoned)
            await payments.AbandonAsync(taken, Now, cancellationToken);
        else
            await payments.PostponeAsync(taken, Now, cancellationToken);
        return await payments.FindAsync(taken.Payment.Id, cancellationToken);
    }

    /// <summary>Has the refunds made that Stripe does not know of.</summary>
    /// <remarks>Stripe forgets idempotency keys after a day. So it is asked for before it is asked to: what it has it is not told to make again.</remarks>
    private async Task<StripeView> RefundAsync(TakenPayment taken, StripeView view, CancellationToken cancellationToken)
    {
        if (view.Intent is not { } intent)
            return view;
        var refunds = view.Refunds.ToList();
        foreach (var refund in taken.Refunds.Where(refund => refund.State is RefundState.Requested && refunds.TrueForAll(seen => seen.Own != refund.Id)))
        {
            try
            {
                refunds.Add(await stripe.CreateRefundAsync(refund, intent, cancellationToken));
            }
            catch (StripeException refused) when (refused.IsFinal)
            {
                refunds.Add(new SeenRefund(null, refund.Amount, SeenRefundState.Failed, refund.Id, refused.Message));
            }
        }

        return view with { Refunds = refunds };
    }
}
