using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What a node takes for keeping and for sending content, and what of both everybody has for nothing.</summary>
/// <param name="StorageGibMonth">For a GiB that is kept for a month of <see cref="HoursOfMonth"/> hours; zero for nothing.</param>
/// <param name="FreeStorageBytes">What each person keeps for nothing.</param>
/// <param name="TransferGib">For a GiB that is sent; zero for nothing.</param>
/// <param name="FreeTransferBytes">What is sent to each person for nothing in a calendar month of UTC.</param>
public sealed record UsagePrices(Money StorageGibMonth, long FreeStorageBytes, Money TransferGib, long FreeTransferBytes)
{
    /// <summary>How many hours a month of storage has: a twelfth of a year of 365 days, whatever the calendar says.</summary>
    public const int HoursOfMonth = 730;

    private const long Gib = 1L << 30;

    /// <summary>For how many days' hours storage may not be paid until it is not sent and not taken as input any more.</summary>
    public int UnpaidStorageDays { get; init; } = 14;

    /// <summary>The greatest price of either, so that what the greatest quota costs is an amount still.</summary>
    public static Money Greatest { get; } = Money.Parse("100");

    /// <summary>What holds for one account: an organisation has nothing for nothing, or whoever founds many would have all of it many times.</summary>
    public UsagePrices For(bool isOrganisation) => isOrganisation ? this with { FreeStorageBytes = 0, FreeTransferBytes = 0 } : this;

    /// <summary>Whether storage costs anything.</summary>
    public bool ChargesStorage => StorageGibMonth > Money.Zero;

    /// <summary>Whether transfer costs anything.</summary>
    public bool ChargesTransfer => TransferGib > Money.Zero;

    /// <summary>What of so many bytes is paid for.</summary>
    /// <param name="contentBytes">What a user has in the content store.</param>
    public long PaidStorage(long contentBytes) => ChargesStorage ? Math.Max(0, contentBytes - FreeStorageBytes) : 0;

    /// <summary>The price of an hour of storage, rounded up to the nanodollar.</summary>
    /// <param name="contentBytes">What a user has in the content store, what is free included.</param>
    public Money HourOf(long contentBytes) => Priced(PaidStorage(contentBytes), StorageGibMonth, (Int128)Gib * HoursOfMonth);

    /// <summary>The most bytes that a user can have in the content store for so much an hour.</summary>
    /// <param name="hour">Not below zero.</param>
    public long MostContentFor(Money hour)
    {
        if (!ChargesStorage)
            return long.MaxValue;
        var most = FreeStorageBytes + ((Int128)hour.Nanodollars * Gib * HoursOfMonth / StorageGibMonth.Nanodollars);
        return most > long.MaxValue ? long.MaxValue : (long)most;
    }

    /// <summary>The price of bytes that are sent beyond what is free, rounded up to the nanodollar.</summary>
    public Money PriceOfTransfer(long paidBytes) => Priced(paidBytes, TransferGib, Gib);

    private static Money Priced(long bytes, Money price, Int128 per)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new Money(checked((long)((((Int128)bytes * price.Nanodollars) + per - 1) / per)));
    }
}
