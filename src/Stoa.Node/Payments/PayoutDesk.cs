using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>What is done about payouts with Stripe.</summary>
public sealed class PayoutDesk(SqlPayoutStore payouts, SqlStripeParties parties, StripeClient stripe, SystemAccounts accounts, ReturnAddress back, TimeProvider time)
{
    private const int MaxLooks = 5;

    /// <summary>Makes the user's account at Stripe, if there is none, and answers where the user tells Stripe what it asks for.</summary>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    public async Task<(StripeParty Party, string Url)> SetUpAsync(User user, string idempotencyKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(user);
        var party = await parties.FindAsync(user.Id, cancellationToken);
        if (party?.Account is null)
            party = await parties.SetAccountAsync(user.Id, await stripe.CreateAccountAsync(user, cancellationToken), cancellationToken);
        var url = await stripe.CreateAccountLinkAsync(party.Account!, back.Url, idempotencyKey, cancellationToken);
        return (await LookAtAccountAsync(user.Id, ifDue: false, cancellationToken) ?? party, url);
    }

    /// <summary>Asks Stripe how far a user's account is.</summary>
    /// <returns>As it is now; null when there was nothing to do.</returns>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    public async Task<StripeParty?> LookAtAccountAsync(Id<User> user, bool ifDue, CancellationToken cancellationToken)
    {
        for (var look = 0; look < MaxLooks; look++)
        {
            if (await parties.TakeAsync(user, ifDue && look == 0, Now, cancellationToken) is not { Account: { } account } taken)
                return null;
            if (await parties.ObserveAsync(taken, await stripe.GetAccountStateAsync(account, cancellationToken), cancellationToken))
                break;
        }

        return await parties.FindAsync(user, cancellationToken);
    }

    /// <summary>Has a payout made, or asks Stripe what became of it, and writes what came of it.</summary>
    /// <param name="id">The payout.</param>
    /// <param name="ifDue">Only when it is due.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>As it is now; null when there was nothing to do.</returns>
    /// <exception cref="StripeException">Stripe cannot be reached; the payout is looked at again later.</exception>
    public async Task<Payout?> LookAsync(Id<Payout> id, bool ifDue, CancellationToken cancellationToken)
    {
        for (var look = 0; look < MaxLooks; look++)
        {
            if (await payouts.TakeAsync(id, ifDue && look == 0, Now, cancellationToken) is not { } taken)
                return null;
            Func<Payout, PayoutChange> decide;
            try
            {
                decide = await AskAsync(taken, cancellationToken);
            }
            catch (StripeException)
            {
                await payouts.PostponeAsync(taken, Now, cancellationToken);
                throw;
            }

            if (await payouts.ObserveAsync(taken, decide, Now, cancellationToken) is { } seen)
                return seen;
        }

        return await payouts.FindAsync(id, cancellationToken);
    }

    private DateTimeOffset Now => time.GetUtcNow().ToMilliseconds();

    private async Task<Func<Payout, PayoutChange>> AskAsync(Payout payout, CancellationToken cancellationToken)
    {
        var now = Now;
        if (payout.State is PayoutState.Failed)
            return unchanged => new PayoutChange(unchanged, unchanged, []);
        // Stripe forgets idempotency keys after a day, so it is asked for before it is asked to.
        var seen = await stripe.FindTransferAsync(payout, cancellationToken);
        try
        {
            seen ??= await stripe.CreateTransferAsync(payout, cancellationToken);
        }
        catch (StripeException refused) when (refused.IsFinal)
        {
            return asked => PayoutRules.Fail(asked, refused.Message, accounts.World, now);
        }

        return asked => PayoutRules.Observe(asked, seen, accounts.World, now);
    }
}
