using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>How this node adds usage up, and what it takes for keeping and sending content.</summary>
public sealed record MeteringOptions
{
    /// <summary>How often usage is added up, budgets are settled and alerts are told, in milliseconds. Reports are exact whatever it is. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>US dollars for a GiB that a user keeps in the content store for a month of 730 hours, beyond what is free. It is paid by the hour, in advance. 0 for nothing. Default 0.02.</summary>
    public string StorageGibMonth { get; init; } = "0.02";

    /// <summary>Bytes that each person keeps in the content store for nothing; an organisation keeps none. Default 1 GiB.</summary>
    public long FreeStorageBytes { get; init; } = 1L << 30;

    /// <summary>For how many days' hours a user may not have paid for storage until what he has there is not sent to him and not taken as input of tasks any more, until an hour is paid. From 1 to 3650. Default 14.</summary>
    public int UnpaidStorageDays { get; init; } = 14;

    /// <summary>US dollars for a GiB of content that is sent to a user, beyond what is free. 0 for nothing. Default 0.01.</summary>
    public string TransferGib { get; init; } = "0.01";

    /// <summary>Bytes of content that are sent to each person for nothing in a calendar month of UTC; to an organisation none. Default 10 GiB.</summary>
    public long FreeTransferBytes { get; init; } = 10L << 30;

    internal UsagePrices ToPrices() => new(Money.Parse(StorageGibMonth), FreeStorageBytes, Money.Parse(TransferGib), FreeTransferBytes) { UnpaidStorageDays = UnpaidStorageDays };

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (PollMs is < 10 or > 60_000)
            yield return "Metering:PollMs is from 10 to 60000.";
        if (UnpaidStorageDays is < 1 or > 3_650)
            yield return "Metering:UnpaidStorageDays is from 1 to 3650.";
        foreach (var (name, price) in new[] { (nameof(StorageGibMonth), StorageGibMonth), (nameof(TransferGib), TransferGib) })
        {
            if (!Money.TryParse(price, out var amount) || amount < Money.Zero || amount > UsagePrices.Greatest)
                yield return $"Metering:{name} is an amount in US dollars from 0 to {UsagePrices.Greatest}, such as 0.02.";
        }

        foreach (var (name, bytes) in new[] { (nameof(FreeStorageBytes), FreeStorageBytes), (nameof(FreeTransferBytes), FreeTransferBytes) })
        {
            if (bytes is < 0 or > UserUsage.GreatestLimit)
                yield return $"Metering:{name} is from 0 to {UserUsage.GreatestLimit}.";
        }
    }
}
