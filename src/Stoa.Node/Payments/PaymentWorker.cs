using Stoa.Market.Payments;
using Stoa.Node.Background;

namespace Stoa.Node.Payments;

/// <summary>Asks Stripe about what is due: what a webhook has told of, and what none has told of for long. Collects what users owe.</summary>
/// <remarks>All nodes of a cell look; what one has taken the others leave alone.</remarks>
public sealed class PaymentWorker(
    SqlPaymentStore payments,
    SqlPayoutStore payouts,
    SqlStripeParties parties,
    PaymentDesk desk,
    PayoutDesk payoutDesk,
    PaymentsOptions options,
    TimeProvider time,
    ILogger<PaymentWorker> logger) : BackgroundService
{
    private const int AtOnce = 50;
    private static readonly TimeSpan s_cleaningPause = TimeSpan.FromHours(1);

    private readonly FailureLog _failures = new(logger, time);
    private readonly SemaphoreSlim _awake = new(0, 1);
    private DateTimeOffset _cleanedAt;

    /// <summary>Has it look now.</summary>
    public void Wake()
    {
        try
        {
            _awake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is about to look anyway.
        }
    }

    /// <summary>Looks at all that is due once.</summary>
    /// <returns>How much was due and could be looked at; as much as fits in one pass when there may be more.</returns>
    public async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var looked = await EachAsync(
            await payments.ListDueAsync(now, AtOnce, cancellationToken), async id => Tell(await desk.LookAsync(id, ifDue: true, cancellationToken)), cancellationToken);
        looked += await EachAsync(
            await payouts.ListDueAsync(now, AtOnce, cancellationToken), id => payoutDesk.LookAsync(id, ifDue: true, cancellationToken), cancellationToken);
        looked += await EachAsync(
            await parties.ListDueAsync(now, AtOnce, cancellationToken), user => payoutDesk.LookAtAccountAsync(user, ifDue: true, cancellationToken), cancellationToken);
        await EachByItself.DoAsync(
            await payments.ListDebtorsAsync(AtOnce, cancellationToken),
            debtor => payments.CollectAsync(debtor, time.GetUtcNow(), cancellationToken),
            (debtor, failure) => _failures.TellOf("collect what is owed by", debtor, failure),
            cancellationToken);
        if (now - _cleanedAt > s_cleaningPause)
        {
            await payments.ForgetEventsAsync(now, cancellationToken);
            _cleanedAt = now;
        }

        return looked;
    }

    public override void Dispose()
    {
        _awake.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.IsOn)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            var looked = 0;
            await _failures.TryAsync("look at payments", async token => looked = await RunOnceAsync(token), stoppingToken);
            if (looked < AtOnce)
                await _awake.WaitAsync(TimeSpan.FromMilliseconds(options.PollMs), stoppingToken);
        }
    }

    private void Tell(Payment? payment)
    {
        if (payment?.State is PaymentState.Paid)
            logger.LogWarning("{Payment} is paid at Stripe and is not in the wallet: its amount or currency is not what was asked for, or the wallet is full. Look at it in Stripe's dashboard.", payment.Id);
    }

    private Task<int> EachAsync<T>(IReadOnlyList<T> due, Func<T, Task> look, CancellationToken cancellationToken)
        where T : notnull => EachByItself.DoAsync(
            due,
            async one =>
            {
                try
                {
                    await look(one);
                }
                catch (StripeException failure) when (!cancellationToken.IsCancellationRequested)
                {
                    // It was put off; what Stripe says holds nothing of a key.
                    logger.LogWarning("Stripe could not be asked about {Thing}: {Reason}", one, failure.Message);
                }
            },
            (one, failure) => _failures.TellOf("look at", one, failure),
            cancellationToken);
}
