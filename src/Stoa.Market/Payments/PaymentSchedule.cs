namespace Stoa.Market.Payments;

/// <summary>When Stripe is asked how a payment stands although no webhook has told of it.</summary>
/// <remarks>Webhooks are told of at once. This is for those that never come, so it ends: after a month for what waits, half a year for disputes. Only what is
/// paid and not credited, and a payout whose money is held, are looked at for as long as they are so.</remarks>
public static class PaymentSchedule
{
    /// <summary>After a payment was made.</summary>
    public static readonly TimeSpan FirstLook = TimeSpan.FromMinutes(1);

    /// <summary>How long a payment may be without a checkout before it is given up: the node has died between the two, and nobody has its address.</summary>
    public static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan s_longestWait = TimeSpan.FromHours(6);
    private static readonly TimeSpan s_patience = TimeSpan.FromDays(30);
    private static readonly TimeSpan s_disputePatience = TimeSpan.FromDays(180);

    // Refunds in the dashboard, and disputes, which a bank may open within 120 days.
    private static readonly TimeSpan[] s_ages =
        [TimeSpan.FromDays(1), TimeSpan.FromDays(7), TimeSpan.FromDays(30), TimeSpan.FromDays(60), TimeSpan.FromDays(90), TimeSpan.FromDays(125)];

    /// <summary>The next look at a payment that was just looked at; null for none.</summary>
    /// <param name="payment">As it is now; <see cref="Payment.Looks"/> counts the looks since its state changed.</param>
    /// <param name="waitsForRefund">Whether a refund of it is not decided.</param>
    /// <param name="now">UTC.</param>
    public static DateTimeOffset? Next(Payment payment, bool waitsForRefund, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payment);
        if (waitsForRefund)
            return now + Backoff(payment.Looks);
        switch (payment.State)
        {
            case PaymentState.Paid:
                // Somebody's money is neither here nor there: it is looked at until it is.
                return NextOfMoney(payment.ChangedAt, payment.Looks, now);
            case PaymentState.Created or PaymentState.Processing:
                return now - payment.ChangedAt < s_patience ? now + Backoff(payment.Looks) : null;
            case PaymentState.Disputed:
                return now - payment.ChangedAt < s_disputePatience ? now + TimeSpan.FromDays(1) : null;
            case PaymentState.Expired or PaymentState.Failed:
                return null;
            default:
                var next = s_ages.Select(age => payment.CreatedAt + age).FirstOrDefault(at => at > now);
                return next == default ? null : next;
        }
    }

    /// <summary>The next look at a payout about which Stripe could not be asked.</summary>
    public static DateTimeOffset Next(Payout payout, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payout);
        return NextOfMoney(payout.CreatedAt, payout.Looks, now);
    }

    private static DateTimeOffset NextOfMoney(DateTimeOffset since, int looks, DateTimeOffset now) =>
        now + (now - since < s_patience ? Backoff(looks) : TimeSpan.FromDays(1));

    /// <summary>How long to wait after so many looks that brought nothing: a minute, doubling, at most six hours.</summary>
    public static TimeSpan Backoff(int looks) =>
        TimeSpan.FromTicks(Math.Min(s_longestWait.Ticks, FirstLook.Ticks << Math.Clamp(looks, 0, 10)));
}
