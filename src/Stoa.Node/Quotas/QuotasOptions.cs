using Stoa.Market.Identity;

namespace Stoa.Node.Quotas;

/// <summary>What one user may take up, unless an administrator has said otherwise of this one.</summary>
public sealed record QuotasOptions
{
    /// <summary>Tasks of one user that wait or run. Default 100,000.</summary>
    public long OpenTasks { get; init; } = 100_000;

    /// <summary>Bytes of one user in the content store: uploads, outputs above 64 KiB, and programs of published agents. Default 100 GiB.</summary>
    public long ContentBytes { get; init; } = 100L << 30;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (OpenTasks is < 1 or > UserUsage.GreatestLimit)
            yield return $"Quotas:OpenTasks is from 1 to {UserUsage.GreatestLimit}.";
        if (ContentBytes is < 1 or > UserUsage.GreatestLimit)
            yield return $"Quotas:ContentBytes is from 1 to {UserUsage.GreatestLimit}.";
    }
}
