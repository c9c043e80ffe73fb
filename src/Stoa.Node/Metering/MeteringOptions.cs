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

    /// <summary>Bytes that each user keeps in the content store for nothing. Default 1 GiB.</summary>
    public long FreeStorageBytes { get; init; } = 1L << 30;

    /// <summary>US dollars for a GiB of content that is sent to a user, beyond what is free. 0 for nothing. Default 0.01.</summary>
    public string TransferGib { get; init; } = "0.01";

    /// <summary>Bytes of content that are sent to each user for nothing in a calendar month of UTC. Default 10 GiB.</summary>
    public long FreeTransferBytes { get; init; } = 10L << 30;

    internal UsagePrices ToPrices() => new(Money.Parse(StorageGibMonth), FreeStorageBytes, Money.Parse(TransferGib), FreeTransferBytes);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (PollMs is < 10 or > 60_000)
            yield return "Metering:PollMs is from 10 to 60000.";
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
